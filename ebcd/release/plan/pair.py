"""The strategy pair: two standing environments, a and b. A release is deployed on the side that is not live, proven
there, and swapped; the other side stays as the way back until the next release needs it.
"""

from __future__ import annotations

from datetime import timedelta

from ebcd.model import ASG, Environment, OptionSetting, by_place
from ebcd.release.plan import capacity, first, gates
from ebcd.release.plan.blue_green import finish_swapped, swapped
from ebcd.release.plan.environment import create, environment_options
from ebcd.release.plan.plan import Plan, leaving_from
from ebcd.release.plan.retirement import failed_candidates
from ebcd.release.plan.steps import AwaitDrain, MatchCapacity, Step
from ebcd.release.plan.swapping import swap_back
from ebcd.release.plan.updating import bring, change, deployment
from ebcd.release.state.names import standing_name
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot


def idle_side(snapshot: Snapshot) -> str:
    """The name of the side that is not live: the one that the next release gets."""
    stage, live = snapshot.stage, snapshot.live
    one, other = (standing_name(stage.application, stage.name, side) for side in "ab")
    return other if live is not None and live.name == one else one


def ship(snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting on its side."""
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        return first.begin(snapshot, release, bundled)
    if live.name == release.environment:
        return finish_swapped(snapshot, release, live, bundled)
    release = leaving_from(release, snapshot, live)
    side = snapshot.environment(release.environment)
    options = (*bundled, *stage.options)
    minimum, raised = capacity.sizes(options, snapshot.live_instances)
    if side is None:
        made = environment_options(stage, bundled, raised if raised > minimum else None)
        steps: tuple[Step, ...] = (create(stage, release, made),)
    else:
        steps = _prepared(snapshot, release, side, raised)
        raised = max(raised, snapshot.size(side, "MinSize") or release.raised or 0)
    release = capacity.with_raised(release, minimum, raised)
    steps = (
        *failed_candidates(snapshot, keep={release.environment, live.name}),
        *steps,
        *gates.candidate_gates(stage, release, live.cname, created=side is None),
        *(swapped(snapshot, release, live, options, raised) if swap else ()),
    )
    return Plan(snapshot, release, live, steps, swap_back(release, live), waits=not swap)


def _prepared(snapshot: Snapshot, release: ReleaseRecord, side: Environment, instances: int) -> tuple[Step, ...]:
    """What brings a standing side to the release: drained, with the version and the stage's settings, then at live's
    capacity: instances that are added start with the version.
    """
    stage, live = snapshot.stage, snapshot.live
    assert live is not None
    # MinSize has steps of its own: it is raised before the swap and lowered after the bake.
    wanted = by_place(item for item in stage.options if (item.namespace, item.name) != (ASG, "MinSize"))
    largest = snapshot.size(live, "MaxSize")
    if largest and (snapshot.size(side, "MaxSize") or largest) < largest:  # it was scaled down
        wanted = by_place((OptionSetting(ASG, "MaxSize", str(largest)), *wanted.values()))
    settings = change(snapshot, side, sorted(wanted.values()), release.platform_arn).update
    lacks = (snapshot.size(side, "MinSize") or 1) < instances
    return (
        *_drained(snapshot, side),
        *bring(side, deployment(snapshot, release, side.name, live=False), settings),
        *((MatchCapacity(side.name, instances, cname=live.cname, release=release.release),) if lacks else ()),
    )


def _drained(snapshot: Snapshot, side: Environment) -> tuple[Step, ...]:
    """The time until clients with an old DNS answer have left the side: they must not see a version being deployed."""
    current_release = snapshot.record_of(side)
    if current_release is None or current_release.left_live is None:
        return ()
    left = timedelta(seconds=snapshot.dns_ttl) - (snapshot.taken - current_release.left_live)
    return (AwaitDrain(side.name, left.total_seconds()),) if left > timedelta() else ()
