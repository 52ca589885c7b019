"""Time, injected: the real clock sleeps and can be interrupted, a test's clock does neither."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from typing import Protocol

from ebcd.errors import ExitCode, Interrupted

SLOWEST = 60.0
"""Seconds that a pause between two reads has at most."""


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

    def check(self) -> None:
        """Raises Interrupted when the run is asked to stop."""
        ...

    def uninterrupted(self, *, even_twice: bool = False) -> AbstractContextManager[None]:
        """A block in which nothing raises Interrupted: what was begun in it is brought to its end.

        even_twice: a second signal does not end the process within it, either.
        """
        ...


class SystemClock:
    """The machine's clock. `interrupt` wakes and ends any wait, from a signal handler too."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._never = threading.Event()
        self._finishing = False
        self.insists = False
        """Whether what is at work is brought to its end, however often a signal comes."""
        self._exit_code = ExitCode.INTERRUPTED

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait, or raise Interrupted."""
        (self._never if self._finishing else self._stop).wait(seconds)
        self.check()

    def check(self) -> None:
        """Raises Interrupted when a signal has arrived."""
        if self._stop.is_set() and not self._finishing:
            raise Interrupted(
                "Stopped by a signal.",
                exit_code=self._exit_code,
                why="SIGINT or SIGTERM arrived; what had been sent was seen to its end.",
                hint="Run the same command again: it goes on from what is there.",
            )

    @contextmanager
    def uninterrupted(self, *, even_twice: bool = False) -> Iterator[None]:
        """A block that no signal ends; the next wait behind it ends at once. even_twice: nor does a second signal."""
        outer = self._finishing, self.insists
        self._finishing, self.insists = True, self.insists or even_twice
        try:
            yield
        finally:
            self._finishing, self.insists = outer

    def interrupt(self, exit_code: ExitCode) -> None:
        """End this wait and every later one."""
        self._exit_code = exit_code
        self._stop.set()


class AdaptiveInterval:
    """How often a run reads Beanstalk: one interval for all waits, since what throttles one throttles the account.

    The pause is the usual one, twice as long after each read that was throttled or unanswered, and by half shorter
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
        """A read was throttled, or no answer came."""
        self._pause = min(max(self._pause * 2, self._usual), max(SLOWEST, self._usual))

    def answered(self) -> None:
        """A read was answered."""
        self._pause = max(self._pause / 2, self._usual)


def polls(
    clock: Clock,
    *,
    timeout: float,
    interval: float | AdaptiveInterval,
    factor: Callable[[], float] = lambda: 1.0,
    at_once: bool = True,
) -> Iterator[float]:
    """Yield the seconds spent so far: at once, then about every `interval` seconds, until `timeout` has passed.

    at_once: False where the first poll would come too soon.
    factor: what part of the interval the next pause has: small where something is about to end, large where nothing can
    have. Each pause varies by a fifth, so that runs that started together do not ask together; one that leads up to
    a moment that somebody reckoned is never cut short, which would cost another poll.
    """
    start = clock.monotonic()
    end = start + timeout  # compared as it is: a remainder of sums may be too small to move a clock, for ever
    if at_once:
        yield 0.0
    while (now := clock.monotonic()) < end:
        pause = interval.seconds if isinstance(interval, AdaptiveInterval) else interval
        part = factor()
        jitter = random.uniform(0.8 if part == 1.0 else 1.0, 1.2)  # noqa: S311 - not a secret
        clock.sleep(min(part * pause * jitter, end - now))
        yield clock.monotonic() - start
