"""Who may have how much of a process: no tenant gets so much of it that others wait.

Each caller (a workspace's members together; a stranger by address) may have some requests at work at the same time, and
spends from an allowance of seconds that grows back. What is spent is the processor's time and the database's, not the
time that a client takes to send or that storage takes to answer. Whoever has spent it goes on as long as nobody else
is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from aespo.problems import TooManyRequests

AT_ONCE = 6
"""Requests of one caller that a process answers at the same time; it has eight threads (gunicorn.conf.py)."""
SHARE = 50
"""Percent of a processor that a caller may take of a process from then on when its burst is spent."""
BURST = 8.0
"""Seconds in which a caller who was quiet may spend what its share allows at once."""
PRESENT = 2.0
"""Seconds after a caller's last request in which it counts as being there."""
_TIDY_ABOVE = 10_000


@dataclass(slots=True)
class _Account:
    """What one caller has left, and has at work."""

    left: float
    at: float
    working: int = 0


class Admission:
    """Counts for one process. at_once, share: as the constants of this module."""

    def __init__(self, at_once: int = AT_ONCE, share: int = SHARE, clock: Callable[[], float] = time.monotonic) -> None:
        self._at_once = at_once
        self._rate = share / 100
        self._burst = BURST * self._rate
        self._clock = clock
        self._lock = threading.Lock()
        self._accounts: dict[Hashable, _Account] = {}
        self._latest: tuple[Hashable, float] = (None, -PRESENT)
        """Who came last, and when."""
        self._before: tuple[Hashable, float] = (None, -PRESENT)
        """The last one who is another than that."""

    def enter(self, caller: Hashable) -> None:
        """Let a request of a caller begin; `leave` must follow. Raises TooManyRequests, and then it did not begin."""
        with self._lock:
            account = self._account(caller)
            if account.working >= self._at_once:
                raise TooManyRequests(f"More than {self._at_once} requests at the same time. Try again in a moment.", 1)
            if account.left <= 0 and self._others_are_there(caller):
                wait = int(-account.left / self._rate) + 1
                raise TooManyRequests("These requests take more than their share. Try again in a moment.", wait)
            account.working += 1
            self._note(caller)

    def leave(self, caller: Hashable, spent: float) -> None:
        """A request that entered has ended. spent: seconds that it took from others."""
        with self._lock:
            account = self._account(caller)
            account.working -= 1
            account.left = max(account.left - spent, -self._burst)
            if len(self._accounts) > _TIDY_ABOVE:
                self._tidy()

    def _others_are_there(self, caller: Hashable) -> bool:
        who, when = self._latest if self._latest[0] != caller else self._before
        return who is not None and self._clock() - when < PRESENT

    def _note(self, caller: Hashable) -> None:
        if self._latest[0] != caller:
            self._before = self._latest
        self._latest = caller, self._clock()

    def _account(self, caller: Hashable) -> _Account:
        """The caller's account, with what has grown back since it was last asked for."""
        now = self._clock()
        account = self._accounts.setdefault(caller, _Account(self._burst, now))
        account.left = min(self._burst, account.left + (now - account.at) * self._rate)
        account.at = now
        return account

    def _tidy(self) -> None:
        """Forget the callers who have nothing at work and would have their whole allowance back."""
        now = self._clock()
        self._accounts = {
            caller: account
            for caller, account in self._accounts.items()
            if account.working or account.left + (now - account.at) * self._rate < self._burst
        }
