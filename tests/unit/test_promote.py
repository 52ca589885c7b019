"""Promotions and rollbacks: what was seen ready is not waited for, and what is gone is deployed again."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import LIVE_CNAME, NOW, environment, record, snapshot

from ebcd.errors import Refused
from ebcd.model import InstanceHealth, OptionSetting
from ebcd.release.plan.promotion import Capacity, redeployment
from ebcd.release.plan.steps import AwaitEnvironment, CreateEnvironment, MatchCapacity, SetMinimum, Step, SwapCnames
from ebcd.release.plan.strategies import plan_promote, plan_redeploy
from ebcd.release.state.release import Outcome

ONE, TWO = record(1, live_since=99, left=9), record(2, live_since=9, from_=1)
BOTH = snapshot(environment(1), environment(2, live=True), releases=(TWO, ONE))
READY = ["SmokeCandidate", "SwapCnames", "ProveLive"]


def instances(count: int, label: str = "v1", status: str = "Deployed") -> tuple[InstanceHealth, ...]:
    return tuple(InstanceHealth(f"i-{number}", "Ok", "Green", (), label, status) for number in range(count))


def standing(live: int = 2, target: int = 2) -> Capacity:
    return Capacity(live, target, instances(target))


def names(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def only(steps: tuple[Step, ...], kind: type) -> Step:
    (found,) = [step for step in steps if isinstance(step, kind)]
    return found


def test_promoting_what_is_live_does_nothing() -> None:
    assert plan_promote(BOTH, TWO, standing(), restoring=False).steps == ()


def test_a_rollback_does_not_bake_and_a_promotion_does() -> None:
    back = plan_promote(BOTH, ONE, standing(), restoring=True)
    assert names(back.steps) == READY
    assert back.release == ONE
    onward = plan_promote(BOTH, ONE, standing(), restoring=False)
    assert names(onward.steps)[-1] == "Bake"
    assert onward.release.from_release == "r2"


def test_what_was_seen_ready_is_swapped_without_another_wait() -> None:
    swap = only(plan_promote(BOTH, ONE, standing(), restoring=True).steps, SwapCnames)
    assert isinstance(swap, SwapCnames)
    assert (swap.proven, swap.accept, swap.events) == (NOW, ("Green",), False)


@pytest.mark.parametrize(
    ("changes", "seen"),
    [
        ({"status": "Updating"}, standing()),
        ({"health": "Yellow"}, standing()),
        ({}, Capacity(2, 2, instances(2, "v0"))),
        ({}, Capacity(2, 2, instances(2, status="In Progress"))),
        ({}, Capacity(0, 0, ())),
        ({}, Capacity(2, 2, ())),
    ],
)
def test_what_was_not_seen_ready_is_waited_for_and_looked_at_again(changes: dict, seen: Capacity) -> None:
    both = snapshot(environment(1, **changes), environment(2, live=True), releases=(TWO, ONE))
    steps = plan_promote(both, ONE, seen, restoring=True).steps
    assert names(steps) == ["AwaitEnvironment", "HoldHealth", *READY]
    swap = only(steps, SwapCnames)
    assert isinstance(swap, SwapCnames)
    assert swap.proven is None


def test_a_target_that_scaled_in_gets_live_s_capacity_first() -> None:
    steps = plan_promote(BOTH, ONE, standing(live=6), restoring=True).steps
    assert names(steps) == ["MatchCapacity", "AwaitEnvironment", "HoldHealth", *READY]
    assert only(steps, MatchCapacity) == MatchCapacity("shop-prod-r1", 6, "shop-prod-r2", LIVE_CNAME, "r1")


@pytest.mark.parametrize(
    ("known", "first"),
    [
        ({}, "SmokeCandidate"),
        ({"minimum": 6}, "SmokeCandidate"),
        ({"minimum": 2, "raised": 6}, "SmokeCandidate"),
        ({"minimum": 2}, "MatchCapacity"),
        ({"minimum": 2, "raised": 5}, "MatchCapacity"),
    ],
)
def test_a_target_whose_minimum_does_not_hold_its_instances_is_held_first(known: dict, first: str) -> None:
    one = replace(ONE, **known)
    both = replace(BOTH, releases=(TWO, one))
    steps = names(plan_promote(both, one, standing(6, 6), restoring=True).steps)
    assert steps[0] == first
    assert steps[-1] == "ProveLive", "what is raised stays so while users arrive"


def test_a_promotion_holds_the_earlier_side_and_lowers_its_own_minimum_after_the_bake() -> None:
    two, waiting = replace(TWO, minimum=2), record(3, Outcome.WAITING, minimum=2, raised=6)
    three = snapshot(environment(2, live=True), environment(3), releases=(waiting, two))
    steps = plan_promote(three, waiting, Capacity(6, 6, instances(6, "v3")), restoring=False).steps
    assert names(steps)[-5:] == ["SwapCnames", "ProveLive", "MatchCapacity", "Bake", "SetMinimum"]
    assert only(steps, MatchCapacity) == MatchCapacity("shop-prod-r2", 6, cname=LIVE_CNAME, release="r2", awaited=False)
    assert only(steps, SetMinimum) == SetMinimum("shop-prod-r3", 2, "r3")
    waiting = replace(waiting, raised=None)
    three = replace(three, releases=(waiting, two))
    small = plan_promote(three, waiting, Capacity(2, 2, instances(2, "v3")), restoring=False).steps
    assert names(small)[-3:] == ["SwapCnames", "ProveLive", "Bake"]


def test_the_events_of_a_candidate_that_was_never_live_count_and_a_target_s_do_not() -> None:
    waiting = record(3, Outcome.WAITING)
    three = snapshot(environment(2, live=True), environment(3), releases=(waiting, TWO))
    steps = plan_promote(three, waiting, Capacity(1, 1, instances(1, "v3")), restoring=False).steps
    awaited, swap = only(steps, AwaitEnvironment), only(steps, SwapCnames)
    assert isinstance(awaited, AwaitEnvironment)
    assert isinstance(swap, SwapCnames)
    assert awaited.events
    assert swap.events


def test_an_environment_that_is_gone_cannot_be_promoted() -> None:
    seen = snapshot(environment(2, live=True), releases=(TWO, ONE))
    with pytest.raises(Refused) as refusal:
        plan_promote(seen, ONE, standing(), restoring=False)
    assert refusal.value.code == "environment-gone"
    assert f"ebcd ship {ONE.sha}" in refusal.value.hint


def test_nothing_is_promoted_where_nothing_is_live() -> None:
    with pytest.raises(Refused) as refusal:
        plan_promote(snapshot(environment(1), releases=(ONE,)), ONE, standing(), restoring=True)
    assert refusal.value.code == "no-live"


def test_a_version_whose_environment_is_gone_is_deployed_again_with_the_settings_and_the_capacity_of_live() -> None:
    seen = snapshot(environment(2, live=True), releases=(TWO, ONE))
    again = redeployment(ONE, TWO, 3, "shop-prod-r3")
    assert (again.release, again.version_label, again.sha, again.restores) == ("r3", "v1", ONE.sha, "r1")
    assert (again.outcome, again.live_since, again.etag) == (Outcome.RUNNING, None, "")
    plan = plan_redeploy(seen, again, Capacity(3, 0))
    assert names(plan.steps) == ["CreateEnvironment", "AwaitEnvironment", "HoldHealth", *READY]
    created = only(plan.steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert (created.environment, created.label, created.settings_of) == ("shop-prod-r3", "v1", "shop-prod-r2")
    assert created.options == (OptionSetting("aws:autoscaling:asg", "MinSize", "3"),)
    assert (plan.release.from_release, plan.release.from_environment) == ("r2", "shop-prod-r2")


def test_a_redeployment_that_died_goes_on_with_the_environment_that_it_made() -> None:
    again = redeployment(ONE, TWO, 3, "shop-prod-r3")
    seen = snapshot(environment(2, live=True), environment(3, status="Launching"), releases=(again, TWO, ONE))
    steps = names(plan_redeploy(seen, again, Capacity(3, 0)).steps)
    assert steps[:2] == ["DeleteSavedConfiguration", "AwaitEnvironment"], "its properties must not stay in S3"
