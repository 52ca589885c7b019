"""The strategy in-place: its plans, from every state that a dead run may leave."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stages import LIVE_CNAME, NOW, STAGE, environment, record, snapshot

from ebcd.errors import UsageError
from ebcd.model import Environment, OptionSetting, SavedConfiguration, Strategy
from ebcd.release.plan.plan import Plan, settings_digest
from ebcd.release.plan.promotion import Capacity
from ebcd.release.plan.rollback import announcement, rollback_target
from ebcd.release.plan.steps import (
    AwaitEnvironment,
    CreateEnvironment,
    SaveConfiguration,
    SetMinimum,
    Step,
    UpdateOptions,
    UpdateVersion,
)
from ebcd.release.plan.strategies import environment_of, plan_promote, plan_ship, resumable
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, unended_in_place
from ebcd.report import result

IN_PLACE = replace(STAGE, strategy=Strategy.IN_PLACE)
NAME = "shop-prod"


def live(number: int, **changes: object) -> Environment:
    """The stage's environment, carrying a release's version."""
    fixed = {"name": NAME, "id": "e-1", "platform_arn": STAGE.platform}
    return environment(number, live=True, **(fixed | changes))


def release(number: int, outcome: Outcome = Outcome.LIVE, *, from_: int | None = None, **when: float) -> ReleaseRecord:
    made = record(number, outcome, from_=from_, stage=IN_PLACE, **when)
    return replace(made, environment=NAME, from_environment=NAME if from_ else "")


def seen(
    carries: Environment | None, *releases: ReleaseRecord, settings: tuple[OptionSetting, ...] = STAGE.options
) -> Snapshot:
    found = snapshot(*([carries] if carries else []), releases=releases, stage=IN_PLACE)
    return replace(found, settings={NAME: settings})


def names(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def deployments(plan: Plan) -> list[UpdateVersion]:
    return [step for step in plan.steps if isinstance(step, UpdateVersion)]


ONE = release(1, live_since=300)
NEXT = release(2, Outcome.RUNNING)


def test_the_first_release_creates_the_environment_with_the_live_cname() -> None:
    nothing = seen(None)
    assert environment_of(nothing, 1) == NAME
    plan = plan_ship(nothing, release(1, Outcome.RUNNING), swap=True)
    assert names(plan.steps) == ["CreateEnvironment", "AwaitEnvironment", "HoldHealth", "SmokeCandidate", "ProveLive"]
    created = plan.steps[0]
    assert isinstance(created, CreateEnvironment)
    assert (created.environment, created.cname_prefix) == (NAME, "shop")


def test_a_later_release_updates_it_and_the_way_back_is_the_earlier_version() -> None:
    plan = plan_ship(seen(live(1), ONE), NEXT, swap=True)
    assert names(plan.steps) == [
        "MeasureLive",
        "UpdateVersion",
        "AwaitEnvironment",
        "HoldHealth",
        "SmokeCandidate",
        "ProveLive",
        "Bake",
    ]
    assert deployments(plan) == [UpdateVersion(NAME, "v2", "r2", live=True, replaces="r1")]
    assert plan.steps[2] == AwaitEnvironment(NAME, "v2", events=False), "old events say nothing about this release"
    assert plan.rollback_steps == plan.revert_steps
    assert plan.revert_steps[0] == UpdateVersion(NAME, "v1", "r1", live=True, replaces="r2")
    assert names(plan.revert_steps) == ["UpdateVersion", "AwaitEnvironment", "HoldHealth", "ProveLive"]
    assert (plan.release.from_release, plan.release.from_version, plan.updates_live) == ("r1", "v1", True)


def test_an_environment_of_another_name_that_holds_the_cname_is_the_one() -> None:
    assert environment_of(seen(live(1, name="made-by-hand")), 2) == "made-by-hand"


def test_a_lower_minimum_comes_after_the_bake() -> None:
    largest, minimum = (OptionSetting("aws:autoscaling:asg", name, "8") for name in ("MaxSize", "MinSize"))
    plan = plan_ship(seen(live(1), ONE, settings=(largest, replace(minimum, value="6"))), NEXT, swap=True)
    assert names(plan.steps)[:2] == ["MeasureLive", "UpdateVersion"]
    assert plan.steps[-1] == SetMinimum(NAME, 2, "r2")
    plan = plan_ship(seen(live(1), ONE, settings=(largest, replace(minimum, value="1"))), NEXT, swap=True)
    higher = UpdateOptions(NAME, (replace(minimum, value="2"),))
    assert [step.settings for step in deployments(plan)] == [higher], "a higher one comes with the version"
    assert "SetMinimum" not in names(plan.steps)
    undeclared = replace(seen(live(1), ONE, settings=(minimum,)), stage=replace(IN_PLACE, options=()))
    assert names(plan_ship(undeclared, NEXT, swap=True).steps)[-1] == "Bake", "what nobody declared stays"


def test_settings_go_and_come_back_with_the_version_in_one_update() -> None:
    wanted = OptionSetting("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")
    size = OptionSetting("aws:autoscaling:asg", "MinSize", "1")
    stage = replace(IN_PLACE, options=(*IN_PLACE.options, wanted))
    there = replace(seen(live(1), ONE, settings=(size, IN_PLACE.options[0])), stage=stage)
    plan = plan_ship(there, NEXT, swap=True)
    (update,) = deployments(plan)
    assert update.settings == UpdateOptions(NAME, (IN_PLACE.options[1], wanted))
    (back,) = (step for step in plan.revert_steps if isinstance(step, UpdateVersion))
    assert (back.label, back.settings) == ("v1", UpdateOptions(NAME, (size,), (wanted.place,)))
    assert "UpdateOptions" not in names(plan.steps) + names(plan.revert_steps)
    assert "blue" not in repr(update)
    assert "COLOUR" in str(update)


def test_settings_alone_are_an_update_of_their_own() -> None:
    wanted = OptionSetting("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")
    there = replace(seen(live(1), ONE), stage=replace(IN_PLACE, options=(*IN_PLACE.options, wanted)))
    plan = plan_ship(there, replace(NEXT, version_label="v1"), swap=True)
    _, saved, settings, deployment = plan.steps[:4]
    assert names(plan.steps)[0] == "MeasureLive"
    assert saved == SaveConfiguration(NAME, "e-1")
    assert settings == UpdateOptions(NAME, (wanted,))
    assert deployment == UpdateVersion(NAME, "v1", "r2", live=True, replaces="r1")


@pytest.mark.parametrize(
    ("namespace", "changes"),
    [("aws:elasticbeanstalk:environment", False), ("aws:elasticbeanstalk:application:environment", True)],
)
def test_only_an_environment_property_s_case_matters(namespace: str, changes: bool) -> None:
    stage = replace(IN_PLACE, options=(OptionSetting(namespace, "NAME", "true"),))
    found = replace(seen(live(1), ONE, settings=(OptionSetting(namespace, "NAME", "True"),)), stage=stage)
    assert bool(deployments(plan_ship(found, NEXT, swap=True))[0].settings) is changes


def test_another_platform_is_an_update_of_settings() -> None:
    plan = plan_ship(seen(live(1), ONE), replace(NEXT, platform_arn="arn:new"), swap=True)
    assert deployments(plan)[0].settings == UpdateOptions(NAME, (), platform_arn="arn:new")
    assert isinstance(back := plan.revert_steps[0], UpdateVersion)
    assert back.settings == UpdateOptions(NAME, (), platform_arn=STAGE.platform)


@pytest.mark.parametrize("status", ["Ready", "Updating"])
def test_a_run_that_died_in_its_deployment_is_taken_up_again(status: str) -> None:
    died = replace(NEXT, from_release="r1", from_environment=NAME, from_version="v1")
    found = seen(live(2, status=status), died, ONE)
    assert resumable(found, "v2", settings_digest(IN_PLACE)) == died
    plan = plan_ship(found, died, swap=True)
    assert names(plan.steps)[0] == "UpdateVersion"
    assert (plan.release.from_release, plan.revert_steps[0]) == (
        "r1",
        UpdateVersion(NAME, "v1", "r1", live=True, replaces="r2"),
    )


def test_a_first_release_that_died_is_proven_and_not_deployed_again() -> None:
    died = release(1, Outcome.RUNNING)
    plan = plan_ship(seen(live(1, status="Launching"), died), died, swap=True)
    assert names(plan.steps) == ["AwaitEnvironment", "HoldHealth", "SmokeCandidate", "ProveLive"]
    assert plan.steps[0] == AwaitEnvironment(NAME, "v1", events=True)
    assert plan.revert_steps == ()


def test_what_never_was_live_is_nothing_to_go_back_to() -> None:
    bad = release(2, Outcome.FAILED, from_=1)
    plan = plan_ship(seen(live(2), bad, ONE), release(3, Outcome.RUNNING), swap=True)
    assert (plan.release.from_release, plan.revert_steps[0]) == (
        "r1",
        UpdateVersion(NAME, "v1", "r1", live=True, replaces="r3"),
    )
    first = release(1, Outcome.FAILED)
    plan = plan_ship(seen(live(1), first), NEXT, swap=True)
    assert (plan.release.from_release, plan.revert_steps, "Bake" in names(plan.steps)) == ("", (), False)


def test_a_candidate_cannot_wait() -> None:
    with pytest.raises(UsageError) as error:
        plan_ship(seen(live(1), ONE), NEXT, swap=False)
    assert error.value.code == "no-candidate"


BOTH = Capacity(2, 2)
LEFT = release(1, live_since=300, left=100)
TWO = release(2, live_since=100, from_=1)


def rolled_back(found: Snapshot) -> Plan:
    target = rollback_target(found)
    return plan_promote(found, target.target, BOTH, restoring=True, replaces=target.replaces)


def test_a_rollback_deploys_the_version_before_and_says_how_long_that_took() -> None:
    plan = rolled_back(seen(live(2), replace(TWO, deploy_seconds=41.5), LEFT))
    assert names(plan.steps) == ["UpdateVersion", "AwaitEnvironment", "HoldHealth", "SmokeCandidate", "ProveLive"]
    (deployed,) = deployments(plan)
    assert (deployed.label, deployed.release, deployed.replaces, deployed.expected) == ("v1", "r1", "r2", 41.5)
    assert "41.5 s" in str(deployed)
    assert (plan.rollback_steps, plan.revert_steps) == ((), ()), "whoever rolls back leaves something broken"
    found = seen(live(2), replace(TWO, deploy_seconds=41.5), LEFT)
    told = " ".join(announcement(found, rollback_target(found), BOTH))
    assert "v1 is deployed again on it, which took 41.5 s" in told
    assert "DNS" not in told


def test_a_second_rollback_finds_it_live_already() -> None:
    back = release(1, live_since=300, restored=NOW)
    found = seen(live(1), replace(TWO, outcome=Outcome.ROLLED_BACK, left_live=NOW), back)
    assert rollback_target(found).already
    assert rolled_back(found).steps == ()


@pytest.mark.parametrize("status", ["Ready", "Updating"])
def test_a_rollback_that_died_in_its_deployment_is_done_again(status: str) -> None:
    plan = rolled_back(seen(live(1, status=status), TWO, LEFT))
    assert names(plan.steps)[0] == "UpdateVersion"
    assert deployments(plan)[0].replaces == "r2"


def test_a_promotion_bakes_and_can_be_taken_back() -> None:
    found = seen(live(1), replace(TWO, outcome=Outcome.ROLLED_BACK, left_live=NOW), ONE)
    two = found.release("r2")
    assert two is not None
    plan = plan_promote(found, two, BOTH, restoring=False, replaces=ONE)
    assert names(plan.steps)[-1] == "Bake"
    assert plan.revert_steps[0] == UpdateVersion(NAME, "v1", "r1", live=True, replaces="r2")


def test_status_tells_which_release_the_environment_carries() -> None:
    found = seen(live(2), replace(TWO, deploy_seconds=40.0), LEFT)
    assert found.record_of(found.live) == replace(TWO, deploy_seconds=40.0)
    assert found.previous == LEFT
    assert found.standing(LEFT) is None
    told = result.rollback(found)
    assert (told["ready"], told["to"], told["seconds_estimate"]) == (True, "r1", 40.0)
    assert result.candidate(found) is None


def test_settings_alone_make_a_release_of_the_same_version() -> None:
    two = replace(release(2, Outcome.RUNNING, from_=1), version_label="v1", since=NOW)
    found = seen(live(1), two, ONE)
    assert found.record_of(found.live) == two, "the one under way"
    assert seen(live(1), replace(two, outcome=Outcome.FAILED), ONE).record_of(live(1)) == ONE
    assert live(1).cname == LIVE_CNAME


COLOUR = OptionSetting("aws:elasticbeanstalk:application:environment", "COLOUR", "blue")
OTHER = replace(COLOUR, name="OTHER", value="1")
TIMEOUT = OptionSetting("aws:elasticbeanstalk:command", "Timeout", "600")
DIED = replace(NEXT, from_release="r1", from_environment=NAME, from_version="v1")
STOOD = SavedConfiguration((*IN_PLACE.options, replace(COLOUR, value="red")), STAGE.platform)


def taken_up(
    carries: Environment,
    *releases: ReleaseRecord,
    has: tuple[OptionSetting, ...],
    declares: tuple[OptionSetting, ...] = (),
    saved: SavedConfiguration | None = STOOD,
) -> Snapshot:
    """What a run finds that takes up where another one died. has, declares: beside the sizes."""
    found = seen(carries, *releases, settings=(*IN_PLACE.options, *has))
    stage = replace(IN_PLACE, options=(*IN_PLACE.options, *declares))
    return replace(found, stage=stage, saved=saved)


def way_back(plan: Plan) -> UpdateOptions | None:
    (deployed,) = (step for step in plan.revert_steps if isinstance(step, UpdateVersion))
    assert deployed.label == "v1"
    assert names(plan.revert_steps)[-1] == names(plan.steps)[-1] == "DeleteSavedConfiguration"
    return deployed.settings


def test_what_stood_is_saved_before_an_update_changes_it_and_forgotten_when_that_has_ended() -> None:
    plan = plan_ship(taken_up(live(1), ONE, has=(), declares=(COLOUR,), saved=None), NEXT, swap=True)
    assert names(plan.steps)[:3] == ["MeasureLive", "SaveConfiguration", "UpdateVersion"]
    assert way_back(plan) == UpdateOptions(NAME, (), (COLOUR.place,))
    nothing = plan_ship(taken_up(live(1), ONE, has=(), saved=None), NEXT, swap=True)
    assert not {"SaveConfiguration", "DeleteSavedConfiguration"} & {*names(nothing.steps), *names(nothing.revert_steps)}


@pytest.mark.parametrize("has", ["blue", "red"], ids=["the update has arrived", "it has not"])
def test_a_run_that_takes_up_an_update_of_settings_comes_back_to_what_was_saved(has: str) -> None:
    there = (replace(COLOUR, value=has), TIMEOUT, OTHER)
    plan = plan_ship(taken_up(live(2), DIED, ONE, has=there, declares=(COLOUR, TIMEOUT)), DIED, swap=True)
    assert "SaveConfiguration" not in names(plan.steps), "what an update has changed is not what stood"
    back = way_back(plan)
    assert back is not None
    assert back.options == (replace(COLOUR, value="red"),)
    assert set(back.remove) == {TIMEOUT.place, OTHER.place}, "what is not saved was not set"


def test_another_commit_s_run_comes_back_to_it_too_and_hands_it_on() -> None:
    three = release(3, Outcome.RUNNING)
    plan = plan_ship(taken_up(live(2), DIED, ONE, has=(COLOUR,)), three, swap=True)
    assert (plan.release.from_release, way_back(plan)) == ("r1", UpdateOptions(NAME, (replace(COLOUR, value="red"),)))
    died = replace(plan.release, outcome=Outcome.INTERRUPTED)
    failed = replace(DIED, outcome=Outcome.FAILED)
    plan = plan_ship(taken_up(live(3), died, failed, ONE, has=(COLOUR,)), release(4, Outcome.RUNNING), swap=True)
    assert (plan.release.from_release, way_back(plan)) == ("r1", UpdateOptions(NAME, (replace(COLOUR, value="red"),)))


def test_what_was_saved_before_a_release_that_users_have_is_not_what_its_successor_comes_back_to() -> None:
    had = replace(DIED, live_since=NOW)
    found = taken_up(live(2), had, ONE, has=(COLOUR,), declares=(replace(COLOUR, value="green"),))
    plan = plan_ship(found, release(3, Outcome.RUNNING), swap=True)
    assert (plan.release.from_release, "SaveConfiguration" in names(plan.steps)) == ("r2", True)
    (back,) = (step for step in plan.revert_steps if isinstance(step, UpdateVersion))
    assert (back.label, back.settings) == ("v2", UpdateOptions(NAME, (COLOUR,)))


@pytest.mark.parametrize("died", [DIED, replace(DIED, live_since=NOW)], ids=["in its update", "in its bake"])
def test_a_rollback_brings_it_back_too(died: ReleaseRecord) -> None:
    plan = rolled_back(taken_up(live(2), died, replace(ONE, left_live=NOW), has=(COLOUR, OTHER)))
    (deployed,) = deployments(plan)
    assert deployed.label == "v1"
    assert deployed.settings == UpdateOptions(NAME, (replace(COLOUR, value="red"),), (OTHER.place,))
    assert names(plan.steps)[-1] == "DeleteSavedConfiguration"


def test_a_patch_that_died_in_its_update_is_taken_back_with_the_platform() -> None:
    """Live shows the new platform version by then: what was saved has the earlier one."""
    one = replace(ONE, platform_arn="arn:old")
    died = replace(DIED, version_label="v1", platform_arn="arn:new")
    saved = SavedConfiguration(IN_PLACE.options, "arn:old")
    found = taken_up(replace(live(1), platform_arn="arn:new"), died, one, has=(), saved=saved)
    assert way_back(plan_ship(found, died, swap=True)) == UpdateOptions(NAME, (), platform_arn="arn:old")


@pytest.mark.parametrize(
    ("newest", "counts"),
    [
        (DIED, True),
        (replace(DIED, outcome=Outcome.INTERRUPTED), True),
        (replace(DIED, outcome=Outcome.FAILED), True),
        (replace(DIED, outcome=Outcome.LIVE, live_since=NOW), False),
        (replace(DIED, outcome=Outcome.SWAPPED_BACK, live_since=NOW), False),
        (release(1, Outcome.RUNNING), False),
    ],
)
def test_only_after_a_deployment_in_place_that_did_not_end_is_anything_saved_asked_for(
    newest: ReleaseRecord, counts: bool
) -> None:
    assert (unended_in_place(seen(live(2), newest, ONE)) is not None) is counts
    assert unended_in_place(seen(None, newest)) is None
