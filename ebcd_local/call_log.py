"""Which calls were made, in their order: what a rehearsal counts and proves its case by."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from dataclasses import asdict, dataclass, replace
from itertools import takewhile
from typing import Any

REMEMBERED = 20_000
"""Calls that are kept."""


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call of an AWS operation."""

    number: int
    """1 for the first since the server started."""
    time: float
    """When it came, seconds since the epoch."""
    service: str
    operation: str
    agent: str
    """The caller's User-Agent."""
    received: int
    """Bytes of its body."""
    status: int = 0
    """HTTP status of the answer; 0 while there is none."""
    code: str = ""
    """The error's code, or the fault that struck."""
    seconds: float = 0.0


class CallLog:
    """The last calls. Every method may be called from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._calls: OrderedDict[int, LoggedCall] = OrderedDict()
        self._last = 0

    def begin(self, service: str, operation: str, agent: str, received: int) -> int:
        """Note a call that has come; its number."""
        with self._lock:
            self._last += 1
            self._calls[self._last] = LoggedCall(self._last, time.time(), service, operation, agent, received)
            if len(self._calls) > REMEMBERED:
                self._calls.popitem(last=False)
            return self._last

    def end(self, number: int, status: int, code: str = "") -> None:
        """Note how a call was answered."""
        with self._lock:
            if call := self._calls.get(number):
                spent = time.time() - call.time
                self._calls[number] = replace(call, status=status, code=code, seconds=round(spent, 4))

    @property
    def last(self) -> int:
        """The number of the newest call."""
        return self._last

    def after(self, number: int) -> list[dict[str, Any]]:
        """The calls that came behind a number, oldest first, as JSON has them."""
        with self._lock:
            newest_first = takewhile(lambda call: call.number > number, reversed(self._calls.values()))
            return [asdict(call) for call in newest_first][::-1]
