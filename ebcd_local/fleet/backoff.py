"""Auto Scaling's patience: how long it waits, after a launch that failed, before it tries again."""

from __future__ import annotations

from dataclasses import dataclass

FIRST, LONGEST = 5.0, 300.0
"""Seconds behind the first failure, doubled behind each further one, and at most."""


@dataclass(slots=True)
class Backoff:
    """The launches in a row that failed, none at first."""

    failures: int = 0
    until: float = 0.0
    """Monotonic seconds before which nothing is launched."""
    cause: str = ""
    """Why the last one failed."""

    def failed(self, cause: str, now: float, speed: float) -> None:
        """A launch has failed; times are divided by `speed`."""
        self.until = now + min(LONGEST, FIRST * 2**self.failures) / speed
        self.failures, self.cause = self.failures + 1, cause

    def succeeded(self) -> None:
        """A launch has not."""
        self.failures, self.until, self.cause = 0, 0.0, ""
