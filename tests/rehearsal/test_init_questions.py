"""`ebcd init` on a terminal asks a few questions with answers that are ready; without one it asks nothing."""

from __future__ import annotations

import os
import pty
import select
import shutil
import subprocess
import time
from pathlib import Path

import forked
import pytest
from products import Product, run_ebcd

APP = "import os\nfrom flask import Flask\napp = Flask(__name__)\n@app.get('/up')\ndef up():\n    return 'up'\n"


@pytest.fixture
def own(product: Product) -> Product:
    """A repository with an application, which nobody has told ebcd of."""
    for name in ("ebcd.toml", "Procfile", "server.py"):
        (product.folder / name).unlink()
    (product.folder / "app.py").write_text(APP)
    (product.folder / "requirements.txt").write_text("flask\n")
    product.commit("one")
    return product


def on_a_terminal(product: Product, answers: dict[str, str], *words: str) -> str:
    """What somebody sees who gives answers to questions, and the return key to all others."""
    master, slave = pty.openpty()
    terminal = {"stdin": slave, "stdout": slave, "stderr": slave}
    environ = product.cloud.environ | {"TERM": "dumb", "COLUMNS": "200"}
    process = forked.start("ebcd", "init", *words, cwd=product.folder, env=environ, **terminal)
    os.close(slave)
    seen, asked, deadline = "", 0, time.monotonic() + 60
    while process.poll() is None or select.select([master], [], [], 0)[0]:
        assert time.monotonic() < deadline, seen
        if select.select([master], [], [], 0.1)[0]:
            try:
                seen += os.read(master, 65536).decode()
            except OSError:
                break
        if seen[asked:].rstrip(" ").endswith(":"):
            answer = next((text for question, text in answers.items() if question in seen[asked:]), "")
            os.write(master, f"{answer}\n".encode())
            asked = len(seen)
    os.close(master)
    assert process.wait() == 0, seen
    return seen


def test_the_return_key_is_the_answer_that_is_ready(own: Product) -> None:
    planned = own.json("init", "--region", "eu-central-1")
    (own.folder / "ebcd.toml").unlink()
    (own.folder / "Procfile").unlink()
    assert own.git("status", "--porcelain") == ""
    seen = on_a_terminal(own, {})
    assert "--health" not in seen, "where a path was found is told, though somebody pressed return"
    for question in ("Application", "AWS region (eu-central-1)", "answers with 200 (/up)", "PostgreSQL"):
        assert question in seen
    assert own.configuration() == planned["text"]


def test_answers_go_into_what_is_written(own: Product) -> None:
    seen = on_a_terminal(
        own, {"Application": "kiosk", "AWS region": "eu-west-3", "answers with": "/", "PostgreSQL": "y"}
    )
    assert "Wrote" in seen
    text = own.configuration()
    for line in ('application = "kiosk"', 'region = "eu-west-3"', "\ndatabase = true", 'path = "/"'):
        assert line in text
    again = on_a_terminal(own, {})
    assert "Application" not in again.partition("is there already")[0], "what is configured is not asked again"
    assert "Nothing was written." in again


@pytest.mark.parametrize("words", [("--yes",), ("--plan",), ("--print",)])
def test_nobody_is_asked_who_says_so(own: Product, words: tuple[str, ...]) -> None:
    seen = on_a_terminal(own, {}, *words)
    assert "AWS region (" not in seen
    assert (own.folder / "ebcd.toml").exists() is (words == ("--yes",))


def test_a_plan_names_what_would_be_written_and_writes_nothing(own: Product) -> None:
    told = own.json("init", "--plan", "--github", "--action", "acme/ebcd@1")
    assert told["planned"]
    assert [item["path"] for item in told["wrote"]] == [
        "ebcd.toml",
        "Procfile",
        ".github/workflows/ship.yml",
        ".github/workflows/patch.yml",
        ".github/workflows/rollback.yml",
    ]
    assert told["next"] == ["ebcd check", "ebcd ship"]
    assert own.git("status", "--porcelain") == ""


def test_flags_stand_for_answers_where_nobody_can_be_asked(own: Product) -> None:
    told = own.json("init", "--health", "/", "--database", "--platform", "python-3.12", "--run", "gunicorn app:app")
    assert told["found"]["smoke"] == {"value": "/", "source": "--health"}
    assert told["found"]["platform"]["value"].startswith("Python 3.12 running on")
    assert (own.folder / "Procfile").read_text() == "web: gunicorn app:app\n"
    assert "\ndatabase = true" in own.configuration()
    refused = own.json("init", "--health", "up", "--force")
    assert (refused["exit_code"], refused["error"]["hint"]) == (2, "ebcd init --health /up")


def test_an_application_below_a_configuration_gets_its_own(own: Product) -> None:
    own.json("init", "--region", "eu-west-2")
    below = own.folder / "services" / "web"
    below.mkdir(parents=True)
    for name in ("app.py", "requirements.txt"):
        shutil.copy(own.folder / name, below)
    ran = run_ebcd("init", "--json", folder=below, environ=own.cloud.environ)
    assert ran.returncode == 0
    assert (below / "ebcd.toml").exists()
    again = own.json("init")
    assert again["found"]["region"] == {"value": "eu-west-2", "source": "ebcd.toml"}


def test_workflows_are_made_for_the_stage_of_the_configuration_that_stays(own: Product) -> None:
    own.json("init", "-s", "staging", "--region", "eu-west-2")
    told = own.json("init", "--github", "--action", "acme/ebcd@1")
    assert [item["path"] for item in told["left"]] == ["ebcd.toml"]
    content = (own.folder / ".github" / "workflows" / "ship.yml").read_text()
    assert "stage: staging" in content
    assert "aws-region: eu-west-2" in content


def test_the_command_that_commits_works_from_another_folder(own: Product, tmp_path: Path) -> None:
    deep = own.folder / "deep"
    deep.mkdir()
    told = own.json("init", folder=deep)
    identity = {f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    subprocess.run(
        told["next"][0], shell=True, cwd=tmp_path, env=os.environ | identity, check=True, capture_output=True
    )
    assert own.git("status", "--porcelain") == ""
    assert run_ebcd("check", folder=own.folder, environ=own.cloud.environ).returncode == 0
