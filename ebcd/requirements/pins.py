"""A requirement that cannot change any more, and what is said of one that can. No I/O."""

from __future__ import annotations

from dataclasses import dataclass

from ebcd.errors import Refused


@dataclass(frozen=True, slots=True)
class LockedFile:
    """A file of a package, as pylock.toml names it."""

    name: str
    sha256: str
    """Hexadecimal."""
    url: str = ""
    """Empty: the index has it."""
    size: int = 0
    """Bytes; 0: the lock does not tell."""


@dataclass(frozen=True, slots=True)
class Pin:
    """One requirement: one version, and the hashes of the files that may be installed."""

    name: str
    """Normalised."""
    version: str
    hashes: tuple[str, ...]
    """`sha256:` and the like, then hexadecimal digits; sorted."""
    place: str
    """Where it stands: requirements.txt:12."""
    extras: tuple[str, ...] = ()
    marker: str = ""
    """The environments that it is for; empty: all."""
    url: str = ""
    """Where its one file is, for a requirement that names its place and not its version."""
    wheels: tuple[LockedFile, ...] | None = None
    """None: the lock tells hashes only, and only the index knows which file has which."""


UNLOCKED, NO_WHEEL = "unlocked", "no-wheel"
"""The codes of a requirement that is not locked, and of one that has no wheel."""
_WHAT = {UNLOCKED: "The requirements are not locked.", NO_WHEEL: "A wheel is missing."}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a requirement is not locked, or its wheel not to be had."""

    path: str
    line: int | None
    message: str
    hint: str = ""
    code: str = UNLOCKED

    def refused(self, more: int = 0) -> Refused:
        """It as a refusal. more: how many others there are."""
        place = f"{self.path}:{self.line}" if self.line else self.path
        others = f" ({more} more: ebcd check)" if more else ""
        return Refused(_WHAT[self.code], why=f"{place}: {self.message}{others}", hint=self.hint, code=self.code)
