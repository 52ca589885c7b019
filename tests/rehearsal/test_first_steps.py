"""The first steps of a new user: `ebcd init`, `check`, `ship`, `open`; and what they get wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from products import Product, processes_below, run_ebcd

NO_SCREEN = dict.fromkeys(("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"), "")


@pytest.fixture
def fresh(product: Product) -> Product:
    """A repository without an ebcd.toml, whose folder is not named as its application will be."""
    (product.folder / "ebcd.toml").unlink()
    product.commit("one")
    return product


def test_from_nothing_to_live(fresh: Product, tmp_path: Path) -> None:
    made = fresh.json("init", "-a", fresh.name, "--region", "eu-central-1")
    assert made["path"] == str(fresh.folder / "ebcd.toml")
    assert made["stages"] == ["local", "production"]
    assert made["found"]["runs"] == {"value": "python server.py", "source": "Procfile"}
    assert made["missing"] == []
    assert made["next"][1:] == ["ebcd check", "ebcd ship"]
    fresh.commit("two")
    assert fresh.json("check")["findings"] == []
    assert fresh.json("ship")["release"] == "r1"
    assert fresh.get("/")[0] == 200
    url = f"http://{fresh.host}:{fresh.cloud.live_port}"
    opened = fresh.json("open")
    assert (opened["url"], opened["environment"]) == (url, f"{fresh.name}-local-r1")
    assert fresh.json("open", "--env", f"{fresh.name}-local-r1")["url"] == url

    browser, seen = tmp_path / "browser", tmp_path / "seen"
    browser.write_text(f'#!/bin/sh\necho "$1" > {seen}\necho loud\n')
    browser.chmod(0o755)
    done = fresh.ebcd("open", BROWSER=f"{browser} %s")
    assert (done.returncode, done.stdout) == (0, f"{url}\n"), "what the browser says is not in it"
    assert seen.read_text() == f"{url}\n"
    for environ in (NO_SCREEN, NO_SCREEN | {"BROWSER": "/no/such/browser %s"}):
        done = fresh.ebcd("open", **environ)
        assert (done.returncode, done.stdout) == (0, f"{url}\n")
        assert "No browser" in done.stderr


def test_a_log_says_where_to_watch_once_the_local_beanstalk_is_started(product: Product, tmp_path: Path) -> None:
    product.commit("one")
    home = {"EBCD_HOME": str(tmp_path / "home")}
    first, second = (product.ebcd("ship", "--plan", **home).stderr for _ in range(2))
    assert product.ebcd("local", "down", **home).returncode == 0
    assert (first.count("Watch it at http://127.0.0.1:"), second.count("Watch it")) == (1, 0)
    assert processes_below(str(tmp_path)) == []


def test_nothing_is_live_yet(product: Product) -> None:
    product.commit("one")
    for command in (["open"], ["open", "--env", "previous"], ["open", "--env", "nobody"]):
        result = product.json(*command)
        assert (result["exit_code"], result["error"]["code"]) == (2, "no-environment")


def test_candidate_and_previous_have_urls_of_their_own(product: Product) -> None:
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["ok"]
    product.commit("three")
    assert product.json("ship", "--no-swap")["ok"]
    live = product.json("open")["url"]
    for role, release in (("previous", "r1"), ("live", "r2"), ("candidate", "r3")):
        opened = product.json("open", "--env", role)
        assert opened["environment"] == f"{product.name}-local-{release}"
        assert (opened["url"] == live) is (role == "live")
        host = opened["url"].removeprefix("http://")
        assert host.endswith(f".elasticbeanstalk.localhost:{product.cloud.live_port}")
        assert replace(product, name=host.partition(".eu-central-1.")[0]).get("/")[0] == 200


def test_a_configuration_that_is_there_is_kept(product: Product) -> None:
    before = product.configuration()
    result = product.json("init")
    assert (result["exit_code"], result["wrote"]) == (0, [])
    assert [item["path"] for item in result["left"]] == ["ebcd.toml"]
    assert product.configuration() == before
    printed = product.ebcd("init", "--print")
    assert printed.stdout.startswith("# How ebcd")
    assert product.configuration() == before
    assert product.json("init", "--force")["ok"]
    assert product.configuration() == printed.stdout


def test_a_table_in_pyproject_is_a_configuration(fresh: Product) -> None:
    project = fresh.folder / "pyproject.toml"
    project.write_text('[tool.ebcd]\napplication = "shop"\n')
    result = fresh.json("init")
    assert (result["exit_code"], [item["path"] for item in result["left"]]) == (0, ["pyproject.toml"])
    assert not (fresh.folder / "ebcd.toml").exists()
    assert fresh.json("init", "--config", "pyproject.toml")["exit_code"] == 2
    project.write_text("[tool.other]\n")
    assert fresh.json("init")["ok"]


def test_it_is_written_at_the_repository_s_top_or_where_it_is_asked_for(fresh: Product) -> None:
    deep = fresh.folder / "deep"
    deep.mkdir()
    assert fresh.json("init", folder=deep)["path"] == str(fresh.folder / "ebcd.toml")
    assert fresh.json("init", "--config", "other.toml", folder=deep)["path"] == str(deep / "other.toml")
    assert fresh.json("init", "--config", "other.toml", folder=deep)["wrote"] == []


def test_a_folder_without_git_is_told_what_comes_first(product: Product, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    folder.mkdir()
    done = run_ebcd("init", folder=folder, environ=product.cloud.environ)
    assert done.returncode == 0
    assert "git init" in done.stdout
    assert "ebcd init --run" in done.stdout
    told = json.loads(run_ebcd("init", "--json", "--print", folder=folder, environ=product.cloud.environ).stdout)
    assert (told["path"], len(told["missing"])) == (None, 2)


@pytest.mark.parametrize("options", [("-a", "My App"), ("-a", "shop", "-s", "pro.d")])
def test_a_name_that_cannot_be_writes_nothing(fresh: Product, options: tuple[str, ...]) -> None:
    result = fresh.json("init", *options)
    assert (result["exit_code"], result["error"]["code"]) == (2, "bad-value")
    assert not (fresh.folder / "ebcd.toml").exists()


def test_eb_that_is_missing_or_told_nothing_it_may_do(product: Product, tmp_path: Path) -> None:
    product.commit("one")
    git = tmp_path / "bin"
    git.mkdir()
    missing = product.json("eb", "-s", "local")
    assert (missing["exit_code"], missing["error"]["code"]) == (2, "usage")
    done = product.ebcd("eb", "--", "status", PATH=str(git))
    assert done.returncode == 2
    assert "pipx install --force 'ebcd[eb]'" in done.stderr
    done = product.ebcd("eb", "--", "deploy")
    assert done.returncode == 3
    assert "ebcd ship" in done.stderr
