"""A ship at AWS's own durations, on a simulated clock: how much of it is ebcd's own, and how often it asks."""

from __future__ import annotations

import random
import statistics
from dataclasses import replace
from typing import Any, cast

import pytest
from simulated import Durations, World

from ebcd.cli.session import AWS_INTERVAL
from ebcd.errors import LockLost, NoAnswer, OutcomeUnknown
from ebcd.model import InstanceHealth
from ebcd.release.execute.swap import UNSEEN_PATIENCE
from ebcd.release.state.release import Outcome
from ebcd.release.store.ledger import Ledger
from ebcd.release.store.lock import Lock

LOST = 0.03
"""Share of a ship that may be ebcd's, where an environment takes five minutes."""
WORST = 0.04
"""The same of the worst of many: chance decides when each look comes."""
ENVIRONMENTS_A_MINUTE = 12
"""DescribeEnvironments within any minute: that of the swap has the most."""


def test_little_of_a_ship_is_ebcds_own_and_it_asks_seldom() -> None:
    random.seed(1)
    worlds = [World(pause=AWS_INTERVAL) for _ in range(12)]
    for world in worlds:
        world.beanstalk.phase = random.uniform(0.0, world.durations.sample)
    shipped = [world.ship() for world in worlds for _ in range(3)]
    assert 0.0 < statistics.median(item.lost for item in shipped) <= LOST
    assert max(item.lost for item in shipped) <= WORST
    assert max(item.most_looks for item in shipped) <= ENVIRONMENTS_A_MINUTE


def test_an_environment_that_takes_long_is_asked_for_a_few_times_a_minute() -> None:
    random.seed(1)
    slow, quick = (World(durations=Durations(creation=seconds), pause=AWS_INTERVAL) for seconds in (1200.0, 600.0))
    more = slow.ship().calls["DescribeEnvironments"] - quick.ship().calls["DescribeEnvironments"]
    assert more <= 10 * 6


def test_where_events_tell_nothing_the_end_is_seen_all_the_same() -> None:
    world = World(pause=AWS_INTERVAL)
    world.beanstalk.told = False
    assert world.ship().lost <= 2 * LOST


def test_health_that_holds_is_looked_at_until_its_last_second() -> None:
    random.seed(2)
    long, short = (World(replace(World().stage, stable=stable), pause=AWS_INTERVAL) for stable in (600.0, 60.0))
    one, other = long.ship(), short.ship()
    assert 530 <= one.seconds - other.seconds <= 550
    more = one.calls - other.calls
    assert 540 / Durations().sample <= more["DescribeEnvironmentHealth"] <= 1.5 * 540 / Durations().sample
    assert more["DescribeEnvironments"] == 0


def test_a_run_that_lost_its_lock_leaves_its_record_to_whoever_has_it() -> None:
    world = World(pause=AWS_INTERVAL)
    world.ship()
    stage, instances = world.stage, world.beanstalk.instances

    def breaking(environment: str) -> tuple[InstanceHealth, ...]:
        Lock(cast(Any, world.storage), stage.application, stage.name, world.clock).break_()
        return instances(environment)

    world.beanstalk.instances = breaking  # type: ignore[method-assign]
    with pytest.raises(LockLost):
        world.ship()
    record = Ledger(cast(Any, world.storage), stage.application, stage.name).read(2)
    assert record is not None
    assert record.outcome is Outcome.RUNNING
    world.beanstalk.instances = instances  # type: ignore[method-assign]
    assert world.ship().calls["CreateEnvironment"] == 1, "the next run goes on from what is there"


def test_a_swap_that_was_lost_on_its_way_is_not_waited_for_as_one_that_began() -> None:
    def ship_cut(received: bool) -> float:
        """Seconds from a swap without an answer until its outcome is told. received: it takes effect, and long."""
        world = World(durations=Durations(swap=150.0), pause=AWS_INTERVAL)
        world.ship()
        swap, sent = world.beanstalk.swap_cnames, []

        def cut(one: str, other: str) -> None:
            sent.append(world.clock.seconds)
            if received:
                swap(one, other)
            raise NoAnswer("No answer came.")

        world.beanstalk.swap_cnames = cut  # type: ignore[method-assign]
        if received:
            world.ship()
        else:
            with pytest.raises(OutcomeUnknown, match="not seen to begin"):
                world.ship()
        assert len(sent) == 1, "a swap is its own inverse: it is sent once"
        return world.clock.seconds - sent[0]

    assert ship_cut(received=True) >= 150.0
    assert UNSEEN_PATIENCE <= ship_cut(received=False) <= 1.2 * UNSEEN_PATIENCE
