""".ebextensions: what a bundle's configuration files say, by file name and key.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ebcd_local import plain_yaml, references
from ebcd_local.archive import BadArchive, opened
from ebcd_local.setting_keys import ENVIRONMENT, of_resource

Options = dict[tuple[str, str], str]


@dataclass(frozen=True, slots=True)
class Command:
    """A command: of `commands` before the bundle is unpacked, of `container_commands` in the staged application."""

    name: str
    command: str | list[str]
    leader_only: bool = False
    test: str = ""
    cwd: str = ""
    env: dict[str, str] = field(default_factory=dict)
    ignore_errors: bool = False


@dataclass(frozen=True, slots=True)
class File:
    """A file to be written on the instance."""

    path: str
    content: str | bytes | None
    """None: it comes from `source`, or is a document."""
    source: str = ""
    mode: int = 0o644
    target: str = ""
    """Where it leads, when it is a link."""
    document: Any = None
    """Content that is written as JSON, or a function that says the content."""


@dataclass(frozen=True, slots=True)
class Extensions:
    """What all files say together."""

    options: Options = field(default_factory=dict)
    scheduled: Options = field(default_factory=dict)
    """Those of scheduled actions, by the action's name and the option's."""
    files: tuple[File, ...] = ()
    sources: tuple[tuple[str, str], ...] = ()
    """Folder and the URL of an archive that is unpacked there."""
    commands: tuple[Command, ...] = ()
    container_commands: tuple[Command, ...] = ()
    reported: tuple[str, ...] = ()
    """What would change the machine: packages, groups, users, services."""
    resources: dict[str, Any] = field(default_factory=dict)
    """CloudFormation resources by logical name."""
    outputs: dict[str, Any] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    """Files that were skipped whole, a sentence each."""


def read(bundle: Path) -> Extensions:
    """What a bundle's .ebextensions say: nothing where it cannot be read. A file that is invalid is skipped whole, as
    the service does.
    """
    whole = Extensions()
    try:
        files = list(_files(bundle))
    except (BadArchive, OSError) as error:  # OSError: a damaged archive may point before its beginning
        return Extensions(problems=(str(error),))
    for name, text in files:
        try:
            whole = _joined(whole, _extensions(plain_yaml.mapping(text)))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError, yaml.YAMLError) as error:
            problem = f"The configuration file {name} in the application version is invalid: {_line(error)}"
            whole = replace(whole, problems=(*whole.problems, problem))
    leaders_first = sorted(whole.container_commands, key=lambda item: not item.leader_only)
    return replace(whole, container_commands=tuple(leaders_first))


def with_references(found: Extensions, known: Mapping[str, str], resources: Mapping[str, str]) -> Extensions:
    """The same, with what its files refer to put in: what `known` says, and what the environment's stack says."""
    return replace(found, files=tuple(_written(file, known, resources) for file in found.files))


def _written(file: File, known: Mapping[str, str], resources: Mapping[str, str]) -> File:
    if file.document is not None:
        content = references.in_document(file.document, known, resources)
        return replace(file, content=content if isinstance(content, str) else json.dumps(content), document=None)
    if isinstance(file.content, str):
        return replace(file, content=references.in_text(file.content, known, resources))
    return file


def _extensions(content: dict[str, Any]) -> Extensions:
    """What one file says. Raises ValueError, TypeError, KeyError or AttributeError for what it may not say."""
    resources = _mapping(content, "Resources")
    settings = list(_settings(content.get("option_settings") or {}))
    return Extensions(
        options={(space, name): value for space, name, resource, value in settings if not resource},
        scheduled={(resource, name): value for _, name, resource, value in settings if resource},
        files=tuple(_file(str(path), item) for path, item in sorted(_mapping(content, "files").items())),
        sources=tuple((str(folder), str(url)) for folder, url in sorted(_mapping(content, "sources").items())),
        commands=tuple(_commands(content, "commands")),
        container_commands=tuple(_commands(content, "container_commands")),
        reported=tuple(_reported(content)),
        resources={str(name): dict(item) for name, item in resources.items()},
        outputs={str(name): dict(item) for name, item in _mapping(content, "Outputs").items()},
    )


