"""Which environments nothing needs any more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta

from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord, release_number
from ebcd.release.snapshot import Snapshot, leaving
from ebcd.release.steps import TerminateEnvironment


def failed_candidates(snapshot: Snapshot, keep: Collection[str]) -> tuple[TerminateEnvironment, ...]:
    """Environments of releases that failed before they went live: kept for a look, gone with the next ship."""
    return _terminations(snapshot, keep, _failed)


def retirements(snapshot: Snapshot, keep: Collection[str]) -> tuple[TerminateEnvironment, ...]:
    """Environments that have drained, and candidates that another release overtook.

    keep: names of environments that stay whatever their age (the release under way, the one a rollback returns to).
    """
    return _terminations(snapshot, keep, _drained)


def _terminations(
    snapshot: Snapshot, keep: Collection[str], reason: Callable[[Snapshot, ReleaseRecord], str]
) -> tuple[TerminateEnvironment, ...]:
    stage = snapshot.stage
    found = []
    for item in snapshot.environments:
        own = release_number(stage.application, stage.name, item.name) is not None
        record = snapshot.record_of(item)
        if leaving(item) or item.name in keep or item == snapshot.live or not own or record is None:
            continue
        if why := reason(snapshot, record):
            found.append(TerminateEnvironment(item.name, item.id, why))
    return tuple(found)


def _failed(_: Snapshot, record: ReleaseRecord) -> str:
    return f"{record.release} failed" if record.live_at is None and record.outcome is Outcome.FAILED else ""


def _drained(snapshot: Snapshot, record: ReleaseRecord) -> str:
    if record.live_at is None:
        return f"{record.release} was overtaken before it went live" if record.outcome in UNENDED else ""
    left, keep = record.left_live, snapshot.stage.keep
    if left is not None and snapshot.taken - left >= timedelta(seconds=keep):
        return f"{record.release} left live more than {keep:g} s ago"
    return ""
