"""The stage's lock: an object in S3 with an owner token and a lease that its holder renews.

Taken by a conditional create, renewed and released by conditional writes on the ETag, so that two holders are
impossible. A lease's age is told by S3's own clock (its Date header less the object's Last-Modified): no machine's
wrong time can keep or steal a lock. A holder that died on this very machine is known to be dead at once.

Another run may write into the lock that its holder is to stop. The holder finds that when it renews, ends in order and
gives the lock back.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

from ebcd.aws.storage import PreconditionFailed, Storage
from ebcd.clock import Clock, polls
from ebcd.errors import EbcdError, LockHeld, OutcomeUnknown
from ebcd.model import CommandLine
from ebcd.release.state.documents import content_of, encoded
from ebcd.release.store import holder
from ebcd.release.store.lease import CONFLICTS, LEASE, Lease, LockState, body_of, is_gone, state_of

STOP_PATIENCE = 20.0
"""Seconds that a holder has to stop in order, before its lock is broken by a rollback."""


@dataclass(frozen=True, slots=True)
class Preemption:
    """Leave to take the lock from a run that yields: whoever rolls back cannot wait for a ship, or for a bake."""

    reason: str
    note: Callable[[str], None]
    """Is told what happens to that run."""


class Lock:
    """The lock of one stage."""

    def __init__(
        self, storage: Storage, application: str, stage: str, clock: Clock, flags: CommandLine | None = None
    ) -> None:
        self._storage = storage
        self._key = f"ebcd/{application}/{stage}/lock.json"
        self._clock = clock
        self._name = f"{application}/{stage}"
        self.flags = flags or CommandLine(application, stage)
        """The options that name its stage."""

    def state(self) -> LockState | None:
        """Who holds it now; None when nobody does or the lease has run out."""
        stored = self._storage.get(self._key)
        return state_of(stored) if stored and not is_gone(stored) else None

    @contextmanager
    def held(
        self,
        *,
        owner: str,
        host: str,
        message: str,
        wait: float,
        preemptible: bool = False,
        preemption: Preemption | None = None,
    ) -> Iterator[Lease]:
        """Hold the lock for a block. Waits up to `wait` seconds for it, then raises LockHeld.

        preemptible: whether a rollback may take it from this run. preemption: a preemptible run that holds it is asked
        to stop, and its lock is broken if it does not.
        """
        content = {
            "owner": owner,
            "host": host,
            "message": message,
            "token": secrets.token_hex(16),
            "yields": preemptible,
            "since": self._clock.now().isoformat(),
            "process": holder.identity(),
        }
        lease = self._take(content, wait, preemption)
        try:
            yield lease
        except BaseException as error:
            try:
                lease.release()
            except EbcdError as unreleased:
                error.add_note(f"The lock could not be released ({unreleased.what}): it expires in {LEASE:g} s.")
            raise
        with suppress(EbcdError):  # the block did what it was to do, and the lease ends by itself
            lease.release()

    def break_(self) -> LockState | None:
        """Delete the lock whoever holds it; who held it. Its holder notices before its next mutation."""
        stored = self._storage.get(self._key)
        if stored is None:
            return None
        try:
            self._storage.delete(self._key, stored.etag)
        except PreconditionFailed as error:
            raise OutcomeUnknown(
                f"The lock of {self._name} changed hands while it was broken.",
                why="Its holder renewed it, or another run took it.",
                hint=f"ebcd lock {self.flags}",
            ) from error
        return state_of(stored)

    def ask_to_stop(self, by: str, reason: str) -> LockState | None:
        """Ask the holder to stop; who that is. None when nobody holds it."""
        for _ in range(CONFLICTS):
            stored = self._storage.get(self._key)
            if stored is None or is_gone(stored):
                return None
            if (state := state_of(stored)).unreadable:
                raise self._held_by(state)
            content = content_of(stored) | {"stop": f"{by}: {reason}"}
            try:
                self._storage.replace(self._key, encoded(content), stored.etag)
            except PreconditionFailed:
                continue  # it was renewed at that very moment
            return state
        raise OutcomeUnknown(
            f"The holder of the lock of {self._name} could not be asked to stop.",
            why="The lock changed each time that it was written.",
            hint=f"ebcd lock {self.flags}",
        )

    def await_free(self, timeout: float) -> bool:
        """Wait until nobody holds the lock, `timeout` seconds at most; whether that is so."""
        return any(self.state() is None for _ in polls(self._clock, timeout=timeout, interval=1.0))

    def take_over(self, by: str, reason: str, note: Callable[[str], None]) -> None:
        """Free the lock for whoever cannot wait: its holder is asked to stop, then the lock is broken.

        A holder that was broken notices before its next change."""
        asked = self.ask_to_stop(by, reason)
        if asked is None:
            return
        note(f"Asked {asked.owner} on {asked.host} to stop: {asked.message}.")
        if not self.await_free(STOP_PATIENCE):
            note(f"It did not stop within {STOP_PATIENCE:g} s, so its lock is broken.")
            self.break_()

    def _take(self, content: dict[str, Any], wait: float, preemption: Preemption | None) -> Lease:
        other: LockState | None = None
        for _ in polls(self._clock, timeout=wait, interval=1.0):
            lease = self._attempt(content)
            if lease is None and (other := self._observe_holder()) and preemption and other.yields:
                self.take_over(content["owner"], preemption.reason, preemption.note)
                other = None
            if lease is None and other is None:
                lease = self._attempt(content)
            if lease:
                return lease
        raise self._held_by(other)

    def _attempt(self, content: dict[str, Any]) -> Lease | None:
        try:
            etag = self._storage.create(self._key, body_of(content, self._clock.now()))
        except PreconditionFailed:
            return None
        return Lease(self._storage, self._key, content, etag, self._clock, self.flags)

    def _observe_holder(self) -> LockState | None:
        """Who is in the way. The lock of a holder that is gone is removed, so that the next attempt can take it."""
        stored = self._storage.get(self._key)
        if stored is None:
            return None
        if not is_gone(stored):
            return state_of(stored)
        with suppress(PreconditionFailed):  # another run was quicker
            self._storage.delete(self._key, stored.etag)
        return None

    def _held_by(self, other: LockState | None) -> LockHeld:
        who = (
            f"{other.owner} on {other.host} holds it since {other.since:%Y-%m-%d %H:%M:%S} UTC: {other.message}."
            if other
            else "Another run took it first."
        )
        return LockHeld(
            f"The stage {self._name} is locked.",
            why=who,
            hint=f"Wait for it with --wait-lock 10m, or, when its holder is surely gone: "
            f"ebcd lock --break --reason 'its run is gone' {self.flags}",
        )
