"""The strategy pair: two sides that take turns, and several releases that share their names over time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from stages import LIVE_CNAME, NOW, STAGE, environment, record, snapshot

from ebcd.errors import Refused
from ebcd.model import Environment, InstanceHealth, OptionSetting, Strategy, Target
from ebcd.release.plan.plan import Plan, settings_digest
from ebcd.release.plan.promotion import Capacity, redeployment
from ebcd.release.plan.retirement import clearing, failed_candidates, retirements
from ebcd.release.plan.rollback import rollback_target
from ebcd.release.plan.steps import (
    AwaitDrain,
    AwaitEnvironment,
    CreateEnvironment,
    MatchCapacity,
    ScaleDown,
    SetMinimum,
    Step,
    SwapCnames,
    TerminateEnvironment,
    UpdateOptions,
    UpdateVersion,
)
from ebcd.release.plan.strategies import environment_of, plan_promote, plan_redeploy, plan_ship, resumable
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot
from ebcd.report import result

LOCAL_PAIR = replace(STAGE, strategy=Strategy.PAIR, target=Target.LOCAL)
PAIR = replace(STAGE, strategy=Strategy.PAIR)
ONE_SIZE = (OptionSetting("aws:autoscaling:asg", "MaxSize", "1"), OptionSetting("aws:autoscaling:asg", "MinSize", "1"))


def side(letter: str, number: int, *, live: bool = False, **changes: object) -> Environment:
    """A side that carries a release's version."""
    fixed = {"name": f"shop-prod-{letter}", "id": f"e-{letter}", "platform_arn": STAGE.platform}
    return environment(number, live=live, **(fixed | changes))


def release(letter: str, number: int, outcome: Outcome = Outcome.LIVE, **when: object) -> ReleaseRecord:
    return replace(record(number, outcome, stage=PAIR, **when), environment=f"shop-prod-{letter}")


def seen(
    *sides: Environment,
    releases: tuple[ReleaseRecord, ...],
    instances: int = 2,
    settings: dict[str, tuple[OptionSetting, ...]] | None = None,
) -> Snapshot:
    found = snapshot(*sides, releases=releases, stage=PAIR, instances=instances)
    return replace(found, settings={item.name: STAGE.options for item in sides} | (settings or {}))


