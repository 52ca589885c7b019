"""Which environments nothing needs any more. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from ebcd.model import Environment, Strategy
from ebcd.release.plan.steps import ScaleDown, SetMinimum, TerminateEnvironment
from ebcd.release.state.names import is_of_stage, is_side
from ebcd.release.state.release import UNENDED, Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, leaving

Cleanup: TypeAlias = TerminateEnvironment | ScaleDown
ARRIVED = 600.0
"""Seconds after which all users have arrived at what is live: resolvers have asked again, and the trigger has seen
their load for longer than its five minutes.
"""


def failed_candidates(snapshot: Snapshot, keep: Collection[str]) -> tuple[Cleanup, ...]:
    """Environments of releases that failed before they went live: kept for inspection, terminated by the next ship."""
    return tuple(
        clearing(snapshot, item, f"{record.release} failed")
        for item, record in _idle(snapshot, keep)
        if record.live_at is None and record.outcome is Outcome.FAILED
    )


def retirements(snapshot: Snapshot, keep: Collection[str] = (), number: int = 0) -> tuple[Cleanup, ...]:
    """Environments whose rollback window has passed, and candidates that another release overtook.

    keep: names of environments that stay whatever their age (the release under way, the one a rollback returns to).
    number: of the release that is about to be live; 0: of the newest one that has been.
    """
    newest = number or max((record.number for record in snapshot.releases if record.live_at), default=0)
    found = []
    for item, record in _idle(snapshot, keep):
        if record.live_at is None and record.outcome in UNENDED and record.number < newest:
            found.append(clearing(snapshot, item, f"{record.release} was overtaken before it went live"))
        elif record.live_at is not None and _window_passed(snapshot, record):
            why = f"{record.release} left live more than {snapshot.stage.keep:g} s ago"
            found.append(clearing(snapshot, item, why, left=record.left_live))
    return tuple(found)


@dataclass(frozen=True, slots=True)
class Kept:
    """An environment that stays though it is not live."""

    environment: str
    release: str
    why: str
    until: datetime | None
    """When its rollback window ends; None: it has none."""


def kept(snapshot: Snapshot, going: Collection[str]) -> tuple[Kept, ...]:
    """The stage's environments that are not live and stay. going: the names of those that go."""
    found = []
    for item, record in _idle(snapshot, going):
        if record.left_live is not None and record.live_at is not None:
            until = record.left_live + timedelta(seconds=snapshot.stage.keep)
            found.append(Kept(item.name, record.release, "a way back", until))
        elif record.outcome in UNENDED:
            why = "it waits for its swap" if record.outcome is Outcome.WAITING else "its release has not ended"
            found.append(Kept(item.name, record.release, why, None))
    return tuple(found)


def oversized(snapshot: Snapshot) -> tuple[SetMinimum, ...]:
    """Live's MinSize where ebcd raised it and it is so still: after a rollback, or a release that did not bake.

    Live's settings must be in the snapshot. One that somebody has chosen since stays.
    """
    live, record = snapshot.live, snapshot.record_of(snapshot.live)
    if live is None or record is None or record.minimum is None or record.raised is None or record.live_at is None:
        return ()
    arrived = snapshot.taken - record.live_at >= timedelta(seconds=max(snapshot.stage.bake, ARRIVED))
    still = snapshot.size(live, "MinSize") == record.raised
    return (SetMinimum(live.name, record.minimum, record.release),) if arrived and still else ()


def clearing(snapshot: Snapshot, environment: Environment, reason: str, *, left: datetime | None = None) -> Cleanup:
    """What becomes of an environment that nothing needs: a side of the stage's pair stands, anything else goes.

    left: when it left live: it goes only once nobody reaches it.
    """
    stage, cname = snapshot.stage, snapshot.live.cname if snapshot.live else ""
    if stage.strategy is Strategy.PAIR and is_side(stage.application, stage.name, environment.name):
        return ScaleDown(environment.name, reason, cname, left)
    return TerminateEnvironment(environment.name, environment.id, reason, cname, left)


def _idle(snapshot: Snapshot, keep: Collection[str]) -> Iterator[tuple[Environment, ReleaseRecord]]:
    """The stage's own environments that are not live and not scaled down already, each with its release."""
    for item in snapshot.environments:
        record = snapshot.record_of(item)
        own = is_of_stage(snapshot.stage.application, snapshot.stage.name, item.name)
        if record is None or item == snapshot.live or item.name in keep or leaving(item) or not own:
            continue
        if not (snapshot.stage.strategy is Strategy.PAIR and _is_down(snapshot, item)):
            yield item, record


def _is_down(snapshot: Snapshot, environment: Environment) -> bool:
    """Whether a side was scaled down already."""
    return snapshot.size(environment, "MaxSize") == 1


def _window_passed(snapshot: Snapshot, record: ReleaseRecord) -> bool:
    left, keep = record.left_live, timedelta(seconds=snapshot.stage.keep)
    return left is not None and snapshot.taken - left >= keep
