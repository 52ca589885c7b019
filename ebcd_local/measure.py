"""What an instance's processes use of the machine."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil


@dataclass(frozen=True, slots=True)
class Usage:
    """The use of an instance's processes since the look before."""

    user: float = 0.0
    """Share of one processor, 0 to 1."""
    system: float = 0.0
    memory: int = 0
    """Resident bytes."""
    processes: int = 0

    @property
    def cpu(self) -> float:
        """Share of one processor, at most 1."""
        return min(1.0, self.user + self.system)

    def system_status(self) -> dict[str, Any]:
        """SystemStatus, as the model shapes it: percent, and the machine's load average."""
        user, system = 100 * min(self.user, 1.0), 100 * min(self.system, 1.0)
        return {
            "CPUUtilization": {
                "User": round(user, 1),
                "System": round(system, 1),
                "Idle": round(max(0.0, 100 - user - system), 1),
            },
            "LoadAverage": [round(value, 2) for value in os.getloadavg()],
        }


class Measure:
    """Follows processes to their children, and remembers the processor times of the look before.

    It reads /proc of those processes alone: a look at all of the machine's took most of an idle server's time.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._before: dict[int, tuple[float, float, float]] = {}

    def of(self, pids: Sequence[int]) -> Usage:
        """The use of some processes with all their children."""
        with self._lock:
            found = [self._tree(pid) for pid in pids]
        return Usage(*(sum(values) for values in zip(*found, strict=True))) if found else Usage()

    def _tree(self, pid: int) -> tuple[float, float, int, int]:
        now = time.monotonic()
        found = [used for one in _family(pid) if (used := _used(one))]
        user, system, memory = (sum(item[place] for item in found) for place in range(3))
        at, user_before, system_before = self._before.get(pid, (0.0, user, system))
        self._before[pid] = (now, user, system)
        spent = max(now - at, 1e-3)
        # A worker that died takes its times with it: the difference is not negative use.
        return max(0.0, user - user_before) / spent, max(0.0, system - system_before) / spent, int(memory), len(found)


def _family(pid: int) -> Iterator[int]:
    """A process and all that it started, directly or not. https://man7.org/linux/man-pages/man5/proc_pid_task.5.html"""
    waiting = [pid]
    while waiting:
        one = waiting.pop()
        yield one
        for path in Path(f"/proc/{one}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                waiting += map(int, path.read_text().split())


def _used(pid: int) -> tuple[float, float, int] | None:
    """A process's user and system seconds and resident bytes; None when it is gone."""
    try:
        process = psutil.Process(pid)
        with process.oneshot():
            times = process.cpu_times()
            return times.user, times.system, process.memory_info().rss
    except psutil.Error:
        return None
