"""What a run is doing, told while it does it: a spinner on a terminal, plain lines elsewhere, nothing when quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console
from rich.markup import escape

from ebcd.release.run import Progress, Status

if TYPE_CHECKING:
    from rich.progress import Progress as Spinner

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

    def begin(self, text: str) -> None:
        """Nothing."""

    def note(self, text: str) -> None:
        """Nothing."""

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """Nothing."""


class PlainProgress:
    """One line for what begins, happens and ends: for CI logs."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def begin(self, text: str) -> None:
        """A line that the step begins."""
        self._line(f"… {text}")

    def note(self, text: str) -> None:
        """A line, indented."""
        self._line(f"    {text}")

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
        self._verbose = verbose
        self._spinner: Spinner | None = None

    def begin(self, text: str) -> None:
        """Start a spinner."""
        from rich.progress import Progress as Spinner
        from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._spinner = Spinner(*columns, console=self._console, transient=True)
        self._spinner.add_task(escape(text))
        self._spinner.start()

    def note(self, text: str) -> None:
        """A dim line below the step."""
        if self._verbose or not text.startswith(("DEBUG", "TRACE")):
            self._console.print(f"    [dim]{escape(text)}[/]", highlight=False)

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """Replace the spinner by the outcome."""
        if self._spinner is not None:
            self._spinner.stop()
            self._spinner = None
        said = f"  [dim]{escape(reason)}[/]" if reason else ""
        self._console.print(f"  {_MARKS[status]} {escape(text)}{said}  [dim]{seconds:.1f} s[/]", highlight=False)
