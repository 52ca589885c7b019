"""The strategy blue-green: a fresh environment for each release, and a CNAME swap."""

from __future__ import annotations

from ebcd.model import Environment, OptionSetting
from ebcd.release.plan import first, proofs
from ebcd.release.plan.creation import capacity, create, environment_options
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.plan.swapping import swap_back, swap_to
from ebcd.release.record import ReleaseRecord
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.snapshot import Snapshot
from ebcd.release.steps import MatchCapacity, SetMinimum, Step


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        return first.begin(snapshot, release, bundled)
    if live.name == release.environment:
        return finish_swapped(snapshot, release, live)
    release = leaving_from(release, snapshot, live)
    minimum, raised = capacity((*bundled, *stage.options), snapshot.live_instances)
    steps: list[Step] = list(failed_candidates(snapshot, keep={release.environment}))
    if snapshot.environment(release.environment) is None:
        options = environment_options(stage, bundled, raised if raised > minimum else None)
        steps.append(create(stage, release, options))
    steps += proofs.gates(stage, release, live.cname)
    if raised > minimum:
        steps.append(SetMinimum(release.environment, minimum, live.cname))
    if swap:
        steps += (*proofs.baseline(stage, live), swap_to(stage, release, live, snapshot))
        steps += proofs.watch(stage, release, live.cname, bake=True)
        steps += keep_capacity(snapshot, live, minimum)
        steps += retirements(snapshot, {release.environment, live.name}, release.number)
    return Plan(snapshot, release, live, tuple(steps), swap_back(release, live), waits=not swap)


def keep_capacity(snapshot: Snapshot, before: Environment, minimum: int) -> tuple[Step, ...]:
    """The earlier environment gets no more requests and would scale in: a rollback needs it as it was."""
    if not snapshot.stage.keep or snapshot.live_instances <= minimum:
        return ()
    return (MatchCapacity(before.name, snapshot.live_instances, cname=before.cname),)


def finish_swapped(snapshot: Snapshot, release: ReleaseRecord, live: Environment) -> Plan:
    """What is left for a release that holds the live CNAME already but did not end."""
    stage = snapshot.stage
    if not release.from_environment:
        return first.finish(snapshot, release)
    standing = snapshot.environment(release.from_environment) is not None
    watched = proofs.watch(stage, release, live.cname, bake=standing)
    kept = {release.environment, release.from_environment}
    steps = (*watched, *retirements(snapshot, kept, release.number))
    return Plan(snapshot, release, live, steps, swap_back(release, live) if standing else ())
