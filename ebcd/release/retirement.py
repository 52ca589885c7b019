"""Which environments nothing needs any more. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import timedelta

from ebcd.model import Environment
from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord, release_number
from ebcd.release.snapshot import Snapshot, leaving
from ebcd.release.steps import TerminateEnvironment


def failed_candidates(snapshot: Snapshot, keep: Collection[str]) -> tuple[TerminateEnvironment, ...]:
    """Environments of releases that failed before they went live: kept for a look, gone with the next ship."""
    return tuple(_terminate(snapshot, item, f"{record.release} failed")
                 for item, record in _idle(snapshot, keep)
                 if record.live_at is None and record.outcome is Outcome.FAILED)  # fmt: skip


def retirements(snapshot: Snapshot, keep: Collection[str] = (), number: int = 0) -> tuple[TerminateEnvironment, ...]:
    """Environments whose rollback window has passed, and candidates that another release overtook.

    keep: names of environments that stay whatever their age (the release under way, the one a rollback returns to).
    number: of the release that is about to be live; 0: of the newest one that has been.
    """
    newest = number or max((record.number for record in snapshot.releases if record.live_at), default=0)
    found = []
    for item, record in _idle(snapshot, keep):
        if record.live_at is None and record.outcome in UNENDED and record.number < newest:
            found.append(_terminate(snapshot, item, f"{record.release} was overtaken before it went live"))
        elif record.live_at is not None and _window_passed(snapshot, record):
            why = f"{record.release} left live more than {snapshot.stage.keep:g} s ago"
            found.append(_terminate(snapshot, item, why, drained=True))
    return tuple(found)


def _idle(snapshot: Snapshot, keep: Collection[str]) -> Iterator[tuple[Environment, ReleaseRecord]]:
    """The stage's own environments that are not live, each with its release."""
    stage = snapshot.stage
    for item in snapshot.environments:
        own = release_number(stage.application, stage.name, item.name) is not None
        record = snapshot.record_of(item)
        if own and record is not None and item != snapshot.live and item.name not in keep and not leaving(item):
            yield item, record


def _window_passed(snapshot: Snapshot, record: ReleaseRecord) -> bool:
    left, keep = record.left_live, timedelta(seconds=snapshot.stage.keep)
    return left is not None and snapshot.taken - left >= keep


def _terminate(snapshot: Snapshot, item: Environment, why: str, *, drained: bool = False) -> TerminateEnvironment:
    cname = snapshot.live.cname if snapshot.live else ""
    return TerminateEnvironment(item.name, item.id, why, cname, drained)