def names(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


T = TypeVar("T")


def only(plan: Plan, kind: type[T]) -> T:
    (found,) = [step for step in plan.steps if isinstance(step, kind)]
    return found


ONE = release("a", 1, live_since=8000, left=5000)
TWO = release("b", 2, live_since=5000, from_=1)
BOTH = seen(side("a", 1), side("b", 2, live=True), releases=(TWO, ONE))
THREE = release("a", 3, Outcome.RUNNING)
TURN = [
    "UpdateVersion",
    "AwaitEnvironment",
    "HoldHealth",
    "SmokeCandidate",
    "MeasureLive",
    "SwapCnames",
    "ProveLive",
    "Bake",
]


def test_the_first_two_releases_create_the_sides_and_then_they_take_turns() -> None:
    nothing = seen(releases=())
    assert environment_of(nothing, 1) == "shop-prod-a"
    first = plan_ship(nothing, release("a", 1, Outcome.RUNNING), swap=True)
    created = only(first, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert (created.environment, created.cname_prefix) == ("shop-prod-a", "shop")
    alone = seen(side("a", 1, live=True), releases=(release("a", 1, live_since=9),))
    assert environment_of(alone, 2) == "shop-prod-b"
    second = plan_ship(alone, release("b", 2, Outcome.RUNNING), swap=True)
    created = only(second, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert (created.environment, created.cname_prefix) == ("shop-prod-b", None)
    assert environment_of(BOTH, 3) == "shop-prod-a"


def test_a_release_is_deployed_on_the_idle_side_and_swapped() -> None:
    plan = plan_ship(BOTH, THREE, swap=True)
    assert names(plan.steps) == TURN
    assert only(plan, UpdateVersion) == UpdateVersion("shop-prod-a", "v3", "r3", live=False, cname=LIVE_CNAME)
    awaited, swapped = only(plan, AwaitEnvironment), only(plan, SwapCnames)
    assert isinstance(awaited, AwaitEnvironment)
    assert isinstance(swapped, SwapCnames)
    assert (awaited.events, swapped.events) == (False, False), "the side's old events are not the release's"
    assert (swapped.candidate, swapped.live, swapped.replaces) == ("shop-prod-a", "shop-prod-b", "r2")
    assert plan.rollback_steps == (SwapCnames("shop-prod-b", "shop-prod-a", "v2", LIVE_CNAME, "r2", "r3"),)
    assert (plan.revert_steps, plan.updates_live) == ((), False)
    assert names(plan_ship(BOTH, THREE, swap=False).steps)[-1] == "SmokeCandidate"


def test_the_side_gets_live_s_capacity_and_its_own_minimum_back() -> None:
    plan = plan_ship(replace(BOTH, live_instances=5), THREE, swap=True)
    assert names(plan.steps)[:2] == ["UpdateVersion", "MatchCapacity"], "what is added starts with the version"
    assert names(plan.steps)[-5:] == ["SwapCnames", "ProveLive", "MatchCapacity", "Bake", "SetMinimum"]
    assert only(plan, SetMinimum) == SetMinimum("shop-prod-a", 2, "r3")
    kept = [step for step in plan.steps if isinstance(step, MatchCapacity)]
    assert kept == [
        MatchCapacity("shop-prod-a", 5, cname=LIVE_CNAME, release="r3"),
        MatchCapacity("shop-prod-b", 5, cname=LIVE_CNAME, release="r2", awaited=False),
    ]
    waiting = plan_ship(replace(BOTH, live_instances=5), THREE, swap=False)
    assert "SetMinimum" not in names(waiting.steps), "a side that waits keeps what it needs"


def test_a_side_that_was_held_as_the_earlier_one_comes_back_to_its_minimum() -> None:
    six = (OptionSetting("aws:autoscaling:asg", "MaxSize", "8"), OptionSetting("aws:autoscaling:asg", "MinSize", "6"))
    held = replace(BOTH, live_instances=5, settings={**BOTH.settings, "shop-prod-a": six})
    plan = plan_ship(held, THREE, swap=True)
    assert names(plan.steps) == [*TURN[:-1], "MatchCapacity", "Bake", "SetMinimum"]


def test_a_side_that_was_scaled_down_is_brought_up_again() -> None:
    down = replace(BOTH, settings={**BOTH.settings, "shop-prod-a": ONE_SIZE})
    plan = plan_ship(down, THREE, swap=True)
    assert names(plan.steps)[:2] == ["UpdateVersion", "MatchCapacity"]
    assert only(plan, UpdateVersion).settings == UpdateOptions(
        "shop-prod-a", (OptionSetting("aws:autoscaling:asg", "MaxSize", "8"),), cname=LIVE_CNAME
    )
    undeclared = replace(PAIR, options=())
    plan = plan_ship(replace(down, stage=undeclared), THREE, swap=True)
    largest = OptionSetting("aws:autoscaling:asg", "MaxSize", "8")
    settings = UpdateOptions("shop-prod-a", (largest,), cname=LIVE_CNAME)
    assert only(plan, UpdateVersion).settings == settings, "as live has it"


def test_settings_are_brought_to_what_the_stage_says() -> None:
    colour = OptionSetting("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")
    changed = replace(BOTH, stage=replace(PAIR, options=(*PAIR.options, colour)))
    settings = UpdateOptions("shop-prod-a", (colour,), cname=LIVE_CNAME)
    assert only(plan_ship(changed, THREE, swap=True), UpdateVersion).settings == settings


@pytest.mark.parametrize(("left", "waits"), [(20, 40.0), (59, 1.0), (61, None)])
def test_clients_with_an_old_dns_answer_are_waited_for(left: int, waits: float | None) -> None:
    recent = seen(
        side("a", 1), side("b", 2, live=True), releases=(TWO, replace(ONE, left_live=NOW - timedelta(0, left)))
    )
    drains = [step for step in plan_ship(recent, THREE, swap=True).steps if isinstance(step, AwaitDrain)]
    assert drains == ([AwaitDrain("shop-prod-a", waits)] if waits else [])
    local = replace(recent, stage=LOCAL_PAIR, dns_ttl=0.0)
    assert not [step for step in plan_ship(local, THREE, swap=True).steps if isinstance(step, AwaitDrain)]


def test_an_environment_carries_the_release_whose_version_it_has() -> None:
    three = release("a", 3, live_since=10, from_=2)
    found = seen(side("a", 3, live=True), side("b", 2), releases=(three, replace(TWO, left_live=NOW), ONE))
    assert found.record_of(found.live) == three
    assert found.standing(ONE) is None
    assert found.previous == replace(TWO, left_live=NOW)
    assert (rollback_target(found).target.release, rollback_target(found).gone) == ("r2", False)


def test_a_rollback_swaps_to_the_other_side_while_it_carries_the_version() -> None:
    instances = tuple(InstanceHealth(f"i-{n}", "Ok", "Green", (), "v1", "Deployed") for n in range(2))
    target = rollback_target(BOTH)
    plan = plan_promote(BOTH, target.target, Capacity(2, 2, instances), restoring=True, replaces=target.replaces)
    assert names(plan.steps) == ["SmokeCandidate", "SwapCnames", "ProveLive"]


def test_a_rollback_deploys_the_version_again_where_the_other_side_carries_another() -> None:
    failed = release("a", 3, Outcome.FAILED, from_=2)
    found = seen(side("a", 3), side("b", 2, live=True), releases=(failed, replace(TWO, deploy_seconds=30.0), ONE))
    target = rollback_target(found)
    assert (target.target.release, target.gone) == ("r1", True)
    told = result.rollback(found)
    assert (told["ready"], told["to"], told["seconds_estimate"]) == (False, "r1", 30.0)
    assert "carries v3" in told["reason"]
    again = redeployment(target.target, target.replaces, 4, environment_of(found, 4))
    assert (again.environment, again.restores) == ("shop-prod-a", "r1")
    plan = plan_redeploy(found, again, Capacity(2, 1))
    assert names(plan.steps) == ["MatchCapacity", *(name for name in TURN[:-1] if name != "MeasureLive")]
    assert only(plan, UpdateVersion) == UpdateVersion(
        "shop-prod-a", "v1", "r4", live=False, expected=30.0, cname=LIVE_CNAME
    )


def test_a_release_on_a_side_that_carries_another_by_now_is_not_swapped() -> None:
    waiting = release("a", 3, Outcome.WAITING)
    found = seen(side("a", 1), side("b", 2, live=True), releases=(waiting, TWO, ONE))
    with pytest.raises(Refused) as error:
        plan_promote(found, waiting, Capacity(2, 2), restoring=False, replaces=TWO)
    assert error.value.code == "environment-gone"
    assert "v1" in error.value.why


def test_a_release_that_died_is_taken_up_again_only_on_the_side_where_it_can_go_on() -> None:
    died = release("a", 3, Outcome.INTERRUPTED)
    found = seen(side("a", 1), side("b", 2, live=True), releases=(died, TWO, ONE))
    assert resumable(found, "v3", settings_digest(PAIR)) == died
    by_hand = seen(side("a", 1, live=True), side("b", 2), releases=(died, TWO, ONE))
    assert resumable(by_hand, "v3", settings_digest(PAIR)) is None, "its side is live with another version"


def test_a_run_that_died_behind_its_swap_is_proven_and_not_deployed_again() -> None:
    died = replace(release("a", 3, Outcome.RUNNING, from_=2), from_environment="shop-prod-b")
    found = seen(side("a", 3, live=True), side("b", 2), releases=(died, TWO, ONE))
    assert names(plan_ship(found, died, swap=True).steps) == ["ProveLive", "Bake"]


def test_what_has_drained_is_scaled_down_once_and_never_terminated() -> None:
    three = release("a", 3, live_since=5000, from_=2)
    two = replace(TWO, left_live=NOW - timedelta(seconds=5000))
    found = seen(side("a", 3, live=True), side("b", 2), releases=(three, two, ONE))
    assert retirements(found, keep=()) == (
        ScaleDown("shop-prod-b", "r2 left live more than 3600 s ago", LIVE_CNAME, left=two.left_live),
    )
    down = replace(found, settings={"shop-prod-b": ONE_SIZE})
    assert retirements(down, keep=()) == ()
    failed = seen(side("a", 3), side("b", 2, live=True), releases=(release("a", 3, Outcome.FAILED), TWO, ONE))
    assert failed_candidates(failed, keep=()) == (ScaleDown("shop-prod-a", "r3 failed", LIVE_CNAME),)


def test_the_sides_of_a_stage_that_is_no_pair_any_more_are_terminated() -> None:
    two = replace(TWO, left_live=NOW - timedelta(seconds=5000))
    fresh = record(3, live_since=5000, from_=2)
    found = snapshot(environment(3, live=True), side("b", 2), releases=(fresh, two))
    assert retirements(found, keep=()) == (
        TerminateEnvironment("shop-prod-b", "e-b", "r2 left live more than 3600 s ago", LIVE_CNAME, left=two.left_live),
    )
    assert isinstance(clearing(found, side("b", 2), "why"), TerminateEnvironment)
