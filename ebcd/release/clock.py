"""Time, injected: the real clock sleeps and can be interrupted, a test's clock does neither."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Protocol

from ebcd.errors import ExitCode, Interrupted

SLOWEST = 60.0
"""Seconds that a pause between two looks has at most."""


class Clock(Protocol):
    """What a run needs to know of time."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait. Raises Interrupted when the run is asked to stop."""
        ...


class SystemClock:
    """The machine's clock. `interrupt` wakes and ends any wait, from a signal handler too."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._exit_code = ExitCode.INTERRUPTED

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Interrupted."""
        if self._stop.wait(seconds):
            raise Interrupted(
                "Stopped by a signal.",
                exit_code=self._exit_code,
                why="SIGINT or SIGTERM arrived between two steps.",
                hint="Run the same command again: it goes on from what is there. ebcd status shows it.",
            )

    def interrupt(self, exit_code: ExitCode) -> None:
        """End this wait and every later one."""
        self._exit_code = exit_code
        self._stop.set()


class Pace:
    """How often a run looks at Beanstalk: one pace for all waits, since what throttles one throttles the account.

    The pause is the usual one, twice as long after each look that was throttled or unanswered, and by half shorter
    again after each that was answered.
    """

    def __init__(self, usual: float) -> None:
        self._usual = usual
        self._pause = usual

    @property
    def seconds(self) -> float:
        """The pause now. Whoever waits varies it, so that runs that started together do not ask together."""
        return self._pause

    def refused(self) -> None:
        """A look was throttled, or no answer came."""
        self._pause = min(max(self._pause * 2, self._usual), max(SLOWEST, self._usual))

    def answered(self) -> None:
        """A look was answered."""
        self._pause = max(self._pause / 2, self._usual)


def polls(clock: Clock, *, timeout: float, interval: float | Pace) -> Iterator[float]:
    """Yield the seconds spent so far: at once, then about every `interval` seconds, until `timeout` has passed.

    Each pause varies by a fifth, so that runs that started together do not ask together.
    """
    start = clock.monotonic()
    yield 0.0
    while (spent := clock.monotonic() - start) < timeout:
        pause = interval.seconds if isinstance(interval, Pace) else interval
        clock.sleep(min(pause * random.uniform(0.8, 1.2), timeout - spent))  # noqa: S311 - jitter, not a secret
        yield clock.monotonic() - start
