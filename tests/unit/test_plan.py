"""Plans: from every state that a dead run may leave, what is missing and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from stages import LIVE_CNAME, NOW, STAGE, bundle, environment, record, snapshot

from ebcd.errors import Refused
from ebcd.model import ApplicationVersion, OptionSetting
from ebcd.release.plan.environment import environment_options
from ebcd.release.plan.plan import already_live, settings_digest
from ebcd.release.plan.publication import bundle_key, plan_publish
from ebcd.release.plan.retirement import oversized, retirements
from ebcd.release.plan.steps import (
    AwaitVersion,
    Bake,
    CreateApplication,
    CreateEnvironment,
    CreateVersion,
    MatchCapacity,
    SetMinimum,
    Step,
    SwapCnames,
    TerminateEnvironment,
    UploadBundle,
)
from ebcd.release.plan.strategies import plan_ship, resumable
from ebcd.release.state.release import Outcome
from ebcd.release.state.snapshot import Publication, find_live

SETTINGS = settings_digest(STAGE)


def names(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def only(steps: tuple[Step, ...], kind: type) -> Step:
    (found,) = [step for step in steps if isinstance(step, kind)]
    return found


def test_a_first_release_is_created_with_the_live_cname_and_swaps_nothing() -> None:
    plan = plan_ship(snapshot(), record(1, Outcome.RUNNING), swap=True)
    assert names(plan.steps) == ["CreateEnvironment", "AwaitEnvironment", "HoldHealth", "SmokeCandidate", "ProveLive"]
    created = only(plan.steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert (created.cname_prefix, created.environment) == ("shop", "shop-prod-r1")
    assert dict(created.tags)["ebcd:release"] == "r1"


def test_a_later_release_is_a_candidate_with_a_cname_that_nobody_can_guess() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=100),))
    plan = plan_ship(seen, record(2, Outcome.RUNNING), swap=True)
    assert names(plan.steps) == [
        "CreateEnvironment",
        "AwaitEnvironment",
        "HoldHealth",
        "SmokeCandidate",
        "MeasureLive",
        "SwapCnames",
        "ProveLive",
        "Bake",
    ]
    created = only(plan.steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert created.cname_prefix is None
    assert only(plan.steps, SwapCnames) == SwapCnames(
        "shop-prod-r2", "shop-prod-r1", "v2", LIVE_CNAME, "r2", "r1", ("Green",), events=True, capacity=2
    )
    assert plan.rollback_steps == (SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, "r1", "r2"),)
    assert (plan.release.from_release, plan.release.from_environment) == ("r1", "shop-prod-r1")


def test_a_candidate_that_is_there_is_not_created_again() -> None:
    seen = snapshot(environment(1, live=True), environment(2, status="Launching"), releases=(record(1, live_since=9),))
    assert names(plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps)[0] == "AwaitEnvironment"


def test_a_run_that_died_after_its_swap_is_proven_and_baked_and_not_swapped_again() -> None:
    died = replace(record(2, Outcome.RUNNING, from_=1), from_version="v1")
    seen = snapshot(environment(1), environment(2, live=True), releases=(died, record(1, live_since=100)))
    plan = plan_ship(seen, died, swap=True)
    assert names(plan.steps) == ["ProveLive", "Bake"]
    assert plan.rollback_steps == (
        SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, release="r1", replaces="r2"),
    )


def test_a_run_that_died_after_its_swap_has_nowhere_to_swap_back_to_when_the_earlier_one_is_gone() -> None:
    died = record(2, Outcome.RUNNING, from_=1)
    plan = plan_ship(snapshot(environment(2, live=True), releases=(died,)), died, swap=True)
    assert names(plan.steps) == ["ProveLive"]
    assert plan.rollback_steps == ()


def test_no_swap_stops_before_the_swap() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),))
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=False).steps
    assert names(steps)[-1] == "SmokeCandidate"


def sized(minimum: int) -> tuple[OptionSetting, ...]:
    return (OptionSetting("aws:autoscaling:asg", "MinSize", str(minimum)),)


BUSY = snapshot(environment(1, live=True), releases=(record(1, live_since=9),), instances=6)
"""Live runs at six instances; two are configured."""
CANDIDATE = ["AwaitEnvironment", "HoldHealth", "SmokeCandidate"]
HELD = MatchCapacity("shop-prod-r1", 6, cname=LIVE_CNAME, release="r1", awaited=False)


def test_capacity_does_not_fall_while_users_arrive() -> None:
    steps = plan_ship(BUSY, record(2, Outcome.RUNNING), swap=True).steps
    assert names(steps) == [
        "CreateEnvironment",
        *CANDIDATE,
        "MeasureLive",
        "SwapCnames",
        "ProveLive",
        "MatchCapacity",
        "Bake",
        "SetMinimum",
    ]
    created = only(steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert OptionSetting("aws:autoscaling:asg", "MinSize", "6") in created.options
    assert only(steps, MatchCapacity) == HELD, "a way back during the bake finds all of it"
    assert only(steps, SetMinimum) == SetMinimum("shop-prod-r2", 2, "r2")
    assert plan_ship(BUSY, record(2, Outcome.RUNNING), swap=False).release.raised == 6
    small = replace(BUSY, live_instances=2)
    assert plan_ship(small, record(2, Outcome.RUNNING), swap=True).release.raised is None


def test_what_its_own_minimum_holds_is_not_held_again() -> None:
    seen = replace(BUSY, settings={"shop-prod-r1": sized(6)})
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps
    assert names(steps)[-3:] == ["ProveLive", "Bake", "SetMinimum"]


@pytest.mark.parametrize(
    ("changes", "ends"),
    [
        ({"keep": 0.0}, ["ProveLive", "MatchCapacity", "Bake", "SetMinimum"]),
        ({"bake": 0.0}, ["SwapCnames", "ProveLive", "MatchCapacity"]),
        ({"keep": 0.0, "bake": 0.0}, ["SmokeCandidate", "SwapCnames", "ProveLive"]),
    ],
)
def test_the_earlier_side_is_held_while_there_is_a_way_back_and_a_bake_ends_what_is_raised(
    changes: dict, ends: list[str]
) -> None:
    seen = replace(BUSY, stage=replace(STAGE, **changes))
    assert names(plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps)[-len(ends) :] == ends


def test_a_candidate_that_waits_keeps_what_it_needs() -> None:
    steps = plan_ship(BUSY, record(2, Outcome.RUNNING), swap=False).steps
    assert names(steps) == ["CreateEnvironment", *CANDIDATE]


def test_a_candidate_of_a_dead_run_comes_to_what_live_has_by_now() -> None:
    seen = replace(BUSY, environments=(*BUSY.environments, environment(2)), settings={"shop-prod-r2": sized(3)})
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps
    assert names(steps)[:3] == ["AwaitEnvironment", "MatchCapacity", "AwaitEnvironment"]
    assert steps[1] == MatchCapacity("shop-prod-r2", 6, cname=LIVE_CNAME, release="r2")
    larger = replace(seen, live_instances=2, settings={"shop-prod-r2": sized(3)})
    steps = plan_ship(larger, record(2, Outcome.RUNNING), swap=True).steps
    assert names(steps)[0] == "AwaitEnvironment"
    assert names(steps)[-1] == "SetMinimum", "it was raised for more than live has by now"


def test_a_size_that_is_not_known_is_not_taken_for_enough() -> None:
    """Its step reads it, and changes nothing where it is enough."""
    seen = replace(BUSY, environments=(*BUSY.environments, environment(2)), settings={})
    steps = plan_ship(seen, record(2, Outcome.RUNNING, raised=6), swap=True).steps
    assert names(steps)[:3] == ["AwaitEnvironment", "MatchCapacity", "AwaitEnvironment"]
    died = replace(record(2, Outcome.RUNNING, from_=1, raised=6), from_version="v1")
    swapped = snapshot(environment(1), environment(2, live=True), releases=(died, record(1, live_since=9)), instances=6)
    assert names(plan_ship(swapped, died, swap=True).steps)[-1] == "SetMinimum", "what was raised is lowered"


def test_a_run_that_died_behind_its_swap_holds_the_earlier_side_and_lowers_after_the_bake() -> None:
    died = replace(record(2, Outcome.RUNNING, from_=1), from_version="v1")
    seen = snapshot(environment(1), environment(2, live=True), releases=(died, record(1, live_since=9)), instances=6)
    seen = replace(seen, settings={"shop-prod-r2": sized(6)})
    steps = plan_ship(seen, died, swap=True).steps
    assert steps[1] == HELD
    assert names(steps) == ["ProveLive", "MatchCapacity", "Bake", "SetMinimum"]
    lowered = replace(seen, settings={"shop-prod-r2": sized(2)})
    assert names(plan_ship(lowered, died, swap=True).steps) == ["ProveLive", "MatchCapacity", "Bake"]


def test_capacity_never_exceeds_the_maximum() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),), instances=50)
    created = only(plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert OptionSetting("aws:autoscaling:asg", "MinSize", "8") in created.options


def option(namespace: str, name: str, value: str) -> OptionSetting:
    return OptionSetting(f"aws:{namespace}", name, value)


def test_a_stage_s_own_options_win_over_the_defaults() -> None:
    basic = option("elasticbeanstalk:healthreporting:system", "SystemType", "basic")
    options = environment_options(replace(STAGE, options=(*STAGE.options, basic)), (), None)
    assert basic in options
    assert len([item for item in options if item.name == "SystemType"]) == 1


def test_what_ebextensions_set_is_not_overruled_by_a_default() -> None:
    own = option("autoscaling:launchconfiguration", "IamInstanceProfile", "my-role")
    names_sent = {item.name for item in environment_options(replace(STAGE, options=()), (own,), None)}
    assert "IamInstanceProfile" not in names_sent
    assert "SystemType" in names_sent


def test_a_minimum_of_ebextensions_counts_and_is_sent_only_where_live_runs_at_more() -> None:
    stage = replace(STAGE, options=())
    own = (option("autoscaling:asg", "MinSize", "3"), option("autoscaling:asg", "MaxSize", "6"))
    for instances, sent in ((2, None), (5, "5"), (9, "6")):
        seen = snapshot(
            environment(1, live=True), releases=(record(1, live_since=9),), stage=stage, instances=instances
        )
        steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True, bundled=own).steps
        created = only(steps, CreateEnvironment)
        assert isinstance(created, CreateEnvironment)
        assert next((item.value for item in created.options if item.name == "MinSize"), None) == sent
        back = [step.minimum for step in steps if isinstance(step, SetMinimum)]
        assert back == ([3] if sent else [])


def test_without_a_bake_time_nothing_is_baked() -> None:
    stage = replace(STAGE, bake=0.0)
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),), stage=stage)
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps
    assert not [step for step in steps if isinstance(step, Bake)]


def test_a_standing_candidate_cannot_take_a_cname_that_nobody_holds() -> None:
    with pytest.raises(Refused) as refusal:
        plan_ship(snapshot(environment(2)), record(2, Outcome.RUNNING), swap=True)
    assert refusal.value.code == "no-live"


def test_two_holders_of_the_live_cname_are_refused_and_told() -> None:
    old = environment(2, cname="shop.elasticbeanstalk.com")
    with pytest.raises(Refused) as refusal:
        find_live(STAGE, [environment(1, live=True), old])
    assert refusal.value.code == "ambiguous-live"
    assert "shop-prod-r1" in refusal.value.why
    assert "shop-prod-r2" in refusal.value.why


@pytest.mark.parametrize(
    "cname",
    [
        "shop2.eu-central-1.elasticbeanstalk.com",
        "shop.eu-west-1.elasticbeanstalk.com",
        "my-shop.eu-central-1.elasticbeanstalk.com",
        "",
    ],
)
def test_the_whole_cname_decides_what_is_live(cname: str) -> None:
    assert find_live(STAGE, [environment(1, cname=cname)]) is None


def test_an_environment_on_its_way_out_is_not_live() -> None:
    assert find_live(STAGE, [environment(1, live=True, status="Terminating")]) is None


def test_a_failed_candidate_goes_first_and_a_drained_one_last() -> None:
    releases = (
        record(4, Outcome.LIVE, live_since=10, from_=2),
        record(3, Outcome.FAILED),
        record(2, Outcome.LIVE, live_since=5000, left=10, from_=1),
        record(1, Outcome.LIVE, live_since=9000, left=5000),
    )
    seen = snapshot(environment(1), environment(2), environment(3), environment(4, live=True), releases=releases)
    steps = plan_ship(seen, record(5, Outcome.RUNNING), swap=True).steps
    assert isinstance(steps[0], TerminateEnvironment)
    assert steps[0].environment == "shop-prod-r3"
    assert isinstance(steps[-1], TerminateEnvironment)
    assert steps[-1].environment == "shop-prod-r1"
    gone = {step.environment for step in steps if isinstance(step, TerminateEnvironment)}
    assert gone == {"shop-prod-r1", "shop-prod-r3"}


def test_what_is_not_ebcd_s_is_never_terminated() -> None:
    foreign = environment(7, name="shop-prod-handmade")
    other = environment(8, name="shop-staging-r8")
    releases = (record(1, live_since=9),)
    seen = snapshot(environment(1, live=True), foreign, other, releases=releases)
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps
    assert not [step for step in steps if isinstance(step, TerminateEnvironment)]


@pytest.mark.parametrize(
    ("raised", "since", "now", "lowers"),
    [(6, 700, 6, True), (6, 700, 2, False), (6, 700, 8, False), (6, 500, 6, False), (None, 700, 6, False)],
    ids=["rolled back to", "lowered since", "raised by somebody", "users arrive still", "not raised by ebcd"],
)
def test_retire_lowers_what_ebcd_raised_live_by_once_its_users_have_arrived(
    raised: int | None, since: float, now: int, lowers: bool
) -> None:
    one = record(1, live_since=9000, restored=NOW - timedelta(seconds=since), minimum=2, raised=raised)
    seen = snapshot(environment(1, live=True), releases=(one,))
    seen = replace(seen, settings={"shop-prod-r1": sized(now)})
    assert oversized(seen) == ((SetMinimum("shop-prod-r1", 2, "r1"),) if lowers else ())


def test_live_of_the_same_version_and_settings_needs_nothing() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),))
    assert already_live(seen, "v1", SETTINGS) == record(1, live_since=9)
    assert already_live(seen, "v2", SETTINGS) is None
    assert already_live(seen, "v1", "other settings") is None


def test_a_version_that_somebody_deployed_onto_live_is_not_the_release_that_is_recorded() -> None:
    seen = snapshot(environment(1, live=True, version_label="v0"), releases=(record(1, live_since=9),))
    assert already_live(seen, "v1", SETTINGS) is None
    assert already_live(seen, "v0", SETTINGS) is None


def test_a_release_that_did_not_end_well_is_not_already_live() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, Outcome.FAILED),))
    assert already_live(seen, "v1", SETTINGS) is None


def test_only_the_same_version_and_settings_are_taken_up_again() -> None:
    seen = snapshot(
        environment(1, live=True), environment(2), releases=(record(2, Outcome.INTERRUPTED), record(1, live_since=9))
    )
    assert resumable(seen, "v2", SETTINGS) == record(2, Outcome.INTERRUPTED)
    assert resumable(seen, "v2", "other settings") is None
    assert resumable(seen, "v3", SETTINGS) is None
    assert resumable(seen, "v2", SETTINGS, STAGE.platform) == record(2, Outcome.INTERRUPTED)
    assert resumable(seen, "v2", SETTINGS, f"{STAGE.platform}0") is None, "on another platform it is another release"


def test_a_release_whose_environment_is_leaving_is_not_taken_up_again() -> None:
    seen = snapshot(environment(2, status="Terminating"), releases=(record(2, Outcome.RUNNING),))
    assert resumable(seen, "v2", SETTINGS) is None


def test_publishing_sends_what_is_not_there() -> None:
    nothing = Publication(stored=False, application_exists=False, version=None)
    steps = plan_publish(STAGE, bundle(1), nothing, "bucket")
    assert [type(step) for step in steps] == [UploadBundle, CreateApplication, CreateVersion]


@pytest.mark.parametrize(
    ("status", "waits"),
    [("PROCESSED", False), ("Processed", False), ("UNPROCESSED", False), ("PROCESSING", True), ("Building", True)],
)
def test_a_version_that_is_there_is_waited_for_only_while_beanstalk_works_at_it(status: str, waits: bool) -> None:
    there = ApplicationVersion(bundle(1).version_label, status, "bucket", bundle_key("shop", "d1"))
    steps = plan_publish(STAGE, bundle(1), Publication(True, True, there), "bucket")
    assert steps == ((AwaitVersion(there.label),) if waits else ())


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (ApplicationVersion("x", "Processed", "bucket", "other.zip"), "digest-mismatch"),
        (ApplicationVersion("x", "Processed", "else", bundle_key("shop", "d1")), "digest-mismatch"),
        (ApplicationVersion("x", "FAILED", "bucket", bundle_key("shop", "d1")), "version-failed"),
        (ApplicationVersion("x", "Failed", "bucket", bundle_key("shop", "d1")), "version-failed"),
        (ApplicationVersion("x", "PROCESSED", "", "", container=True), "cluster"),
    ],
)
def test_a_label_that_stands_for_something_else_is_refused(version: ApplicationVersion, code: str) -> None:
    with pytest.raises(Refused) as refusal:
        plan_publish(STAGE, bundle(1), Publication(True, True, version), "bucket")
    assert refusal.value.code == code


def test_a_waiting_candidate_is_overtaken_by_what_went_live_after_it_and_by_nothing_else() -> None:
    waiting = record(2, Outcome.WAITING)
    seen = snapshot(environment(1, live=True), environment(2), releases=(waiting, record(1, live_since=9)))
    assert retirements(seen) == ()
    later = snapshot(environment(2), environment(3, live=True), releases=(record(3, live_since=1), waiting))
    assert [step.environment for step in retirements(later)] == ["shop-prod-r2"]


def test_what_leaves_live_must_have_fallen_quiet_and_what_never_was_live_need_not() -> None:
    releases = (record(3, live_since=10), record(2, Outcome.WAITING), record(1, live_since=9000, left=5000))
    seen = snapshot(environment(1), environment(2), environment(3, live=True), releases=releases)
    assert {step.environment: step.left for step in retirements(seen)} == {
        "shop-prod-r1": NOW - timedelta(seconds=5000),
        "shop-prod-r2": None,
    }
    assert all(step.cname == LIVE_CNAME for step in retirements(seen))
