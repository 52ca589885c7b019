"""What a run is doing, told while it does it: a spinner on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape
from rich.text import Text

from ebcd import words
from ebcd.release.execute.context import Progress, Status

if TYPE_CHECKING:
    from rich.progress import Progress as Spinner
    from rich.progress import ProgressColumn

    from ebcd.release.execute.estimate import Position

INTERVAL = 5.0
"""Seconds between two lines about a transfer."""

_BESIDE = 44
"""Columns that a spinner, where the run is, and the time take beside a step's text."""
_BESIDE_BAR = 78
"""Columns that a spinner, a step's text, the bytes, their rate and the time take beside a bar."""
_MARKS = {
    Status.DONE: "[green]✔[/]",
    Status.SKIPPED: "[dim]•[/]",
    Status.FAILED: "[red]✘[/]",
    Status.PLANNED: "[dim]○[/]",
}


def progress(console: Console, *, quiet: bool, verbose: bool, now: Callable[[], float] = time.monotonic) -> Progress:
    """The progress that suits the console. verbose: every event, not only what the step at work shows."""
    if quiet:
        return SilentProgress()
    if console.is_terminal:
        return TerminalProgress(console, verbose=verbose, now=now)
    return PlainProgress(console, now)


@contextmanager
def transfer(shown: Progress, text: str) -> Iterator[Callable[[int, int], None]]:
    """What is told of a transfer's bytes while a block runs: a step of its own once the first of them have come."""
    start, came = time.monotonic(), 0

    def transferred(done: int, total: int) -> None:
        nonlocal came
        if done and not came:
            shown.begin(text)
        came = done
        shown.transferred(done, total)

    status = Status.FAILED
    try:
        yield transferred
        status = Status.DONE
    finally:
        if came:
            shown.end(text, status, time.monotonic() - start, words.size(came))


class SilentProgress:
    """Tells nothing."""

    def __init__(self) -> None:
        self.noted: set[str] = set()

    def begin(self, text: str, position: Position | None = None) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def transferred(self, done: int, total: int) -> None:
        """Nothing."""

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """Nothing."""


class PlainProgress:
    """One line for what begins, happens and ends: for CI logs."""

    def __init__(self, console: Console, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self.noted: set[str] = set()
        self._now = now
        self._began = self._told = now()

    def begin(self, text: str, position: Position | None = None) -> None:
        """A line that the step begins, with where the run is."""
        self._began = self._told = self._now()
        self._line(f"… {text}" + (f" [{position.text(0.0)}]" if position else ""))

    def note(self, text: str) -> None:
        """A line, indented."""
        self.noted.add(text)
        self._line(f"    {text}")

    def transferred(self, done: int, total: int) -> None:
        """A line now and then, with the rate and, where the total is known, the time that is left."""
        now = self._now()
        if not done or now - self._told < INTERVAL:
            return
        self._told = now
        rate = done / (now - self._began)
        of, left = (f" of {total / 1e6:.0f}", f", {max(total - done, 0) / rate:.0f} s left") if total else ("", "")
        self._line(f"    {done / 1e6:.0f}{of} MB, {rate / 1e6:.1f} MB/s{left}")

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """A line with the outcome and how long it took."""
        said = f": {reason}" if reason and status is not Status.DONE else f" ({reason})" if reason else ""
        self._line(f"{status} {text}{said} [{seconds:.1f} s]")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class TerminalProgress:
    """A spinner with the step at work, where the run is, and what it sees; finished steps stay above it."""

    def __init__(self, console: Console, *, verbose: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self.noted: set[str] = set()
        self._verbose = verbose
        self._spinner: Spinner | None = None
        self._now = now
        self._text: Callable[[int], str] = lambda beside: ""  # noqa: ARG005
        self._bar = False

    def begin(self, text: str, position: Position | None = None) -> None:
        """Start a spinner."""
        from rich.progress import RenderableColumn, SpinnerColumn, TimeElapsedColumn
        from rich.table import Column

        self._text, self._bar = self._described(text, position), False
        wrapped, whole = Column(), Column(no_wrap=True)
        text_column = RenderableColumn(_Live(self._text, _BESIDE), table_column=wrapped)
        self._show(SpinnerColumn(), text_column, TimeElapsedColumn(whole))

    def _described(self, text: str, position: Position | None) -> Callable[[int], str]:
        """What makes the step's text as it is at a moment, next to so many columns that are taken. Where the run is has
        a line of its own where there is no room for it.
        """
        began = self._now()

        def made(beside: int) -> str:
            if position is None:
                return escape(text)
            gap = "  " if len(text) + beside <= self._console.width else "\n"
            return f"{escape(text)}{gap}[dim]{position.text(self._now() - began)}[/]"

        return made

    def transferred(self, done: int, total: int) -> None:
        """A bar with the rate and the time that is left, in the place of the spinner."""
        from rich import progress as rich
        from rich.table import Column

        if not self._bar:
            self._bar, width = True, self._console.width
            self._show(
                rich.SpinnerColumn(),
                rich.RenderableColumn(_Live(self._text, width), table_column=Column()),
                rich.BarColumn(max(min(40, width - _BESIDE_BAR), 8)),
                rich.DownloadColumn(table_column=Column(no_wrap=True)),
                rich.TransferSpeedColumn(Column(no_wrap=True)),
                rich.TimeRemainingColumn(table_column=Column(no_wrap=True)),
            )
        if self._spinner is not None:
            self._spinner.update(self._spinner.task_ids[0], completed=done, total=total or None)

    def _show(self, *columns: ProgressColumn) -> None:
        """Draw the step at work with these columns, instead of what was drawn before."""
        from rich.progress import Progress as Spinner
        from rich.progress import TextColumn

        if self._spinner is not None:
            self._spinner.stop()
        indented = TextColumn(" "), *columns  # as the marks of finished steps are
        self._spinner = Spinner(*indented, console=self._console, transient=True)
        self._spinner.add_task("", total=None)
        self._spinner.start()

    def note(self, text: str) -> None:
        """A dim line below the step."""
        if self._verbose or not text.startswith(("DEBUG", "TRACE")):
            self.noted.add(text)
            self._console.print(f"    [dim]{escape(text)}[/]", highlight=False)

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """Replace the spinner by the outcome."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
        told = f"{reason}  {seconds:.1f} s" if reason else f"{seconds:.1f} s"
        gap = "  " if len(f"  ✔ {text}  {told}") <= self._console.width else "\n    "
        self._console.print(f"  {_MARKS[status]} {escape(text)}{gap}[dim]{escape(told)}[/]", highlight=False)


class _Live:
    """A text that is made anew whenever it is drawn."""

    def __init__(self, made: Callable[[int], str], beside: int) -> None:
        """beside: columns of the terminal that are taken by what stands next to it."""
        self._made, self._beside = made, beside

    def __rich__(self) -> Text:
        return Text.from_markup(self._made(self._beside))
