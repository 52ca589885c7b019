"""Bad days of a ship, at AWS's own durations: what fails beside a release neither hides its failure nor ends it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from simulated import World
from stages import LIVE_CNAME, STAGE

from ebcd.errors import AwsRefused, EbcdError, NoAnswer, ReleaseFailed, SwappedBack, Throttled, Unreachable
from ebcd.model import OnFailure
from ebcd.release.execute.context import Status
from ebcd.release.state.release import Outcome
from ebcd.release.store.lease import LEASE

REFUSED = AwsRefused("AWS refused s3:PutObject.", why="SlowDown", code="SlowDown")


@pytest.fixture
def world() -> World:
    """A stage that bakes, with its first release live."""
    made = World(replace(STAGE, bake=60.0))
    made.ship()
    return made


def live(world: World) -> str:
    """The environment that holds the live CNAME."""
    return next(item.name for item in world.beanstalk.known if item.cname == LIVE_CNAME)


def swaps(world: World) -> int:
    return world.beanstalk.calls["SwapEnvironmentCNAMEs"]


def turn_bad_once_live(world: World) -> None:
    """The next release answers 500 as soon as it holds the live CNAME."""
    before = swaps(world)
    world.status = lambda: 500 if swaps(world) == before + 1 and world.clock.seconds > settled(world) else 200


def settled(world: World) -> float:
    """When the last swap had been proven: the bake is under way."""
    return world.beanstalk.swapped + 20.0


def test_a_breach_goes_back_though_the_journal_cannot_be_written(world: World) -> None:
    turn_bad_once_live(world)
    world.storage.refuses = lambda key: REFUSED if "/releases/" in key and "-result" in key else None
    with pytest.raises(SwappedBack):
        world.ship()
    assert live(world) == "shop-prod-r1"


def test_a_breach_goes_back_though_s3_refuses_everything(world: World) -> None:
    turn_bad_once_live(world)
    world.storage.refuses = lambda key: (
        NoAnswer("No answer came to s3:PutObject.") if world.clock.seconds > settled(world) > 0 else None
    )
    with pytest.raises(EbcdError) as failure:
        world.ship()
    assert live(world) == "shop-prod-r1"
    assert "500" in str(failure.value.why), "why it went back is told, whatever else cannot be"


def test_a_renewal_without_an_answer_ends_nothing_while_the_lease_holds(world: World) -> None:
    silent: list[float] = []

    def refuses(key: str) -> EbcdError | None:
        if not key.endswith("lock.json") or world.beanstalk.calls["CreateEnvironment"] < 2:
            return None
        silent.append(world.clock.seconds)
        return NoAnswer("No answer came to s3:PutObject.") if world.clock.seconds - silent[0] < 45 else None

    world.storage.refuses = refuses
    world.ship()
    assert len(silent) > 3
    assert live(world) == "shop-prod-r2"


def test_a_lease_that_could_not_be_renewed_for_too_long_ends_the_run(world: World) -> None:
    world.storage.refuses = lambda key: (
        NoAnswer("No answer came to s3:PutObject.")
        if key.endswith("lock.json") and world.beanstalk.calls["CreateEnvironment"] == 2
        else None
    )
    began = world.clock.seconds
    with pytest.raises(NoAnswer):
        world.ship()
    assert world.clock.seconds - began < world.durations.processing + LEASE
    assert live(world) == "shop-prod-r1"


@pytest.mark.parametrize("refusal", [Throttled("Rate exceeded."), Unreachable("No route to host.")], ids=type)
def test_a_swap_that_aws_took_no_notice_of_is_proven_and_sent_again(world: World, refusal: EbcdError) -> None:
    world.beanstalk.refusals["SwapEnvironmentCNAMEs"] = [refusal, refusal]
    looks: list[int] = []
    world.beanstalk.also = lambda operation: (
        looks.append(world.beanstalk.calls["DescribeInstancesHealth"]) if operation.startswith("Swap") else None
    )
    world.ship()
    assert live(world) == "shop-prod-r2"
    assert len(looks) == 3
    assert looks[0] < looks[1] < looks[2], "each instance is looked at before each attempt"


def test_a_swap_without_an_answer_is_never_sent_twice(world: World) -> None:
    world.beanstalk.refusals["SwapEnvironmentCNAMEs"] = [NoAnswer("No answer came.")]
    with pytest.raises(EbcdError) as failure:
        world.ship()
    assert failure.value.exit_code == 8
    assert swaps(world) == 1


def test_a_throttled_way_back_is_sent_again(world: World) -> None:
    turn_bad_once_live(world)
    throttled = [Throttled("Rate exceeded.")]

    def also(operation: str) -> None:
        if operation.startswith("Swap") and live(world) == "shop-prod-r2" and throttled:
            raise throttled.pop()

    world.beanstalk.also = also
    with pytest.raises(SwappedBack):
        world.ship()
    assert not throttled
    assert live(world) == "shop-prod-r1"


def test_what_somebody_deployed_onto_live_by_hand_is_what_a_bad_release_goes_back_to(world: World) -> None:
    world.beanstalk.become("shop-prod-r1", version_label="hotfix")
    turn_bad_once_live(world)
    with pytest.raises(SwappedBack):
        world.ship()
    assert live(world) == "shop-prod-r1"


def test_a_candidate_that_hurts_live_is_terminated_where_the_stage_says_so(world: World) -> None:
    world.stage = replace(world.stage, on_failure=OnFailure.TERMINATE)
    world.status = lambda: 500 if len(world.beanstalk.known) == 2 else 200
    with pytest.raises(ReleaseFailed) as failure:
        world.ship()
    assert failure.value.code == "live-hurt"
    assert [item.name for item in world.beanstalk.known] == ["shop-prod-r1"]


def test_a_network_gap_while_a_release_bakes_is_neither_a_breach_nor_the_end(world: World) -> None:
    before = swaps(world)

    def gap(operation: str) -> None:
        if swaps(world) > before and operation.startswith("DescribeEnvironmentHealth"):
            raise Unreachable("No route to host.")

    world.beanstalk.also = gap
    world.ship()
    assert live(world) == "shop-prod-r2"


def test_a_failure_keeps_its_own_reason_where_it_cannot_be_recorded(world: World) -> None:
    def failed() -> bool:
        return any(item.status is Status.FAILED for item in world.run.results)

    world.statuses["shop-prod-r2.elb.example.com:80"] = 500
    world.storage.refuses = lambda key: REFUSED if failed() and key.endswith("000002.json") else None
    with pytest.raises(ReleaseFailed) as failure:
        world.ship()
    assert failure.value.code == "smoke-failed"
    assert any("s3:PutObject" in note for note in failure.value.__notes__)


def test_a_rerun_without_a_swap_of_what_is_live_already_says_that_it_is_live(world: World) -> None:
    before, expired = swaps(world), [AwsRefused("AWS refused it.", code="ExpiredToken")]

    def also(operation: str) -> None:
        if operation == "DescribeEnvironmentHealth" and swaps(world) > before and expired:
            raise expired.pop()

    world.beanstalk.also = also
    with pytest.raises(AwsRefused):
        world.ship()
    world.ship(swap=False, again=True)
    assert world.run.release is not None
    assert world.run.release.outcome is Outcome.LIVE
