"""Texts of any origin as Markdown that shows them as they are: nothing in them formats, links or breaks out.

A report's texts may quote an application's log or a commit's message. Each is stripped of what is not to be seen,
flattened or fenced, and cut to a length.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from ebcd.report import foreign

LONGEST_CELL = 300
LONGEST_TEXT = 4_000
LONGEST_BLOCK = 20_000

_ACTIVE = re.compile(r"([\\`*_{}\[\]<>|~&#@:!$])")
_LIST_MARK = re.compile(r"^(\d*)([-+=.)])")


def cut(text: str, limit: int) -> str:
    """The beginning of a text that is too long."""
    return text if len(text) <= limit else f"{text[:limit]} … ({len(text) - limit} more characters)"


def prose(text: str, limit: int = LONGEST_CELL) -> str:
    """One line of running text."""
    return _LIST_MARK.sub(r"\1\\\2", _ACTIVE.sub(r"\\\1", cut(foreign.line(text), limit)))


def code(text: str) -> str:
    """A code span. It may stand in a table's cell, where a pipe needs its backslash even in code."""
    text = cut(foreign.line(text), LONGEST_CELL)
    if not text:
        return ""
    fence = _fence(text, 1)
    pad = " " if "`" in (text[0], text[-1]) else ""
    return f"{fence}{pad}{text}{pad}{fence}".replace("|", r"\|")


def block(text: str) -> str:
    """A code block. Of a long text the end is kept: in a log that is what happened last."""
    text = foreign.plain(text).strip()
    if not text:
        return ""
    if len(text) > LONGEST_BLOCK:
        text = f"… ({len(text) - LONGEST_BLOCK} more characters)\n{text[-LONGEST_BLOCK:]}"
    fence = _fence(text, 3)
    return f"{fence}text\n{text}\n{fence}"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of cells that are Markdown already; an empty one becomes a dash."""
    body = ([cell or "—" for cell in row] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *body))


def _fence(text: str, least: int) -> str:
    """More backticks than the text has in a row."""
    return "`" * max(least, *(len(run) + 1 for run in re.findall("`+", text)), 1)