def _joined(first: Extensions, second: Extensions) -> Extensions:
    return Extensions(
        options=first.options | second.options,
        scheduled=first.scheduled | second.scheduled,
        files=first.files + second.files,
        sources=first.sources + second.sources,
        commands=first.commands + second.commands,
        container_commands=first.container_commands + second.container_commands,
        reported=first.reported + second.reported,
        resources=first.resources | second.resources,
        outputs=first.outputs | second.outputs,
        problems=first.problems,
    )


def _files(bundle: Path) -> Iterator[tuple[str, bytes]]:
    with opened(bundle) as archive:
        for name in sorted(archive.namelist()):
            if not fnmatchcase(name, ".ebextensions/*.config") or name.count("/") > 1:
                continue
            with archive.open(name) as stream:
                yield name, stream.read(plain_yaml.FILE_LIMIT + 1)


def _settings(settings: Any) -> Iterator[tuple[str, str, str, str]]:
    """Namespace, name, resource and value of both YAML forms: namespace → name → value, where a resource may come
    before the namespace and a dot; and a list of namespace, resource_name, option_name, value.
    """
    if isinstance(settings, dict):
        for qualified, names in settings.items():
            space, resource = of_resource(str(qualified))
            yield from ((space, str(name), resource, _value(value)) for name, value in dict(names).items())
    elif isinstance(settings, list):
        for item in settings:
            space, resource = of_resource(str(item.get("namespace", ENVIRONMENT)), str(item.get("resource_name") or ""))
            yield space, str(item["option_name"]), resource, _value(item["value"])
    else:
        raise ValueError("option_settings is neither a mapping nor a list")


def _value(value: Any) -> str:
    """A value as the service takes it: a mapping is a function of a template, or a document of JSON."""
    if isinstance(value, dict | list):
        text = json.dumps(value)
        return f"`{text}`" if references.is_function(value) else text
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(content: dict[str, Any], name: str) -> dict[Any, Any]:
    found = content.get(name) or {}
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no mapping")
    return found


def _commands(content: dict[str, Any], section: str) -> list[Command]:
    found = _mapping(content, section)
    return [_command(section, str(name), item) for name, item in sorted(found.items(), key=lambda pair: str(pair[0]))]


def _command(section: str, name: str, item: Any) -> Command:
    if not isinstance(item, dict) or not isinstance(item.get("command"), str | list):
        raise ValueError(f"{section}: {name} has no command")
    command = item["command"]
    return Command(
        name=name,
        command=[str(word) for word in command] if isinstance(command, list) else command,
        leader_only=_true(item.get("leader_only")),
        test=str(item.get("test", "")),
        cwd=str(item.get("cwd", "")),
        env={str(key): str(value) for key, value in dict(item.get("env") or {}).items()},
        ignore_errors=_true(item.get("ignoreErrors")),
    )


def _file(path: str, item: Any) -> File:
    if not isinstance(item, dict) or ("content" not in item and "source" not in item):
        raise ValueError(f"files: {path} has neither content nor source")
    mode = str(item.get("mode", "000644"))
    if not mode.isdigit() or not 0 < len(mode) <= 6:
        raise ValueError(f"files: {path} has the mode {mode!r}")
    content = item.get("content")
    if mode.startswith("120"):
        return File(path, None, mode=0o120000, target=str(content))
    bits = int(mode[-3:], 8)
    if isinstance(content, dict | list):
        return File(path, None, mode=bits, document=content)
    text = None if content is None else str(content)
    if text is not None and str(item.get("encoding", "plain")) == "base64":
        return File(path, base64.b64decode(text, validate=True), mode=bits)
    return File(path, text, source=str(item.get("source", "")), mode=bits)


def _reported(content: dict[str, Any]) -> Iterator[str]:
    """What is told and not done: it would change the machine, not the instance."""
    for section in ("packages", "groups", "users", "services"):
        for name, items in _mapping(content, section).items():
            told = ", ".join(map(str, items)) if isinstance(items, dict | list) else ""
            yield f"{section}: {name}{f' ({told})' if told else ''}"


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]
