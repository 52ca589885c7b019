"""Plans: from every state that a dead run may leave, what is missing and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from stages import LIVE_CNAME, NOW, STAGE, bundle, environment, record, snapshot

from ebcd.errors import Refused
from ebcd.model import ApplicationVersion, OptionSetting
from ebcd.release.plan import (
    already_live,
    bundle_key,
    plan_publish,
    plan_ship,
    resumable,
    settings_digest,
)
from ebcd.release.plan.creation import environment_options
from ebcd.release.record import Outcome
from ebcd.release.retirement import retirements
from ebcd.release.snapshot import Publication, find_live
from ebcd.release.steps import (
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
        "CreateEnvironment", "AwaitEnvironment", "HoldHealth", "SmokeCandidate", "MeasureLive",
        "SwapCnames", "ProveLive", "Bake",
    ]  # fmt: skip
    created = only(plan.steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert created.cname_prefix is None
    assert only(plan.steps, SwapCnames) == SwapCnames(
        "shop-prod-r2", "shop-prod-r1", "v2", LIVE_CNAME, "r2", "r1", ("Green",), events=True
    )
    assert plan.back == (SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, "r1", "r2"),)
    assert (plan.release.from_release, plan.release.from_environment) == ("r1", "shop-prod-r1")


def test_a_candidate_that_is_there_is_not_created_again() -> None:
    seen = snapshot(environment(1, live=True), environment(2, status="Launching"), releases=(record(1, live_since=9),))
    assert names(plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps)[0] == "AwaitEnvironment"


def test_a_run_that_died_after_its_swap_is_proven_and_baked_and_not_swapped_again() -> None:
    died = replace(record(2, Outcome.RUNNING, from_=1), from_version="v1")
    seen = snapshot(environment(1), environment(2, live=True), releases=(died, record(1, live_since=100)))
    plan = plan_ship(seen, died, swap=True)
    assert names(plan.steps) == ["ProveLive", "Bake"]
    assert plan.back == (SwapCnames("shop-prod-r1", "shop-prod-r2", "v1", LIVE_CNAME, release="r1", leaves="r2"),)


def test_a_run_that_died_after_its_swap_has_nowhere_to_swap_back_to_when_the_earlier_one_is_gone() -> None:
    died = record(2, Outcome.RUNNING, from_=1)
    plan = plan_ship(snapshot(environment(2, live=True), releases=(died,)), died, swap=True)
    assert names(plan.steps) == ["ProveLive"]
    assert plan.back == ()


def test_no_swap_stops_before_the_swap() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),))
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=False).steps
    assert names(steps)[-1] == "SmokeCandidate"


def test_the_candidate_gets_the_capacity_that_live_runs_at_now_and_its_own_minimum_back() -> None:
    seen = snapshot(environment(1, live=True), releases=(record(1, live_since=9),), instances=6)
    steps = plan_ship(seen, record(2, Outcome.RUNNING), swap=True).steps
    created = only(steps, CreateEnvironment)
    assert isinstance(created, CreateEnvironment)
    assert OptionSetting("aws:autoscaling:asg", "MinSize", "6") in created.options
    assert only(steps, SetMinimum) == SetMinimum("shop-prod-r2", 2, LIVE_CNAME)
    assert names(steps).index("SetMinimum") < names(steps).index("SwapCnames")
    assert only(steps, MatchCapacity) == MatchCapacity("shop-prod-r1", 6, cname=LIVE_CNAME), (
        "the way back stays as large"
    )
    assert names(steps)[-2:] == ["Bake", "MatchCapacity"]


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
    seen = snapshot(environment(1, live=True), environment(2),
                    releases=(record(2, Outcome.INTERRUPTED), record(1, live_since=9)))  # fmt: skip
    assert resumable(seen, "v2", SETTINGS) == record(2, Outcome.INTERRUPTED)
    assert resumable(seen, "v2", "other settings") is None
    assert resumable(seen, "v3", SETTINGS) is None


def test_a_release_whose_environment_is_leaving_is_not_taken_up_again() -> None:
    seen = snapshot(environment(2, status="Terminating"), releases=(record(2, Outcome.RUNNING),))
    assert resumable(seen, "v2", SETTINGS) is None


def test_publishing_sends_what_is_not_there() -> None:
    nothing = Publication(stored=False, application_exists=False, version=None)
    steps = plan_publish(STAGE, bundle(1), nothing, "bucket")
    assert [type(step) for step in steps] == [UploadBundle, CreateApplication, CreateVersion]
    there = ApplicationVersion(bundle(1).version_label, "Processed", "bucket", bundle_key("shop", "d1"))
    assert plan_publish(STAGE, bundle(1), Publication(True, True, there), "bucket") == ()


@pytest.mark.parametrize(
    ("version", "code"),
    [
        (ApplicationVersion("x", "Processed", "bucket", "other.zip"), "digest-mismatch"),
        (ApplicationVersion("x", "Processed", "else", bundle_key("shop", "d1")), "digest-mismatch"),
        (ApplicationVersion("x", "Failed", "bucket", bundle_key("shop", "d1")), "version-failed"),
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
        "shop-prod-r1": NOW - timedelta(seconds=5000), "shop-prod-r2": None,
    }  # fmt: skip
    assert all(step.cname == LIVE_CNAME for step in retirements(seen))
