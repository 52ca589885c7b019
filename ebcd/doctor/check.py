"""What `doctor` tells: one check, what came of it, and a way out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias, TypeVar

from ebcd.errors import EbcdError, ExitCode

T = TypeVar("T")
Answer: TypeAlias = T | EbcdError
"""What was asked for, or why it is not known."""

SEE_IDENTITY = "See identity."
"""Why nothing is known where the credentials are of no use: it is told once."""


class Outcome(StrEnum):
    """What came of a check."""

    OK = "ok"
    WARNING = "warning"
    """Worth knowing; a ship goes through."""
    ERROR = "error"
    """A ship would be refused, or fail."""
    UNKNOWN = "unknown"
    """Nobody could look: neither good nor bad."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    check: str
    """Its name, for programs."""
    outcome: Outcome
    what: str
    why: str = ""
    hint: str = ""
    exit_code: ExitCode = ExitCode.OK
    """What it alone would let `doctor` exit with."""


def ok(check: str, what: str, why: str = "") -> Check:
    """All is well."""
    return Check(check, Outcome.OK, what, why)


def warning(check: str, what: str, why: str, hint: str) -> Check:
    """Worth knowing."""
    return Check(check, Outcome.WARNING, what, why, hint)


def refused(check: str, what: str, why: str, hint: str) -> Check:
    """ebcd would refuse to ship."""
    return Check(check, Outcome.ERROR, what, why, hint, ExitCode.REFUSED)


def by_aws(check: str, what: str, why: str, hint: str) -> Check:
    """AWS refuses what a ship needs."""
    return Check(check, Outcome.ERROR, what, why, hint, ExitCode.AWS_REFUSED)


def unknown(check: str, what: str, why: str, hint: str = "", exit_code: ExitCode = ExitCode.OK) -> Check:
    """Nobody could look."""
    return Check(check, Outcome.UNKNOWN, what, why, hint, exit_code)


def exit_code(checks: tuple[Check, ...]) -> ExitCode:
    """What AWS refuses comes first: nothing that ebcd says of the rest is worth much without."""
    codes = {item.exit_code for item in checks}
    return next((code for code in (ExitCode.AWS_REFUSED, ExitCode.REFUSED) if code in codes), ExitCode.OK)
