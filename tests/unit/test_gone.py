"""Environments that are gone: the release says why, and what a read only does not show yet is no failure."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated import World
from stages import STAGE, environment

from ebcd.errors import AwsRefused, NoAnswer, ReleaseFailed, Throttled
from ebcd.model import Strategy
from ebcd.release.execute.presence import UNSEEN_PATIENCE, Presence, gone
from ebcd.release.state.release import Outcome

DENIED = "Service:Amazon S3, Message:Access Denied"


@pytest.fixture
def world() -> World:
    """A stage with its first release live."""
    made = World(replace(STAGE, bake=0.0))
    made.ship()
    return made


def failed(world: World) -> ReleaseFailed:
    with pytest.raises(ReleaseFailed) as failure:
        world.ship()
    return failure.value


@pytest.mark.parametrize("by_id", [True, False], ids=["events by id", "events by name only"])
def test_a_launch_that_is_denied_something_is_told_with_its_cause(world: World, by_id: bool) -> None:
    world.beanstalk.by_id = by_id
    world.beanstalk.denied["shop-prod-r2"] = DENIED
    began = world.clock.seconds
    error = failed(world)
    assert error.what == f"The launch failed: {DENIED} · r1 still serves"
    assert (error.why, error.code) == ("shop-prod-r2 failed and was terminated.", "environment-gone")
    assert "doctor" not in error.hint, "the cause is known"
    assert "ebcd events --env shop-prod-r2 -a shop -s prod" in error.hint
    assert world.clock.seconds - began < world.durations.processing + 30, "nobody waits for what is surely gone"
    record, diagnosis = world.run.release, world.run.diagnosis
    assert record is not None
    assert diagnosis is not None
    assert record.outcome is Outcome.FAILED
    assert DENIED in record.reason
    assert [item.message for item in diagnosis.events] == [DENIED, "Failed to launch environment."]


def test_a_first_release_that_is_denied_something_can_be_shipped_again() -> None:
    world = World()
    world.beanstalk.denied["shop-prod-r1"] = DENIED
    assert failed(world).what == f"The launch failed: {DENIED} · nothing else was live"
    world.ship(again=True)
    assert [item.name for item in world.beanstalk.known] == ["shop-prod-r2"]


def test_a_denied_launch_is_told_though_no_read_ever_showed_it(world: World) -> None:
    world.beanstalk.denied["shop-prod-r2"] = DENIED
    world.beanstalk.lag = 60.0
    assert DENIED in failed(world).what


@pytest.mark.parametrize("strategy", [Strategy.BLUE_GREEN, Strategy.PAIR, Strategy.IN_PLACE])
def test_reads_that_lag_behind_a_creation_end_no_release(strategy: Strategy) -> None:
    world = World(replace(STAGE, bake=0.0, strategy=strategy))
    world.beanstalk.lag = UNSEEN_PATIENCE - 5
    world.ship()
    if strategy is not Strategy.IN_PLACE:
        world.ship()
    assert world.run.release is not None
    assert world.run.release.outcome is Outcome.LIVE


def test_a_creation_without_an_answer_that_is_shown_late_goes_on(world: World) -> None:
    world.beanstalk.lost.add("CreateEnvironment")
    world.beanstalk.lag = UNSEEN_PATIENCE - 10
    world.ship()
    assert world.beanstalk.calls["CreateEnvironment"] == 2, "one a release"


def test_an_application_that_is_shown_late_ends_no_first_release() -> None:
    world = World()
    world.beanstalk.lost.add("CreateApplication")
    world.beanstalk.lag = UNSEEN_PATIENCE - 10
    world.ship()
    assert world.beanstalk.calls["CreateApplication"] == 1


def test_a_creation_that_aws_knows_already_and_does_not_show_yet_goes_on(world: World) -> None:
    """A run died behind its call, and the next one's reads lag still."""
    made = AwsRefused(
        "AWS refused it.",
        why="InvalidParameterValue: Environment shop-prod-r2 already exists.",
        code="InvalidParameterValue",
    )
    world.beanstalk.lost.add("CreateEnvironment")
    world.beanstalk.lag = UNSEEN_PATIENCE + 20
    with pytest.raises(NoAnswer):
        world.ship()
    world.beanstalk.refusals["CreateEnvironment"] = [made]
    world.ship(again=True)
    assert world.run.release is not None
    assert (world.run.release.release, world.run.release.outcome) == ("r2", Outcome.LIVE)


def test_one_that_is_never_shown_ends_the_wait_after_its_patience(world: World) -> None:
    world.beanstalk.lag = 1e9
    began = world.clock.seconds
    error = failed(world)
    assert error.code == "environment-gone"
    assert UNSEEN_PATIENCE < world.clock.seconds - began < UNSEEN_PATIENCE + 30


@pytest.mark.parametrize("operation", ["DescribeInstancesHealth", "DescribeEnvironmentHealth"])
def test_what_somebody_terminated_is_told_as_that(world: World, operation: str) -> None:
    """While its health is held, and right before the swap."""

    def also(called: str) -> None:
        if called == operation and len(world.beanstalk.known) == 2:
            world.beanstalk.terminate("e-shop-prod-r2")

    world.stage = replace(world.stage, bake=60.0)
    world.beanstalk.also = also
    error = failed(world)
    assert error.code == "environment-gone"
    assert "terminateEnvironment is starting." in error.why


def test_an_earlier_namesake_that_is_terminated_does_not_count_while_the_new_one_may_not_be_shown(world: World) -> None:
    beanstalk = world.beanstalk
    beanstalk.terminate("e-shop-prod-r1")
    presence = Presence(world.services("v2"), "shop", "shop-prod-r1")
    assert presence.check(None) is None
    world.clock.seconds += UNSEEN_PATIENCE
    with pytest.raises(ReleaseFailed):
        presence.check(None)


def test_one_that_was_seen_and_is_terminated_is_gone_at_once(world: World) -> None:
    presence = Presence(world.services("v2"), "shop", "shop-prod-r1")
    seen = world.beanstalk.environment("shop", "shop-prod-r1")
    assert presence.check(seen) == seen
    assert presence.check(None) is not None, "a read that did not show it is not alone"
    world.beanstalk.terminate("e-shop-prod-r1")
    with pytest.raises(ReleaseFailed):
        presence.check(None)


def test_events_that_cannot_be_read_hide_nothing_and_a_throttled_read_is_asked_again(world: World) -> None:
    services, one = world.services("v2"), environment(1)
    world.beanstalk.refusals["DescribeEvents"] = [AwsRefused("AWS refused elasticbeanstalk:DescribeEvents.")]
    assert "DescribeEvents" in gone(services, "shop", one.name, one).why
    world.beanstalk.refusals["DescribeEvents"] = [Throttled("Rate exceeded.")]
    with pytest.raises(Throttled):
        gone(services, "shop", one.name, one)
