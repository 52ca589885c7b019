"""requirements.txt as pip reads it: which of its requirements are pinned and hashed, and where one is not. Pure.

Source: https://pip.pypa.io/en/stable/reference/requirements-file-format/
"""

from __future__ import annotations

import argparse
import codecs
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ebcd.documents import LARGE_LIMIT
from ebcd.requirements.pins import Pin, Problem

Read = Callable[[str], bytes | None]
"""The content of a file; None where there is none."""
_COMMENT = re.compile(r"(^|\s)#.*$")
_OPTION = re.compile(r"(?:^|\s)-")
_HASH = re.compile(r"(sha256|sha384|sha512):[0-9a-f]+")
"""Source: https://pip.pypa.io/en/stable/topics/secure-installs/"""
_LINE_LIMIT = 100_000
"""Characters of a requirement with its hashes: a thousand hashes have so many."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks; UTF-32's begins with UTF-16's."""
_FILES = 100
"""Files that may include each other."""


@dataclass(slots=True)
class Found:
    """What a file and those that it includes hold."""

    pins: list[Pin] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def read(path: str, content: Read) -> Found:
    """The requirements of a file and of those that it includes."""
    found = Found()
    _read(path, content, found, constraints=False)
    return found


def _read(path: str, content: Read, found: Found, *, constraints: bool) -> None:
    if path in found.seen:
        return
    if len(found.seen) >= _FILES:
        raise ValueError(f"More than {_FILES} files include each other.")
    found.seen.add(path)
    data = content(path)
    assert data is not None, path
    try:
        text = "" if len(data) > LARGE_LIMIT else _text(data)
    except UnicodeDecodeError:
        found.problems.append(Problem(path, None, "It is not UTF-8, and no byte-order mark says what it is."))
        return
    if len(data) > LARGE_LIMIT:
        found.problems.append(Problem(path, None, f"It has more than {LARGE_LIMIT:,} bytes."))
    for number, line in _logical(text):
        try:
            if len(line) > _LINE_LIMIT:
                raise ValueError(f"The line has more than {_LINE_LIMIT:,} characters.")
            _line(path, number, line, content, found, constraints=constraints)
        except ValueError as error:
            found.problems.append(Problem(path, number, str(error)))


def _text(data: bytes) -> str:
    """A file's text as pip reads it: its byte-order mark tells the encoding, else it is UTF-8."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding)
    return data.decode()


def _logical(text: str) -> Iterator[tuple[int, str]]:
    """Lines without comments, those joined that end in a backslash, each with the number of its first one."""
    parts: list[str] = []
    first = 0
    for number, line in enumerate(text.splitlines(), 1):
        first = first if parts else number
        if line.endswith("\\") and not _COMMENT.match(line):
            parts.append(line.removesuffix("\\"))
            continue
        parts.append(f" {line}" if _COMMENT.match(line) else line)
        yield first, _COMMENT.sub("", "".join(parts)).strip()
        parts = []
    yield first, _COMMENT.sub("", "".join(parts)).strip()


def _line(path: str, number: int, line: str, content: Read, found: Found, *, constraints: bool) -> None:
    """Take one line. Raises ValueError that says what is wrong with it."""
    start = _OPTION.search(line)
    requirement = line[: start.start()].strip() if start else line
    options = _options(line[start.start() :] if start else "")
    if options.editable:
        raise ValueError(f"{options.editable[0]} is editable: it is a folder and has no hash.")
    if requirement:
        pin = _pin(requirement, options.hash, f"{path}:{number}", hashed=not constraints)
        if not constraints:
            found.pins.append(pin)
    for inner in options.requirement:
        _read(_included(path, inner, content), content, found, constraints=constraints)
    for inner in options.constraint:
        _read(_included(path, inner, content), content, found, constraints=True)


def _options(text: str) -> argparse.Namespace:
    """The options of a line; those that say where packages come from are pip's business."""
    parser = argparse.ArgumentParser(add_help=False, exit_on_error=False, allow_abbrev=False)
    for names in (("-e", "--editable"), ("-r", "--requirement"), ("-c", "--constraint"), ("--hash",)):
        parser.add_argument(*names, action="append", default=[])
    try:
        return parser.parse_known_args(shlex.split(text))[0]
    except argparse.ArgumentError as error:
        raise ValueError(f"{error}.") from error


def _pin(text: str, hashes: Sequence[str], place: str, *, hashed: bool) -> Pin:
    try:
        requirement = Requirement(text)
    except RecursionError as error:
        raise ValueError("Its marker is nested too deeply.") from error
    except InvalidRequirement as error:
        if "/" in text or text.startswith("."):
            raise ValueError(f"{text} is a path or a URL: nothing says which version it is.") from error
        raise ValueError(f"{text!r} is no requirement.") from error
    exact = [item.version for item in requirement.specifier if item.operator in {"==", "==="}]
    if requirement.url is None and (len(requirement.specifier) != 1 or not exact or "*" in exact[0]):
        raise ValueError(f"{requirement.name} is not pinned to one version with ==.")
    if hashed and not hashes:
        raise ValueError(f"{requirement.name} has no --hash.")
    for item in hashes:
        if not _HASH.fullmatch(item):
            raise ValueError(f"{item!r} is no hash that pip takes, such as sha256:….")
    return Pin(
        name=canonicalize_name(requirement.name),
        version=exact[0] if exact else "",
        hashes=tuple(sorted(set(hashes))),
        place=place,
        extras=tuple(sorted(requirement.extras)),
        marker=str(requirement.marker or ""),
        url=requirement.url or "",
    )


def _included(path: str, inner: str, content: Read) -> str:
    """The path of an included file. Raises ValueError where the bundle has none."""
    joined = posixpath.normpath(posixpath.join(posixpath.dirname(path), inner))
    if "://" in inner or content(joined) is None:
        raise ValueError(f"{inner} is not in the bundle.")
    return joined
