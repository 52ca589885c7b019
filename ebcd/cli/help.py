"""`--help` in plain text, with commands and options under their headings.

Typer would draw it with rich, whose import takes longer than everything else that `--help` does.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from typer.core import TyperCommand, TyperGroup

Rows = Iterable[tuple[str, tuple[str, str]]]
"""A heading, and a line below it: a name and what it is."""


class Command(TyperCommand):
    """A command whose options stand under the headings of their panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments and options."""
        _write(formatter, _parameters(self, ctx))


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
            name: Entry("", "Commands", self.commands[name].get_short_help_str(formatter.width))
            for name in self.list_commands(ctx)
        }
        _write(formatter, ((entry.heading, (name, entry.help)) for name, entry in entries.items()))
        _write(formatter, _parameters(self, ctx))


def _parameters(command: Any, ctx: Any) -> Iterator[tuple[str, tuple[str, str]]]:
    for parameter in command.get_params(ctx):
        if record := parameter.get_help_record(ctx):
            default = "Arguments" if parameter.param_type_name == "argument" else "Options"
            yield getattr(parameter, "rich_help_panel", None) or default, record


def _write(formatter: Any, rows: Rows) -> None:
    ordered = list(rows)
    headings = list(dict.fromkeys(heading for heading, _ in ordered))
    ordered.sort(key=lambda row: headings.index(row[0]))
    for heading, lines in groupby(ordered, key=lambda row: row[0]):
        with formatter.section(heading):
            formatter.write_dl([line for _, line in lines])
