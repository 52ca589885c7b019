""".ebextensions as Beanstalk reads them: which files, in which order, and what option settings they make.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from ebcd.check import sections
from ebcd.check.files import File
from ebcd.documents import LIMIT, BadDocument, YamlPlace, yaml_of, yaml_places
from ebcd.model import OptionSetting, Place, by_place

FOLDER = ".ebextensions/"
ENVIRONMENT = "aws:elasticbeanstalk:application:environment"
"""The namespace of environment properties, and of what names none."""
YAML_LIMIT = LIMIT
"""Bytes of a file that are parsed."""


class BadSetting(ValueError):
    """An option setting that is none."""

    def __init__(self, what: str, *place: str) -> None:
        super().__init__(what)
        self.place = (sections.SETTINGS, *place)
        """The keys that lead to it."""


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
    """A file's content, which is not to be changed: it is read once. Raises BadDocument."""
    found = _read(data)
    if isinstance(found, BadDocument):
        raise found
    return found


@lru_cache(maxsize=128)
def _read(data: bytes) -> Any:
    try:
        return yaml_of(data)
    except BadDocument as error:
        return error


@lru_cache(maxsize=128)
def places(data: bytes) -> Mapping[tuple[str, ...], YamlPlace]:
    """Where the values of a file stand; nothing where that is not known, as in JSON with tabs."""
    try:
        return yaml_places(data)
    except BadDocument:
        return {}


def options_of(content: Any) -> list[OptionSetting]:
    """The option settings of a file's content, in either form. Raises BadSetting."""
    settings = content.get(sections.SETTINGS) if isinstance(content, dict) else None
    if settings is None:
        return []
    if isinstance(settings, dict):
        return [
            OptionSetting.named(str(space), str(name), _value(value))
            for space, names in settings.items()
            for name, value in _named(str(space), names).items()
        ]
    if isinstance(settings, list):
        return [_setting(number, item) for number, item in enumerate(settings, 1)]
    raise BadSetting(f"option_settings is {sections.kind_of(settings)}, not a mapping of namespaces or a list")


def _named(space: str, names: Any) -> dict[Any, Any]:
    """The options of a namespace."""
    if not sections.fits(names, (sections.MAPPING, sections.NOTHING)):
        what = f"option_settings: {space} is {sections.kind_of(names)}, not a mapping of options to values"
        raise BadSetting(what, space)
    return names or {}


def _setting(number: int, item: Any) -> OptionSetting:
    """One setting of the list."""
    if not isinstance(item, dict):
        what = f"option_settings: setting {number} is {sections.kind_of(item)}, not a mapping"
        raise BadSetting(what, str(number - 1))
    for key, must in sections.SETTING_KEYS.items():
        if must and key not in item:
            raise BadSetting(f"option_settings: setting {number} has no {key}", str(number - 1))
    space = str(item.get("namespace", ENVIRONMENT))
    return OptionSetting.named(
        space, str(item["option_name"]), _value(item["value"]), str(item.get("resource_name") or "")
    )


def _value(value: Any) -> str:
    if isinstance(value, dict | list):  # a document of JSON
        return json.dumps(value, default=str)
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)
