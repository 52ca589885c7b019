"""Which way a stage's releases go: the one place that knows all strategies."""

from __future__ import annotations

from typing import assert_never

from ebcd.model import OptionSetting, Strategy
from ebcd.release.plan import blue_green, in_place, pair, promotion
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.promotion import Capacity
from ebcd.release.state.names import environment_name, is_side, standing_name
from ebcd.release.state.release import UNENDED, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, half_way, leaving


def environment_of(snapshot: Snapshot, number: int) -> str:
    """The name of the environment that the stage's release of a number gets."""
    stage = snapshot.stage
    match stage.strategy:
        case Strategy.BLUE_GREEN:
            return environment_name(stage.application, stage.name, number)
        case Strategy.IN_PLACE:
            return snapshot.live.name if snapshot.live else standing_name(stage.application, stage.name)
        case Strategy.PAIR:
            return pair.idle_side(snapshot)
        case _:
            assert_never(stage.strategy)


def resumable(snapshot: Snapshot, label: str, settings: str, platform_arn: str = "") -> ReleaseRecord | None:
    """The release of that version and those settings that began and did not end, if there is one.

    Not one whose environment is leaving, nor one that the stage's strategy would send to another environment now.
    platform_arn: on that platform version; empty: on any, since what was begun on one is finished on it.
    """
    gone = {item.name for item in snapshot.environments if leaving(item)}
    for record in snapshot.releases:
        fits = snapshot.standing(record) or record.environment == environment_of(snapshot, record.number)
        if record.outcome in UNENDED and record.environment not in gone and fits:
            same = (record.version_label, record.settings_digest) == (label, settings)
            return record if same and platform_arn in ("", record.platform_arn) else None
    return None


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
        case Strategy.PAIR:
            return pair.ship(snapshot, release, swap=swap, bundled=bundled)
        case _:
            assert_never(snapshot.stage.strategy)


def plan_promote(
    snapshot: Snapshot,
    release: ReleaseRecord,
    standing: Capacity,
    *,
    restoring: bool,
    replaces: ReleaseRecord | None = None,
) -> Plan:
    """The steps that bring a recorded release live. Raises Refused where its environment is not standing.

    Where that is decides, not the stage's strategy, which may have changed since: on live's own environment its
    version is deployed again, from another one it is swapped.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave. leaves:
    what is live before, where that is recorded.
    """
    live = promotion.require_live(snapshot, release)
    if snapshot.record_of(live) == release and not half_way(snapshot, release, replaces):
        return Plan(snapshot, release, live, ())
    if live.name == release.environment and not is_side(live.application, snapshot.stage.name, live.name):
        return in_place.promote(snapshot, release, replaces, restoring=restoring)
    return promotion.promote(snapshot, release, standing, restoring=restoring)


def plan_redeploy(snapshot: Snapshot, release: ReleaseRecord, standing: Capacity) -> Plan:
    """The steps of a rollback whose environment is gone: its version again, as a new release with live's settings."""
    return promotion.redeploy(snapshot, release, standing)
