"""SIGINT and SIGTERM: the first ends the wait at work, and the run journals, gives its lock back and says what is
where; the second ends the process at once. A command that only looks is ended by the first.
"""

from __future__ import annotations

import os
import signal
from types import FrameType

from ebcd.errors import ExitCode
from ebcd.release.clock import SystemClock

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def interruptible() -> SystemClock:
    """A clock whose waits a signal ends."""
    clock = SystemClock()

    def handle(number: int, _: FrameType | None) -> None:
        code = _CODES[signal.Signals(number)]
        for each in _CODES:
            signal.signal(each, lambda *_: os._exit(code))
        clock.interrupt(code)

    for each in _CODES:
        signal.signal(each, handle)
    return clock


def looking() -> SystemClock:
    """A clock for a command that changes nothing: a signal ends the process at once, and nobody waits for an answer
    that is still to come. Python itself would, for those that threads wait for.
    """
    for each, code in _CODES.items():
        signal.signal(each, lambda *_, code=code: os._exit(code))
    return SystemClock()
