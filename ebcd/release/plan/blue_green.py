"""The strategy blue-green: a fresh environment for each release, and a CNAME swap."""

from __future__ import annotations

from ebcd.errors import Refused
from ebcd.model import Environment, OptionSetting, Stage
from ebcd.release.journal import ReleaseRecord
from ebcd.release.plan import first, proofs
from ebcd.release.plan.creation import capacity, create, environment_options
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.snapshot import Snapshot
from ebcd.release.steps import SetMinimum, Step, SwapCnames


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        return first.begin(snapshot, release, bundled)
    if live.name == release.environment:
        return _finish_swapped(snapshot, release, live)
    release = leaving_from(release, snapshot, live)
    minimum, raised = capacity((*bundled, *stage.options), snapshot.live_instances)
    steps: list[Step] = list(failed_candidates(snapshot, keep={release.environment}))
    if snapshot.environment(release.environment) is None:
        options = environment_options(stage, bundled, raised if raised > minimum else None)
        steps.append(create(stage, release, options, first=False))
    steps += proofs.gates(stage, release, live.cname)
    if raised > minimum:
        steps.append(SetMinimum(release.environment, minimum))
    if swap:
        steps += _swap(stage, release, live)
        steps += retirements(snapshot, keep={release.environment, live.name})
    return Plan(snapshot, release, live, tuple(steps), _back(release, snapshot, live))


def promote(snapshot: Snapshot, release: ReleaseRecord, leaves: ReleaseRecord | None, *, restoring: bool) -> Plan:
    """The steps that swap a recorded release's standing environment live. Raises Refused where it is not standing.

    leaves: what is live before. restoring: a rollback, which does not bake.
    """
    stage, live = snapshot.stage, snapshot.live
    assert live is not None
    if snapshot.environment(release.environment) is None:
        raise Refused(
            f"The environment of {release.release}, {release.environment}, is gone.",
            why="It was terminated, so there is nothing to swap to.",
            hint=f"ebcd ship {release.sha} -s {stage.name}   (deploys that version again)",
            code="environment-gone",
        )
    fresh = release.live_since is None
    gates = proofs.standing(stage, release, live.cname, patience=proofs.PROMOTION_PATIENCE, events=fresh)
    if restoring:
        proof = (proofs.prove(stage, release, live.cname), *proofs.tenants(stage, release, live.cname, live=True))
        swap = _swap_step(release, live, leaves.release if leaves else "")
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
        return first.finish(snapshot, release)
    standing = snapshot.environment(release.from_environment) is not None
    watched = proofs.watch(stage, release, live.cname, bake=standing)
    kept = {release.environment, release.from_environment}
    steps = (*watched, *retirements(snapshot, keep=kept))
    return Plan(snapshot, release, live, steps, _back(release, snapshot, live) if standing else ())
