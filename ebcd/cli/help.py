"""`--help` in plain text, with commands and options under their headings, and examples at the end.

Typer would draw it with rich, whose import takes longer than everything else that `--help` does.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from typer.core import TyperCommand, TyperGroup

from ebcd.cli.examples import EXAMPLES

Rows = Iterable[tuple[str, tuple[str, str]]]
"""A heading, and a line below it: a name and what it is."""

WIDEST = 110
"""Characters of a line of help, however wide the terminal is."""
SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": WIDEST}
"""What every command's context is made with."""


class Command(TyperCommand):
    """A command whose options stand under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        _write(formatter, parameters(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _examples(ctx, formatter)


@dataclass(frozen=True, slots=True)
class Entry:
    """What `--help` shows of a command that is not imported."""

    place: str
    """Where it is."""
    heading: str
    help: str


class Group(TyperGroup):
    """A group whose commands stand under their headings."""

    entries: Mapping[str, Entry] = {}
    """Commands that are not imported yet."""

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        names: dict[str, Any] = dict.fromkeys(self.entries)
        self.commands: Any = {**names, **self.commands}

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the commands, then the group's own options."""
        entries = dict(self.entries) or {
            name: Entry("", "Commands", (self.commands[name].help or "").partition("\n")[0])
            for name in self.list_commands(ctx)
        }
        _write(formatter, ((entry.heading, (name, entry.help)) for name, entry in entries.items()))
        _write(formatter, parameters(self, ctx))

    def format_epilog(self, ctx: Any, formatter: Any) -> None:
        """Write the examples."""
        _examples(ctx, formatter)


def _examples(ctx: Any, formatter: Any) -> None:
    """Examples, each above what it does: whole, however narrow the terminal is, so that it can be copied."""
    found = EXAMPLES.get(ctx.command_path.partition(" ")[2], ())
    if not found:
        return
    formatter.write("\n")
    formatter.write_heading(_heading("Examples"))
    longest = max(len(command) for command, _ in found)
    beside = longest + 4 + max(len(what) for _, what in found) <= formatter.width
    for command, what in found:
        formatter.write(f"  {command:<{longest}}  {what}\n" if beside else f"  {command}\n      {what}\n")


def parameters(command: Any, ctx: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    """The arguments and options of a command: the heading that each stands under, its name, and what it is."""
    for parameter in command.get_params(ctx):
        if record := parameter.get_help_record(ctx):
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            yield getattr(parameter, "rich_help_panel", None) or default, record


def _write(formatter: Any, rows: Rows) -> None:
    ordered = list(rows)
    headings = list(dict.fromkeys(heading for heading, _ in ordered))
    ordered.sort(key=lambda row: headings.index(row[0]))
    for heading, lines in groupby(ordered, key=lambda row: row[0]):
        with formatter.section(_heading(heading)):
            formatter.write_dl([line for _, line in lines])


def _heading(text: str) -> str:
    """A heading, bold where colours are wanted and shown."""
    plain = "NO_COLOR" in os.environ or "--no-color" in sys.argv or not sys.stdout.isatty()
    return text if plain else f"\x1b[1m{text}\x1b[0m"
