"""A lock that a run holds: its lease is renewed, proven before each change, and given back."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.clock import Clock
from ebcd.errors import EbcdError, Interrupted, LockLost, Transient
from ebcd.model import CommandLine, kinds
from ebcd.release.state.documents import SCHEMA, Damaged, Unreadable, content_of, encoded, read
from ebcd.release.store import holder

LEASE = 90.0
"""Seconds that a lock outlives its holder's last sign."""

RENEWAL = 5.0
"""Seconds after which a holder renews it, and learns whether it is to stop."""

RENEWABLE = 60.0
"""Seconds after the last renewal within which one that got no answer is tried again: the lease still holds."""

CONFLICTS = 10
"""Attempts to write into a lock that its holder renews."""


@dataclass(frozen=True, slots=True)
class LockState:
    """Who holds a lock."""

    owner: str
    host: str
    since: datetime
    expires: datetime
    message: str
    token: str
    stop: str = ""
    """Who asked its holder to stop, and why; empty: nobody."""
    yields: bool = False
    """Whether a rollback may overtake it."""
    lease_seconds: kinds.Lease = LEASE
    """Seconds that it outlives its holder's last sign."""
    process: kinds.Process = ""
    """Which process holds it, as `holder.identity` tells."""
    unreadable: bool = False
    """Whether it cannot be read: it is held by nobody known, until a person breaks it. Not part of the JSON."""


class Lease:
    """A lock that this run holds."""

    def __init__(
        self, storage: Storage, key: str, content: dict[str, Any], etag: str, clock: Clock, flags: CommandLine
    ) -> None:
        self._storage = storage
        self._hint = f"ebcd status {flags} shows what is there; run the same command again to go on."
        self._key = key
        self._content = content
        self._etag = etag
        self._clock = clock
        self._renewed = self._now()
        self._stopped: Interrupted | None = None

    def _now(self) -> tuple[float, datetime]:
        return self._clock.monotonic(), self._clock.now()

    @property
    def _age(self) -> float:
        """Seconds since the last renewal. A monotonic clock may stand still while its machine sleeps."""
        monotonic, wall = self._renewed
        return max(self._clock.monotonic() - monotonic, (self._clock.now() - wall).total_seconds())

    def renew_if_due(self) -> None:
        """Renew the lease when a part of it has passed. Called from every wait.

        A renewal that gets no answer ends nothing while the lease holds: the next call tries again.
        """
        if self._age < RENEWAL:
            return
        try:
            self.assert_held()
        except Transient:
            if self._age >= RENEWABLE:
                raise

    def assert_held(self) -> None:
        """Renew the lease, which proves that it is ours. Called before every mutation.

        Raises LockLost when it is lost, Interrupted when this run is to stop: each time again."""
        if self._stopped:
            raise self._stopped
        began = self._now()
        try:
            self._etag = self._storage.replace(self._key, body_of(self._content, began[1]), self._etag)
        except PreconditionFailed:
            self._adopt()
        else:
            self._renewed = began

    def is_held(self) -> bool:
        """Whether it is still ours, this run being asked to stop or not; so it is where that cannot be told."""
        try:
            stored = self._storage.get(self._key)
        except EbcdError:
            return True
        return stored is not None and state_of(stored).token == self._content["token"]

    def assert_ours(self) -> None:
        """Raises LockLost when it is lost, and nothing else: what is to stop has come to its end."""
        if not self.is_held():
            raise self._lost()

    def _adopt(self) -> None:
        """The lock was changed: by an earlier renewal of ours that got no answer, by whoever wants this run to stop, or
        by another holder. Raises Interrupted or LockLost.
        """
        found = self._reread()
        if found is None:
            raise self._lost()
        if found.stop:
            self._stopped = Interrupted(
                "Stopped by another run.",
                why=f"{found.stop}.",
                hint=self._hint,
                code="aborted",
            )
            raise self._stopped

    def _lost(self) -> LockLost:
        return LockLost(
            "The lock was lost, so the run stopped before its next change.",
            why="Somebody broke it, or this run was silent for longer than its lease.",
            hint=self._hint,
        )

    def _reread(self) -> LockState | None:
        """The lock as it stands, where it is still ours; its ETag is taken over."""
        stored = self._storage.get(self._key)
        found = state_of(stored) if stored else None
        if stored is None or found is None or found.token != self._content["token"]:
            return None
        self._etag = stored.etag
        return found

    def release(self) -> None:
        """Give the lock back. One that is no longer ours is left alone."""
        for _ in range(CONFLICTS):
            try:
                self._storage.delete(self._key, self._etag)
            except PreconditionFailed:  # somebody may have written into it that this run is to stop
                if self._reread() is None:
                    return
            else:
                return


def body_of(content: dict[str, Any], now: datetime) -> bytes:
    """A lock as it is stored: its content, and until when it holds."""
    expires = (now + timedelta(seconds=LEASE)).isoformat()
    return encoded({"schema": SCHEMA, **content, "lease_seconds": LEASE, "expires": expires})


def state_of(stored: StoredObject) -> LockState:
    """Who holds a lock, as it was read."""
    try:
        return replace(read(LockState, content_of(stored)), unreadable=False)
    except Unreadable as error:
        return LockState(
            owner="somebody unknown",
            host="an unknown host",
            since=stored.modified,
            expires=stored.modified,
            message=f"{Damaged(stored.key, str(error))} It is held until a person breaks it",
            token="",
            unreadable=True,
        )


def is_gone(stored: StoredObject) -> bool:
    """Whether the holder is gone: its lease ran out, or it was a process of this machine and is dead.

    Of a lock that cannot be read nobody can tell: it is held.
    """
    state = state_of(stored)
    expired = stored.read - stored.modified > timedelta(seconds=state.lease_seconds)
    return not state.unreadable and (expired or holder.is_dead(state.process))
