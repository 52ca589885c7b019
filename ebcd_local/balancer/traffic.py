"""What an environment's requests were: the last of them one by one, and the last minutes second by second."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

REMEMBERED = 20_000
"""Requests that an environment's traffic is told from."""
SECONDS = 120
"""Seconds that the series goes back."""
CLIENT_GONE = 460
"""What a request counts as whose client closed its connection before the answer; it is nobody's failure.

Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-troubleshooting.html
"""
PERCENTILES = {"P10": 0.1, "P50": 0.5, "P75": 0.75, "P85": 0.85, "P90": 0.9, "P95": 0.95, "P99": 0.99, "P999": 0.999}


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of the last seconds."""

    requests: int
    duration: float
    """Seconds that they were counted over."""
    status_2xx: int
    status_3xx: int
    status_4xx: int
    status_5xx: int
    latencies: dict[str, float]
    """Seconds by percentile: P10 … P999; empty without requests."""

    @classmethod
    def of(cls, requests: Iterable[tuple[int, float]], duration: float) -> Traffic:
        """From each request's status and seconds."""
        found = list(requests)
        kinds = Counter(status // 100 for status, _ in found if status != CLIENT_GONE)
        ordered = sorted(spent for _, spent in found)
        latencies = {name: _percentile(ordered, share) for name, share in PERCENTILES.items() if ordered}
        return cls(len(found), duration, kinds[2], kinds[3], kinds[4], kinds[5], latencies)


@dataclass(frozen=True, slots=True)
class Second:
    """The requests that ended in one second."""

    requests: int = 0
    failed: int = 0
    """Those with a status of 500 or above."""
    p99: float = 0.0
    """Seconds that all but one in a hundred took at most."""


@dataclass(slots=True)
class Record:
    """Requests as they end. Written by one thread, read by any."""

    _requests: deque[tuple[float, str, int, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """When, instance, status, seconds."""
    _seconds: deque[tuple[int, Second]] = field(default_factory=lambda: deque(maxlen=SECONDS))
    _now: int = 0
    _spent: list[float] = field(default_factory=list)
    _failed: int = 0
    _total: int = 0

    def add(self, at: float, instance: str, status: int, spent: float) -> None:
        """Count a request that ended at a time of the monotonic clock."""
        if int(at) != self._now:
            self._close_second()
            self._now = int(at)
        self._requests.append((at, instance, status, spent))
        self._total += 1
        self._spent.append(spent)
        self._failed += status >= 500

    @property
    def total(self) -> int:
        """How many requests there were since the beginning."""
        return self._total

    def since(self, start: float, instance_id: str | None = None) -> Iterator[tuple[int, float]]:
        """Status and seconds of each request that ended since a time of the monotonic clock, or of one instance's."""
        for at, instance, status, spent in reversed(tuple(self._requests)):
            if at < start:
                return
            if instance_id in (None, instance):
                yield status, spent

    def series(self, now: float, seconds: int) -> list[Second]:
        """The last whole seconds, oldest first; seconds without a request too."""
        closed = dict(tuple(self._seconds))
        if self._now < int(now):  # nothing has come since, so nobody has closed it yet
            closed[self._now] = _summary(list(self._spent), self._failed)
        return [closed.get(at, Second()) for at in range(int(now) - seconds, int(now))]

    def _close_second(self) -> None:
        self._seconds.append((self._now, _summary(self._spent, self._failed)))
        self._spent, self._failed = [], 0


def _summary(spent: list[float], failed: int) -> Second:
    return Second(len(spent), failed, _percentile(sorted(spent), 0.99) if spent else 0.0)


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[int((len(ordered) - 1) * share)]
