"""The keys of ebcd.toml as data, read from the schema that reads the file.

What a value may be is what ebcd answers to a wrong one; the members of a table are the fields of what it becomes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import MISSING, Field, dataclass, fields, is_dataclass
from textwrap import dedent
from typing import Any, get_args, get_type_hints

from ebcd.config import schema, tables
from ebcd.config.read import local_defaults
from ebcd.config.values import Parser, duration, positive_duration, size
from ebcd.errors import UsageError
from ebcd.model import BundleOptions, Stage

WRONG = object()
"""A value that no key takes."""


@dataclass(frozen=True, slots=True)
class Described:
    """One key, as the page shows it."""

    name: str
    value: str
    """What it may be."""
    default: str
    """What holds where it is not set; empty: nothing."""
    local: str
    """The same on the local Beanstalk, where it differs."""
    meaning: str


@dataclass(frozen=True, slots=True)
class Table:
    """A table of ebcd.toml and its keys."""

    name: str
    """As it is written, in brackets; empty: the top of the file."""
    keys: tuple[Described, ...]


def reference() -> tuple[Table, ...]:
    """Every table, and every key of each."""
    stage = Stage("NAME", "APPLICATION", "", "")
    local = local_defaults(stage)
    return (
        Table("", tuple(_described(key, "", None, None) for key in schema.TOP)),
        Table("[bundle]", tuple(_described(key, "bundle.", BundleOptions(), None) for key in schema.BUNDLE)),
        *_nested("check.", schema.CHECK),
        Table("[stages.NAME]", tuple(_described(key, "stages.NAME.", stage, local) for key in schema.STAGE)),
        *_nested("stages.NAME.", schema.STAGE),
    )


def _described(key: schema.Key, above: str, usual: Any, local: Any) -> Described:
    default = _shown(getattr(usual, key.name, None), key.parse)
    there = _shown(getattr(local, key.name, None), key.parse) if local else ""
    return Described(
        key.name, _values(key.parse, above + key.name), default, "" if there == default else there, key.doc
    )


def _values(parse: Parser, path: str) -> str:
    """What ebcd says that the value must be."""
    try:
        parse(path, WRONG)
    except UsageError as error:
        return error.why
    raise AssertionError(f"{path} takes anything")


def _shown(value: Any, parse: Parser) -> str:
    """A default as it is written in the file."""
    if value is None or value in ("", ()) or is_dataclass(value):
        return ""
    if parse in (duration, positive_duration):
        return _duration(value)
    if parse is size:
        return f'"{value // 1_000_000}MB"'
    if isinstance(value, tuple):
        return "[" + ", ".join(f'"{item}"' for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _duration(seconds: float) -> str:
    hours, minutes = seconds / 3600, seconds / 60
    amount, unit = (hours, "h") if hours.is_integer() else (minutes, "m") if minutes.is_integer() else (seconds, "s")
    return f'"{amount:g}{unit}"'


def _nested(above: str, keys: tuple[schema.Key, ...]) -> Iterator[Table]:
    for key in keys:
        if made := members(key.parse):
            name = f"[{above}{key.name}]"
            as_list = key.parse is tables.allowances
            described = tuple(_member(made, field, key, above) for field in fields(made))
            yield Table(f"[{name}]" if as_list else name, described)


def members(parse: Parser) -> Any:
    """The dataclass that a table becomes; None where the key is no table of named members."""
    if parse.__module__ != tables.__name__:
        return None
    made = get_type_hints(parse)["return"]
    made = next(iter(get_args(made)), made)
    return made if is_dataclass(made) and hasattr(made, "__doc__") and made.__module__.endswith(".stage") else None


def _member(made: Any, field: Field[Any], key: schema.Key, above: str) -> Described:
    path = f"{above}{key.name}.{field.name}"
    table = {field.name: WRONG}
    value = _values(lambda _, __: key.parse(f"{above}{key.name}", [table] if "allow" in key.name else table), path)
    default = "" if field.default is MISSING or field.default in (None, "", ()) else repr(field.default)
    return Described(field.name, value, default.replace("'", '"'), "", _documented(made)[field.name])


def _documented(made: Any) -> dict[str, str]:
    """The texts below the fields of a dataclass."""
    body = ast.parse(dedent(inspect.getsource(made))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, text in zip(body.body, body.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr):
            found[ast.unparse(field.target)] = ast.literal_eval(text.value)
    return found
