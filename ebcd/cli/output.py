"""Results to stdout, progress to stderr: the only place that prints, and the one door for text from outside.

What a console prints is plain whatever it came from (`report/foreign.py`), and JSON escapes all that is not ASCII.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from ebcd.cli.options import Common
from ebcd.errors import EbcdError
from ebcd.report.envelope import Json

if TYPE_CHECKING:
    from rich.console import Console, RenderableType


def console(options: Common, *, stderr: bool = False) -> Console:
    """A console for results, or (stderr) for progress; without colours where NO_COLOR or --no-color says so."""
    return _console(no_color=options.no_color, stderr=stderr)


def _console(*, no_color: bool, stderr: bool) -> Console:
    from ebcd.cli.plain_console import PlainConsole

    return PlainConsole(stderr=stderr, no_color=no_color or None, highlight=False, soft_wrap=True)


def tell(options: Common, result: Json, text: Callable[[Json], RenderableType], *, always: bool = False) -> None:
    """Print a result: as JSON, or as the text that `text` makes of it; and tell GitHub Actions where it runs there.

    always: the text is for a failure too.
    """
    tell_actions(result)
    if options.json:
        print(json.dumps(result, indent=2))
    elif result["ok"] or always:
        console(options).print(text(result))


def tell_actions(result: Json) -> None:
    """Write outputs and summary for GitHub Actions where it runs. A release does not fail because that cannot be."""
    if not any(name.startswith("GITHUB_") for name in os.environ):
        return
    from ebcd.report import github

    try:
        github.write(result, os.environ)
    except OSError as error:
        sys.stderr.write(f"GitHub's files could not be written: {error}\n")
    if "GITHUB_ACTIONS" in os.environ and not result["ok"]:
        sys.stderr.write(github.annotation(result) + "\n")


def tell_diagnosis(options: Common, text: RenderableType) -> None:
    """Print a diagnosis to stderr. It holds an application's own words: in Actions none of them may be a command."""
    import secrets

    token = secrets.token_hex(16) if "GITHUB_ACTIONS" in os.environ else ""
    if token:
        sys.stderr.write(f"::stop-commands::{token}\n")
    console(options, stderr=True).print(text)
    if token:
        sys.stderr.write(f"::{token}::\n")


def tell_error(error: EbcdError, *, no_color: bool = False) -> None:
    """Print what happened, why, and the next command, to stderr."""
    out = _console(no_color=no_color, stderr=True)
    out.print(f"[bold red]✘[/] [bold]{_safe(error.what)}[/]")
    if error.why:
        out.print(f"  {_safe(error.why)}")
    if error.hint:
        out.print(f"  [cyan]→[/] {_safe(error.hint)}")
    for note in getattr(error, "__notes__", ()):
        out.print(f"  [dim]{_safe(note)}[/]")


def wants_json(arguments: list[str]) -> bool:
    """Whether the command line asks for JSON: known before it is parsed, for errors in the parsing."""
    return "--json" in arguments


def print_json(result: Json) -> None:
    """One JSON object, and nothing else, on stdout."""
    sys.stdout.write(json.dumps(result, indent=2) + "\n")


def _safe(text: str) -> str:
    return text.replace("[", r"\[")
