"""The strategy in-place: one environment, whose version each release updates. The one exception to the rule that
live's own environment is never changed: users get the version before its gates have passed, and a release that fails
them is taken back by deploying the earlier version again.
"""

from __future__ import annotations

from dataclasses import replace

from ebcd.errors import Refused, UsageError
from ebcd.model import ASG, Environment, OptionSetting, Stage, Tier
from ebcd.release.plan import first, gates, saved
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.retirement import failed_candidates, retirements
from ebcd.release.plan.steps import AwaitEnvironment, HoldHealth, SetMinimum, Step, UpdateOptions, UpdateVersion
from ebcd.release.plan.updating import Change, bring, change, deployment, platform_back
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot

WORKER = "Worker"
"""The worker tier, as Beanstalk names it."""


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live: settings and version, then its proofs.

    Raises UsageError without `swap`: there is no candidate that could wait. Raises Refused where the environment of a
    worker's name is of the web tier.
    """
    stage, live = snapshot.stage, snapshot.live
    if not swap:
        raise UsageError(
            f"A release of the stage {stage.name} cannot wait for its swap.",
            why="Its strategy is in-place: a version is live as soon as it is deployed.",
            hint=f"Name another strategy in ebcd.toml, or: {stage.flags.of('ship')}",
            code="no-candidate",
        )
    _check_tier(stage, live)
    if live is None:
        return first.begin(snapshot, release, bundled)
    if _is(snapshot.record_of(live), release) and not release.from_environment:
        return first.finish(snapshot, release)
    release = _following(release, snapshot, live)
    before_it, lowered = _around_the_bake(snapshot, release, live)
    settings = change(snapshot, live, before_it, release.platform_arn)
    saves = saved.saving(live, settings, saved.stood(snapshot, release))
    forgets = saved.forgetting(snapshot, live, saves)
    rollback_steps = _rollback_steps(
        snapshot, release, live, saved.way_back(snapshot, live, settings, before_it, release), forgets
    )
    changed = settings.update is not None or live.version_label != release.version_label
    untouched = bool(rollback_steps) and live.status == "Ready" and changed
    steps: tuple[Step, ...] = (
        *failed_candidates(snapshot, keep={live.name}),
        *(gates.baseline(stage, live) if untouched else ()),
        *saves,
        *bring(
            live, deployment(snapshot, release, live.name, live=True, replaces=release.from_release), settings.update
        ),
        *gates.candidate_gates(stage, release, live.cname, created=False),
        *gates.watch(stage, release, live.cname, bake=bool(rollback_steps)),
        *forgets,
        *lowered,
        *retirements(snapshot, {live.name}, release.number),
    )
    return Plan(snapshot, release, live, steps, rollback_steps, revert_steps=rollback_steps)


def _check_tier(stage: Stage, live: Environment | None) -> None:
    """Raises Refused where the stage is a worker and the environment of its name is not."""
    if live is not None and stage.tier is Tier.WORKER and live.tier not in ("", WORKER):
        raise Refused(
            f"The environment {live.name} is no worker.",
            why=f"The stage {stage.name} is one, and the tier of an environment cannot be changed.",
            hint=f"Terminate {live.name}, or give the stage another name.",
            code="another-tier",
        )


def promote(snapshot: Snapshot, release: ReleaseRecord, replaces: ReleaseRecord | None, *, restoring: bool) -> Plan:
    """The steps that deploy a recorded release's version on live's environment again.

    replaces: what is live before. restoring: a rollback. It does not bake, and is not taken back.
    """
    stage, live = snapshot.stage, snapshot.live
    assert live is not None
    left = replaces.release if replaces else ""
    if not restoring:
        release = replace(
            release,
            from_environment=live.name,
            from_release=left,
            from_version=replaces.version_label if replaces else "",
        )
    settings = _promoted(snapshot, release, live, replaces)
    saves = () if restoring else saved.saving(live, settings, snapshot.saved)
    forgets = saved.forgetting(snapshot, live, saves)
    rollback_steps = () if restoring else _rollback_steps(snapshot, release, live, settings.revert, forgets)
    steps = (
        *saves,
        *bring(live, deployment(snapshot, release, live.name, live=True, replaces=left), settings.update),
        AwaitEnvironment(live.name, release.version_label, events=False),
        HoldHealth(live.name, stage.accept, 0.0 if restoring else stage.stable, stage.timeout),
        *gates.probes(stage, release, live.cname, live.endpoint_url),
        *gates.watch(stage, release, live.cname, bake=bool(rollback_steps)),
        *forgets,
    )
    return Plan(snapshot, release, live, steps, rollback_steps, revert_steps=rollback_steps)


def _promoted(snapshot: Snapshot, release: ReleaseRecord, live: Environment, replaces: ReleaseRecord | None) -> Change:
    """What comes with a recorded version: the settings that stood before a run that died, and the platform where the
    release that is left is the same version on another one. Settings alone are not brought back otherwise.
    """
    platform = platform_back(live, release, replaces)
    there = saved.to_saved(snapshot, live, snapshot.saved) if snapshot.saved else None
    if platform:
        there = replace(there or UpdateOptions(live.name, ()), platform_arn=platform)
    changed = there is not None and there.platform_arn
    return Change(there, UpdateOptions(live.name, (), platform_arn=live.platform_arn) if changed else None)


def _around_the_bake(
    snapshot: Snapshot, release: ReleaseRecord, live: Environment
) -> tuple[tuple[OptionSetting, ...], tuple[Step, ...]]:
    """The settings that come before the version, and what comes after the bake: a MinSize that is to be lowered."""
    declared = snapshot.stage.options
    sizes = [item for item in declared if (item.namespace, item.name) == (ASG, "MinSize") and item.value.isdigit()]
    if not sizes or int(sizes[-1].value) >= (snapshot.size(live, "MinSize") or 0):
        return declared, ()
    before = tuple(item for item in declared if item not in sizes)
    return before, (SetMinimum(live.name, int(sizes[-1].value), release.release),)


def _is(record: ReleaseRecord | None, release: ReleaseRecord) -> bool:
    """Whether a record, as it was stored, is that of the release."""
    return record is not None and record.number == release.number


def _following(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> ReleaseRecord:
    """The release with what it takes the place of: the last one that was live there, not one that never came so far."""
    current_release = snapshot.record_of(live)
    if _is(current_release, release):
        return release
    if current_release is not None and current_release.live_since is None:
        current_release = snapshot.release(current_release.from_release)
        version = current_release.version_label if current_release else ""
    else:
        version = live.version_label
    return replace(
        release,
        from_environment=live.name,
        from_release=current_release.release if current_release else "",
        from_version=version,
    )


def _rollback_steps(
    snapshot: Snapshot,
    release: ReleaseRecord,
    live: Environment,
    settings: UpdateOptions | None,
    forgets: tuple[Step, ...],
) -> tuple[Step, ...]:
    """What deploys the earlier version again, with the settings that it had; nothing where none was live before."""
    stage, before, label = snapshot.stage, snapshot.release(release.from_release), release.from_version
    if not label:
        return ()
    name = live.name
    return (
        UpdateVersion(name, label, release.from_release, live=True, replaces=release.release, settings=settings),
        AwaitEnvironment(name, label, events=False),
        HoldHealth(name, stage.accept, 0.0, stage.timeout),
        *(gates.prove(stage, before, live.cname) if before else ()),
        *forgets,
    )
