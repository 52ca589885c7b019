"""`check` as it goes along with the making of a bundle: what is found in each file by itself, which is read once, or
not at all where it is known.
"""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator

from ebcd.bundle import encoded
from ebcd.check import syntax
from ebcd.check.finding import Finding, Severity
from ebcd.check.secrets import RULES, secrets_in
from ebcd.check.syntax import Fault, Version
from ebcd.documents import LIMIT


class Inspection:
    """What was found in a bundle's files. Several threads may show it files; the same file twice is the same."""

    def __init__(self, version: Version | None = None) -> None:
        """version: of the Python that the files are for; None: not known."""
        self._version = version
        self._python = f"{RULES}, Python {version} by {syntax.HERE}"
        self._found: dict[str, list[Finding]] = {}
        self._faults: dict[str, Fault] = {}

    def fact(self, path: str) -> str:
        """What is remembered of a content in which nothing was found."""
        return self._python if path.endswith(".py") else RULES

    def look(self, path: str, mode: int, content: Iterable[bytes] | None) -> bool:
        """Look at a content; whether nothing was found in it. None: it is known already."""
        if content is None:
            return False
        kept = bytearray()
        found = secrets_in(path, _keeping(content, kept, LIMIT + 1 if path.endswith(".py") else encoded.HEAD))
        found += _encoded(path, bytes(kept), link=stat.S_ISLNK(mode))
        fault = None
        if path.endswith(".py") and not found and not stat.S_ISLNK(mode):
            fault = syntax.fault_of(bytes(kept), self._version)
        if fault is not None:
            self._faults[path] = fault
        self._found[path] = found
        return not found and fault is None

    def findings(self) -> list[Finding]:
        """What was found in the files, each by itself."""
        return [item for each in self._found.values() for item in each]

    def faults(self) -> dict[str, Fault]:
        """The files that are no Python of that version, and what keeps them from it."""
        return dict(self._faults)


def _keeping(content: Iterable[bytes], kept: bytearray, limit: int) -> Iterator[bytes]:
    """The pieces of a content, of which the first bytes are kept."""
    for piece in content:
        kept += piece[: limit - len(kept)]
        yield piece


def _encoded(path: str, head: bytes, *, link: bool) -> list[Finding]:
    """What git has in the place of a file."""
    found = encoded.encoded(head[: encoded.HEAD])
    if link:
        found = encoded.ANNEX if encoded.leads_into_annex(head.decode(errors="replace")) else None
    if found is None:
        return []
    severity = Severity.ERROR if found.sure else Severity.WARNING
    return [Finding(severity, found.code, path, None, f"It is {found.what}. {found.why}", found.hint)]
