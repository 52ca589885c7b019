"""What runs that died did not write down: how their releases ended, what went live by a swap, and what left. Pure."""

from __future__ import annotations

from dataclasses import replace

from ebcd.release.state.release import UNENDED, Outcome, ReleaseRecord, handed_over
from ebcd.release.state.snapshot import Snapshot


def unrecorded_swap(snapshot: Snapshot) -> tuple[ReleaseRecord, ...]:
    """The records of a swap that took effect and is not in the ledger, as they should be: of the release that is live
    by it, and of the one that it took the live CNAME from. Empty where there is none.

    Without them a later run takes what was live for a candidate that failed. A deployment in place is no swap: the
    version label is there before the version is on every instance.
    """
    live, record = snapshot.live, snapshot.record_of(snapshot.live)
    if live is None or record is None or record.live_at is not None or record.version_label != live.version_label:
        return ()
    if record.from_environment in ("", live.name):
        return ()
    before = snapshot.release(record.from_release)
    found = handed_over(record, before, snapshot.taken, restored=bool(record.restores))
    return tuple(item for item in found if item is not None)


def superseded(record: ReleaseRecord, snapshot: Snapshot) -> ReleaseRecord:
    """The record, with the time when it left live: at the latest now, where a run died right after its swap."""
    if snapshot.record_of(snapshot.live) == record or not record.live_at or record.left_live:
        return record
    return replace(record, left_live=snapshot.taken)


def reconciled(record: ReleaseRecord, snapshot: Snapshot) -> ReleaseRecord:
    """The record as it ended, for a run that holds the stage's lock: no other one is at work."""
    live = snapshot.record_of(snapshot.live) == record
    record = superseded(record, snapshot)
    if record.outcome in UNENDED and record.outcome is not Outcome.WAITING:
        in_place = record.environment == record.from_environment
        if live and not (in_place and record.live_since is None):
            return replace(record, outcome=Outcome.LIVE, live_since=record.live_since or snapshot.taken)
        ended = Outcome.LIVE if record.live_at else Outcome.FAILED
        return replace(record, outcome=ended, reason=record.reason or "its run did not end")
    return record
