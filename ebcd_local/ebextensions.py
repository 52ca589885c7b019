""".ebextensions: option settings and container commands, by file name and key.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions.html
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

Options = dict[tuple[str, str], str]
ENVIRONMENT = "aws:elasticbeanstalk:application:environment"
FILE_LIMIT = 1_000_000
"""Bytes of one file that are read."""


@dataclass(frozen=True, slots=True)
class ContainerCommand:
    """A command that runs in the staged application before it starts."""

    name: str
    command: str | list[str]
    leader_only: bool = False
    test: str = ""
    cwd: str = ""
    env: dict[str, str] = field(default_factory=dict)
    ignore_errors: bool = False


@dataclass(frozen=True, slots=True)
class Extensions:
    """What all files say together."""

    options: Options
    container_commands: tuple[ContainerCommand, ...]
    problems: tuple[str, ...]
    """Files that were skipped whole, a sentence each."""


def read(bundle: Path) -> Extensions:
    """What a bundle's .ebextensions say. A file that is invalid is skipped whole, as the service does."""
    options: Options = {}
    commands: list[ContainerCommand] = []
    problems = []
    for name, text in _files(bundle):
        try:
            content = _parse(text)
            found = _options(content.get("option_settings") or {})
            run = _commands(content.get("container_commands") or {})
        except (ValueError, yaml.YAMLError) as error:
            problems.append(f"The configuration file {name} in the application version is invalid: {_line(error)}")
            continue
        options |= found
        commands += run
    leaders_first = sorted(commands, key=lambda item: not item.leader_only)
    return Extensions(options, tuple(leaders_first), tuple(problems))


def option_settings(bundle: Path) -> Options:
    """The option settings alone."""
    return read(bundle).options


def _files(bundle: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(bundle) as archive:
        for name in sorted(archive.namelist()):
            if not fnmatchcase(name, ".ebextensions/*.config") or name.count("/") > 1:
                continue
            with archive.open(name) as stream:
                yield name, stream.read(FILE_LIMIT + 1)


def _parse(text: bytes) -> dict[str, Any]:
    if len(text) > FILE_LIMIT:
        raise ValueError(f"it has more than {FILE_LIMIT:,} bytes")
    content = yaml.load(text.decode(), Loader=_Loader)  # noqa: S506 - a SafeLoader
    if not isinstance(content, dict):
        raise ValueError("it is no mapping")
    return content


class _Loader(yaml.SafeLoader):
    """Safe, and without aliases: a few lines of them can stand for gigabytes."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise ValueError("aliases are refused")
        return super().compose_node(parent, index)


def _options(settings: Any) -> Options:
    """Both YAML forms: namespace → name → value, and a list of namespace, option_name, value."""
    if isinstance(settings, dict):
        return {(str(space), str(name)): _value(value)
                for space, names in settings.items() for name, value in dict(names).items()}  # fmt: skip
    if isinstance(settings, list):
        return {(str(item.get("namespace", ENVIRONMENT)), str(item["option_name"])): _value(item["value"])
                for item in settings}  # fmt: skip
    raise ValueError("option_settings is neither a mapping nor a list")


def _value(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _commands(found: Any) -> list[ContainerCommand]:
    if not isinstance(found, dict):
        raise ValueError("container_commands is no mapping")
    return [_command(str(name), item) for name, item in sorted(found.items(), key=lambda pair: str(pair[0]))]


def _command(name: str, item: Any) -> ContainerCommand:
    if not isinstance(item, dict) or "command" not in item:
        raise ValueError(f"container_commands: {name} has no command")
    return ContainerCommand(
        name=name,
        command=item["command"],
        leader_only=_true(item.get("leader_only")),
        test=str(item.get("test", "")),
        cwd=str(item.get("cwd", "")),
        env={str(key): str(value) for key, value in dict(item.get("env") or {}).items()},
        ignore_errors=_true(item.get("ignoreErrors")),
    )


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
