"""What an instance's processes use of the machine."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil

FRESH = 0.2
"""Seconds that one look at all processes is good for."""


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
            "CPUUtilization": {"User": round(user, 1), "System": round(system, 1),
                               "Idle": round(max(0.0, 100 - user - system), 1)},
            "LoadAverage": [round(value, 2) for value in os.getloadavg()],
        }  # fmt: skip


class Measure:
    """Looks at all processes at once, and remembers the processor times of the look before."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._looked = 0.0
        self._before: dict[int, tuple[float, float, float]] = {}
        self._times: dict[int, tuple[float, float, int]] = {}
        self._children: dict[int, list[int]] = {}

    def of(self, pids: Sequence[int]) -> Usage:
        """The use of some processes with all their children."""
        with self._lock:
            if time.monotonic() - self._looked > FRESH:
                self._look()
            found = [self._tree(pid) for pid in pids]
        return Usage(*(sum(values) for values in zip(*found, strict=True))) if found else Usage()

    def _look(self) -> None:
        self._looked = time.monotonic()
        self._times, self._children = {}, {}
        for process in psutil.process_iter(["ppid", "cpu_times", "memory_info"]):
            times, memory = process.info["cpu_times"], process.info["memory_info"]
            if times is not None and memory is not None:
                self._times[process.pid] = (times.user, times.system, memory.rss)
                self._children.setdefault(process.info["ppid"], []).append(process.pid)

    def _tree(self, pid: int) -> tuple[float, float, int, int]:
        waiting, found = [pid], list[tuple[float, float, int]]()
        while waiting:
            one = waiting.pop()
            waiting += self._children.get(one, [])
            found += [self._times[one]] if one in self._times else []
        user, system, memory = (sum(item[place] for item in found) for place in range(3))
        at, user_before, system_before = self._before.get(pid, (0.0, user, system))
        self._before[pid] = (self._looked, user, system)
        spent = max(self._looked - at, 1e-3)
        # A worker that died takes its times with it: the difference is not negative use.
        return max(0.0, user - user_before) / spent, max(0.0, system - system_before) / spent, int(memory), len(found)
