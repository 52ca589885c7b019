"""What a value in ebcd.toml means. Each function takes the key's path and TOML's value, and raises UsageError."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from difflib import get_close_matches
from enum import StrEnum
from typing import Any

from ebcd.errors import UsageError
from ebcd.model import SCHEDULED, OptionSetting

Parser = Callable[[str, Any], Any]

ENVIRONMENT = "aws:elasticbeanstalk:application:environment"
TWO_ROLES = "two-roles"
"""The value of `database` that keeps apart who migrates and who serves."""
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"

_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_SIZES = {"B": 1, "KB": 1000, "MB": 1000**2, "GB": 1000**3}
_PLAIN = re.compile(r"[\w .,*/-]{0,24}", re.ASCII)
"""A string that is a word, a path or a duration, and no URL and no key."""
_PRIVATE = re.compile(r"^stages\.[^.]+\.(env|notify)\b|:environment|passw|secret|token|auth|hook", re.IGNORECASE)
"""Keys whose values may be secrets: in tables that hold some, and where the name says so."""


def wrong(key: str, value: object, why: str, hint: str = "") -> UsageError:
    """The error for a value that a key cannot have."""
    shown = "…" if _PRIVATE.search(key) else repr(value)
    return UsageError(
        f"{key} = {shown} cannot be used.", why=why, hint=hint or "Correct it in ebcd.toml.", code="bad-value"
    )


def unknown(key: str, value: object, known: Sequence[str]) -> UsageError:
    """The error for a key that there is not, with the nearest one that there is."""
    name = key.rpartition(".")[2]
    return UsageError(
        f"{key} = {_harmless(key, value)} is no key of ebcd.toml.",
        why=f"There is no {name!r}.",
        hint=_nearest(name, known),
        code="unknown-key",
    )


def _harmless(key: str, value: object) -> str:
    """A value of which nothing is known, where it is one that anybody may read: it may end in a CI log."""
    if isinstance(value, str) and not _PLAIN.fullmatch(value):
        return "…"
    return repr(value) if isinstance(value, str | int | float) and not _PRIVATE.search(key) else "…"


def unknown_stage(name: str, named_by: str, known: Sequence[str]) -> UsageError:
    """The error for a stage that ebcd.toml does not declare, with the nearest one that it does."""
    return UsageError(
        f"There is no stage {name!r}.",
        why=f"{named_by} names it, and ebcd.toml declares no such stage.",
        hint=_nearest(name, known),
        code="unknown-stage",
    )


def _nearest(name: str, known: Sequence[str]) -> str:
    near = get_close_matches(name, known, n=1)
    return f"Did you mean {near[0]}?" if near else f"Known here: {', '.join(sorted(known))}."


def text(key: str, value: Any) -> str:
    """A string that says something."""
    if not isinstance(value, str) or not value.strip():
        raise wrong(key, value, "It must be a string that is not empty.")
    return value


def free_text(key: str, value: Any) -> str:
    """A string, empty or not."""
    if not isinstance(value, str):
        raise wrong(key, value, "It must be a string.")
    return value


def boolean(key: str, value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise wrong(key, value, "It must be true or false.")
    return value


def database(key: str, value: Any) -> bool | str:
    """True, false, or the word for a database with a role that migrates and another one that serves."""
    if isinstance(value, bool):
        return value
    if value != TWO_ROLES:
        raise wrong(key, value, f'It must be true or false, or "{TWO_ROLES}".')
    return TWO_ROLES


def texts(key: str, value: Any) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list):
        raise wrong(key, value, "It must be a list of strings.")
    return tuple(text(f"{key}[{index}]", item) for index, item in enumerate(value))


def integer(low: int, high: int) -> Parser:
    """A whole number from low to high."""

    def parse(key: str, value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise wrong(key, value, f"It must be a whole number from {low} to {high}.")
        return value

    return parse


def duration(key: str, value: Any) -> float:
    """A duration, in seconds: "90s", "5m", "2h"."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)(s|m|h)", value) if isinstance(value, str) else None
    if not found:
        raise wrong(key, value, 'It must be a duration such as "90s", "5m" or "2h".')
    return float(found[1]) * _UNITS[found[2]]


def positive_duration(key: str, value: Any) -> float:
    """A duration above zero."""
    seconds = duration(key, value)
    if seconds <= 0:
        raise wrong(key, value, "It must be longer than nothing: every wait needs its time.")
    return seconds


