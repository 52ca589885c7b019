"""A hold: a stage that refuses `ship` until it is released. It lies in the bucket, beside the stage's lock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import OutcomeUnknown, Refused
from ebcd.model import CommandLine
from ebcd.release.state.documents import SCHEMA, Damaged, Unreadable, content_of, encoded, read


@dataclass(frozen=True, slots=True)
class HoldState:
    """Who holds a stage, since when, and why."""

    by: str
    since: datetime
    reason: str


class Hold:
    """The hold of one stage."""

    def __init__(self, storage: Storage, application: str, stage: str, flags: CommandLine | None = None) -> None:
        self._storage = storage
        self._key = f"ebcd/{application}/{stage}/hold.json"
        self._name = f"{application}/{stage}"
        self._flags = flags or CommandLine(application, stage)

    def state(self) -> HoldState | None:
        """The hold; None when the stage is free."""
        stored = self._storage.get(self._key)
        return _state(stored) if stored else None

    def set(self, by: str, reason: str, now: datetime) -> HoldState:
        """Hold the stage; an earlier hold stays as it is. The hold that there is then."""
        body = {"schema": SCHEMA, "by": by, "since": now.isoformat(), "reason": reason}
        try:
            self._storage.create(self._key, encoded(body))
        except PreconditionFailed:
            if earlier := self.state():
                return earlier
        return HoldState(by, now, reason)

    def release(self) -> HoldState | None:
        """Let ships through again; the hold that was taken away."""
        stored = self._storage.get(self._key)
        if stored is None:
            return None
        try:
            self._storage.delete(self._key, stored.etag)
        except PreconditionFailed as error:
            raise OutcomeUnknown(
                f"The hold of {self._name} was changed while it was taken away.",
                why="Another run wrote it.",
                hint=f"ebcd status {self._flags}",
            ) from error
        return _state(stored)

    def refuse(self) -> None:
        """Raises Refused when the stage is held."""
        if state := self.state():
            raise Refused(
                f"The stage {self._name} is held.",
                why=f"{state.by} holds it since {state.since:%Y-%m-%d %H:%M} UTC: {state.reason}",
                hint=f"When that is settled: ebcd unhold {self._flags}",
                code="held",
            )


def _state(stored: StoredObject) -> HoldState:
    """The hold in an object. One that cannot be read holds, too: nobody knows what it was put there for."""
    try:
        return read(HoldState, content_of(stored))
    except Unreadable as error:
        return HoldState("somebody unknown", stored.modified, str(Damaged(stored.key, str(error))))
