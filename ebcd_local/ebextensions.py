""".ebextensions: what a bundle's configuration files say, by file name and key.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from ebcd_local import plain_yaml, references, sections
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
    _refuse_wrong(content)
    resources = _mapping(content, "Resources")
    given = content.get(sections.SETTINGS)
    settings = list(_settings({} if given is None else given))
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
            if not sections.fits(names, (sections.MAPPING, sections.NOTHING)):
                raise ValueError("Each option setting must be a map")
            space, resource = of_resource(str(qualified))
            yield from ((space, str(name), resource, _value(value)) for name, value in (names or {}).items())
    elif isinstance(settings, list):
        for item in settings:
            if not isinstance(item, dict) or any(
                key not in item for key, must in sections.SETTING_KEYS.items() if must
            ):
                raise ValueError("Each option setting must be a map with an option_name and a value")
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
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _refuse_wrong(content: dict[str, Any]) -> None:
    """Raise ValueError for a section that there is not, or that is not what it must be."""
    for name in content:
        if name != sections.SETTINGS and name not in sections.SECTIONS:
            raise ValueError(f"Contains invalid key: {str(name)[:100]!r}")
    for name, section in sections.SECTIONS.items():
        for entry, item in _mapping(content, name).items():
            _refuse_entry(f"{name}: {entry}", item, section)


def _refuse_entry(place: str, item: Any, section: sections.Section) -> None:
    if not sections.fits(item, section.entry):
        raise ValueError(f"{place} is {sections.kind_of(item)}")
    if not isinstance(item, dict):
        return
    for key, kinds in section.keys.items():
        if key in item and not sections.fits(item[key], kinds):
            raise ValueError(f"{place}: {key} is {sections.kind_of(item[key])}")
    if section.one_of and not any(key in item for key in section.one_of):
        raise ValueError(f"{place} has no {' or '.join(section.one_of)}")


def _mapping(content: dict[str, Any], name: str) -> dict[Any, Any]:
    found = content.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ValueError(f"{name} is no mapping")
    return found


def _commands(content: dict[str, Any], section: str) -> list[Command]:
    found = _mapping(content, section)
    return [_command(str(name), item) for name, item in sorted(found.items(), key=lambda pair: str(pair[0]))]


def _command(name: str, item: Mapping[str, Any]) -> Command:
    command = item["command"]
    return Command(
        name=name,
        command=[str(word) for word in command] if isinstance(command, list) else command,
        leader_only=_true(item.get("leader_only")),
        test=str(item.get("test", "")),
        cwd=str(item.get("cwd", "")),
        env={str(key): str(value) for key, value in (item.get("env") or {}).items()},
        ignore_errors=_true(item.get("ignoreErrors")),
    )


def _file(path: str, item: Mapping[str, Any]) -> File:
    mode, encoding = str(item.get("mode", "000644")), str(item.get("encoding", "plain"))
    if not re.fullmatch(sections.MODE, mode):
        raise ValueError(f"files: {path} has the mode {mode!r}")
    if encoding not in sections.ENCODINGS:
        raise ValueError(f"files: {path} has the encoding {encoding!r}")
    content = item.get("content")
    if mode.startswith("120"):
        return File(path, None, mode=0o120000, target=str(content))
    bits = int(mode[-3:], 8)
    if isinstance(content, dict | list):
        return File(path, None, mode=bits, document=content)
    text = None if content is None else str(content)
    if text is not None and encoding == "base64":
        return File(path, base64.b64decode("".join(text.split()), validate=True), mode=bits)
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
