"""Which environments nothing needs any more. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import timedelta
from typing import TypeAlias

from ebcd.model import Environment, Strategy
from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord, is_side, release_number, standing_name
from ebcd.release.snapshot import Snapshot, leaving
from ebcd.release.steps import ScaleDown, TerminateEnvironment

Clearing: TypeAlias = TerminateEnvironment | ScaleDown


def failed_candidates(snapshot: Snapshot, keep: Collection[str]) -> tuple[Clearing, ...]:
    """Environments of releases that failed before they went live: kept for a look, gone with the next ship."""
    return _clearings(snapshot, keep, _failed)


def retirements(snapshot: Snapshot, keep: Collection[str]) -> tuple[Clearing, ...]:
    """Environments that have drained, and candidates that another release overtook.

    keep: names of environments that stay whatever their age (the release under way, the one a rollback returns to).
    """
    return _clearings(snapshot, keep, _drained)


def clearing(snapshot: Snapshot, environment: Environment, reason: str) -> Clearing:
    """What becomes of an environment that nothing needs: a side of the stage's pair stands, anything else goes."""
    stage = snapshot.stage
    if stage.strategy is Strategy.PAIR and is_side(stage.application, stage.name, environment.name):
        return ScaleDown(environment.name, reason)
    return TerminateEnvironment(environment.name, environment.id, reason)


def _clearings(
    snapshot: Snapshot, keep: Collection[str], reason: Callable[[Snapshot, ReleaseRecord], str]
) -> tuple[Clearing, ...]:
    found = []
    for item in snapshot.environments:
        record = snapshot.record_of(item)
        if leaving(item) or item.name in keep or item == snapshot.live or not _own(snapshot, item) or record is None:
            continue
        step = clearing(snapshot, item, why) if (why := reason(snapshot, record)) else None
        if step and not (isinstance(step, ScaleDown) and _is_down(snapshot, item)):
            found.append(step)
    return tuple(found)


def _own(snapshot: Snapshot, environment: Environment) -> bool:
    """Whether an environment's name is one that ebcd gives for the stage, by whatever strategy."""
    application, stage, name = snapshot.stage.application, snapshot.stage.name, environment.name
    numbered = release_number(application, stage, name) is not None
    return numbered or is_side(application, stage, name) or name == standing_name(application, stage)


def _is_down(snapshot: Snapshot, environment: Environment) -> bool:
    """Whether an environment was scaled down already."""
    sizes = {item.name: item.value for item in snapshot.settings.get(environment.name, ())
             if item.name in {"MinSize", "MaxSize"}}  # fmt: skip
    return sizes == {"MinSize": "1", "MaxSize": "1"}


def _failed(_: Snapshot, record: ReleaseRecord) -> str:
    return f"{record.release} failed" if record.live_at is None and record.outcome is Outcome.FAILED else ""


def _drained(snapshot: Snapshot, record: ReleaseRecord) -> str:
    if record.live_at is None:
        return f"{record.release} was overtaken before it went live" if record.outcome in UNENDED else ""
    left, keep = record.left_live, snapshot.stage.keep
    if left is not None and snapshot.taken - left >= timedelta(seconds=keep):
        return f"{record.release} left live more than {keep:g} s ago"
    return ""
