"""Documents that somebody else wrote: JSON, TOML, YAML and Python, read in bounded time and to a bounded depth.

A parser's own errors are many, and some come only with a hostile document: a RecursionError, a MemoryError, a number of
a million digits. Here all of them become one: BadDocument, which says what is wrong and in which line. Pure.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    import ast

LIMIT = 1_000_000
"""Bytes of a document that is read."""
LARGE_LIMIT = 4_000_000
"""Bytes of a lock file: it names every file of every package."""
NODES = 20_000
"""Keys and values of a YAML document: PyYAML reads some ten thousand of them in a second."""
MARKS = 300_000
"""Commas, brackets and equals signs of a TOML document: so many values and tables it may have."""
KEY_PARTS = 16
"""Parts of a dotted key of TOML: Python's reader needs quadratic time for them."""
DEPTH = 64
"""Levels of mappings and lists in each other."""
SCALAR_LIMIT = 100
"""Characters of a number or a time: Python needs quadratic time for some of them."""
INTEGER_BITS = 64
"""Of a number: Python cannot even show one of some thousand digits."""
_TOML_STRING = re.compile(r'"[^"\n]*"|\'[^\'\n]*\'')
_TOML_KEY = re.compile(rf"(?:\.[\w-]+){{{KEY_PARTS}}}")
_TOML_PLACE = re.compile(r"\(at line (\d+)")
_UNEXPECTED = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RecursionError, MemoryError)
"""What parsers raise beside their own errors: PyYAML for `!!timestamp x`, for example, an AttributeError."""


class BadDocument(ValueError):
    """A document that cannot be read, or that is not read because it would take too much."""

    def __init__(self, what: str, line: int | None = None) -> None:
        super().__init__(what)
        self.what = what
        """The reason, as the rest of a sentence that begins with the document."""
        self.line = line
        """Where, counted from 1; None where that is not known."""

    def __str__(self) -> str:
        return f"line {self.line}: {self.what}" if self.line else self.what


@dataclass(frozen=True, slots=True)
class YamlPlace:
    """Where a value of a YAML document stands."""

    line: int
    """Of its key, counted from 1."""
    plain: str
    """Its text as it is written, where it is one word without quotes; else empty."""


def json_of(data: bytes | str, *, limit: int = LIMIT) -> Any:
    """A JSON document. Raises BadDocument, also for NaN and for a key that is there twice."""
    text = _text(data, limit)
    try:
        found = json.loads(text, parse_constant=_no_number, object_pairs_hook=_unique)
    except json.JSONDecodeError as error:
        raise BadDocument(f"it is no JSON: {error.msg}", error.lineno) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:  # an integer of thousands of digits, or one of the hooks
        raise BadDocument(_reason(error)) from error
    _bounded(found)
    return found


def toml_of(data: bytes | str, *, limit: int = LIMIT) -> dict[str, Any]:
    """A TOML document. Raises BadDocument."""
    import tomllib

    text = _text(data, limit)
    _refuse_slow(text)
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        place = _TOML_PLACE.search(str(error))
        raise BadDocument(f"it is no TOML: {error}", int(place[1]) if place else text.count("\n") + 1) from error
    except RecursionError as error:
        raise _too_deep() from error
    except ValueError as error:
        raise BadDocument(_reason(error)) from error
    _bounded(found)
    return found


def yaml_of(data: bytes | str, *, limit: int = LIMIT) -> Any:
    """A YAML document of plain values, with CloudFormation's short tags (`!Ref x` is `{"Ref": "x"}`).

    Raises BadDocument, also for an alias, since a few lines of them can stand for gigabytes, and for a key that is
    there twice.
    """
    text = _text(data, limit)
    try:
        found = _yaml(text)
    except BadDocument:
        if "\t" not in text or not text.lstrip().startswith("{"):
            raise
        return json_of(text, limit=limit)  # YAML takes all of JSON but its tabs
    _bounded(found)
    return found


