"""How many calls are answered: a bucket of tokens for each operation in each region, as AWS limits its APIs.

Source: https://github.com/aws/aws-toolkit-azure-devops/issues/62 (AWS's support, 2018): DescribeEnvironments and
DescribeEvents bear 2 calls a second, and 15 at once.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from time import monotonic


class CallLimits:
    """Counts calls. Every method may be called from any thread.

    per_second: calls that are answered in the long run; 0: all are. at_once: how many may come at the same moment.
    """

    def __init__(self, per_second: float, at_once: int, clock: Callable[[], float] = monotonic) -> None:
        self._per_second, self._at_once, self._clock = per_second, float(at_once), clock
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str], tuple[float, float]] = {}
        """(Region, operation) → calls that were left, and when."""

    def take(self, region: str, operation: str) -> bool:
        """Count a call; whether it may be answered."""
        if not self._per_second:
            return True
        with self._lock:
            now = self._clock()
            left, since = self._left.get((region, operation), (self._at_once, now))
            left = min(self._at_once, left + (now - since) * self._per_second)
            taken = left >= 1.0
            self._left[region, operation] = (left - 1.0 if taken else left, now)
            return taken
