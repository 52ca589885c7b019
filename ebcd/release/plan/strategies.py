"""Which way a stage's releases go: the one place that knows all strategies."""

from __future__ import annotations

from typing import assert_never

from ebcd.errors import Refused
from ebcd.model import OptionSetting, Strategy
from ebcd.release.journal import ReleaseRecord, environment_name, standing_name
from ebcd.release.plan import blue_green, in_place
from ebcd.release.plan.plan import Plan
from ebcd.release.snapshot import Snapshot


def environment_of(snapshot: Snapshot, number: int) -> str:
    """The name of the environment that the stage's release of a number gets."""
    stage = snapshot.stage
    match stage.strategy:
        case Strategy.BLUE_GREEN:
            return environment_name(stage.application, stage.name, number)
        case Strategy.IN_PLACE:
            return snapshot.live.name if snapshot.live else standing_name(stage.application, stage.name)
        case _:
            assert_never(stage.strategy)


def plan_ship(
    snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()
) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    match snapshot.stage.strategy:
        case Strategy.BLUE_GREEN:
            return blue_green.ship(snapshot, release, swap=swap, bundled=bundled)
        case Strategy.IN_PLACE:
            return in_place.ship(snapshot, release, swap=swap, bundled=bundled)
        case _:
            assert_never(snapshot.stage.strategy)


def plan_promote(snapshot: Snapshot, release: ReleaseRecord, leaves: ReleaseRecord | None, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release live again. Raises Refused where nothing is there to bring it to.

    Where its environment is decides, not the strategy, which may have changed since. leaves: what is live before.
    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        raise Refused(
            f"Nothing is live on the stage {stage.name}.",
            why="There is nothing to take the place of.",
            hint=f"ebcd ship {release.sha} -s {stage.name}",
            code="no-live",
        )
    if _settled(snapshot, release, leaves):
        return Plan(snapshot, release, live, ())
    if live.name == release.environment:
        return in_place.promote(snapshot, release, leaves, restoring=restoring)
    return blue_green.promote(snapshot, release, leaves, restoring=restoring)


def _settled(snapshot: Snapshot, release: ReleaseRecord, leaves: ReleaseRecord | None) -> bool:
    """Whether a release is live already, with nothing left to do.

    A deployment in place may have died half-way: by label the release is live, by its record it is not.
    """
    live = snapshot.live
    if live is None or snapshot.record_of(live) != release:
        return False
    in_place_of = leaves is not None and leaves.number != release.number and leaves.environment == live.name
    return not in_place_of or (live.status == "Ready" and release.left_live is None)
