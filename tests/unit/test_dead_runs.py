"""Runs that died after something took effect, and before it was written down: the next one records it first."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest
from simulated import World
from stages import LIVE_CNAME, NOW, STAGE, environment, record, snapshot

from ebcd.cli.inspect import _whole
from ebcd.errors import AwsRefused, EbcdError, NoAnswer, SwappedBack
from ebcd.model import EnvironmentHealth, Metrics, Strategy
from ebcd.release.commands.retire import retire
from ebcd.release.commands.swap import SwapOptions, swap
from ebcd.release.execute.context import Run
from ebcd.release.state.reconciliation import unrecorded_swap
from ebcd.release.state.release import Outcome, ReleaseRecord

DENIED = AwsRefused("AWS refused elasticbeanstalk:UpdateEnvironment.", why="AccessDenied: no.", code="AccessDenied")


class Killed(BaseException):
    """The run ends here, and cleans up nothing."""


@pytest.fixture
def world() -> World:
    """A stage that bakes, with its first release live on three instances."""
    made = World(replace(STAGE, bake=60.0))
    made.ship()
    made.beanstalk.counts["shop-prod-r1"] = 3
    return made


def kill_after_the_swap(world: World) -> None:
    """The next run swaps, and is killed before it writes that down."""
    before = world.beanstalk.calls["SwapEnvironmentCNAMEs"]

    def refuses(key: str) -> EbcdError | None:
        if world.beanstalk.calls["SwapEnvironmentCNAMEs"] > before and key.endswith("releases/000002.json"):
            raise Killed
        return None

    world.storage.refuses = refuses
    with pytest.raises(Killed):
        world.ship()
    world.storage.refuses = lambda key: None
    world.clock.seconds += 600.0  # its lease has ended
    assert records(world)["r2"].live_since is None


def records(world: World) -> dict[str, ReleaseRecord]:
    ledger = world.services("any").ledger
    return {item.release: item for item in ledger.read_all(ledger.numbers())}


def swapped(world: World, options: SwapOptions) -> Run:
    run = Run("swap", world.stage, 0.0)
    swap(run, world.services("000000000001"), options)
    return run


def live(world: World) -> str:
    return next(item.name for item in world.beanstalk.known if item.cname == LIVE_CNAME)


def test_a_refusal_after_the_swap_of_a_dead_run_does_not_end_the_release_that_is_live(world: World) -> None:
    kill_after_the_swap(world)
    world.beanstalk.refusals["UpdateEnvironment"] = [DENIED]
    world.ship(again=True)  # raises nothing
    found = records(world)
    assert (found["r2"].outcome, live(world)) == (Outcome.LIVE, "shop-prod-r2")
    assert [type(item.step).__name__ for item in world.run.remaining] == ["MatchCapacity"]


def test_what_a_dead_run_made_live_is_no_failed_candidate_of_the_next_ship(world: World) -> None:
    kill_after_the_swap(world)
    world.beanstalk.refusals["DescribeEnvironmentHealth"] = [DENIED]
    with pytest.raises(AwsRefused):
        world.ship(again=True)
    assert records(world)["r2"].live_since is not None, "it is recorded before anything else is done"
    assert records(world)["r1"].left_live is not None
    world.ship()
    assert live(world) == "shop-prod-r3"
    assert "shop-prod-r2" in [item.name for item in world.beanstalk.known], "it is the way back"


@pytest.mark.parametrize(
    "command",
    [
        lambda world: swapped(world, SwapOptions(rollback=True)),
        lambda world: swapped(world, SwapOptions(to="r1")),
        lambda world: retire(Run("retire", world.stage, 0.0), world.services("any"), planned=False, force=False),
    ],
    ids=["rollback", "swap", "retire"],
)
def test_each_command_that_changes_the_stage_records_it(world: World, command: Callable[[World], object]) -> None:
    kill_after_the_swap(world)
    command(world)
    found = records(world)
    assert found["r2"].live_since is not None
    assert found["r2"].from_release == "r1"
    if live(world) == "shop-prod-r1":
        assert found["r2"].left_live is not None
        assert found["r1"].left_live is None
    else:
        assert found["r1"].left_live is not None


@pytest.mark.parametrize("refusal", [DENIED, NoAnswer("No answer came to s3:PutObject.")], ids=["denied", "no answer"])
def test_a_ledger_that_refuses_the_record_of_a_swap_ends_neither_the_bake_nor_the_release(
    world: World, refusal: EbcdError
) -> None:
    once = [refusal]

    def refuses(key: str) -> EbcdError | None:
        swaps = world.beanstalk.calls["SwapEnvironmentCNAMEs"]
        return once.pop() if swaps and once and key.endswith("releases/000002.json") else None

    world.storage.refuses = refuses
    world.ship()
    assert not once
    assert [type(item.step).__name__ for item in world.run.results][-2:] == ["Bake", "SetMinimum"]
    assert (records(world)["r2"].outcome, records(world)["r2"].live_since is not None) == (Outcome.LIVE, True)


def test_a_way_back_that_the_ledger_refuses_has_happened_all_the_same(world: World) -> None:
    before = world.beanstalk.calls["SwapEnvironmentCNAMEs"]
    swaps = lambda: world.beanstalk.calls["SwapEnvironmentCNAMEs"] - before  # noqa: E731
    world.status = lambda: 500 if swaps() == 1 and world.clock.seconds > world.beanstalk.swapped + 20 else 200
    world.storage.refuses = lambda key: DENIED if swaps() == 2 and key.endswith("releases/000001.json") else None
    with pytest.raises(EbcdError) as failure:
        world.ship()
    assert failure.value.exit_code == 7, failure.value.why
    assert live(world) == "shop-prod-r1"


def died(number: int, **changes: object) -> ReleaseRecord:
    return record(number, Outcome.RUNNING, from_=number - 1, **changes)


ONE = record(1, live_since=300)


def test_only_a_swap_is_seen_by_its_cname() -> None:
    two = environment(2, live=True)
    promoted, left = unrecorded_swap(snapshot(environment(1), two, releases=(died(2), ONE)))
    assert (promoted.live_since, promoted.outcome, left.left_live) == (NOW, Outcome.RUNNING, NOW)
    again = replace(died(2), restores="r0", restored=None)
    assert unrecorded_swap(snapshot(two, releases=(again, ONE)))[0].restored == NOW
    nothing = (
        snapshot(environment(1, live=True), environment(2), releases=(died(2), ONE)),
        snapshot(two, releases=(replace(died(2), live_since=NOW), ONE)),
        snapshot(two, releases=(replace(died(2), from_environment="", from_release=""),)),
        snapshot(two, releases=(replace(died(2), version_label="other"), ONE)),
        snapshot(
            two,
            releases=(replace(died(2), from_environment=two.name), ONE),
            stage=replace(STAGE, strategy=Strategy.IN_PLACE),
        ),
        snapshot(releases=(ONE,)),
    )
    assert [unrecorded_swap(seen) for seen in nothing] == [()] * len(nothing)


def busy_report(served: int, refused: int, color: str) -> EnvironmentHealth:
    metrics = Metrics(requests=served + refused, failed=0, p99=0.1, instances=3, refused=refused)
    causes = (f"{refused} % of the requests are failing with HTTP 4xx.",) if refused else ()
    return EnvironmentHealth(color, "Ok" if color == "Green" else "Severe", causes, metrics)


@pytest.mark.parametrize("killed", [False, True], ids=["one run", "taken up by another run"])
def test_a_release_that_refuses_every_user_is_taken_back_also_by_the_run_that_takes_it_up(
    world: World, killed: bool
) -> None:
    """Red for 4xx alone is a scanner's, or the release's: live's requests before the swap tell which."""
    world.stage = replace(world.stage, bake=180.0)
    before = world.beanstalk.calls["SwapEnvironmentCNAMEs"]

    def report(name: str, at: float) -> EnvironmentHealth:
        refuses = world.beanstalk.calls["SwapEnvironmentCNAMEs"] > before and name == "shop-prod-r2"
        return busy_report(0, 100, "Red") if refuses else busy_report(100, 0, "Green")

    world.beanstalk.report = report
    if killed:
        kill_after_the_swap(world)
        assert records(world)["r2"].baseline is not None
    with pytest.raises(SwappedBack) as failure:
        world.ship(again=killed)
    assert "4xx" in failure.value.why
    assert live(world) == "shop-prod-r1"


def test_a_record_with_all_that_a_run_writes_into_it_is_shown_in_json(world: World) -> None:
    world.beanstalk.report = lambda name, at: busy_report(100, 0, "Green")
    world.ship()
    record = records(world)["r2"]
    assert record.baseline == Metrics(requests=100, failed=0, p99=0.1, instances=3)
    forged = replace(record, baseline=replace(record.baseline, refreshed_at=NOW))
    for item in (record, forged):
        found = _whole(cast(Any, SimpleNamespace(services=world.services("any"))), item)
        assert json.loads(json.dumps(found))["record"]["baseline"]["requests"] == 100
