"""The commands of ebcd in a text that is shown to people, and whether ebcd takes them."""

from __future__ import annotations

import re
import shlex
from typing import Any

import typer

from ebcd.cli.app import COMMANDS, app

STAGELESS = frozenset({"bundle", "check", "eb", "help", "init", "local", "open"})
"""Commands that work without a stage being named."""
_WORD = r"(?:'[^']*'|\"[^\"]*\"|[^\s'\",;]+)"
_COMMAND = re.compile(rf"\bebcd (?:{'|'.join(COMMANDS)})\b(?: {_WORD})*")
_OPTIONS = {"-a", "-s", "--region", "--profile", "--endpoint-url", "--config"}


def commands(text: str) -> list[list[str]]:
    """The commands that a text holds, each from `ebcd` to the last of the options that name a stage; without any of
    them to the end of what is an option or the first word behind the command.
    """
    return [_trimmed(shlex.split(found.group().rstrip(".:)"))) for found in _COMMAND.finditer(text)]


def _trimmed(words: list[str]) -> list[str]:
    """A command without the sentence that goes on behind it."""
    named = [index for index, word in enumerate(words) if word in _OPTIONS and index + 1 < len(words)]
    if named:
        return words[: max(named) + 2]
    return next((words[:size] for size in range(len(words), 1, -1) if parses(words[:size])), words)


def parses(words: list[str]) -> bool:
    """Whether ebcd takes a command line, as far as that shows without running it."""
    command: Any = typer.main.get_command(app)
    context, rest = command.make_context("ebcd", ["status"]), words[1:]
    try:
        while hasattr(command, "resolve_command"):
            _, command, rest = command.resolve_command(context, rest)
            if hasattr(command, "loaded"):
                command = command.loaded()
            context = typer.Context(command, info_name=words[1], parent=context)
        command.make_parser(context).parse_args(list(rest))
        command.make_context(words[1], list(rest), parent=context)
    except Exception:
        return False
    return True
