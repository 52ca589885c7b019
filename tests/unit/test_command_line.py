"""The command line, as far as it needs no AWS: what goes with what, and what a check is about."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from repositories import Git
from simulated import World

from ebcd.__main__ import run
from ebcd.cli.inspect import FOLLOW_INTERVAL, again
from ebcd.errors import EbcdError, NoAnswer, Throttled

TWO_STAGES = """
application = "shop"
[stages.one]
target = "local"
[stages.two]
cname = "shop-two"
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
"""
Told = Callable[..., dict[str, Any]]


@pytest.fixture
def told(git: Git, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    """Runs a command in a repository with two stages and no default one; what it tells."""
    for name in ("EBCD_STAGE", "AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    git.commit(**{"ebcd.toml": TWO_STAGES, "Procfile": "web: run\n"})
    monkeypatch.chdir(git.folder)

    def tell(*arguments: str) -> dict[str, Any]:
        code = run([*arguments, "--json"])
        found: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert found["exit_code"] == code
        return found

    return tell


@pytest.mark.parametrize("arguments", [(), ("-s", "two")])
def test_a_check_needs_no_stage_and_no_region(told: Told, arguments: tuple[str, ...]) -> None:
    assert told("check", *arguments)["exit_code"] == 0


def test_a_check_of_a_stage_that_there_is_not_is_refused(told: Told) -> None:
    assert told("check", "-s", "tow")["error"]["code"] == "unknown-stage"


@pytest.mark.parametrize(("command", "option"), [("status", "--watch"), ("events", "--follow")])
def test_one_object_of_json_and_one_that_never_ends_exclude_each_other(told: Told, command: str, option: str) -> None:
    found = told(command, option)
    assert (found["exit_code"], found["error"]["code"]) == (2, "usage")
    assert option in found["error"]["what"]


@pytest.mark.parametrize("error", [Throttled("AWS throttled it."), NoAnswer("No answer came.")])
def test_watching_goes_on_where_an_answer_did_not_come(error: EbcdError) -> None:
    world = World()
    session: Any = SimpleNamespace(services=world.services("v1"))
    answers: Iterator[Any] = iter(["one", error, error, "two"])

    def look() -> str:
        found = next(answers)
        if isinstance(found, EbcdError):
            raise found
        return str(found)

    seen = again(session, look)
    assert [next(seen), next(seen)] == ["one", "two"]
    assert world.clock.seconds > 4 * FOLLOW_INTERVAL, "it is gentle with a service that throttles"