def size(key: str, value: Any) -> int:
    """A size in bytes: "500MB", at most Beanstalk's limit."""
    found = re.fullmatch(r"(\d+)\s*(B|KB|MB|GB)", value) if isinstance(value, str) else None
    if not found:
        raise wrong(key, value, 'It must be a size such as "500MB".')
    found_size = int(found[1]) * _SIZES[found[2]]
    if not 0 < found_size <= 500_000_000:
        raise wrong(key, value, "Beanstalk takes source bundles of at most 500MB.")
    return found_size


def one_of(choices: type[StrEnum]) -> Parser:
    """One of an enumeration's values."""

    def parse(key: str, value: Any) -> Any:
        known = [str(item) for item in choices]
        if value not in known:
            raise wrong(key, value, f"It must be one of: {', '.join(known)}.")
        return choices(value)

    return parse


def word(*choices: str) -> Parser:
    """One of some words."""

    def parse(key: str, value: Any) -> str:
        if value not in choices:
            raise wrong(key, value, f"It must be one of: {', '.join(choices)}.")
        return str(value)

    return parse


def health(key: str, value: Any) -> tuple[str, ...]:
    """Accepted health."""
    found = texts(key, value)
    if not found or not set(found) <= {"Green", "Yellow"}:
        raise wrong(key, value, 'It must name "Green", "Yellow" or both: no other health is one to swap on.')
    return found


def path(key: str, value: Any) -> str:
    """A path, and maybe a query, of an HTTP request."""
    found = text(key, value)
    if not re.fullmatch("/[!-~]*", found):
        raise wrong(key, value, "It must begin with a slash and hold no space.")
    return found


def cname(key: str, value: Any) -> str:
    """A CNAME prefix."""
    found = text(key, value)
    if not re.fullmatch(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,61}[A-Za-z0-9])", found):
        raise wrong(key, value, "A CNAME prefix has 4 to 63 letters, digits and hyphens, none of them at an edge.")
    return found


def url(key: str, value: Any) -> str:
    """Scheme and host that users ask for: https://shop.example.com."""
    found = text(key, value)
    if not re.fullmatch(
        r"https?://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(:[1-9][0-9]{0,4})?", found
    ) or not _is_port(found):
        raise wrong(key, value, "It must be scheme and host alone, such as https://shop.example.com.")
    return found.lower()


def _is_port(address: str) -> bool:
    _, _, port = address.rpartition(":")
    return not port.isdigit() or int(port) < 65536


def application(key: str, value: Any) -> str:
    """An application's name."""
    found = text(key, value)
    if len(found) > 100 or "/" in found:
        raise wrong(key, value, "An application's name has at most 100 characters and no slash.")
    return found


def options(key: str, value: Any) -> tuple[OptionSetting, ...]:
    """Option settings by namespace and name; the name of a scheduled action comes before the namespace and a dot."""
    found = []
    for namespace, names in table(key, value).items():
        for name, setting in table(f"{key}.{namespace}", names).items():
            if setting is None:  # a saved configuration may name an option that has no value
                continue
            here = f"{key}.{namespace}.{name}"
            found.append(OptionSetting.named(namespace, name, option_value(here, setting)))
            if namespace == SCHEDULED:
                why = "A scheduled action has a name, which comes before the namespace."
                raise wrong(here, setting, why, f'Write "NAME.{SCHEDULED}".')
    return tuple(found)


def option_value(key: str, value: Any) -> str:
    """An option's value as Beanstalk has it: true becomes "true", 2 becomes "2", a time one of ISO 8601 in UTC."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    if isinstance(value, str | int | float):
        return str(value)
    raise wrong(key, value, "An option's value is a string, a number or a boolean.")


def number(low: float, high: float) -> Parser:
    """A number above low, up to high."""

    def parse(key: str, value: Any) -> float:
        if not isinstance(value, int | float) or isinstance(value, bool) or not low < value <= high:
            raise wrong(key, value, f"It must be a number above {low:g}, up to {high:g}.")
        return float(value)

    return parse


def members(key: str, value: Any, known: dict[str, Parser]) -> dict[str, Any]:
    """A table's members by the parsers of their names."""
    found = {}
    for name, member in table(key, value).items():
        here = f"{key}.{name}" if key else name
        if name not in known:
            raise unknown(here, member, list(known))
        found[name] = known[name](here, member)
    return found


def table(key: str, value: Any) -> dict[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise wrong(key, value, "It must be a table.")
    return value
