"""Who may have how much of a process: no tenant gets so much of it that others wait.

Each caller (a workspace's members together; a stranger by address) may have some requests in the process at the same
time. While somebody else is there they are worked on one after the other, so that another caller's request shares the
interpreter with one of them at most. And a caller spends from an allowance of seconds that grows back. What is spent is
the processor's time and the database's, not the time that a client takes to send or that storage takes to answer.
Whoever has spent it goes on as long as nobody else is there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from weakref import WeakSet

from aespo.problems import TooManyRequests

AT_ONCE = 4
"""Requests of one caller that a process has at the same time, also those that wait for their turn; it has sixteen
threads (gunicorn.conf.py). A stranger has half of it.
"""
IN_TURN = 1
"""Requests of one caller that are worked on at the same time while others are there."""
PATIENCE = 5.0
"""Seconds that a request waits for its turn."""
SHARE = 50
"""Percent of a processor that a caller may take of a process from then on when its burst is spent."""
BURST = 8.0
"""Seconds in which a caller who was quiet may spend what its share allows at once."""
PRESENT = 2.0
"""Seconds after a caller's last request in which it counts as being there."""
_LOOK_AGAIN = 0.25
"""Seconds between two looks for whether the others have gone."""
_TIDY_ABOVE = 10_000


@dataclass(frozen=True, slots=True)
class Caller:
    """Whose requests are counted together. stranger: nobody who is signed in."""

    name: Hashable
    stranger: bool = False


@dataclass(eq=False, slots=True, weakref_slot=True)
class Turn:
    """One request of a caller. It counts from `enter` to `leave`, and no longer than it exists: should whoever holds it
    be interrupted at any point, what it had of the process is free again.
    """

    caller: Caller


@dataclass(slots=True)
class _Account:
    """What one caller has left, and has in the process."""

    left: float
    at: float
    present: WeakSet[Turn] = field(default_factory=WeakSet)
    working: WeakSet[Turn] = field(default_factory=WeakSet)
    """Those of them that do not wait for their turn."""


class Admission:
    """Counts for one process. at_once, share: as the constants of this module."""

    def __init__(
        self,
        at_once: int = AT_ONCE,
        share: int = SHARE,
        clock: Callable[[], float] = time.monotonic,
        patience: float = PATIENCE,
    ) -> None:
        self._at_once = at_once
        self._rate = share / 100
        self._burst = BURST * self._rate
        self._clock = clock
        self._patience = patience
        self._turns = threading.Condition()
        self._accounts: dict[Caller, _Account] = {}
        self._latest: tuple[Caller | None, float] = (None, -PRESENT)
        """Who came last, and when."""
        self._before: tuple[Caller | None, float] = (None, -PRESENT)
        """The last one who is another than that."""

    def enter(self, turn: Turn, before_waiting: Callable[[], object] = lambda: None) -> None:
        """Let a request begin, when it is its turn; `leave` must follow. Raises TooManyRequests, and then it did not
        begin. before_waiting: called where it has to wait.
        """
        caller = turn.caller
        with self._turns:
            self._refuse(caller)
            account = self._account(caller)
            account.present.add(turn)
            self._note(caller)
            if self._may_work(caller, account):
                account.working.add(turn)
                return
        try:
            before_waiting()
            self._wait(turn, account)
        except BaseException:
            self.leave(turn, 0.0)
            raise

    def check(self, caller: Caller) -> None:
        """Whether a request of a caller would be refused now. Raises TooManyRequests where it would."""
        with self._turns:
            self._refuse(caller)

    def leave(self, turn: Turn, spent: float) -> None:
        """A request has ended; one that did not enter, or has left before, changes nothing. spent: seconds that it took
        from others.
        """
        with self._turns:
            account = self._account(turn.caller)
            if turn not in account.present:
                return
            account.present.discard(turn)
            account.working.discard(turn)
            account.left = max(account.left - spent, -self._burst)
            self._turns.notify_all()
            if len(self._accounts) > _TIDY_ABOVE:
                self._tidy()

    @contextmanager
    def outside(self, turn: Turn) -> Iterator[None]:
        """Let the caller's next request have its turn while this one waits for something outside the process."""
        with self._turns:
            account = self._account(turn.caller)
            account.working.discard(turn)
            self._turns.notify_all()
        try:
            yield
        finally:
            self._return(turn, account)

    def _return(self, turn: Turn, account: _Account) -> None:
        """Work on when its turn comes. What has begun is ended, should it not come in time."""
        with self._turns:
            try:
                self._await_turn(turn.caller, account)
            finally:
                if turn in account.present:
                    account.working.add(turn)

    def _refuse(self, caller: Caller) -> None:
        account, most = self._account(caller), self._most(caller)
        if len(account.present) >= most:
            raise TooManyRequests(f"More than {most} requests at the same time. Try again in a moment.", 1)
        if account.left <= 0 and self._others_are_there(caller):
            wait = int(-account.left / self._rate) + 1
            raise TooManyRequests("These requests take more than their share. Try again in a moment.", wait)

    def _wait(self, turn: Turn, account: _Account) -> None:
        with self._turns:
            if not self._await_turn(turn.caller, account):
                raise TooManyRequests("The requests before this one take too long. Try again in a moment.", 1)
            account.working.add(turn)

    def _await_turn(self, caller: Caller, account: _Account) -> bool:
        """Whether its turn came; also where nobody else is there any more, which nothing tells of."""
        pauses = max(1, round(self._patience / _LOOK_AGAIN))
        return any(
            self._turns.wait_for(lambda: self._may_work(caller, account), self._patience / pauses)
            for _ in range(pauses)
        )

    def _most(self, caller: Caller) -> int:
        return max(1, self._at_once // 2) if caller.stranger else self._at_once

    def _may_work(self, caller: Caller, account: _Account) -> bool:
        return len(account.working) < (IN_TURN if self._others_are_there(caller) else self._at_once)

    def _others_are_there(self, caller: Caller) -> bool:
        who, when = self._latest if self._latest[0] != caller else self._before
        return who is not None and self._clock() - when < PRESENT

    def _note(self, caller: Caller) -> None:
        if self._latest[0] != caller:
            self._before = self._latest
        self._latest = caller, self._clock()

    def _account(self, caller: Caller) -> _Account:
        """The caller's account, with what has grown back since it was last asked for."""
        now = self._clock()
        account = self._accounts.setdefault(caller, _Account(self._burst, now))
        account.left = min(self._burst, account.left + (now - account.at) * self._rate)
        account.at = now
        return account

    def _tidy(self) -> None:
        """Forget the callers who have nothing in the process and would have their whole allowance back."""
        now = self._clock()
        self._accounts = {
            caller: account
            for caller, account in self._accounts.items()
            if account.present or account.left + (now - account.at) * self._rate < self._burst
        }


class Known:
    """Who recently came with which credentials, so that a caller who is refused anyway is refused without asking the
    database. It decides nothing else.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._callers: dict[Hashable, tuple[Caller, float]] = {}

    def note(self, credentials: Hashable, caller: Caller) -> None:
        """Whoever sent these credentials is this caller."""
        if len(self._callers) > _TIDY_ABOVE:
            self._callers = {}
        self._callers[credentials] = caller, self._clock()

    def find(self, credentials: Hashable) -> Caller | None:
        """The caller, where it was noted a short time ago."""
        caller, when = self._callers.get(credentials, (None, 0.0))
        return caller if self._clock() - when < PRESENT else None
