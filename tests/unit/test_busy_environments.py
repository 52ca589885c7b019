"""Environments that are busy: none of them blocks a release, and none makes a good release a failed one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from rich.console import Console
from simulated import World
from stages import LIVE_CNAME, STAGE, record

from ebcd.aws.session import answering
from ebcd.errors import (
    AwsRefused,
    Busy,
    EbcdError,
    Interrupted,
    LockLost,
    NoAnswer,
    OutcomeUnknown,
    Refused,
    ReleaseFailed,
    Throttled,
)
from ebcd.model import CommandLine, OnFailure
from ebcd.release.commands.retire import retire
from ebcd.release.execute import environments
from ebcd.release.execute.busy import BUSY_PATIENCE
from ebcd.release.execute.context import Run, Status
from ebcd.release.plan.housekeeping import may_be_left, remaining
from ebcd.release.plan.steps import (
    DeleteVersion,
    MatchCapacity,
    ScaleDown,
    SetMinimum,
    SwapCnames,
    TerminateEnvironment,
)
from ebcd.release.state.release import Outcome
from ebcd.report import github, notice, result, text

FLAGS = CommandLine("shop", "prod")
NOT_READY = "Environment named a is in an invalid state for this operation. Must be Ready."
DENIED = AwsRefused("AWS refused elasticbeanstalk:TerminateEnvironment.", why="AccessDenied: no.", code="AccessDenied")
UNKNOWN_TEXT = AwsRefused("AWS refused it.", why="InvalidParameterValue: Not now.", code="InvalidParameterValue")
BUSY = Busy("AWS refused it.", why="InvalidParameterValue: Environment named x is … Must be Ready.")


def world_of(**changes: Any) -> World:
    """A stage with its first release live."""
    made = World(replace(STAGE, bake=0.0, **changes))
    made.ship()
    return made


def fail_next(world: World) -> None:
    """The next release fails its smoke test; its environment stays."""
    number = len(world.beanstalk.known) + 1
    world.statuses[f"shop-prod-r{number}.elb.example.com:80"] = 500
    with pytest.raises(ReleaseFailed):
        world.ship()


def names(world: World) -> list[str]:
    return [item.name for item in world.beanstalk.known]


def live(world: World) -> str:
    return next(item.name for item in world.beanstalk.known if item.cname == LIVE_CNAME)


def retired(world: World) -> Run:
    run = Run("retire", world.stage, 0.0)
    retire(run, world.services("any"), planned=False, force=True)
    return run


def test_a_failed_candidate_that_is_busy_is_left_and_told() -> None:
    world = world_of()
    fail_next(world)
    world.beanstalk.busy["shop-prod-r2"] = 1e9
    world.ship()
    assert live(world) == "shop-prod-r3"
    assert "shop-prod-r2" in names(world)
    assert world.beanstalk.calls["TerminateEnvironment"] == 0, "AWS is not asked for what it refuses"
    (left,) = world.run.remaining
    assert left.command == f"ebcd retire {FLAGS}"
    assert "shop-prod-r2 is Updating" in left.why
    skipped = [item.status for item in world.run.results if isinstance(item.step, TerminateEnvironment)]
    assert skipped == [Status.SKIPPED]


def test_what_was_left_goes_with_retire_which_waits_for_it() -> None:
    world = world_of()
    fail_next(world)
    world.beanstalk.busy["shop-prod-r2"] = world.clock.seconds + 400
    run = retired(world)
    assert names(world) == ["shop-prod-r1"]
    assert [item.status for item in run.results] == [Status.DONE]
    assert run.remaining == []


def test_retire_ends_what_is_ready_first_and_says_what_stayed_busy() -> None:
    world = world_of()
    fail_next(world)
    world.beanstalk.busy["shop-prod-r2"] = 1e9
    fail_next(world)
    assert names(world) == ["shop-prod-r1", "shop-prod-r2", "shop-prod-r3"]
    began = world.clock.seconds
    with pytest.raises(OutcomeUnknown) as failure:
        retired(world)
    assert names(world) == ["shop-prod-r1", "shop-prod-r2"]
    assert "shop-prod-r2 is still Updating" in failure.value.what
    assert world.clock.seconds - began >= BUSY_PATIENCE


@pytest.mark.parametrize("refusal", [BUSY, DENIED, NoAnswer("No answer came.")], ids=["busy", "denied", "no answer"])
def test_a_retirement_that_fails_leaves_the_release_live(refusal: EbcdError) -> None:
    world = world_of(keep=0.0)
    world.ship()
    world.beanstalk.refusals["TerminateEnvironment"] = [refusal]
    world.ship()
    release = world.run.release
    assert release is not None
    assert (release.release, release.outcome, live(world)) == ("r3", Outcome.LIVE, "shop-prod-r3")
    commands = [item.command for item in world.run.remaining]
    assert commands == ([] if isinstance(refusal, NoAnswer) else [f"ebcd retire {FLAGS}"])


def test_a_refusal_in_words_that_nobody_knows_is_busy_where_the_environment_is() -> None:
    world = world_of(keep=0.0)
    world.ship()
    world.beanstalk.refusals["TerminateEnvironment"] = [UNKNOWN_TEXT]

    def busy_from_now(operation: str) -> None:
        if operation == "TerminateEnvironment":
            world.beanstalk.busy["shop-prod-r1"] = 1e9

    world.beanstalk.also = busy_from_now
    world.ship()
    (ended,) = (item for item in world.run.results if isinstance(item.step, TerminateEnvironment))
    assert ended.status is Status.SKIPPED
    assert [item.step.environment for item in world.run.remaining] == ["shop-prod-r1"]  # type: ignore[union-attr]


def test_retire_itself_fails_where_it_may_not() -> None:
    world = world_of()
    fail_next(world)
    world.beanstalk.refusals["TerminateEnvironment"] = [DENIED]
    with pytest.raises(AwsRefused) as failure:
        retired(world)
    assert failure.value.code == "AccessDenied"


def test_a_candidate_that_fails_while_it_launches_goes_as_the_stage_says() -> None:
    world = world_of(on_failure=OnFailure.TERMINATE)
    world.status = lambda: 500 if len(world.beanstalk.known) == 2 else 200
    with pytest.raises(ReleaseFailed) as failure:
        world.ship()
    assert failure.value.code == "live-hurt"
    assert names(world) == ["shop-prod-r1"]


@pytest.mark.parametrize("refusal", [BUSY, UNKNOWN_TEXT], ids=["known words", "other words"])
def test_a_swap_that_is_refused_as_one_side_is_busy_is_proven_and_sent_again(refusal: AwsRefused) -> None:
    world = world_of()
    world.beanstalk.refusals["SwapEnvironmentCNAMEs"] = [refusal]

    def busy_for_a_while(operation: str) -> None:
        if operation == "SwapEnvironmentCNAMEs" and world.beanstalk.calls[operation] == 1:
            world.beanstalk.busy["shop-prod-r1"] = world.clock.seconds + 30

    world.beanstalk.also = busy_for_a_while
    world.ship()
    assert live(world) == "shop-prod-r2"
    assert world.beanstalk.calls["SwapEnvironmentCNAMEs"] == 2


def test_a_version_that_is_being_deployed_is_left_by_prune() -> None:
    world = world_of()
    services, removed = world.services("v1"), list[str]()

    class Deploying:
        def delete_version(self, *_: str) -> None:
            raise Busy("AWS refused it.", why="OperationInProgressFailure: It is being deployed.")

        def version(self, *_: str) -> object:
            return object()

    made: Any = replace(services, beanstalk=Deploying(), storage=removed)
    seen = environments.delete_version(made, lambda: None, "shop", DeleteVersion("v1", "key"))
    assert seen.status is Status.SKIPPED
    assert "The next time that versions are pruned" in seen.text


def delete_saved_configuration(refusals: list[Busy]) -> Status:
    """Delete one of which AWS says as often that it is in use."""

    class InUse:
        def delete_configuration(self, *_: str) -> None:
            if refusals:
                raise refusals.pop()

    made: Any = replace(World().services("v1"), beanstalk=InUse())
    return environments.delete_saved_configuration(made, "shop", "ebcd-r1").status


def test_a_saved_configuration_that_is_in_use_is_deleted_once_it_may_be() -> None:
    refusals = [BUSY] * 2
    assert delete_saved_configuration(refusals) is Status.DONE
    assert not refusals
    with pytest.raises(Busy):
        delete_saved_configuration([BUSY] * 1000)


@pytest.mark.parametrize(
    ("code", "message", "kind"),
    [
        (
            "InvalidParameterValue",
            NOT_READY,
            Busy,
        ),
        ("InvalidParameterValue", "Cannot terminate environment named a. It is currently pending deployment.", Busy),
        ("InvalidParameterValue", "Cannot terminate environment named a. It is currently pending creation.", Busy),
        ("OperationInProgressFailure", "Whatever it says.", Busy),
        ("OperationInProgressException", "Whatever it says.", Busy),
        ("InvalidParameterValue", "No Environment found for EnvironmentName = 'a'.", AwsRefused),
        ("Throttling", "Rate exceeded", Throttled),
    ],
)
def test_what_aws_refuses_while_something_is_under_way_has_a_kind_of_its_own(
    code: str, message: str, kind: type[AwsRefused]
) -> None:
    answer: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": 400}}
    with pytest.raises(AwsRefused) as error, answering("elasticbeanstalk:TerminateEnvironment"):
        raise ClientError(answer, "TerminateEnvironment")
    assert type(error.value) is kind
    assert kind is not Busy or (error.value.code, message in error.value.why) == ("busy", True)


TERMINATE = TerminateEnvironment("e", "e-1", "r1 failed")
DOWN = ScaleDown("e", "r1 left live")
RAISE, HOLD, LOWER = MatchCapacity("e", 3), MatchCapacity("e", 3, awaited=False), SetMinimum("e", 2)
SWAP = SwapCnames("a", "b", "v2", LIVE_CNAME, "r2")


@pytest.mark.parametrize(
    ("step", "error", "before", "once_live"),
    [
        (TERMINATE, DENIED, True, True),
        (DOWN, ReleaseFailed("It failed to update."), True, True),
        (RAISE, OutcomeUnknown("It did not come to 3."), False, False),
        (HOLD, DENIED, False, True),
        (LOWER, BUSY, False, True),
        (SWAP, DENIED, False, False),
        (TERMINATE, LockLost("Another run has it."), False, False),
        (TERMINATE, Interrupted("Stopped."), False, False),
        (TERMINATE, Refused("It is not its own."), False, False),
    ],
)
def test_only_housekeeping_is_left(step: Any, error: EbcdError, before: bool, once_live: bool) -> None:
    assert may_be_left(step, error, record(2, Outcome.RUNNING)) is before
    assert may_be_left(step, error, record(2, live_since=10.0)) is once_live
    assert may_be_left(step, error, record(2, live_since=90.0, left=10.0)) is before, "a rollback needs its capacity"
    assert may_be_left(step, error, None) is False, "retire and preview down are there for it"


def test_each_thing_that_is_left_has_a_command() -> None:
    assert remaining(TERMINATE, DENIED, FLAGS, STAGE).command == f"ebcd retire {FLAGS}"
    assert remaining(DOWN, DENIED, FLAGS, STAGE).command == f"ebcd retire {FLAGS}"
    for step, size in ((RAISE, 3), (LOWER, 2)):
        command = remaining(step, BUSY, FLAGS, STAGE).command
        assert command.startswith("aws elasticbeanstalk update-environment --environment-name e --option-settings ")
        assert command.endswith(f"OptionName=MinSize,Value={size} --region eu-central-1")


def test_what_is_left_is_told_in_each_form() -> None:
    world = world_of(keep=0.0)
    world.ship()
    world.beanstalk.refusals["TerminateEnvironment"] = [DENIED]
    world.ship()
    told = result.of_run(world.run, world.services("v3"), None, 1.0)
    (left,) = told["remaining"]
    assert (told["ok"], told["exit_code"], left["step"]) == (True, 0, "TerminateEnvironment")
    console = Console(width=200, record=True, force_terminal=False)
    console.print(text.shipped(told))
    shown = (console.export_text(), github.summary(told), notice.notice(told, "ada", ""))
    for form in shown:
        assert f"ebcd retire {FLAGS}" in form
        assert "AccessDenied" in form
