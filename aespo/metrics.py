"""Each workspace's use as CloudWatch metrics, in the embedded metric format: one JSON object a line, which the
CloudWatch agent or Lambda turns into metrics, so that scaling and alarms can follow use.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

NAMESPACE = "Aespo"
EVERY = 60.0
"""Seconds that requests are gathered for: a line for each workspace and minute, not for each request."""
_MOST_VALUES = 100
"""Values of one metric in one object, by the specification."""

Write = Callable[[str], None]


def writer(where: str) -> Write:
    """What writes a line where the settings say: `-` is standard output, nothing is nowhere, else a file."""
    if not where:
        return lambda _: None
    if where == "-":
        return lambda line: print(line, file=sys.stdout, flush=True)  # a metric's line is output  # noqa: T201
    path = Path(where)

    def append(line: str) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{line}\n")

    return append


class Metrics:
    """Gathers requests and writes them out from time to time. May be used from any thread."""

    def __init__(self, write: Write, clock: Callable[[], float] = time.time) -> None:
        self._write = write
        self._clock = clock
        self._lock = threading.Lock()
        self._since = clock()
        self._durations: dict[str, list[float]] = defaultdict(list)
        self._counts: dict[str, int] = defaultdict(int)

    def request(self, slug: str, milliseconds: float) -> None:
        """Count a workspace's request; write what was gathered when its time has come."""
        with self._lock:
            self._counts[slug] += 1
            if len(self._durations[slug]) < _MOST_VALUES:
                self._durations[slug].append(round(milliseconds, 2))
            gathered = self._take() if self._clock() - self._since >= EVERY else {}
        self._tell(gathered)

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            gathered = self._take()
        self._tell(gathered)

    def _take(self) -> dict[str, tuple[int, list[float]]]:
        gathered = {slug: (count, self._durations[slug]) for slug, count in self._counts.items()}
        self._since, self._durations, self._counts = self._clock(), defaultdict(list), defaultdict(int)
        return gathered

    def _tell(self, gathered: dict[str, tuple[int, list[float]]]) -> None:
        for slug, (count, durations) in gathered.items():
            self._write(json.dumps(embedded(slug, count, durations, self._clock()), separators=(",", ":")))


def embedded(slug: str, requests: int, durations: list[float], now: float) -> dict[str, Any]:
    """One object: for the workspace, and with no dimension for all of them together."""
    metrics = [{"Name": "Requests", "Unit": "Count"}, {"Name": "Duration", "Unit": "Milliseconds"}]
    directive = {"Namespace": NAMESPACE, "Dimensions": [["Workspace"], []], "Metrics": metrics}
    return {
        "_aws": {"Timestamp": int(now * 1000), "CloudWatchMetrics": [directive]},
        "Workspace": slug,
        "Requests": requests,
        "Duration": durations,
    }
