"""Which process holds a lock: another one on the same machine can tell that it is dead, and need not wait for it."""

from __future__ import annotations

import os
from pathlib import Path

_DIGITS = 10
"""Of a process id at most."""


def identity() -> str:
    """This process, told apart from every other one: `boot/namespace pid/start`. Empty where /proc does not tell."""
    pid = os.getpid()
    place, started = _place(), _started(pid)
    return f"{place} {pid}/{started}" if place and started else ""


def is_dead(identity: str) -> bool:
    """Whether the process of that identity is surely dead: it ran here, and does not any more."""
    place, _, process = identity.partition(" ")
    pid, _, started = process.partition("/")
    known = pid.isascii() and pid.isdigit() and len(pid) <= _DIGITS
    return bool(place) and place == _place() and known and _started(int(pid)) != started


def _place() -> str:
    """This boot of this machine, and the namespace in which process ids have their meaning."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process started, in clock ticks since boot; empty when it is gone or only waits to be reaped."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in {"Z", "X"} else fields[19]
