"""A wrong command line of `ebcd local` is an error like every other one: what, why, the next command, exit code 2."""

from __future__ import annotations

import json

import pytest

from ebcd_local.__main__ import main

WRONG = "The command line is wrong."


@pytest.mark.parametrize(
    ("words", "what", "why", "command"),
    [
        ("fault thottle", "There is no kind 'thottle'.", "Did you mean throttle? There are list, clear", "fault"),
        ("fault throttle --tims 3", "ebcd local fault has no option --tims.", "Did you mean --times?", "fault"),
        ("fault cut X --times x", "ebcd local fault --times takes a whole number, not 'x'.", WRONG, "fault"),
        ("fault launch x --denied y", "ebcd local fault --denied takes one of 's3', 's3-acl'", WRONG, "fault"),
        ("up --prt 3", "ebcd local up has no option --prt.", "Did you mean --port?", "up"),
        ("up --speed 0", "'0' is no speed: write a number above 0, as 10.", "--speed of ebcd local up", "up"),
        ("logs x y", "ebcd local logs takes fewer words: y is too much.", WRONG, "logs"),
        ("logs --lines", "ebcd local logs --lines needs a value.", WRONG, "logs"),
        ("status --zzz", "ebcd local status has no option --zzz.", WRONG, "status"),
    ],
)
def test_what_is_mistyped_is_told_as_an_error(
    words: str,
    what: str,
    why: str,
    command: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("EBCD_LOCAL_PROGRAM", "ebcd local")
    assert main(words.split()) == 2
    first, second, hint = capsys.readouterr().err.splitlines()
    assert first.startswith(what)
    assert second.strip().startswith(why)
    assert hint == f"  → ebcd local {command} --help"
    name, _, rest = words.partition(" ")
    assert main([name, "--json", *rest.split()]) == 2
    told = json.loads(capsys.readouterr().out)
    assert (told["command"], told["exit_code"]) == (f"local {command}", 2)
    assert told["error"] == {"code": "usage", "what": first, "why": second.strip(), "hint": hint.strip(" →")}
