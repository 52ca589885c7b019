"""Plans that bring a recorded release back or forward: a standing environment's promotion, and the redeployment of a
version whose environment is gone. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebcd.errors import Refused
from ebcd.model import Environment, InstanceHealth, OptionSetting, Stage
from ebcd.release import phases
from ebcd.release.journal import Outcome, ReleaseRecord, environment_name
from ebcd.release.plan import Plan
from ebcd.release.snapshot import Snapshot
from ebcd.release.steps import AwaitEnvironment, HoldHealth, MatchCapacity, Step, SwapCnames

PROMOTION_PATIENCE = 60.0
"""Seconds that a standing environment has to show accepted health: whoever rolls back is waiting."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What was seen of the instances on both sides before a promotion."""

    live: int
    """How many instances live runs."""
    target: int
    """How many the target runs."""
    instances: tuple[InstanceHealth, ...] = ()
    """The target's, one by one; empty where only basic health is reported."""


def plan_promote(snapshot: Snapshot, release: ReleaseRecord, standing: Standing, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release's standing environment live. Raises Refused where it is not standing.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    stage, live = snapshot.stage, require_live(snapshot, release)
    if live.name == release.environment:
        return Plan(snapshot, release, live, ())
    target = snapshot.environment(release.environment)
    if target is None:
        raise Refused(
            f"The environment of {release.release}, {release.environment}, is gone.",
            why="It was terminated, so there is nothing to swap to.",
            hint=f"ebcd ship {release.sha} -s {stage.name}   (deploys that version again)",
            code="environment-gone",
        )
    ready = _is_ready(target, release, standing, stage)
    steps: list[Step] = []
    if standing.target < standing.live:
        ready = False
        steps.append(MatchCapacity(target.name, standing.live))
    if not ready:
        steps.append(AwaitEnvironment(target.name, release.version_label, events=release.live_since is None))
        steps.append(HoldHealth(target.name, stage.accept, 0.0, PROMOTION_PATIENCE))
    steps += phases.probes(stage, release, live.cname, target.endpoint_url)
    steps.append(_swap(stage, release, live, snapshot if ready else None))
    if restoring:
        steps += (phases.prove(stage, release, live.cname), *phases.live_tenants(stage, release, live.cname))
        return Plan(snapshot, release, live, tuple(steps))
    steps += phases.after_swap(stage, release, live.cname, live.name)
    return Plan(snapshot, phases.leaving_from(release, snapshot, live), live, tuple(steps))


def plan_redeploy(snapshot: Snapshot, release: ReleaseRecord, standing: Standing) -> Plan:
    """The steps of a rollback whose environment is gone: its version again, as a new release with live's settings."""
    stage, live = snapshot.stage, require_live(snapshot, release)
    steps: list[Step] = []
    if snapshot.environment(release.environment) is None:
        capacity = OptionSetting(phases.ASG, "MinSize", str(max(1, standing.live)))
        steps.append(phases.create(stage, release, (capacity,), settings_of=live.name))
    steps += phases.gates(stage, release, live.cname)
    steps += (_swap(stage, release, live, None), phases.prove(stage, release, live.cname))
    steps += phases.live_tenants(stage, release, live.cname)
    return Plan(snapshot, phases.leaving_from(release, snapshot, live), live, tuple(steps))


def require_live(snapshot: Snapshot, release: ReleaseRecord) -> Environment:
    """The live environment. Raises Refused when nothing is live: a swap has two sides."""
    if snapshot.live is None:
        raise Refused(
            f"No environment holds the live CNAME of the stage {snapshot.stage.name}.",
            why="A swap needs an environment on each side.",
            hint=f"ebcd ship {release.sha} -s {snapshot.stage.name}",
            code="no-live",
        )
    return snapshot.live


def redeployment(target: ReleaseRecord, last: ReleaseRecord, number: int) -> ReleaseRecord:
    """The record of a release that deploys an earlier one's version again, with the settings of what is live."""
    return replace(
        last,
        number=number,
        version_label=target.version_label,
        sha=target.sha,
        tree=target.tree,
        content_digest=target.content_digest,
        environment=environment_name(target.application, target.stage, number),
        outcome=Outcome.RUNNING,
        reason="",
        message=f"{target.release} again: {target.message}",
        restores=target.release,
        live_since=None,
        left_live=None,
        restored=None,
        swap_seconds=None,
        ready_seconds=None,
        etag="",
    )


def _is_ready(target: Environment, release: ReleaseRecord, standing: Standing, stage: Stage) -> bool:
    """Whether all that a wait would wait for was seen already."""
    deployed = bool(standing.instances) and all(item.runs(release.version_label) for item in standing.instances)
    lived = release.live_since is not None
    return deployed and lived and target.status == "Ready" and target.health in stage.accept


def _swap(stage: Stage, release: ReleaseRecord, live: Environment, seen: Snapshot | None) -> SwapCnames:
    """seen: the look that found every instance running the version; None: they are looked at before the swap."""
    return SwapCnames(release.environment, live.name, release.version_label, live.cname, stage.accept,
                      events=release.live_since is None, proven=seen.taken if seen else None)  # fmt: skip
