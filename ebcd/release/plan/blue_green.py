"""The strategy blue-green: a fresh environment for each release, and a CNAME swap."""

from __future__ import annotations

from ebcd.errors import Refused
from ebcd.model import Environment, OptionSetting, Stage
from ebcd.release.journal import ReleaseRecord
from ebcd.release.plan import proofs
from ebcd.release.plan.creation import capacity, create, environment_options
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.snapshot import Snapshot, default_cname
from ebcd.release.steps import AwaitEnvironment, HoldHealth, SetMinimum, Step, SwapCnames


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is not None and live.name == release.environment:
        return _finish_swapped(snapshot, release, live)
    if live is not None:
        release = leaving_from(release, snapshot, live)
    minimum, raised = capacity((*bundled, *stage.options), snapshot.live_instances)
    existing = snapshot.environment(release.environment)
    if live is None and existing is not None:
        raise Refused(
            f"Nothing holds the live CNAME of the stage {stage.name}, and {existing.name} cannot take it.",
            why="An environment gets a CNAME when it is created or by a swap, and there is nothing to swap with.",
            hint=f"Terminate {existing.name}, then ship again.",
            code="no-live",
        )
    steps: list[Step] = list(failed_candidates(snapshot, keep={release.environment}))
    if existing is None:
        options = environment_options(stage, bundled, raised if raised > minimum else None)
        steps.append(create(stage, release, options, first=live is None))
    steps += proofs.gates(stage, release, live.cname if live else default_cname(stage))
    if raised > minimum:
        steps.append(SetMinimum(release.environment, minimum))
    if live is None:
        steps.append(proofs.prove(stage, release, default_cname(stage)))
    elif swap:
        steps += _swap(stage, release, live)
        steps += retirements(snapshot, keep={release.environment, live.name})
    return Plan(snapshot, release, live, tuple(steps), _back(release, snapshot, live) if live else ())


def promote(snapshot: Snapshot, release: ReleaseRecord, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release's standing environment live. Raises Refused where it is not standing.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        raise Refused(
            f"No environment holds the live CNAME of the stage {stage.name}.",
            why="A swap needs an environment on each side.",
            hint=f"ebcd ship {release.sha} -s {stage.name}",
            code="no-live",
        )
    if live.name == release.environment:
        return Plan(snapshot, release, live, ())
    if snapshot.environment(release.environment) is None:
        raise Refused(
            f"The environment of {release.release}, {release.environment}, is gone.",
            why="It was terminated, so there is nothing to swap to.",
            hint=f"ebcd ship {release.sha} -s {stage.name}   (deploys that version again)",
            code="environment-gone",
        )
    gates = (
        AwaitEnvironment(release.environment, release.version_label, events=release.live_since is None),
        HoldHealth(release.environment, stage.accept, 0.0, proofs.PROMOTION_PATIENCE),
        proofs.smoke(stage, release, live.cname),
        *proofs.tenants(stage, release, live.cname),
    )
    if restoring:
        proof = (proofs.prove(stage, release, live.cname), *proofs.tenants(stage, release, live.cname, live=True))
        left = snapshot.record_of(live)
        swap = _swap_step(release, live, left.release if left else "")
        return Plan(snapshot, release, live, (*gates, swap, *proof))
    release = leaving_from(release, snapshot, live)
    return Plan(snapshot, release, live, (*gates, *_swap(stage, release, live)), _back(release, snapshot, live))


def _swap_step(release: ReleaseRecord, live: Environment, leaves: str) -> SwapCnames:
    return SwapCnames(release.environment, live.name, release.version_label, live.cname, release.release, leaves)


def _swap(stage: Stage, release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    return (_swap_step(release, live, release.from_release), *proofs.watch(stage, release, live.cname, bake=True))


def _back(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> tuple[Step, ...]:
    """The swap that undoes the release's own. live: what holds the live CNAME at planning, before or after it."""
    before = snapshot.release(release.from_release)
    label = before.version_label if before else ""
    return (
        SwapCnames(
            release.from_environment, release.environment, label, live.cname, release.from_release, release.release
        ),
    )


def _finish_swapped(snapshot: Snapshot, release: ReleaseRecord, live: Environment) -> Plan:
    """What is left for a release that holds the live CNAME already but did not end."""
    stage = snapshot.stage
    if not release.from_environment:
        steps = (*proofs.gates(stage, release, live.cname), proofs.prove(stage, release, live.cname))
        return Plan(snapshot, release, live, steps)
    standing = snapshot.environment(release.from_environment) is not None
    watched = proofs.watch(stage, release, live.cname, bake=standing)
    kept = {release.environment, release.from_environment}
    steps = (*watched, *retirements(snapshot, keep=kept))
    return Plan(snapshot, release, live, steps, _back(release, snapshot, live) if standing else ())
