"""`init` where the application is elsewhere: in folders below, and in a repository that has its ebcd.toml already."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from repositories import Git

from ebcd.__main__ import run
from ebcd.init.folders import below
from ebcd.init.words import Seen

FLASK = "from flask import Flask\napp = Flask(__name__)\n"
TWO = {
    "services/api/app.py": FLASK,
    "services/api/requirements.txt": "flask\n",
    "services/web site/manage.py": "",
    "libs/common/pyproject.toml": "[project]\nname = 'common'\n",
    "libs/common/common.py": "x = 1\n",
    "tests/requirements.txt": "pytest\n",
    "tests/app.py": FLASK,
}
Answer = Callable[..., dict[str, Any]]


@pytest.fixture
def init(git: Git, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Answer:
    """Runs `ebcd init --json` in a folder of the repository; its result."""
    for name in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)

    def answer(*words: str, folder: str = ".") -> dict[str, Any]:
        monkeypatch.chdir(git.folder / folder)
        code = run(["init", "--json", *words])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["exit_code"] == code
        return found

    return answer


def commands_of(hint: str) -> list[list[str]]:
    return [shlex.split(part) for part in hint.split(", or ")]


@pytest.mark.parametrize("top", [{}, {"pyproject.toml": "[tool.ruff]\nline-length = 100\n"}, {"README.md": "Hello.\n"}])
def test_the_folders_that_hold_applications_are_named_and_nothing_is_written(
    git: Git, init: Answer, top: dict[str, str]
) -> None:
    git.commit(**TWO, **top)
    found = init()
    assert (found["exit_code"], found["error"]["code"]) == (2, "applications-below")
    assert "services/api, services/web site." in found["error"]["what"]
    assert git("status", "--porcelain") == ""
    hints = commands_of(found["error"]["hint"])
    assert hints == [["cd", place, "&&", "ebcd", "init"] for place in ("services/api", "services/web site")]
    for _, place, *_ in hints:
        assert init(folder=place)["path"] == str(git.folder / place / "ebcd.toml")


def test_the_folders_are_named_from_where_one_is(git: Git, init: Answer) -> None:
    git.commit(**TWO)
    assert commands_of(init("--plan", folder="services")["error"]["hint"])[0] == ["cd", "api", "&&", "ebcd", "init"]


@pytest.mark.parametrize("words", [("--run", "python serve.py"), ("--force",), ("--print",)])
def test_who_says_what_is_wanted_gets_it_at_the_top(git: Git, init: Answer, words: tuple[str, ...]) -> None:
    git.commit(**TWO)
    assert init(*words)["exit_code"] == 0
    assert (git.folder / "ebcd.toml").exists() is ("--print" not in words)


@pytest.mark.parametrize(
    "own",
    [{"Procfile": "web: x\n"}, {"app.py": FLASK}, {"Dockerfile": "FROM x\n"}, {"pyproject.toml": "[project]\n"}],
)
def test_an_application_at_the_top_comes_first(git: Git, init: Answer, own: dict[str, str]) -> None:
    git.commit(**TWO, **own)
    assert init()["exit_code"] == 0


def test_the_outermost_folder_of_an_application_counts_and_none_that_is_deep() -> None:
    deep = {"a/b/c/d/Procfile": "web: x\n", "shop/Procfile": "web: x\n", "shop/worker/Procfile": "worker: x\n"}
    assert below(Seen("top", files=deep, paths=tuple(deep))) == ("shop",)


def test_a_second_run_says_what_is_there_what_differs_and_what_comes_next(
    git: Git, init: Answer, capsys: pytest.CaptureFixture[str]
) -> None:
    git.commit(**{"app.py": FLASK, "requirements.txt": "flask\n"})
    assert init("-a", "shop", "--region", "eu-west-1")["wrote"][0]["path"] == "ebcd.toml"
    assert init("-a", "shop")["differs"] == []
    file = git.folder / "ebcd.toml"
    file.write_text(file.read_text().replace('path = "/"', 'path = "/up"'))
    before = file.read_text()
    found = init("-a", "stall")
    assert (found["kept"], found["wrote"], found["anew"]) == (True, [], "ebcd init --force")
    assert {item["name"]: (item["there"], item["found"]) for item in found["differs"]} == {
        "application": ("shop", "stall"),
        "cname": ("shop", "stall"),
        "smoke": ("/up", "/"),
    }
    assert found["next"] == ["ebcd check", "ebcd ship"]
    assert file.read_text() == before
    assert run(["init", "-a", "shop"]) == 0
    text = capsys.readouterr().out
    assert text.startswith("✔ ebcd.toml is there already and stays as it is. Nothing was written.")
    assert "it says /up; found was /   the default" in text
    assert "Wrote" not in text
    assert "gunicorn" not in text


def test_what_comes_next_names_a_file_that_is_not_found_by_itself(git: Git, init: Answer, tmp_path: Path) -> None:
    git.commit(**{"app.py": FLASK, "requirements.txt": "flask\n", "other/readme": ""})
    assert init("--config", "../other.toml", folder="other")["next"][1:] == [
        "ebcd check --config ../other.toml",
        "ebcd ship --config ../other.toml",
    ]
    assert (git.folder / "other.toml").exists()
    assert not (tmp_path / "ebcd.toml").exists()
