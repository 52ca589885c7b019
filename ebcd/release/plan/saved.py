"""What stood before a deployment in place: its settings are saved before the update, and forgotten once it has ended.

A run knows what it changes. One that takes up where another died sees an environment that is changed already; the saved
configuration tells it what to come back to. Beanstalk keeps it: the ledger has no values of settings, which may be
secrets, and whoever can write the bucket could choose them.
"""

from __future__ import annotations

from collections.abc import Iterable

from ebcd.model import PROPERTIES, Environment, OptionSetting, PresentSettings, SavedConfiguration, by_place
from ebcd.release.plan.steps import DeleteSavedConfiguration, SaveConfiguration, Step, UpdateOptions
from ebcd.release.plan.updating import Change
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, unended_in_place


def stood(snapshot: Snapshot, release: ReleaseRecord) -> SavedConfiguration | None:
    """What stood before the release, where an earlier run saved it: that of this release, or of one that nobody had."""
    died = unended_in_place(snapshot)
    return snapshot.saved if died and died.from_release == release.from_release else None


def saving(environment: Environment, change: Change, before: SavedConfiguration | None) -> tuple[Step, ...]:
    """What is done before an update of settings, unless an earlier run has done it."""
    if change.update is None or before is not None:
        return ()
    return (SaveConfiguration(environment.name, environment.id),)


def forgetting(snapshot: Snapshot, environment: Environment, saves: tuple[Step, ...]) -> tuple[Step, ...]:
    """What ends a release, and a way back: the saved configuration goes."""
    return (DeleteSavedConfiguration(environment.name),) if saves or snapshot.saved else ()


def way_back(
    snapshot: Snapshot,
    environment: Environment,
    change: Change,
    wanted: Iterable[OptionSetting],
    release: ReleaseRecord,
) -> UpdateOptions | None:
    """What brings back the settings that stood before the release. wanted: what it sets."""
    before = stood(snapshot, release)
    return change.revert if before is None else to_saved(snapshot, environment, before, change.update, wanted)


def to_saved(
    snapshot: Snapshot,
    environment: Environment,
    saved: SavedConfiguration,
    change: UpdateOptions | None = None,
    wanted: Iterable[OptionSetting] = (),
) -> UpdateOptions | None:
    """What brings live's own environment to what was saved, from what it has after a change; None where nothing does.

    A saved configuration has what was set. What it lacks is unset where that is known to be set: an environment
    property, and what is `wanted`. Anything else may be a default, or of the bundle.
    """
    settings = by_place(snapshot.settings[environment.name])
    platform = environment.platform_arn
    if change is not None:
        settings = {place: item for place, item in settings.items() if place not in change.remove}
        settings |= by_place(change.options)
        platform = change.platform_arn or platform
    present, kept = PresentSettings(settings), by_place(saved.options)
    chosen = {item.place for item in wanted}
    differing = tuple(item for item in saved.options if not present.has(item, surely=True))
    added = tuple(
        place
        for place, item in settings.items()
        if place not in kept and (item.namespace in PROPERTIES or place in chosen)
    )
    other = saved.platform_arn if saved.platform_arn not in ("", platform) else ""
    if not (differing or added or other):
        return None
    return UpdateOptions(environment.name, differing, added, other)
