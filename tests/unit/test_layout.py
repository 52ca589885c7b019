"""Nothing cropped, nothing split: tables, texts and errors, on terminals of some widths and in a pipe."""

from __future__ import annotations

import io

import pytest

from ebcd.cli.plain_console import PlainConsole
from ebcd.report.layout import Columns, Lines
from ebcd.report.watch import HISTORY, chart, watched

ROW = ("live", "r12", "3f9c2d1a7b44", "shop-production-r12", "Green Ok", "3 minutes ago by ada")
NAMES = ("", "release", "version", "environment", "health", "since")
CAUSE = "Incorrect application version found on 1 out of 3 instances. Expected version 3f9c (deployment 7)."
COMMAND = "ebcd swap --rollback -a shop -s production --region eu-central-1 --profile work"


def shown(what: object, width: int | None) -> str:
    """What a console prints; None: into a pipe."""
    file = io.StringIO()
    console = PlainConsole(
        file=file,
        width=width,
        force_terminal=width is not None,
        no_color=True,
        highlight=False,
        soft_wrap=True,
        color_system=None,
    )
    console.print(what)
    return file.getvalue()


def test_a_pipe_gets_each_row_whole_in_one_line_without_padding() -> None:
    text = shown(Columns(NAMES, [ROW, ("previous", "-", "x", "y" * 40, "", CAUSE)]), None)
    lines = text.splitlines()
    assert len(lines) == 3
    assert all(line == line.rstrip() for line in lines)
    assert lines[2].endswith(CAUSE)
    assert "y" * 40 in lines[2]


@pytest.mark.parametrize("width", [40, 60, 80, 120, 200])
def test_every_cell_is_whole_on_every_terminal(width: int) -> None:
    text = shown(Columns((*NAMES, "cause"), [(*ROW, CAUSE)]), width)
    for cell in (*ROW[:5], *ROW[5].split(), *CAUSE.split()):
        assert any(cell in line for line in text.splitlines()), cell
    assert all(len(line) <= width for line in text.splitlines())


def test_columns_stand_below_each_other() -> None:
    lines = shown(Columns(("a", "b"), [("1", "22"), ("333", "4")]), 80).splitlines()
    assert lines == ["  a    b", "  1    22", "  333  4"]
    assert shown(Columns(("a",), []), 80).splitlines() == ["  a"]


RELEASES = ("release", "version", "outcome", "began", "by", "message")
RELEASE = (
    "r4",
    "fac9081251c3",
    "[green]superseded[/]",
    "16 minutes ago",
    "somebody",
    "the header is \\[fixed] on every page",
)
MORE = "  one in full: ebcd releases r4"


def lines_of(width: int | None) -> list[str]:
    return shown(Lines(RELEASES, [RELEASE, RELEASE], first_out=("by", "began"), more=MORE), width).splitlines()


@pytest.mark.parametrize(
    ("width", "left_out", "message"),
    [
        (None, (), "the header is [fixed] on every page"),
        (120, (), "the header is [fixed] on every page"),
        (90, (), "the header is [fixed] on …"),
        (80, ("by",), "the header is [fixed] on …"),
        (60, ("by", "began"), "the header is [fixed] …"),
    ],
)
def test_a_release_has_one_line_and_whole_words(width: int | None, left_out: tuple[str, ...], message: str) -> None:
    lines = lines_of(width)
    shortened = message.endswith("…")
    assert lines[0].split() == [name for name in RELEASES if name not in left_out]
    assert len(lines) == 3 + shortened
    assert lines[1] == lines[2]
    assert lines[1].endswith(f"  {message}")
    assert (lines[-1] == MORE) is shortened
    assert width is None or max(map(len, lines)) <= width


def test_a_very_narrow_terminal_gets_more_lines_and_loses_no_word_of_the_rest() -> None:
    text = "\n".join(lines_of(20))
    assert "fac9081251c3" in text
    assert "superseded" in text


@pytest.mark.parametrize("width", [30, 80, 120])
def test_lines_end_between_words_and_no_command_is_broken(width: int) -> None:
    text = f"  [cyan]→[/] Look at what the candidate shares with live, a migration for instance: {COMMAND}, then go on"
    lines = shown(text, width).splitlines()
    assert any(COMMAND in line for line in lines)
    assert " ".join(line.strip() for line in lines).split() == text.replace("[cyan]→[/]", "→").split()
    assert all(len(line) <= width or COMMAND in line for line in lines)


def test_a_line_behind_a_mark_and_a_name_goes_on_below_its_text() -> None:
    lines = shown("✔ changes   The local Beanstalk was not asked", 30).splitlines()
    assert lines == ["✔ changes   The local", "            Beanstalk was not", "            asked"]


def test_a_pipe_gets_sentences_whole() -> None:
    assert shown(CAUSE * 5, None) == CAUSE * 5 + "\n"


def test_what_goes_on_stands_below_the_value() -> None:
    lines = shown(f"  cause     {CAUSE}", 60).splitlines()
    assert len(lines) > 1
    assert all(line.startswith(" " * 12) for line in lines[1:])


def test_a_word_that_is_longer_than_the_terminal_stays_whole() -> None:
    assert "x" * 100 in shown(f"see {'x' * 100} there", 80)


def test_requests_are_drawn_with_the_newest_at_the_right() -> None:
    assert chart([0, 5, 10]) == "▁▅█"
    assert chart([]) == ""
    assert chart([0, 0]) == "▁▁"
    assert len(chart(list(range(500)))) == HISTORY


STATUS = {
    "application": "shop",
    "stage": "prod",
    "options": "-a shop -s prod",
    "candidate": None,
    "previous": None,
    "lock": None,
    "hold": None,
    "failed": None,
    "rollback": {"ready": False, "redeploys": False, "reason": "no release before"},
    "live": {
        "release": "r1",
        "version_label": "3f9c",
        "recorded_label": "3f9c",
        "environment": "shop-prod-r1",
        "status": "Ready",
        "health": "Red",
        "health_status": "Severe",
        "since": None,
        "by": "ada",
        "url": None,
    },
}


def test_the_watched_picture_has_release_health_requests_causes_and_events() -> None:
    requests = {"count": 12, "share_5xx": 0.5, "p99_seconds": 0.25, "seconds": 10}
    found = {"requests": requests, "causes": ["50 % of the requests are failing with HTTP 5xx."]}
    event = {
        "time": "2026-11-29T11:00:00+00:00",
        "severity": "WARN",
        "message": "Health is Severe.",
        "environment": "shop-prod-r1",
        "version_label": None,
    }
    text = shown(watched(STATUS, found, [event], [1, 12]), 80)
    for part in ("r1", "Red Severe", "no release before", "12 in 10 s", "HTTP 5xx", "Health is Severe."):
        assert part in text
    basic = shown(watched(STATUS, {"requests": None, "causes": []}, [], []), 80)
    assert "basic health" in basic
