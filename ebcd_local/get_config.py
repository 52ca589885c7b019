"""`/opt/elasticbeanstalk/bin/get-config`: what an instance's scripts ask about their environment.

It is copied into each instance and run there by a Python of its own, so it uses the standard library alone.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/custom-platforms-scripts.html
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

CONFIGURATION = Path("deployment") / "configuration.json"
"""Where the answers lie, below /opt/elasticbeanstalk."""
_PLAIN = re.compile(r"[A-Za-z0-9_/][A-Za-z0-9_./:@%+-]*")
"""Texts that mean themselves in YAML, unless it reads them as a number, a boolean or nothing."""
_NO_TEXT = re.compile(r"(?i)[-+.\d].*|true|false|yes|no|on|off|null|y|n")


class NotFound(Exception):
    """There is no such key, namespace or add-on; the message names it."""


def main(words: Sequence[str], configuration: Mapping[str, Any]) -> int:
    """Print what is asked for; the exit code."""
    given = _parser().parse_args(words)
    try:
        found = _find(given, configuration)
    except NotFound as error:
        sys.stderr.write(f"Error: {error}\n")
        return 1
    sys.stdout.write((found if isinstance(found, str) else _document(found, given.output)) + "\n")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="get-config")
    parser.add_argument("--output", type=str.upper, choices=["JSON", "YAML"], default="JSON")
    commands = parser.add_subparsers(dest="command", required=True)
    settings = commands.add_parser("optionsettings")
    settings.add_argument("-n", "--namespace")
    settings.add_argument("-o", "--option-name")
    commands.add_parser("addons").add_argument("-a", "--add-on")
    commands.add_parser("instanceid")
    for name in ("environment", "container", "platformconfig"):
        commands.add_parser(name)
    for name in ("environment", "container", "platformconfig", "addons"):
        commands.choices[name].add_argument("-k", "--key")
    return parser


def _find(given: argparse.Namespace, configuration: Mapping[str, Any]) -> Any:
    """What a command answers: a text, or a mapping. Raises NotFound."""
    answer = configuration[given.command]
    match given.command:
        case "optionsettings" if given.namespace:
            space = _of(answer, given.namespace, "namespace")
            return _of(space, given.option_name, "option") if given.option_name else space
        case "optionsettings" if given.option_name:
            raise NotFound("an option name needs a namespace")
        case "addons" if given.add_on:
            add_on = _of(answer, given.add_on, "add-on")
            return _of(add_on["env"], given.key, "key") if given.key else add_on
        case "platformconfig" if given.key:
            return _of({name: value for part in answer.values() for name, value in part.items()}, given.key, "key")
        case "environment" | "container" if given.key:
            return _of(answer, given.key, "key")
    return answer


def _of(found: Mapping[str, Any], name: str, what: str) -> Any:
    if name not in found:
        raise NotFound(f"there is no {what} {name}")
    return found[name]


def _document(found: Any, output: str) -> str:
    if output == "JSON":
        return json.dumps(found, sort_keys=True, separators=(",", ":"))
    return "\n".join(_yaml(found))


def _yaml(found: Mapping[str, Any], indent: str = "") -> list[str]:
    """The lines of a mapping of texts, lists of texts and mappings."""
    lines = []
    for name, value in sorted(found.items()):
        nested = isinstance(value, Mapping) and value
        lines.append(f"{indent}{_scalar(name)}:" + ("" if nested else f" {_scalar(value)}"))
        lines += _yaml(value, indent + "  ") if nested else []
    return lines


def _scalar(value: Any) -> str:
    plain = isinstance(value, str) and _PLAIN.fullmatch(value) and not _NO_TEXT.fullmatch(value) and value[-1] != ":"
    return value if plain else json.dumps(value)


if __name__ == "__main__":
    where = Path(__file__).resolve().parent.parent / CONFIGURATION
    sys.exit(main(sys.argv[1:], json.loads(where.read_text())))
