"""The one door through which a document of the bucket comes in. Pure.

Instances can write the bucket, so what is there may be torn, huge, deep, of a newer ebcd, or forged. A document is
read to a size and a depth; it says its schema; and each of its fields is read as its dataclass declares it: the type,
and the kind of name or number (`ebcd.model.kinds`). Keys that this ebcd does not know are kept, for those who write it
back.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Hashable, Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from ebcd.documents import BadDocument, json_of
from ebcd.model.kinds import Shape, Within

if TYPE_CHECKING:
    from ebcd.aws.storage import StoredObject

T = TypeVar("T")
SCHEMA = 1
_YEARS = range(1970, 3000)


@dataclass(frozen=True, slots=True)
class Damaged:
    """An object of the bucket that cannot be read, and is passed over."""

    key: str
    what: str
    """What is wrong with it."""

    def __str__(self) -> str:
        return f"{self.key} cannot be read: {self.what}"


class Unreadable(Exception):
    """What is wrong with a document, or with one of its fields."""


def content_of(stored: StoredObject) -> dict[str, Any]:
    """The mapping in an object, of a schema that this ebcd knows: the first, where it names none. Raises Unreadable."""
    try:
        content = json_of(stored.body)
    except BadDocument as error:
        raise Unreadable(f"{error}.") from error
    if not isinstance(content, dict):
        raise Unreadable("it is no mapping.")
    schema = content.get("schema", SCHEMA)
    if type(schema) is not int or schema < SCHEMA:
        raise Unreadable("its schema is no number that there is.")
    if schema > SCHEMA:
        raise Unreadable(f"it has the schema {str(schema)[:20]}, which this ebcd does not know: a newer one wrote it.")
    return content


def encoded(content: Mapping[str, Any]) -> bytes:
    """A document as it is stored: JSON in UTF-8, readable by hand. Half of a surrogate pair, which a file's name or an
    argument may have, becomes a question mark: it could not be read back.
    """
    return (json.dumps(content, indent=2, ensure_ascii=False, default=_stamp) + "\n").encode(errors="replace")


def _stamp(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a document")


def typed(cls: type[Any], content: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a dataclass that a mapping gives, as the dataclass declares them. Raises Unreadable.

    A field without a default must be there. Keys that are no fields are left out.
    """
    found: dict[str, Any] = {}
    for name, (hint, required) in _declared(cast(Hashable, cls)).items():
        if name in content:
            found[name] = _read(name, hint, content[name])
        elif required:
            raise Unreadable(f"{name} is missing.")
    return found


def read(cls: type[T], content: Mapping[str, Any]) -> T:
    """A dataclass of such fields. Raises Unreadable."""
    return cls(**typed(cls, content))


@cache
def _declared(cls: Any) -> dict[str, tuple[Any, bool]]:
    """Each field's type, and whether it must be there."""
    hints = get_type_hints(cls, include_extras=True)
    return {
        item.name: (hints[item.name], item.default is MISSING and item.default_factory is MISSING)
        for item in fields(cls)
    }


def _read(name: str, hint: Any, value: Any) -> Any:
    """A value as a field of that type has it."""
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        inner, *_ = (item for item in get_args(hint) if item is not type(None))
        return None if value is None else _read(name, inner, value)
    if origin is Annotated:
        plain, kind = get_args(hint)
        return _fitting(name, kind, _read(name, plain, value))
    if origin is tuple:
        return tuple(_read(name, get_args(hint)[0], item) for item in _of(name, list | tuple, value, "a list"))
    if isinstance(hint, type) and is_dataclass(hint):
        return _nested(name, hint, value)
    return _plain(name, hint, value)


def _plain(name: str, hint: Any, value: Any) -> Any:
    if hint is datetime:
        return _time(name, value)
    if hint is float:
        return _number(name, value)
    if hint is int and isinstance(value, bool):
        raise Unreadable(f"{name} is no number.")
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return _member(name, hint, value)
    if get_origin(hint) is not None or hint is Any:  # a mapping, which whoever uses it reads as something
        return _of(name, dict, value, "a mapping")
    return _of(name, hint, value, {str: "a text", int: "a number", bool: "true or false"}.get(hint, "of its type"))


def _of(name: str, kind: Any, value: Any, what: str) -> Any:
    if not isinstance(value, kind):
        raise Unreadable(f"{name} is not {what}.")
    return value


def _fitting(name: str, kind: Shape | Within, value: Any) -> Any:
    if not kind.fits(value):
        raise Unreadable(f"{name} is not {kind.what}.")
    return value


def _nested(name: str, cls: type[T], value: Any) -> T:
    try:
        return read(cls, _of(name, dict, value, "a mapping"))
    except Unreadable as error:
        raise Unreadable(f"{name}: {error}") from error


def _member(name: str, kind: type[StrEnum], value: Any) -> StrEnum:
    try:
        return kind(value)
    except ValueError as error:
        raise Unreadable(f"{name} is none of {', '.join(kind)}.") from error


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Unreadable(f"{name} is not a number.")
    try:
        found = float(value)
    except OverflowError as error:
        raise Unreadable(f"{name} is too large a number.") from error
    if not math.isfinite(found):
        raise Unreadable(f"{name} is no finite number.")
    return found


def _time(name: str, value: Any) -> datetime:
    """A time, in UTC. One without a time zone is in UTC already."""
    try:
        found = datetime.fromisoformat(_of(name, str, value, "a time"))
        found = (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise Unreadable(f"{name} is not a time.") from error
    if found.year not in _YEARS:
        raise Unreadable(f"{name} is not a time of these days.")
    return found
