"""The stage's lock: an object in S3 with an owner token and a lease that its holder renews.

Taken by a conditional create, renewed and released by conditional writes on the ETag, so that two holders are
impossible. A lease's age is told by S3's own clock (its Date header less the object's Last-Modified): no machine's
wrong time can keep or steal a lock. A holder that died on this very machine is known to be dead at once.

Another run may write into the lock that its holder is to stop. The holder finds that when it renews, ends in order and
gives the lock back.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ebcd import words
from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import EbcdError, Interrupted, LockHeld, LockLost, OutcomeUnknown, Transient
from ebcd.release import holder
from ebcd.release.clock import Clock, polls

LEASE = 90.0
"""Seconds that a lock outlives its holder's last sign."""
RENEWAL = 5.0
"""Seconds after which a holder renews it, and learns whether it is to stop."""
RENEWABLE = 60.0
"""Seconds after the last renewal within which one that got no answer is tried again: the lease still holds."""
CONFLICTS = 10
"""Attempts to write into a lock that its holder renews."""
STOP_PATIENCE = 20.0
"""Seconds that a holder has to stop in order, before its lock is broken by a rollback."""


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


@dataclass(frozen=True, slots=True)
class Overtake:
    """Leave to take the lock from a run that yields: whoever rolls back cannot wait for a ship, or for a bake."""

    reason: str
    note: Callable[[str], None]
    """Is told what happens to that run."""


class Lock:
    """The lock of one stage."""

    def __init__(self, storage: Storage, application: str, stage: str, clock: Clock) -> None:
        self._storage = storage
        self._key = f"ebcd/{application}/{stage}/lock.json"
        self._clock = clock
        self._name = f"{application}/{stage}"
        self.flags = words.flags(application, stage)
        """The options that name its stage."""

    def state(self) -> LockState | None:
        """Who holds it now; None when nobody does or the lease has run out."""
        stored = self._storage.get(self._key)
        return _state(stored) if stored and not _gone(stored) else None

    @contextmanager
    def held(
        self,
        *,
        owner: str,
        host: str,
        message: str,
        wait: float,
        yields: bool = False,
        overtake: Overtake | None = None,
    ) -> Iterator[Lease]:
        """Hold the lock for a block. Waits up to `wait` seconds for it, then raises LockHeld.

        yields: whether a rollback may take it from this run. overtake: a run that holds it and yields is asked to stop,
        and its lock is broken if it does not.
        """
        content = {"owner": owner, "host": host, "message": message, "token": secrets.token_hex(16), "yields": yields,
                   "since": self._clock.now().isoformat(), "process": holder.identity()}  # fmt: skip
        lease = self._take(content, wait, overtake)
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
        return _state(stored)

    def ask_to_stop(self, by: str, reason: str) -> LockState | None:
        """Ask the holder to stop; who that is. None when nobody holds it."""
        for _ in range(CONFLICTS):
            stored = self._storage.get(self._key)
            if stored is None or _gone(stored):
                return None
            content = json.loads(stored.body) | {"stop": f"{by}: {reason}"}
            try:
                self._storage.replace(self._key, _json(content), stored.etag)
            except PreconditionFailed:
                continue  # it was renewed at that very moment
            return _state(stored)
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

    def _take(self, content: dict[str, Any], wait: float, overtake: Overtake | None) -> Lease:
        other: LockState | None = None
        for _ in polls(self._clock, timeout=wait, interval=1.0):
            lease = self._attempt(content)
            if lease is None and (other := self._observe_holder()) and overtake and other.yields:
                self.take_over(content["owner"], overtake.reason, overtake.note)
                other = None
            if lease is None and other is None:
                lease = self._attempt(content)
            if lease:
                return lease
        raise self._held_by(other)

    def _attempt(self, content: dict[str, Any]) -> Lease | None:
        try:
            etag = self._storage.create(self._key, _body(content, self._clock.now()))
        except PreconditionFailed:
            return None
        return Lease(self._storage, self._key, content, etag, self._clock, self.flags)

    def _observe_holder(self) -> LockState | None:
        """Who is in the way. The lock of a holder that is gone is removed, so that the next attempt can take it."""
        stored = self._storage.get(self._key)
        if stored is None:
            return None
        if not _gone(stored):
            return _state(stored)
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
            f"ebcd lock --break --reason … {self.flags}",
        )


class Lease:
    """A lock that this run holds."""

    def __init__(
        self, storage: Storage, key: str, content: dict[str, Any], etag: str, clock: Clock, flags: str
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
            self._etag = self._storage.replace(self._key, _body(self._content, began[1]), self._etag)
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
        return stored is not None and _state(stored).token == self._content["token"]

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
        found = _state(stored) if stored else None
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


def _body(content: dict[str, Any], now: datetime) -> bytes:
    expires = (now + timedelta(seconds=LEASE)).isoformat()
    return _json({"schema": 1, **content, "lease_seconds": LEASE, "expires": expires})


def _json(content: dict[str, Any]) -> bytes:
    return (json.dumps(content, indent=2) + "\n").encode()


def _state(stored: StoredObject) -> LockState:
    content = json.loads(stored.body)
    return LockState(
        owner=content["owner"],
        host=content["host"],
        since=datetime.fromisoformat(content["since"]).astimezone(UTC),
        expires=datetime.fromisoformat(content["expires"]).astimezone(UTC),
        message=content["message"],
        token=content["token"],
        stop=content.get("stop", ""),
        yields=content.get("yields", False),
    )


def _gone(stored: StoredObject) -> bool:
    """Whether the holder is gone: its lease ran out, or it was a process of this machine and is dead."""
    content = json.loads(stored.body)
    expired = stored.read - stored.modified > timedelta(seconds=float(content["lease_seconds"]))
    return expired or holder.is_dead(content.get("process", ""))