def yaml_places(data: bytes | str, *, limit: int = LIMIT) -> dict[tuple[str, ...], YamlPlace]:
    """Where each key's value of a YAML document stands, by the keys that lead there; an item's key is its number.

    Raises BadDocument.
    """
    import yaml

    from ebcd.plain_yaml import Loader, walked

    try:
        node = yaml.compose(_text(data, limit), Loader=Loader)
    except (yaml.YAMLError, *_UNEXPECTED) as error:
        raise BadDocument(f"it is no YAML: {error}") from error
    return {} if node is None else {path: YamlPlace(line, plain) for path, line, plain in walked(node)}


def _yaml(text: str) -> Any:
    import yaml

    from ebcd.plain_yaml import Loader

    try:
        return yaml.load(text, Loader=Loader)  # noqa: S506 - a SafeLoader
    except BadDocument:
        raise
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        what = getattr(error, "problem", None) or " ".join(str(error).split())
        raise BadDocument(f"it is no YAML: {what}", mark.line + 1 if mark else None) from error
    except _UNEXPECTED as error:
        raise BadDocument(f"it is no YAML: {_reason(error)}") from error


def python_of(data: bytes, *, limit: int = LIMIT, version: tuple[int, int] | None = None) -> ast.Module:
    """Python's syntax tree of a file, which is not run. Raises BadDocument.

    version: whose syntax it must have, where that is older than the one of the Python that reads it.
    """
    import ast
    import warnings

    if len(data) > limit:
        raise _too_large(limit)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd in somebody's text is not ours to tell
            return ast.parse(data, feature_version=version)
    except SyntaxError as error:
        raise BadDocument(f"it is no Python: {error.msg}", error.lineno) from error
    except _UNEXPECTED as error:
        raise BadDocument(f"it is no Python: {_reason(error)}") from error


def _text(data: bytes | str, limit: int) -> str:
    if len(data) > limit:
        raise _too_large(limit)
    if isinstance(data, str):
        return data.removeprefix("\ufeff")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadDocument("it is not UTF-8", data.count(b"\n", 0, error.start) + 1) from error


def _too_large(limit: int) -> BadDocument:
    return BadDocument(f"it has more than {limit:,} bytes")


def _too_deep() -> BadDocument:
    return BadDocument(f"it has more than {DEPTH} levels")


def _reason(error: BaseException) -> str:
    if isinstance(error, RecursionError | MemoryError):
        return "it is nested too deeply"
    return str(error) if isinstance(error, ValueError) else "a value is not what its tag says"


def _no_number(name: str) -> NoReturn:
    raise BadDocument(f"{name} is no value of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise BadDocument("a key is there twice")
    return found


def _bounded(found: Any) -> None:
    """Raises BadDocument for a document that is too deep, or has a text that no file and no call to AWS can have."""
    level: list[Any] = [found]
    for _ in range(DEPTH):
        if not level:
            return
        for item in level:
            if isinstance(item, str):
                _refuse_impossible(item)
            elif isinstance(item, int) and item.bit_length() > INTEGER_BITS:
                raise BadDocument(f"a number has more than {INTEGER_BITS} bits")
        level = [inner for item in level for inner in _inner(item)]
    if level:
        raise _too_deep()


def _inner(item: Any) -> Iterable[Any]:
    if isinstance(item, dict):
        return (*item.keys(), *item.values())
    return item if isinstance(item, list | tuple | set) else ()


def _refuse_impossible(text: str) -> None:
    if "\0" in text:
        raise BadDocument("it has a NUL character in a text")
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadDocument("it has half of a surrogate pair in a text") from error


def _refuse_slow(text: str) -> None:
    """Refuse what Python's reader would need minutes for."""
    if sum(map(text.count, ",=[")) > MARKS:
        raise BadDocument(f"it has more than {MARKS:,} values")
    plain = _TOML_STRING.sub("_", text).replace(" ", "").replace("\t", "")
    if found := _TOML_KEY.search(plain):
        raise BadDocument(f"a key has more than {KEY_PARTS} parts", plain.count("\n", 0, found.start()) + 1)
