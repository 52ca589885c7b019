"""What each section of a file in .ebextensions may hold. The local Beanstalk has the same rules (a test compares them).

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-ec2.html,
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-resources.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MAPPING, LIST, TEXT, SCALAR, NOTHING = "a mapping", "a list", "a text", "a text or a number", "nothing"
"""Kinds of values. A text is a string; a number, a truth value and a date are scalars, too."""


@dataclass(frozen=True, slots=True)
class Section:
    """One section: a mapping of names to entries."""

    entry: tuple[str, ...]
    """The kinds that an entry may have."""
    keys: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What an entry that is a mapping may say, and the kinds of that; none: anything."""
    one_of: tuple[str, ...] = ()
    """Keys of which an entry must have one."""


_COMMAND: Mapping[str, tuple[str, ...]] = {
    "command": (TEXT, LIST),
    "env": (MAPPING, NOTHING),
    "cwd": (SCALAR,),
    "test": (SCALAR,),
    "ignoreErrors": (SCALAR,),
}
SECTIONS: Mapping[str, Section] = {
    "packages": Section((MAPPING, LIST, NOTHING)),
    "groups": Section((MAPPING, NOTHING)),
    "users": Section((MAPPING, NOTHING)),
    "sources": Section((SCALAR,)),
    "files": Section(
        (MAPPING,),
        {
            "content": (SCALAR, MAPPING, LIST),
            "source": (SCALAR,),
            "mode": (SCALAR,),
            "owner": (SCALAR,),
            "group": (SCALAR,),
            "encoding": (SCALAR,),
            "context": (MAPPING,),
            "authentication": (SCALAR,),
        },
        ("content", "source"),
    ),
    "commands": Section((MAPPING,), {**_COMMAND, "waitAfterCompletion": (SCALAR,)}, ("command",)),
    "container_commands": Section((MAPPING,), {**_COMMAND, "leader_only": (SCALAR,)}, ("command",)),
    "services": Section((MAPPING,)),
    "Resources": Section((MAPPING,)),
    "Outputs": Section((MAPPING,)),
    "Mappings": Section((MAPPING,)),
    "Parameters": Section((MAPPING,)),
    "Conditions": Section((MAPPING,)),
}
SETTINGS = "option_settings"
"""The one section with two forms: a mapping of namespaces to mappings of options, or a list of settings."""
SETTING_KEYS = {"namespace": False, "resource_name": False, "option_name": True, "value": True}
"""What a setting of the list may say, and whether it must."""
MODE = "[0-7]{1,6}"
"""A file's mode: octal digits, as a text. YAML makes another number of one without quotes that begins with 0."""
ENCODINGS = ("plain", "base64")


def kind_of(value: object) -> str:
    """The kind of a value. A scalar that is a string is a text, which whoever takes scalars takes, too."""
    if isinstance(value, dict):
        return MAPPING
    if isinstance(value, list):
        return LIST
    if value is None:
        return NOTHING
    return TEXT if isinstance(value, str) else SCALAR


def fits(value: object, kinds: tuple[str, ...]) -> bool:
    """Whether a value is of one of some kinds."""
    kind = kind_of(value)
    return kind in kinds or (kind == TEXT and SCALAR in kinds)
