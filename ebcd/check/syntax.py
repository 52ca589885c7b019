"""Whether a file is Python of the version that a stage runs, whichever Python checks it. Pure.

The Python that checks reads older versions' syntax, but knows nothing of newer ones'. What only a newer one could read
is no error then: where an error stands in a line that has one of the newer constructs, nothing is told.
Source: https://docs.python.org/3/whatsnew/
"""

from __future__ import annotations

import ast
import re
import sys
from dataclasses import dataclass

from ebcd.documents import BadDocument, python_of

Version = tuple[int, int]
HERE: Version = sys.version_info[:2]
"""The version of the Python that checks."""
_F_STRING = re.compile(rb"""(?:^|[^\w])(?:[fF][rR]?|[rR][fF]|[tT][rR]?|[rR][tT])["']""")
_NEWER = re.compile(
    rb"""^\s*type\s+\w+\s*[=\[]      # a type statement, 3.12
    | \b(?:def|class)\s+\w+\s*\[     # type parameters, 3.12
    | \bexcept\b[^:(]*,              # several exceptions without parentheses, 3.14
    """,
    re.VERBOSE,
)
_TEMPLATE = re.compile(rb"\{%|\{\{[^{}\n]*\}\}|<%")
"""What makes a file a template, which is no Python until it is filled in."""
_OPEN = ("was never closed", "unmatched", "does not match", "unterminated", "f-string", "EOF", "unexpected indent")
"""What is said where a string was read in the wrong way: the place is then another one."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What keeps a file from being Python."""

    line: int | None
    what: str


def fault_of(data: bytes, version: Version | None) -> Fault | None:
    """What is wrong with a file for a version; None: nothing, or nothing that is certain. version: None: not known."""
    target = version or HERE
    try:
        python_of(data, version=target if target < HERE else None)
    except BadDocument as error:
        unknown = version is None or target > HERE
        if error.line is None or _TEMPLATE.search(data) or (unknown and _may_be_newer(data, error)):
            return None
        return Fault(error.line, error.what.removeprefix("it is no Python: "))
    return None


def tree_of(data: bytes) -> ast.Module | None:
    """The syntax tree of a file; None where this Python cannot read it."""
    try:
        return python_of(data)
    except BadDocument:
        return None


def _may_be_newer(data: bytes, error: BadDocument) -> bool:
    """Whether a newer Python may read what this one cannot."""
    lines = data.split(b"\n")
    line = lines[min(error.line or 1, len(lines)) - 1]
    if any(words in error.what for words in _OPEN) and _F_STRING.search(data):
        return True
    return bool(_F_STRING.search(line) or _NEWER.search(line))
