"""The pictures of terminals: what a command showed is what is drawn, and nothing is fetched to look at them."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest
from recording import story, terminal

SCREENS = story.ROOT / "docs/pictures/screens"
PROGRAM = """
import sys
print("\\x1b[32mgreen\\x1b[0m and \\x1b[2mfaint\\x1b[0m", sys.stdout.isatty())
print("-" * 100)
answer = input("Application (shop): ")
print("half way")
print("\\x1b[1A\\x1b[2Kwritten over", repr(answer))
sys.exit(3)
"""


@pytest.fixture
def run(tmp_path: Path) -> terminal.Run:
    command = [sys.executable, "-u", "-c", PROGRAM]
    return terminal.in_terminal(command, tmp_path, os.environ, 80, until=lambda shown: "half way" in shown)


def test_the_screen_is_what_somebody_saw(run: terminal.Run) -> None:
    assert run.exit_code == 3
    lines = [line.plain for line in run.screen]
    assert lines[:3] == ["green and faint True", "-" * 80, "-" * 20], "as wide as the terminal"
    assert lines[-1] == "written over ''"
    assert "half way" not in "\n".join(lines)


def test_colours_are_kept_and_faint_is_none(run: terminal.Run) -> None:
    coloured = [
        line.plain[span.start : span.end] for line in run.screen for span in line.spans if terminal.coloured(span)
    ]
    assert coloured == ["green"]


def test_a_drawing_holds_every_line_and_fetches_nothing(run: terminal.Run) -> None:
    drawn = terminal.drawing("a title", 80, [terminal.typed("ebcd ship"), *run.screen])
    texts = [text.replace("\xa0", " ") for text in ElementTree.fromstring(drawn).itertext()]
    assert {"ebcd ship", "green", "a title"} <= set(texts)
    assert "url(http" not in drawn
    assert "@import" not in drawn


@pytest.mark.parametrize("screen", story.SCREENS)
def test_every_screen_is_there_in_every_width(screen: str) -> None:
    for width in story.WIDTHS:
        drawn = (SCREENS / f"{screen}-{width}.svg").read_text()
        assert not re.findall(r"(?:href|src|url)\W{1,3}https?:", drawn)
    if screen != "ship-running":
        for kind in ("piped", "no-color", "c-locale"):
            assert (SCREENS / f"{screen}.{kind}.txt").read_text().startswith("$ ebcd ")
        assert (SCREENS / f"{screen}.c-locale.txt").read_text().isascii()
        assert "\x1b" not in (SCREENS / f"{screen}.piped.txt").read_text()


def test_there_are_no_other_screens() -> None:
    wanted = {f"{screen}-{width}.svg" for screen in story.SCREENS for width in story.WIDTHS}
    texts = {f"{screen}.{kind}.txt" for screen in story.SCREENS for kind in ("piped", "no-color", "c-locale")}
    texts -= {f"ship-running.{kind}.txt" for kind in ("piped", "no-color", "c-locale")}
    assert {path.name for path in SCREENS.iterdir()} == wanted | texts
