"""What runs that died did not write down: how their releases ended, and what left live. Pure."""

from __future__ import annotations

from dataclasses import replace

from ebcd.release.record import UNENDED, Outcome, ReleaseRecord
from ebcd.release.snapshot import Snapshot


def departed(record: ReleaseRecord, snapshot: Snapshot) -> ReleaseRecord:
    """The record, with the time when it left live: at the latest now, where a run died right after its swap."""
    if snapshot.record_of(snapshot.live) == record or not record.live_at or record.left_live:
        return record
    return replace(record, left_live=snapshot.taken)


def settled(record: ReleaseRecord, snapshot: Snapshot) -> ReleaseRecord:
    """The record as it ended, for a run that holds the stage's lock: no other one is at work."""
    live = snapshot.record_of(snapshot.live) == record
    record = departed(record, snapshot)
    if record.outcome in UNENDED and record.outcome is not Outcome.WAITING:
        in_place = record.environment == record.from_environment
        if live and not (in_place and record.live_since is None):
            return replace(record, outcome=Outcome.LIVE, live_since=record.live_since or snapshot.taken)
        ended = Outcome.LIVE if record.live_at else Outcome.FAILED
        return replace(record, outcome=ended, reason=record.reason or "its run did not end")
    return record
