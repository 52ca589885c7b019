"""What strangers write (commits, events, logs) is only ever shown: no escape sequence, no command, no secret."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from botocore.exceptions import EndpointConnectionError, HTTPClientError, ParamValidationError
from hypothesis import given
from hypothesis import strategies as st

from ebcd.__main__ import run
from ebcd.aws.credentials import refuse_stray_characters
from ebcd.aws.session import Access, answering, connect
from ebcd.cli.plain_console import PlainConsole
from ebcd.errors import EbcdError, ExitCode, UsageError
from ebcd.report import foreign, github
from ebcd.report.text import events

HOSTILE = [
    "\x1b[2J\x1b]0;owned\x07 cleared",
    "\x1b]8;;https://evil.example\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\ asks the terminal",
    "\x9b31m C1 \x85",
    "over\rwritten \x08\x08\x08",
    "\u202egnp.exe \u2066hidden\u2069 \u200b",
    "\ud800 a lone half",
    "first\n::set-output name=x::owned\n  ::add-mask::y\n##[add-path]/tmp",
    "[bold red]not ours[/] [link=https://evil.example]x[/link]",
]
SEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printed(text: object) -> str:
    stream = io.StringIO()
    PlainConsole(file=stream, width=200, highlight=False, soft_wrap=True).print(text)
    return stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_character_of_a_foreign_text_is_printed(text: str) -> None:
    event = {"time": "2026-01-02T03:04:05+00:00", "severity": "INFO", "message": text, "environment": "e"}
    said = printed(events({"events": [event]}))
    assert not SEEN.search(said)
    assert "owned\x07" not in said


@given(st.text(max_size=300))
def test_any_text_is_printed_without_them(text: str) -> None:
    assert not SEEN.search(foreign.plain(text))
    assert not SEEN.search(printed(foreign.inert(text).replace("[", r"\[")))


@given(st.text(alphabet="a:#[ \n\t", max_size=60))
def test_no_line_is_a_workflow_command(text: str) -> None:
    for line in foreign.inert(text).splitlines():
        assert not line.strip().startswith("::")
        assert "##[" not in line


def test_in_actions_no_line_of_a_console_is_a_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    said = printed("what\n::stop-commands::x\n   ::error::y")
    assert "::stop" not in said
    assert "::error" not in said


def test_our_own_colours_stay() -> None:
    stream = io.StringIO()
    console = PlainConsole(file=stream, force_terminal=True, color_system="standard", highlight=False)
    console.print("[red]ours[/] \x1b[2J")
    assert stream.getvalue().startswith("\x1b[31mours\x1b[0m")
    assert "[2J" not in stream.getvalue()


@pytest.mark.parametrize("text", HOSTILE)
def test_an_error_that_quotes_a_foreign_text_is_plain_too(
    text: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ebcd.toml").write_text(f"{json.dumps(text.encode(errors='replace').decode())} = 1\n")
    assert run(["status", "--no-color"]) == ExitCode.USAGE
    said = capsys.readouterr()
    assert not SEEN.search(said.out + said.err)


def test_json_is_ascii_and_one_object(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert run(["status", "-a", "\x1b[2J\u202e", "-s", "x", "--config", str(tmp_path), "--json"]) != 0
    said = capsys.readouterr().out
    assert said.isascii()
    assert not SEEN.search(said)
    assert json.loads(said)["ok"] is False


@pytest.mark.parametrize("text", HOSTILE)
def test_a_summary_of_actions_shows_it_as_it_is(text: str) -> None:
    report = {"ok": False, "command": "ship", "error": {"what": text, "why": text, "hint": text}}
    assert not SEEN.search(github.summary(report))
    assert github.annotation(report).count("\n") == 0


SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCY"


class Given:
    method = "env"

    def __init__(self, **parts: str) -> None:
        self._parts = {"access_key": "AKIAEXAMPLE", "secret_key": SECRET, "token": ""} | parts

    def get_frozen_credentials(self) -> Given:
        return self

    def __getattr__(self, name: str) -> str:
        return self._parts[name]


@pytest.mark.parametrize("stray", ["\n", "\r\n", " ", "\t", "\ufeff", "é", "\x00"])
@pytest.mark.parametrize(
    ("part", "variable"),
    [("access_key", "AWS_ACCESS_KEY_ID"), ("secret_key", "AWS_SECRET_ACCESS_KEY"), ("token", "AWS_SESSION_TOKEN")],
)
def test_credentials_that_no_header_can_hold_are_named_and_not_shown(part: str, variable: str, stray: str) -> None:
    with pytest.raises(UsageError) as refused:
        refuse_stray_characters(Given(**{part: SECRET + stray}))
    told = f"{refused.value.what} {refused.value.why} {refused.value.hint}"
    assert variable in told
    assert SECRET not in told


def test_good_credentials_and_none_pass() -> None:
    refuse_stray_characters(Given())
    refuse_stray_characters(None)


def test_no_request_is_sent_with_such_credentials() -> None:
    clients = connect(Access("eu-central-1", None, "http://127.0.0.1:9", "AKIAEXAMPLE", f"{SECRET}\n"))
    calls = (
        clients.beanstalk_once.describe_applications,
        lambda: clients.s3.get_object(Bucket="b", Key="k"),
        clients.sts.get_caller_identity,
    )
    for call in calls:
        with pytest.raises(UsageError, match="cannot be sent"), answering("x:Y"):
            call()


@pytest.mark.parametrize(
    "error",
    [
        HTTPClientError(error=ValueError(f"Invalid header value b'{SECRET}'")),
        EndpointConnectionError(endpoint_url=f"https://s3.example/b/k?X-Amz-Signature={SECRET}"),
        ParamValidationError(report=f"Invalid type for parameter OptionSettings[0].Value, value: {SECRET}"),
    ],
)
def test_what_botocore_s_errors_quote_is_not_shown(error: Exception) -> None:
    with pytest.raises(EbcdError) as told, answering("elasticbeanstalk:UpdateEnvironment"):
        raise error
    assert SECRET not in f"{told.value.what} {told.value.why} {told.value.hint}"
    assert type(error).__name__ in told.value.why
