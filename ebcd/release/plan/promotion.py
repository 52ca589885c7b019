"""Promotions: a recorded release's standing environment comes live; where it is gone, its version is deployed again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebcd.errors import Refused
from ebcd.model import ASG, Environment, InstanceHealth, OptionSetting, Stage
from ebcd.release.plan import capacity, gates
from ebcd.release.plan.environment import create
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.plan.steps import (
    AwaitEnvironment,
    DeleteSavedConfiguration,
    HoldHealth,
    MatchCapacity,
    Step,
    UpdateOptions,
)
from ebcd.release.plan.swapping import swap_back, swap_to
from ebcd.release.plan.updating import deployment
from ebcd.release.state.release import Outcome, ReleaseRecord, is_fresh, is_patch
from ebcd.release.state.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Capacity:
    """What was seen of the instances on both sides before a promotion."""

    live: int
    """How many instances live runs."""
    target: int
    """How many the target runs."""
    instances: tuple[InstanceHealth, ...] = ()
    """The target's, one by one; empty where only basic health is reported."""

    def enough(self, release: ReleaseRecord) -> bool:
        """Whether the target has as many instances as live, and its MinSize holds them, as far as the record of the
        release that it carries tells.
        """
        floor = max(release.raised or 0, release.minimum or 0)
        return self.target >= self.live and (not floor or floor >= self.live)


def promote(snapshot: Snapshot, release: ReleaseRecord, standing: Capacity, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release's standing environment live. Raises Refused where it is not standing.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    stage, live = snapshot.stage, require_live(snapshot, release)
    target = snapshot.standing(release)
    if target is None:
        stands = snapshot.environment(release.environment)
        raise Refused(
            f"The environment of {release.release}, {release.environment}, is gone."
            if stands is None
            else f"{release.environment} does not carry {release.release} any more.",
            why="It was terminated, so there is nothing to swap to."
            if stands is None
            else f"Its version is {stands.version_label} by now.",
            hint=f"{stage.flags.of('ship', release.sha)}   (deploys that version again)",
            code="environment-gone",
        )
    ready, steps = _readying(target, release, standing, stage, live)
    steps += gates.probes(stage, release, live.cname, target.endpoint_url)
    if not restoring:
        release = leaving_from(release, snapshot, live)
        steps += gates.baseline(stage, live)
    proven, held = snapshot.taken if ready else None, None if restoring else standing.live
    steps.append(swap_to(stage, release, live, snapshot, proven=proven, capacity=held))
    if restoring:
        steps += gates.watch(stage, release, live.cname, bake=False, earlier=live.name)
        return Plan(snapshot, release, live, tuple(steps))
    before = snapshot.record_of(live)
    floor = (before.minimum or 0) if before else 0
    keeps = capacity.held(stage, live, release.from_release, live.cname, standing.live, floor)
    steps += gates.watch(stage, release, live.cname, bake=True, earlier=live.name, seen=keeps)
    if release.minimum is not None:
        steps += capacity.lowered(stage, release, release.minimum, max(standing.live, standing.target))
    return Plan(snapshot, release, live, tuple(steps), swap_back(release, live))


def redeploy(snapshot: Snapshot, release: ReleaseRecord, standing: Capacity) -> Plan:
    """The steps of a rollback that finds no environment carrying its version: that again, as a new release.

    Its environment is created with live's settings; one that stands, the other side of a pair, is updated.
    """
    stage, live = snapshot.stage, require_live(snapshot, release)
    release = leaving_from(release, snapshot, live)
    there = snapshot.environment(release.environment)
    steps: list[Step] = []
    if there is None:
        minimum = OptionSetting(ASG, "MinSize", str(max(1, standing.live)))
        release = capacity.with_raised(release, release.minimum or standing.live, standing.live)
        steps.append(create(stage, release, (minimum,), settings_of=live.name))
    elif not is_fresh(release):
        if not standing.enough(release):
            steps.append(MatchCapacity(there.name, standing.live, live.name, live.cname, release.release))
        steps.append(deployment(snapshot, release, there.name, live=False))
    else:
        steps.append(DeleteSavedConfiguration(there.name))
    if is_patch(release, snapshot.record_of(live)):  # a saved configuration brings live's platform: changed afterwards
        steps.append(AwaitEnvironment(release.environment, release.version_label, events=is_fresh(release)))
        steps.append(UpdateOptions(release.environment, (), platform_arn=release.platform_arn, cname=live.cname))
    steps += gates.candidate_gates(stage, release, live.cname, created=is_fresh(release))
    steps.append(swap_to(stage, release, live, snapshot))
    steps += gates.watch(stage, release, live.cname, bake=False)
    return Plan(snapshot, release, live, tuple(steps))


def require_live(snapshot: Snapshot, release: ReleaseRecord) -> Environment:
    """The live environment. Raises Refused when nothing is live: a swap has two sides."""
    if snapshot.live is None:
        raise Refused(
            f"No environment holds the live CNAME of the stage {snapshot.stage.name}.",
            why="A swap needs an environment on each side.",
            hint=snapshot.stage.flags.of("ship", release.sha),
            code="no-live",
        )
    return snapshot.live


def redeployment(target: ReleaseRecord, last: ReleaseRecord, number: int, environment: str) -> ReleaseRecord:
    """The record of a release that deploys an earlier one's version again, with the settings of what is live."""
    return replace(
        last,
        number=number,
        platform_arn=(target if is_patch(target, last) else last).platform_arn,
        version_label=target.version_label,
        sha=target.sha,
        tree=target.tree,
        content_digest=target.content_digest,
        environment=environment,
        outcome=Outcome.RUNNING,
        reason="",
        message=f"{target.release} again: {target.message}",
        restores=target.release,
        raised=None,
        baseline=None,
        live_since=None,
        left_live=None,
        restored=None,
        swap_seconds=None,
        ready_seconds=None,
        deploy_seconds=None,
        steps=(),
        image_id="",
        image_ids=(),
        etag="",
        unknown={},
    )


def _readying(
    target: Environment, release: ReleaseRecord, standing: Capacity, stage: Stage, live: Environment
) -> tuple[bool, list[Step]]:
    """Whether the target was seen to be all that a swap asks for; where not, the steps that bring it there."""
    lived, enough = release.live_since is not None, standing.enough(release)
    deployed = bool(standing.instances) and all(item.runs(release.version_label) for item in standing.instances)
    if lived and deployed and enough and target.status == "Ready" and target.health in stage.accept:
        return True, []
    raised = [] if enough else [MatchCapacity(target.name, standing.live, live.name, live.cname, release.release)]
    waits = (
        AwaitEnvironment(target.name, release.version_label, events=not lived and is_fresh(release)),
        HoldHealth(target.name, stage.accept, 0.0, gates.PROMOTION_PATIENCE),
    )
    return False, [*raised, *waits]
