"""How text is laid out: nothing is cropped and no word is split, on a terminal of any width and in a pipe.

A pipe gets every line whole. A terminal gets lines that end between words, and behind a command or in front of it: a
command that is broken in two cannot be pasted. Pure, but for rich.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

GAP = 2
"""Spaces between two columns, and in front of a table."""
ENOUGH = 24
"""Columns of a terminal in which a text says something."""
_UNBROKEN = re.compile(r"(?:(?<=\s)|^)(?:ebcd|aws|gh|git|pipx?|uv) (?:(?![,;](?:\s|$)|:\s|\s{2}|\s\().)+[,;:]?|\S+")
"""A command, up to the end of the clause that it stands in, or a word."""
_HANG = re.compile(r"^(?: {2}\S+(?: \S+){0,2} {2,}| *(?:[✘✔•○→!…?] (?:\S+ {2,})?)?)")
"""What stands in front of a line's text: a name and the room behind it, or a mark."""


class Columns:
    """A table: columns as wide as their cells, each row in as many lines as the terminal needs."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        head = [Text(name, style="dim") for name in names]
        self._rows = [head, *([Text.from_markup(cell) for cell in row] for row in rows)]
        self._widths = [max(cell.cell_len for cell in column) for column in zip(*self._rows, strict=True)]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines."""
        lines = self._lines(options.max_width if console.is_terminal else None)
        for row in self._rows:
            for first, last in lines:
                text = self._line(row, first, last)
                if text.plain.strip():
                    yield text

    def _lines(self, width: int | None) -> list[tuple[int, int]]:
        """Which columns share a line, as spans: the last one may be longer than what is left, and is folded then."""
        ends, used = [0], GAP
        for index, size in enumerate(self._widths[:-1] if self._widths else []):
            if width is not None and used + size > width and index > ends[-1]:
                ends.append(index)
                used = GAP + self._widths[0] + GAP
            used += size + GAP
        last = len(self._widths) - 1
        if width is not None and self._widths and used + self._widths[-1] > width and last > ends[-1]:
            ends.append(last)
        return list(pairwise([*ends, len(self._widths)]))

    def _line(self, row: Sequence[Text], first: int, last: int) -> Text:
        text = Text(" " * (GAP if first == 0 else GAP + self._widths[0] + GAP), end="\n")
        for index in range(first, last):
            text.append_text(row[index])
            text.append(" " * (self._widths[index] - row[index].cell_len + GAP))
        text.rstrip()
        return text


class Lines:
    """A table with one line a row. A terminal that is too narrow for it gets fewer columns, and of the last one as many
    whole words as there is room for.
    """

    def __init__(
        self, names: Sequence[str], rows: Sequence[Sequence[str]], *, first_out: Sequence[str], more: str
    ) -> None:
        """first_out: the columns that are left out, in this order. more: what is said below where anything is."""
        self._names, self._rows = names, rows
        self._first_out, self._more = first_out, more

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The lines."""
        kept = list(range(len(self._names)))
        room = self._room(kept, options.max_width)
        if not console.is_terminal or room >= self._width(kept[-1]):
            yield Columns(self._names, self._rows)
            return
        for name in self._first_out:
            if room < ENOUGH:
                kept.remove(self._names.index(name))
                room = self._room(kept, options.max_width)
        rows = [[*(row[index] for index in kept[:-1]), _words(row[kept[-1]], room)] for row in self._rows]
        yield Columns([self._names[index] for index in kept], rows)
        yield Text.from_markup(self._more)

    def _width(self, index: int) -> int:
        cells = (Text.from_markup(row[index]).cell_len for row in self._rows)
        return max(len(self._names[index]), *cells)

    def _room(self, kept: Sequence[int], width: int) -> int:
        """The columns of a terminal that are left for the last column of the table."""
        return width - GAP - sum(self._width(index) + GAP for index in kept[:-1])


def _words(markup: str, room: int) -> str:
    """As many whole words of a cell as there is room for."""
    text = Text.from_markup(markup)
    if text.cell_len <= room:
        return markup
    end = text.plain.rfind(" ", 0, max(room - 1, 0))
    return f"{text[:end].markup} …" if end > 0 else "…"


def folded(text: Text, width: int) -> Text:
    """A text whose lines end between words, where they are longer than the width. No word and no command is broken."""
    lines = text.split("\n", allow_blank=True)
    if all(line.cell_len <= width for line in lines):
        return text
    made = Text("\n", end=text.end, style=text.style).join([piece for line in lines for piece in _fold(line, width)])
    made.end = text.end
    return made


def _fold(line: Text, width: int) -> Iterator[Text]:
    """A line in pieces, each but the first behind the room that the first one's beginning takes."""
    found = _HANG.match(line.plain)
    hang = found.end() if found and found.end() < width // 2 else 2
    start, end, first = 0, 0, True
    for word in _UNBROKEN.finditer(line.plain):
        room = width if first else width - hang
        if word.end() - start > room and end > start:
            yield _piece(line, start, end, 0 if first else hang)
            start, first = word.start(), False
        end = word.end()
    yield _piece(line, start, len(line.plain.rstrip()), 0 if first else hang)


def _piece(line: Text, start: int, end: int, indent: int) -> Text:
    piece = line[start:end]
    return Text(" " * indent).append_text(piece) if indent else piece
