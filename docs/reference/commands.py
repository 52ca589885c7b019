"""The commands as data, read from the Typer application itself: what `--help` prints is made of the same."""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import typer

from ebcd.cli.app import COMMANDS, app
from ebcd.cli.examples import EXAMPLES, Example
from ebcd.cli.help import WIDEST, parameters
from ebcd_local.__main__ import parser as local_parser

Row = tuple[str, str]
"""An argument or an option as it is typed, and what it is."""


@dataclass(frozen=True, slots=True)
class Section:
    """A heading of a command's help, and what stands under it."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Command:
    """One command."""

    words: tuple[str, ...]
    """What is typed behind `ebcd`: `("preview", "up")`."""
    topic: str
    """The heading that `ebcd --help` shows it under."""
    usage: str
    summary: str
    """The first line of what it does."""
    text: str
    """What it does, whole: paragraphs with empty lines between them."""
    sections: tuple[Section, ...]
    examples: tuple[Example, ...]
    children: tuple[Command, ...] = ()
    """The commands of a group."""
    table: str = ""
    """What its help shows below all that, laid out in lines."""

    @property
    def name(self) -> str:
        """What is typed."""
        return " ".join(("ebcd", *self.words))

    def all(self) -> Iterator[Command]:
        """The command and those below it."""
        yield self
        for child in self.children:
            yield from child.all()


def commands() -> tuple[Command, ...]:
    """Every command, in the order of `ebcd --help`."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="ebcd", **_settings(group))
    return tuple(
        _command(group.get_command(context, name).loaded(), context, (name,), entry.heading)
        for name, entry in COMMANDS.items()
    )


def root() -> Command:
    """`ebcd` itself, with the options that stand before a command."""
    group: Any = typer.main.get_command(app)
    context = typer.Context(group, info_name="ebcd", **_settings(group))
    return Command((), "", _usage(group, context), group.help, group.help, _sections(group, context), ())


def _settings(command: Any) -> dict[str, Any]:
    return {**command.context_settings, "terminal_width": WIDEST, "ignore_unknown_options": True}


def _command(command: Any, parent: Any, words: tuple[str, ...], topic: str) -> Command:
    context = typer.Context(command, info_name=words[-1], parent=parent, **_settings(command))
    text = inspect.cleandoc(command.help or "")
    children: tuple[Command, ...] = ()
    if hasattr(command, "commands"):
        named = command.list_commands(context)
        children = tuple(_command(command.commands[name], context, (*words, name), topic) for name in named)
    local = _local_parser(words)
    return Command(
        words,
        topic,
        _usage_of(local) if local else _usage(command, context),
        text.partition("\n")[0],
        text,
        _local_sections(local) if local else _sections(command, context),
        EXAMPLES.get(" ".join(words), ()),
        children,
        inspect.cleandoc(local.epilog or "") if local else "",
    )


def _usage(command: Any, context: Any) -> str:
    return " ".join(command.get_usage(context).removeprefix("Usage: ").split())


def _sections(command: Any, context: Any) -> tuple[Section, ...]:
    found: dict[str, list[Row]] = {}
    for heading, (name, text) in parameters(command, context):
        found.setdefault(heading, []).append((name, " ".join(text.split())))
    return tuple(Section(heading, tuple(rows)) for heading, rows in found.items())


def _local_parser(words: tuple[str, ...]) -> argparse.ArgumentParser | None:
    """What `ebcd local COMMAND` passes its words on to: the local Beanstalk's own parser."""
    if len(words) != 2 or words[0] != "local":
        return None
    groups = [item for item in local_parser()._actions if isinstance(item, argparse._SubParsersAction)]
    found = groups[0].choices[words[1]]
    assert isinstance(found, argparse.ArgumentParser)
    return found


def _usage_of(parser: argparse.ArgumentParser) -> str:
    words = " ".join(parser.format_usage().removeprefix("usage: ").split())
    return words.replace(parser.prog, f"ebcd local {parser.prog.rpartition(' ')[2]}")


def _local_sections(parser: argparse.ArgumentParser) -> tuple[Section, ...]:
    found: dict[str, list[Row]] = {}
    for action in parser._actions:
        heading = "Options" if action.option_strings else "Arguments"
        found.setdefault(heading, []).append((_typed(action), action.help or ""))
    return tuple(Section(heading, tuple(found[heading])) for heading in ("Arguments", "Options") if heading in found)


def _typed(action: argparse.Action) -> str:
    """An argument as it is typed."""
    choices = "{" + ",".join(map(str, action.choices)) + "}" if action.choices else ""
    value = str(action.metavar or choices or action.dest.upper())
    if not action.option_strings:
        return str(action.metavar or choices or action.dest)
    names = ", ".join(action.option_strings)
    return names if action.nargs == 0 else f"{names} {value}"
