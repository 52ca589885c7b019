"""docs/aws.md as data: what ebcd believes of AWS, a row a belief."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "aws.md"
HEADER = ("id", "what AWS does", "sure", "handled in", "test")
"""The columns of a table of beliefs; other tables of the page have others."""
_CELL = re.compile(r"(?<!\\)\|")
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True)
class Belief:
    """One row."""

    id: str
    text: str
    """What AWS does, and its source."""
    sure: str
    handlers: tuple[str, ...]
    """Where ebcd handles it: paths, with `::symbol` where there is one. What else stands in the cell is prose."""
    tests: tuple[str, ...]
    """The tests that would fail: `path::name`."""


def beliefs(page: str) -> list[Belief]:
    """The rows of all tables of beliefs, in their order."""
    return [_belief(row) for header, row in _rows(page) if header == HEADER]


def index(page: str) -> dict[str, tuple[str, ...]]:
    """What the page's index says: a number of issue 12's notes → ids of rows."""
    return {row[0]: codes(row[1]) for header, row in _rows(page) if header == ("number", "rows")}


def codes(cell: str) -> tuple[str, ...]:
    """What stands in backquotes in a cell."""
    return tuple(_CODE.findall(cell))


def _belief(row: tuple[str, ...]) -> Belief:
    identifier, text, sure, handlers, tests = row
    places = tuple(code for code in codes(handlers) if "/" in code)
    return Belief(identifier.strip("`"), text, sure, places, tuple(_whole(codes(tests))))


def _whole(tests: Iterable[str]) -> Iterator[str]:
    """Tests with their paths: `…` stands for the path of the one before."""
    path = ""
    for test in tests:
        name, _, function = test.partition("::")
        path = path if name == "…" else name
        yield f"{path}::{function}"


def _rows(page: str) -> Iterator[tuple[tuple[str, ...], tuple[str, ...]]]:
    """Each row of each table, with its table's header."""
    header: tuple[str, ...] = ()
    for line in page.splitlines():
        if not line.startswith("|"):
            header = ()
            continue
        cells = tuple(cell.strip() for cell in _CELL.split(line.strip().strip("|")))
        if not header:
            header = cells
        elif not set("".join(cells)) <= set("-: "):
            yield header, cells
