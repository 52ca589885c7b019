"""SIGINT and SIGTERM: the first ends the wait at work, and the run journals, gives its lock back and says what is
where; the second ends the process at once. A command that only looks is ended by the first.

While a swap or a way back is being finished, the second is told and ignored: GitHub sends SIGINT, 7.5 seconds later
SIGTERM, and kills 2.5 seconds after that (https://github.com/actions/runner, src/Runner.Sdk/ProcessInvoker.cs). What is
not finished by then is gone on with by the next run.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from ebcd.clock import SystemClock
from ebcd.errors import ExitCode

_CODES = {signal.SIGINT: ExitCode.INTERRUPTED, signal.SIGTERM: ExitCode.TERMINATED}


def interruptible() -> SystemClock:
    """A clock whose waits a signal ends."""
    clock = SystemClock()

    def handle(number: int, _: FrameType | None) -> None:
        code = _CODES[signal.Signals(number)]

        def again(number: int, _: FrameType | None) -> None:
            if not clock.insists:
                os._exit(code)
            _tell(
                f"{signal.Signals(number).name} came, too. A swap or a way back is being finished, then this run ends; "
                f"kill -9 {os.getpid()} ends it at once, and the next run goes on from what is there."
            )

        for each in _CODES:
            signal.signal(each, again)
        clock.interrupt(code)

    for each in _CODES:
        signal.signal(each, handle)
    return clock


def _tell(text: str) -> None:
    """To stderr, past Python's own buffers: the signal may have come while they were being written."""
    with suppress(OSError):
        os.write(2, f"\n{text}\n".encode())


def _leave(code: int) -> NoReturn:
    """End the process, with the cursor shown that a redrawn screen hides."""
    if os.isatty(1):
        with suppress(OSError):
            os.write(1, b"\x1b[?25h\n")
    os._exit(code)


def looking() -> SystemClock:
    """A clock for a command that changes nothing: a signal ends the process at once, and nobody waits for an answer
    that is still to come. Python itself would, for those that threads wait for.
    """
    for each, code in _CODES.items():
        signal.signal(each, lambda *_, code=code: _leave(code))
    return SystemClock()
