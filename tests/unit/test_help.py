"""What fingers type: other names, near misses, help with examples that work, and the page that `ebcd` alone shows."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
import typer
from printed import parses

from ebcd.__main__ import run
from ebcd.cli.app import ALIASES, COMMANDS, app
from ebcd.cli.examples import EXAMPLES
from ebcd.cli.explain import NEEDED, page
from ebcd.cli.mistyped import MEANT

OF_PREVIEW = ("preview up", "preview list", "preview down")


@pytest.mark.parametrize("command", [*COMMANDS, *OF_PREVIEW])
def test_every_help_has_two_examples_that_ebcd_takes(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = EXAMPLES[command]
    assert len(found) >= 2
    for line, _ in found:
        assert parses(shlex.split(line)), line
    assert run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert all(line in text for line, _ in found)


def test_there_are_no_examples_of_what_there_is_not() -> None:
    assert set(EXAMPLES) == {*COMMANDS, *OF_PREVIEW}


@pytest.mark.parametrize("width", [60, 80, 120])
def test_the_page_names_every_command_and_fits(width: int) -> None:
    text = page(width)
    assert all(name in text.split() for name in COMMANDS)
    for name in NEEDED:
        assert f"ebcd {name}" in text
    rest = text.partition("by topic")[2].partition("\n\n")[0]
    assert all(len(line) <= width for line in rest.splitlines())


def test_ebcd_alone_is_no_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    shown = capsys.readouterr()
    assert "ebcd init" in shown.out
    assert shown.err == ""


def test_a_group_alone_shows_its_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["preview"]) == 0
    text = capsys.readouterr().out
    assert "to its\n        newest commit." in text or "to its newest commit." in text
    assert "completion" not in text


@pytest.mark.parametrize("words", [["help", "ship"], ["deploy", "--help"], ["help", "deploy"], ["ship", "-h"]])
def test_help_and_other_names_explain_the_command(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 0
    assert capsys.readouterr().out.startswith("Usage: ebcd ship ")


def test_help_explains_a_command_of_a_group(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["help", "preview", "up"]) == 0
    assert capsys.readouterr().out.startswith("Usage: ebcd preview up ")


@pytest.mark.parametrize(
    ("words", "what", "hint"),
    [
        (["shpi"], "Did you mean ship?", "ebcd --help"),
        (["rollbck"], "Did you mean rollback?", "ebcd --help"),
        (["undo"], "ebcd has no command 'undo'.", "Did you mean ebcd rollback?"),
        (["help", "shpi"], "Did you mean ship?", "ebcd --help"),
        (["ship", "--plna"], "--plan", "ebcd ship --help"),
        (["ship", "--rollback"], "--rollback", "--rollback is an option of: ebcd swap"),
        (["deploy", "--plna"], "--plan", "ebcd ship --help"),
        (
            ["releases", "--env", "r7"],
            "ebcd releases has no option --env.",
            "--env is an option of: ebcd events, ebcd health",
        ),
    ],
)
def test_a_near_miss_is_told(words: list[str], what: str, hint: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    text = capsys.readouterr().err
    assert what in text
    assert f"→ {hint}" in text


@pytest.mark.parametrize(
    ("words", "what", "why", "hint"),
    [
        ("ship --plann", "ebcd ship has no option --plann.", "Did you mean --plan?", "ebcd ship --help"),
        ("ship --stag prod", "ebcd ship has no option --stag.", "Did you mean --stage?", "ebcd ship --help"),
        ("ship -z", "ebcd ship has no option -z.", "The command line is wrong.", "ebcd ship --help"),
        ("preview upp", "ebcd preview has no command 'upp'.", "Did you mean up?", "ebcd preview --help"),
        ("ship a b c", "ebcd ship takes fewer words: b c is too much.", "", "ebcd ship --help"),
        ("ship --timeout", "ebcd ship --timeout needs a value.", "", "ebcd ship --help"),
        ("preview list --region", "ebcd preview list --region needs a value.", "", "ebcd preview list --help"),
        ("ship --plan=3", "ebcd ship --plan takes no value.", "", "ebcd ship --help"),
        ("releases --limit x", "--limit takes a whole number of at least 1, not 'x'.", "", "ebcd releases --help"),
        ("events --limit 0", "--limit takes a whole number from 1 to 1000, not '0'.", "", "ebcd events --help"),
    ],
)
def test_a_wrong_command_line_is_an_error_of_ebcd(
    words: str, what: str, why: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(words.split()) == 2
    assert capsys.readouterr().err.splitlines()[0] == f"✘ {what}"
    command, dash, options = words.partition("-")
    assert run([*command.split(), "--json", *(dash + options).split()]) == 2
    error = json.loads(capsys.readouterr().out)["error"]
    assert error == {"code": "usage", "what": what, "why": why or "The command line is wrong.", "hint": hint}


def test_what_other_tools_call_it_leads_to_a_command() -> None:
    assert {*MEANT.values(), *ALIASES.values()} <= set(COMMANDS)
    assert not set(MEANT) & ({*COMMANDS} | set(ALIASES))


def test_rollback_has_every_option_of_a_rollback() -> None:
    group: Any = typer.main.get_command(app)
    options = {
        name: {word for item in group.get_command(None, name).loaded().params for word in item.opts}
        for name in ("swap", "rollback")
    }
    assert options["swap"] - options["rollback"] == {"--to", "--rollback"}
    assert options["rollback"] <= options["swap"]


@pytest.mark.parametrize(("typed", "told"), [("deploy", "ship"), ("rollback", "rollback"), ("ship", "ship")])
def test_an_error_in_json_names_the_command(typed: str, told: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([typed, "--nonsense", "--json"]) == 2
    assert f'"command": "{told}"' in capsys.readouterr().out
