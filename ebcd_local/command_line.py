"""The parser of `ebcd local`'s command line: what it refuses is an error like every other one, in text and in JSON."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any, NoReturn

from ebcd_local.daemon import DaemonError
from ebcd_local.fault_places import nearest

_ARGUMENT = re.compile(r"argument (?P<name>\S+?): (?P<said>.*)", re.DOTALL)
_SAID = {
    r"expected (?:one|at least one) argument": "needs a value",
    r"ignored explicit argument (?P<value>'.*')": "takes no value, not even {value}",
    r"invalid int value: (?P<value>'.*')": "takes a whole number, not {value}",
    r"invalid choice: (?P<value>'.*') \(choose from (?P<known>.*)\)": "takes one of {known}, not {value}",
}
"""What argparse says of a value, and what is said here."""


class Parser(argparse.ArgumentParser):
    """A parser that raises DaemonError (code `usage`) where argparse would print its usage and exit."""

    def error(self, message: str) -> NoReturn:
        """Refuse a command line."""
        raise _refused(self, *_sentence(self.prog, message))

    def parse_all(self, words: Sequence[str] | None) -> argparse.Namespace:
        """What a command line says. Raises DaemonError, also for words that its command does not take."""
        given, left = self.parse_known_args(words)
        if left:
            command = _command(self, given.command)
            raise _refused(command, *_unknown(command, left))
        return given


def _command(parser: argparse.ArgumentParser, name: str) -> argparse.ArgumentParser:
    """The parser of one of a parser's commands."""
    choices: Any = next(action.choices for action in parser._actions if isinstance(action.choices, dict))
    found: argparse.ArgumentParser = choices[name]
    return found


def _unknown(parser: argparse.ArgumentParser, left: Sequence[str]) -> tuple[str, str]:
    """What is wrong with the first word that nothing takes, and what was probably meant."""
    word = next((item for item in left if item.startswith("-")), left[0]).partition("=")[0]
    if not word.startswith("-"):
        return f"{parser.prog} takes fewer words: {word} is too much.", ""
    near = nearest(word, (name for action in parser._actions for name in action.option_strings))
    return f"{parser.prog} has no option {word}.", f"Did you mean {near}?" if near else ""


def _sentence(program: str, message: str) -> tuple[str, str]:
    """What argparse says, as a sentence about the command, and why."""
    argument = _ARGUMENT.fullmatch(message)
    if argument is None:
        return f"{program}: {message}.", ""
    for pattern, sentence in _SAID.items():
        if said := re.fullmatch(pattern, argument["said"]):
            return f"{program} {argument['name']} {sentence.format(**said.groupdict())}.", ""
    said_of = argument["said"].rstrip(".")
    what, _, why = said_of.partition(". ")
    return f"{what[:1].upper()}{what[1:]}.", f"{why}." if why else f"{argument['name']} of {program} is wrong."


def _refused(parser: argparse.ArgumentParser, what: str, why: str) -> DaemonError:
    return DaemonError("usage", what, why or "The command line is wrong.", f"{parser.prog} --help")
