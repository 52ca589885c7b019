"""Which names of a tree a bundle can have: those that each unpacker reads in the same way, inside the folder. Pure."""

from __future__ import annotations

import re

from ebcd.errors import Refused

_UNFIT = re.compile(r"[\x01-\x08\x0a-\x1f\\]|\t[^\0]*\t")
"""A name that holds a control character or a backslash; git ends the part before the name by the first tab."""
_REPOSITORY = re.compile(r"[\t/](?:\.\.?|(?:\.git|git~1)[. ]*)(?=[/\0])", re.IGNORECASE)
"""A part of a name that leads elsewhere, or into the repository of whoever unpacks it: what git's `verify_path`
refuses, with what Windows leaves out at a name's end.
"""
_IGNORABLE = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
"""Characters that macOS leaves out of names."""


def names_in(lines: bytes) -> str:
    """The text of `git ls-tree -z`. Raises Refused (code `bad-name`) for a name that a zip cannot carry."""
    try:
        text = lines.decode()
    except UnicodeDecodeError as error:
        raise _not_utf8(lines) from error
    if _UNFIT.search(text):
        raise _unfit(text)
    if _REPOSITORY.search(_IGNORABLE.sub("", text)):
        raise _leading_elsewhere(text)
    return text


def _not_utf8(lines: bytes) -> Refused:
    names = (line.partition(b"\t")[2] for line in lines.split(b"\0"))
    bad = next(name for name in names if name.decode(errors="replace").encode() != name)
    return Refused(
        f"The name {bad!r} is not UTF-8.",
        why="A zip and Beanstalk's instances need UTF-8 names.",
        hint="Rename it: git mv.",
        code="bad-name",
    )


def _unfit(text: str) -> Refused:
    path = next(line.partition("\t")[2] for line in text.split("\0") if _UNFIT.search(line))
    return Refused(
        f"The name {path!r} holds a control character or a backslash.",
        why="Unpackers read such names in different ways.",
        hint="Rename it: git mv.",
        code="bad-name",
    )


def _leading_elsewhere(text: str) -> Refused:
    path = next(
        line.partition("\t")[2] for line in text.split("\0") if _REPOSITORY.search(f"{_IGNORABLE.sub('', line)}\0")
    )
    return Refused(
        f"The name {path!r} has a part that is '.', '..' or '.git', or is read as one somewhere.",
        why="Unpacked, it would lead out of its folder or into a repository; git itself adds no such name.",
        hint="git log --all --full-history shows where it comes from; make the commit anew without it.",
        code="bad-name",
    )
