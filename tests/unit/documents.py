"""The repository's documents: their links, the commands that they show, and the sessions that the suite runs."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
WRITTEN = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "docs/recipes").glob("*.md")])
"""Documents that people write."""
OLD = {"CHANGELOG.md", "decisions.md"}
"""Documents that tell of commands as they were at the time."""
_BLOCK = re.compile(
    r"(?:<!-- session: (?P<session>[\w-]+)(?P<on>, continued)? -->\n)?```(?P<kind>\w+)\n(?P<text>.*?)^```", re.M | re.S
)
_INDENTED = re.compile(r"(?:^ {4}\S.*\n)+", re.M)
_CODE = re.compile(r"`(ebcd [^`…]+)`")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


@dataclass(frozen=True)
class Step:
    """A command of a session, and what must be in what it prints."""

    command: str
    prints: tuple[str, ...]


@dataclass(frozen=True)
class Session:
    """Commands that a document shows one after the other, in a repository of the gallery."""

    page: str
    application: str
    steps: tuple[Step, ...]


def links(page: Path) -> Iterator[str]:
    """What a document links to or shows, without what is elsewhere, and without the place in it."""
    for target in _LINK.findall(page.read_text()):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith("mailto:"):
            yield path


def shown_commands(page: Path) -> Iterator[list[str]]:
    """The command lines of ebcd that a document shows: in blocks, and in its sentences."""
    text = page.read_text()
    lines = [line for block in _BLOCK.finditer(text) for line in _typed(block["kind"], block["text"])]
    lines += [line.strip() for block in _INDENTED.findall(text) for line in block.splitlines()]
    lines += _CODE.findall(text)
    for line in lines:
        yield from _of_ebcd(line)


def _typed(kind: str, text: str) -> list[str]:
    """The lines of a block that somebody types."""
    if kind == "console":
        return [line[2:] for line in text.splitlines() if line.startswith("$ ")]
    return text.splitlines() if kind in {"sh", "bash"} else []


def _of_ebcd(line: str) -> Iterator[list[str]]:
    """The commands of ebcd in a line of a shell, each as words."""
    words = shlex.shlex(line, posix=True, punctuation_chars="&;|")
    words.whitespace_split = True
    command: list[str] = []
    try:
        found = [*words, ";"]
    except ValueError:  # an apostrophe in a sentence: no command line
        return
    for word in found:
        if not set(word) <= set("&;|"):
            command.append(word)
            continue
        if command and Path(command[0]).name == "ebcd":
            yield ["ebcd", *command[1:]]
        command = []


def sessions() -> list[Session]:
    """The sessions of all documents: blocks behind a comment that names the application they are typed in."""
    found: list[Session] = []
    for page in WRITTEN:
        for block in _BLOCK.finditer(page.read_text()):
            if not block["session"]:
                continue
            steps = tuple(_steps(block["text"]))
            if block["on"]:
                last = found.pop()
                assert last.application == block["session"], page
                steps = (*last.steps, *steps)
            found.append(Session(str(page.relative_to(ROOT)), block["session"], steps))
    return found


def _steps(text: str) -> Iterator[Step]:
    for part in re.split(r"^\$ ", text, flags=re.M)[1:]:
        command, *printed = part.splitlines()
        yield Step(command, tuple(line for line in printed if line.strip()))
