"""Live grows while a candidate comes up: users who arrive there meet as many instances as those who leave had."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated import World
from stages import LIVE_CNAME, STAGE

from ebcd.release.commands.swap import SwapOptions, swap
from ebcd.release.execute.context import Run, Status
from ebcd.release.state.release import ReleaseRecord


@pytest.fixture
def world() -> World:
    """A stage that bakes, with its first release live on two instances."""
    made = World(replace(STAGE, bake=60.0))
    made.ship()
    made.beanstalk.counts["shop-prod-r1"] = 2
    return made


def grow_at(world: World, operation: str, *sizes: int, after: float = 0.0) -> None:
    """Live grows to a size at each call of an operation from a time on, until all sizes have been."""
    waiting, start = list(sizes), world.clock.seconds

    def also(called: str) -> None:
        if called == operation and waiting and world.clock.seconds - start >= after:
            world.beanstalk.counts["shop-prod-r1"] = waiting.pop(0)

    world.beanstalk.also = also


def at_the_swap(world: World) -> list[dict[str, int]]:
    """Which sizes both sides have at each swap."""
    seen: list[dict[str, int]] = []
    before = world.beanstalk.also

    def also(called: str) -> None:
        before(called)
        if called == "SwapEnvironmentCNAMEs":
            seen.append(dict(world.beanstalk.counts))

    world.beanstalk.also = also
    return seen


def names(run: Run) -> list[str]:
    return [type(item.step).__name__ for item in run.results]


def record_of(world: World, number: int) -> ReleaseRecord:
    found = world.services("any").ledger.read(number)
    assert found is not None
    return found


def test_a_candidate_is_made_larger_and_proven_again_where_live_has_grown(world: World) -> None:
    grow_at(world, "CreateEnvironment", 6)
    seen = at_the_swap(world)
    world.ship()
    assert seen == [{"shop-prod-r1": 6, "shop-prod-r2": 6}]
    results = world.run.results
    first = next(index for index, item in enumerate(results) if item.status is Status.SKIPPED)
    assert results[first].reason == "shop-prod-r1 runs 6 instances by now, and shop-prod-r2 was made for 2"
    assert names(world.run)[first:] == [
        "SwapCnames",
        "AwaitEnvironment",
        "MatchCapacity",
        "AwaitEnvironment",
        "HoldHealth",
        "SmokeCandidate",
        "MeasureLive",
        "SwapCnames",
        "ProveLive",
        "MatchCapacity",
        "Bake",
        "SetMinimum",
    ]
    sizes = [(name, options["MinSize"]) for name, options in world.beanstalk.updates if options.get("MinSize")][-3:]
    assert sizes == [("shop-prod-r2", "6"), ("shop-prod-r1", "6"), ("shop-prod-r2", "2")], "the way back is held, too"


def test_it_is_met_again_where_live_grows_again(world: World) -> None:
    grow_at(world, "DescribeEnvironmentResources", 4, 5, 6, after=200.0)
    seen = at_the_swap(world)
    world.ship()
    assert seen[0]["shop-prod-r2"] == 6
    assert world.beanstalk.counts["shop-prod-r1"] == 6


def test_it_is_met_as_far_as_max_size_allows(world: World) -> None:
    grow_at(world, "CreateEnvironment", 12)
    seen = at_the_swap(world)
    world.ship()
    assert seen[0]["shop-prod-r2"] == 8, "MaxSize of the stage"
    assert names(world.run).count("SwapCnames") == 2


def test_a_live_that_shrinks_or_stays_costs_nothing(world: World) -> None:
    world.beanstalk.counts["shop-prod-r1"] = 4
    grow_at(world, "CreateEnvironment", 2)
    world.ship()
    assert names(world.run).count("SwapCnames") == 1


def promote(world: World) -> Run:
    run = Run("swap", world.stage, 0.0)
    swap(run, world.services("000000000002"), SwapOptions(to="r2"))
    return run


def test_a_candidate_that_waited_is_made_larger_too(world: World) -> None:
    world.ship(swap=False)
    world.beanstalk.counts["shop-prod-r2"] = 2
    grow_at(world, "DescribeEnvironmentHealth", 5)
    seen = at_the_swap(world)
    run = promote(world)
    assert seen == [{"shop-prod-r1": 5, "shop-prod-r2": 5}]
    assert names(run).count("SwapCnames") == 2


def test_a_rollback_is_not_planned_anew_for_the_size_of_what_it_leaves(world: World) -> None:
    world.ship()
    world.beanstalk.counts |= {"shop-prod-r1": 3, "shop-prod-r2": 3}

    def also(called: str) -> None:
        if called == "DescribeEnvironments":
            world.beanstalk.counts["shop-prod-r2"] = 9

    world.beanstalk.also = also
    run = Run("swap", world.stage, 0.0)
    swap(run, world.services("000000000001"), SwapOptions(rollback=True))
    assert names(run).count("SwapCnames") == 1
    assert next(item.name for item in world.beanstalk.known if item.cname == LIVE_CNAME) == "shop-prod-r1"
