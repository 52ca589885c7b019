"""What is said where a command line is wrong: what it is, the nearest name that there is, and where all are shown."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from typing import Any

import typer

from ebcd.errors import UsageError

MEANT = {
    "apply": "ship",
    "create": "ship",
    "release": "ship",
    "up": "ship",
    "upload": "publish",
    "revert": "rollback",
    "undo": "rollback",
    "back": "rollback",
    "promote": "swap",
    "switch": "swap",
    "history": "releases",
    "versions": "releases",
    "ls": "releases",
    "list": "releases",
    "info": "status",
    "ps": "status",
    "show": "status",
    "log": "logs",
    "tail": "logs",
    "config": "init",
    "new": "init",
    "setup": "init",
    "lint": "check",
    "validate": "check",
    "test": "check",
    "destroy": "retire",
    "terminate": "retire",
    "delete": "retire",
    "cancel": "abort",
    "stop": "abort",
    "freeze": "hold",
    "pause": "hold",
    "unlock": "lock",
    "console": "open",
    "browse": "open",
    "upgrade": "patch",
}
"""What other tools call it, and what it is here."""
_COMMAND = re.compile(r"No such command '(?P<name>.*?)'\.")
_EXTRA = re.compile(r"Got unexpected extra arguments?\(?s?\)? \((?P<words>.*)\)")
_NUMBER = re.compile(r"'?(?P<value>.*?)'? is not (?:a valid|in the range) ")


def mistyped(error: Any, arguments: list[str]) -> UsageError:
    """The error for a command line that Typer refuses: its kinds are told apart by what Typer's errors hold."""
    path = error.ctx.command_path if getattr(error, "ctx", None) else _path(arguments)
    if command := _COMMAND.match(error.message or ""):
        return _no_command(error, path, command["name"])
    if type(error).__name__ == "NoSuchOption":
        return _no_option(error, path)
    return _wrong(_sentence(error, path), "The command line is wrong.", f"{path} --help")


def _no_command(error: Any, path: str, name: str) -> UsageError:
    what = f"{path} has no command {name!r}."
    if path == "ebcd" and name in MEANT:
        return _wrong(what, "Other tools call it so.", f"Did you mean ebcd {MEANT[name]}?")
    return _wrong(what, _meant(name, error.ctx.command.list_commands(error.ctx)), f"{path} --help")


def _no_option(error: Any, path: str) -> UsageError:
    name = error.option_name
    what, own = f"{path} has no option {name}.", _options(error.ctx.command)
    others = [found for found in _commands_with(name) if found not in path.split()]
    hint = f"{name} is an option of: {', '.join(f'ebcd {found}' for found in others)}" if others else f"{path} --help"
    return _wrong(what, _meant(name, own), hint)


def _wrong(what: str, why: str, hint: str) -> UsageError:
    return UsageError(what, why=why, hint=hint, code="usage")


def _meant(word: str, names: Iterable[str]) -> str:
    """The question for the nearest of some names; a plain sentence where none is near."""
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"Did you mean {near[0]}?" if near else "The command line is wrong."


def _sentence(error: Any, path: str) -> str:
    """What is wrong with values and words."""
    message, kind = str(error.format_message()), type(error).__name__
    if kind == "BadOptionUsage":
        takes = "takes no value" if "not take" in message else "needs a value"
        return f"{path} {error.option_name} {takes}."
    if kind == "MissingParameter" and getattr(error, "param", None):
        return f"{path} needs {error.param.make_metavar(error.ctx)}."
    if extra := _EXTRA.match(message):
        return f"{path} takes fewer words: {extra['words']} is too much."
    if kind == "BadParameter" and (number := _number(error)):
        return number
    return message


def _number(error: Any) -> str:
    """What is wrong with a number; empty for what is none."""
    parameter, found = getattr(error, "param", None), _NUMBER.match(error.message or "")
    if parameter is None or found is None or not parameter.type.name.startswith("int"):
        return ""
    low, high = getattr(parameter.type, "min", None), getattr(parameter.type, "max", None)
    span = f" of at least {low}" if low is not None and high is None else ""
    span = f" from {low} to {high}" if low is not None and high is not None else span
    return f"{max(parameter.opts, key=len)} takes a whole number{span}, not {found['value']!r}."


def _path(arguments: list[str]) -> str:
    """The command that a line names, for errors that do not tell it."""
    context: Any = None
    command: Any = typer.main.get_command(_app())
    words = ["ebcd"]
    for word in (item for item in arguments if not item.startswith("-")):
        command = command.get_command(context, word) if hasattr(command, "list_commands") else None
        command = command.loaded() if hasattr(command, "loaded") else command
        if command is None:
            break
        words.append(command.name or word)
    return " ".join(words)


def _commands_with(option: str) -> list[str]:
    """The commands that have an option."""
    from ebcd.cli.app import COMMANDS

    group: Any = typer.main.get_command(_app())
    return [name for name in COMMANDS if option in _options(group.get_command(None, name).loaded())]


def _options(command: Any) -> list[str]:
    """The names of a command's options, the long ones first: a typing error is more often in one of them."""
    names = [name for parameter in command.params for name in parameter.opts if name.startswith("-")]
    return sorted(names, key=len, reverse=True)


def _app() -> Any:
    from ebcd.cli.app import app

    return app
