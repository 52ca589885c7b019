"""The stage's lock: an object in S3 with an owner token and a lease that its holder renews.

Taken by a conditional create, renewed and released by conditional writes on the ETag, so that two holders are
impossible. A lease's age is told by S3's own clock (its Date header less the object's Last-Modified): no machine's
wrong time can keep or steal a lock.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import EbcdError, LockHeld, OutcomeUnknown
from ebcd.release.clock import Clock, polls

LEASE = 90.0
"""Seconds that a lock outlives its holder's last sign."""
RENEWAL = 20.0
"""Seconds after which a holder renews it."""


@dataclass(frozen=True, slots=True)
class LockState:
    """Who holds a lock."""

    owner: str
    host: str
    since: datetime
    expires: datetime
    message: str
    token: str


class Lock:
    """The lock of one stage."""

    def __init__(self, storage: Storage, application: str, stage: str, clock: Clock) -> None:
        self._storage = storage
        self._key = f"ebcd/{application}/{stage}/lock.json"
        self._clock = clock
        self._name = f"{application}/{stage}"
        self._flags = f"-a {application} -s {stage}"

    def state(self) -> LockState | None:
        """Who holds it now; None when nobody does or the lease has run out."""
        stored = self._storage.get(self._key)
        return _state(stored) if stored and not _expired(stored) else None

    @contextmanager
    def held(self, *, owner: str, host: str, message: str, wait: float) -> Iterator[Lease]:
        """Hold the lock for a block. Waits up to `wait` seconds for it, then raises LockHeld."""
        lease = self._take(owner, host, message, wait)
        try:
            yield lease
        except BaseException as error:
            try:
                lease.release()
            except EbcdError as unreleased:
                error.add_note(f"The lock could not be released ({unreleased.what}): it expires in {LEASE:g} s.")
            raise
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
                hint=f"ebcd lock {self._flags}",
            ) from error
        return _state(stored)

    def _take(self, owner: str, host: str, message: str, wait: float) -> Lease:
        content = {"owner": owner, "host": host, "message": message, "token": secrets.token_hex(16)}
        content["since"] = self._clock.now().isoformat()
        holder: LockState | None = None
        for _ in polls(self._clock, timeout=wait, interval=1.0):
            try:
                etag = self._storage.create(self._key, _body(content, self._clock.now()))
                return Lease(self._storage, self._key, content, etag, self._clock)
            except PreconditionFailed:
                holder = self._observe_holder() or holder
        raise self._held_by(holder)

    def _observe_holder(self) -> LockState | None:
        """Who is in the way. A lease that ran out is removed, so that the next attempt can take it."""
        stored = self._storage.get(self._key)
        if stored is None:
            return None
        if _expired(stored):
            try:
                self._storage.delete(self._key, stored.etag)
            except PreconditionFailed:
                return None
        return _state(stored)

    def _held_by(self, holder: LockState | None) -> LockHeld:
        who = (
            f"{holder.owner} on {holder.host} holds it since {holder.since:%Y-%m-%d %H:%M:%S} UTC: {holder.message}."
            if holder
            else "Another run took it first."
        )
        return LockHeld(
            f"The stage {self._name} is locked.",
            why=who,
            hint=f"Wait for it with --wait-lock 10m, or, when its holder is surely gone: "
            f"ebcd lock --break --reason … {self._flags}",
        )


class Lease:
    """A lock that this run holds."""

    def __init__(self, storage: Storage, key: str, content: dict[str, Any], etag: str, clock: Clock) -> None:
        self._storage = storage
        self._key = key
        self._content = content
        self._etag = etag
        self._clock = clock
        self._renewed = clock.monotonic()

    def renew_if_due(self) -> None:
        """Renew the lease when a part of it has passed. Called from every wait."""
        if self._clock.monotonic() - self._renewed >= RENEWAL:
            self.assert_held()

    def assert_held(self) -> None:
        """Renew the lease, which proves that it is ours. Called before every mutation. Raises OutcomeUnknown."""
        try:
            self._etag = self._storage.replace(self._key, _body(self._content, self._clock.now()), self._etag)
        except PreconditionFailed as error:
            raise OutcomeUnknown(
                "The lock was lost, so the run stopped before its next change.",
                why="Somebody broke it, or this run was silent for longer than its lease.",
                hint="ebcd status shows what is there; run the same command again to go on.",
                code="lock-lost",
            ) from error
        self._renewed = self._clock.monotonic()

    def release(self) -> None:
        """Give the lock back. One that is no longer ours is left alone."""
        try:
            self._storage.delete(self._key, self._etag)
        except PreconditionFailed:
            return


def _body(content: dict[str, Any], now: datetime) -> bytes:
    expires = (now + timedelta(seconds=LEASE)).isoformat()
    return (json.dumps({"schema": 1, **content, "lease_seconds": LEASE, "expires": expires}, indent=2) + "\n").encode()


def _state(stored: StoredObject) -> LockState:
    content = json.loads(stored.body)
    return LockState(
        owner=content["owner"],
        host=content["host"],
        since=datetime.fromisoformat(content["since"]).astimezone(UTC),
        expires=datetime.fromisoformat(content["expires"]).astimezone(UTC),
        message=content["message"],
        token=content["token"],
    )


def _expired(stored: StoredObject) -> bool:
    lease = float(json.loads(stored.body)["lease_seconds"])
    return stored.read - stored.modified > timedelta(seconds=lease)
