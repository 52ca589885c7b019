"""The strategy blue-green: a fresh environment for each release, and a CNAME swap."""

from __future__ import annotations

from ebcd.model import Environment, OptionSetting
from ebcd.release.plan import capacity, first, gates
from ebcd.release.plan.environment import create, environment_options
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.plan.retirement import failed_candidates, retirements
from ebcd.release.plan.steps import Step
from ebcd.release.plan.swapping import swap_back, swap_to
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        return first.begin(snapshot, release, bundled)
    if live.name == release.environment:
        return finish_swapped(snapshot, release, live, bundled)
    release = leaving_from(release, snapshot, live)
    options = (*bundled, *stage.options)
    minimum, raised = capacity.sizes(options, snapshot.live_instances)
    candidate = snapshot.environment(release.environment)
    steps: list[Step] = list(failed_candidates(snapshot, keep={release.environment}))
    if candidate is None:
        steps.append(create(stage, release, environment_options(stage, bundled, raised if raised > minimum else None)))
    else:
        steps += capacity.raised_again(snapshot, release, candidate, live, raised)
        raised = max(raised, snapshot.size(candidate, "MinSize") or release.raised or 0)
    release = capacity.with_raised(release, minimum, raised)
    steps += gates.candidate_gates(stage, release, live.cname)
    if swap:
        steps += swapped(snapshot, release, live, options, raised)
    return Plan(snapshot, release, live, tuple(steps), swap_back(release, live), waits=not swap)


def swapped(
    snapshot: Snapshot, release: ReleaseRecord, live: Environment, options: tuple[OptionSetting, ...], raised: int
) -> tuple[Step, ...]:
    """The swap of a proven candidate, the bake, and what is cleared up after it.

    live: what is live before. options: what is configured. raised: the MinSize that the candidate has.
    """
    stage, instances = snapshot.stage, snapshot.live_instances
    minimum, _ = capacity.sizes(options, 0)
    floor = snapshot.size(live, "MinSize") or minimum
    held = capacity.held(stage, live, release.from_release, live.cname, instances, floor)
    return (
        *gates.baseline(stage, live),
        swap_to(stage, release, live, snapshot, capacity=capacity.replaces(options, raised)),
        *gates.watch(stage, release, live.cname, bake=True, seen=held),
        *capacity.lowered(stage, release, minimum, raised),
        *retirements(snapshot, {release.environment, live.name}, release.number),
    )


def finish_swapped(
    snapshot: Snapshot, release: ReleaseRecord, live: Environment, bundled: tuple[OptionSetting, ...]
) -> Plan:
    """What is left for a release that holds the live CNAME already but did not end."""
    stage, instances = snapshot.stage, snapshot.live_instances
    if not release.from_environment:
        return first.finish(snapshot, release)
    minimum, _ = capacity.sizes((*bundled, *stage.options), 0)
    earlier = snapshot.environment(release.from_environment)
    before = release.from_release
    held = capacity.held(stage, earlier, before, live.cname, instances, minimum) if earlier else ()
    kept = {release.environment, release.from_environment}
    steps = (
        *gates.watch(stage, release, live.cname, bake=earlier is not None, seen=held),
        *capacity.lowered(stage, release, minimum, snapshot.size(live, "MinSize") or release.raised or 0),
        *retirements(snapshot, kept, release.number),
    )
    return Plan(snapshot, release, live, steps, swap_back(release, live) if earlier else ())
