"""Which way a stage's releases go: the one place that knows all strategies."""

from __future__ import annotations

from typing import assert_never

from ebcd.model import OptionSetting, Strategy
from ebcd.release.journal import ReleaseRecord, environment_name
from ebcd.release.plan import blue_green, promotion
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.promotion import Standing
from ebcd.release.snapshot import Snapshot


def environment_of(snapshot: Snapshot, number: int) -> str:
    """The name of the environment that the stage's release of a number gets."""
    stage = snapshot.stage
    match stage.strategy:
        case Strategy.BLUE_GREEN:
            return environment_name(stage.application, stage.name, number)
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
        case _:
            assert_never(snapshot.stage.strategy)


def plan_promote(snapshot: Snapshot, release: ReleaseRecord, standing: Standing, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release's standing environment live. Raises Refused where it is not standing.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    return promotion.promote(snapshot, release, standing, restoring=restoring)


def plan_redeploy(snapshot: Snapshot, release: ReleaseRecord, standing: Standing) -> Plan:
    """The steps of a rollback whose environment is gone: its version again, as a new release with live's settings."""
    return promotion.redeploy(snapshot, release, standing)
