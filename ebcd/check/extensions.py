""".ebextensions as Beanstalk reads them: which files, in which order, and what option settings they make.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from ebcd.documents import LIMIT, BadDocument, json_of, yaml_of
from ebcd.model import OptionSetting, Place, by_place

FOLDER = ".ebextensions/"
YAML_LIMIT = LIMIT
"""Bytes of a file that are parsed."""
_PROPERTIES = "aws:elasticbeanstalk:application:environment"


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    data: bytes
    link: bool = False
    """Whether it is a symbolic link, whose data is where it leads."""


def is_read(path: str) -> bool:
    """Whether Beanstalk reads the file."""
    return path.startswith(FOLDER) and path.count("/") == 1 and path.endswith(".config")


def option_settings(files: Mapping[str, File]) -> tuple[OptionSetting, ...]:
    """What all files set together, the later name winning. Invalid files count as Beanstalk counts them: not at all."""
    found: dict[Place, OptionSetting] = {}
    for path in sorted(filter(is_read, files)):
        try:
            options = options_of(load(files[path].data))
        except ValueError:
            continue
        found |= by_place(options)
    return tuple(sorted(found.values()))


def load(data: bytes) -> Any:
    """A file's content, in YAML or in JSON, of which YAML refuses that with tabs. Raises BadDocument."""
    try:
        return yaml_of(data)
    except BadDocument:
        if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raise
        with suppress(BadDocument):
            return json_of(data.removeprefix(b"\xef\xbb\xbf"))
        raise


def options_of(content: Any) -> list[OptionSetting]:
    """The option settings of a file's content, in either form. Raises ValueError."""
    settings = content.get("option_settings") if isinstance(content, dict) else None
    if settings is None:
        return []
    if isinstance(settings, dict) and all(isinstance(names, dict) for names in settings.values()):
        return [OptionSetting.named(str(space), str(name), _value(value))
                for space, names in settings.items() for name, value in names.items()]  # fmt: skip
    if isinstance(settings, list) and all(isinstance(item, dict) and "option_name" in item for item in settings):
        return [OptionSetting.named(str(item.get("namespace", _PROPERTIES)), str(item["option_name"]),
                                    _value(item.get("value", "")), str(item.get("resource_name") or ""))
                for item in settings]  # fmt: skip
    raise ValueError("option_settings must map namespaces to options, or list namespace, option_name and value")


def _value(value: Any) -> str:
    if isinstance(value, dict | list):  # a document of JSON
        return json.dumps(value, default=str)
    return str(value).lower() if isinstance(value, bool) else str(value)
