"""What a run is doing, told while it does it: a spinner on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from ebcd.release.execute.context import Progress, Status

if TYPE_CHECKING:
    from rich.progress import Progress as Spinner
    from rich.progress import ProgressColumn

INTERVAL = 5.0
"""Seconds between two lines about a transfer."""

_MARKS = {
    Status.DONE: "[green]✔[/]",
    Status.SKIPPED: "[dim]•[/]",
    Status.FAILED: "[red]✘[/]",
    Status.PLANNED: "[dim]○[/]",
}


def progress(console: Console, *, quiet: bool, verbose: bool) -> Progress:
    """The progress that suits the console. verbose: every event, not only what the step at work shows."""
    if quiet:
        return SilentProgress()
    return TerminalProgress(console, verbose=verbose) if console.is_terminal else PlainProgress(console)


class SilentProgress:
    """Tells nothing."""

    def __init__(self) -> None:
        self.noted: set[str] = set()

    def begin(self, text: str) -> None:
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

    def begin(self, text: str) -> None:
        """A line that the step begins."""
        self._began = self._told = self._now()
        self._line(f"… {text}")

    def note(self, text: str) -> None:
        """A line, indented."""
        self.noted.add(text)
        self._line(f"    {text}")

    def transferred(self, done: int, total: int) -> None:
        """A line now and then, with the rate and the time that is left."""
        now = self._now()
        if not done or now - self._told < INTERVAL:
            return
        self._told = now
        rate = done / (now - self._began)
        self._line(
            f"    {done / 1e6:.0f} of {total / 1e6:.0f} MB, {rate / 1e6:.1f} MB/s, {(total - done) / rate:.0f} s left"
        )

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """A line with the outcome and how long it took."""
        said = f": {reason}" if reason and status is not Status.DONE else f" ({reason})" if reason else ""
        self._line(f"{status} {text}{said} [{seconds:.1f} s]")

    def _line(self, text: str) -> None:
        self._console.print(text, markup=False, highlight=False, soft_wrap=True)


class TerminalProgress:
    """A spinner with the step at work and what it sees; finished steps stay above it."""

    def __init__(self, console: Console, *, verbose: bool) -> None:
        self._console = console
        self.noted: set[str] = set()
        self._verbose = verbose
        self._spinner: Spinner | None = None
        self._text = ""
        self._bar = False

    def begin(self, text: str) -> None:
        """Start a spinner."""
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn
        from rich.table import Column

        self._text, self._bar = escape(text), False
        wrapped, whole = Column(), Column(no_wrap=True)
        self._show(SpinnerColumn(), TextColumn("{task.description}", table_column=wrapped), TimeElapsedColumn(whole))

    def transferred(self, done: int, total: int) -> None:
        """A bar with the rate and the time that is left, in the place of the spinner."""
        from rich import progress as rich

        if not self._bar:
            self._bar = True
            self._show(
                rich.SpinnerColumn(),
                rich.TextColumn("{task.description}"),
                rich.BarColumn(),
                rich.DownloadColumn(),
                rich.TransferSpeedColumn(),
                rich.TimeRemainingColumn(),
            )
        if self._spinner is not None:
            self._spinner.update(self._spinner.task_ids[0], completed=done, total=total)

    def _show(self, *columns: ProgressColumn) -> None:
        """Draw the step at work with these columns, instead of what was drawn before."""
        from rich.progress import Progress as Spinner

        if self._spinner is not None:
            self._spinner.stop()
        self._spinner = Spinner(*columns, console=self._console, transient=True)
        self._spinner.add_task(self._text, total=None)
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
