"""A swap and the resolvers that remember the earlier environment: what is proven of live, when, and what is not."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from simulated import World
from stages import LIVE_CNAME, STAGE

from ebcd.cli.session import AWS_INTERVAL
from ebcd.model import Timing
from ebcd.release.commands import swap as swapping
from ebcd.release.execute.context import Run, StepResult
from ebcd.release.execute.gates import prove_live
from ebcd.release.execute.http import HttpProber
from ebcd.release.plan.steps import ProveLive, SwapCnames

UNPROVEN = replace(STAGE, bake=0.0, proof=None)
ONE, TWO, CDN = frozenset({"192.0.2.1"}), frozenset({"192.0.2.2", "192.0.2.3"}), frozenset({"203.0.113.9"})


def made(**changes: object) -> World:
    """A stage without proof on which a first release is live."""
    random.seed(5)
    world = World(replace(UNPROVEN, **changes), pause=AWS_INTERVAL)  # type: ignore[arg-type]
    world.ship()
    return world


def proof_of(world: World) -> StepResult:
    return next(item for item in world.run.results if isinstance(item.step, ProveLive))


def resolve(world: World, remembered: float) -> None:
    """Let the machine's resolver lead to the earlier environment for so long after the swap."""

    def addresses(name: str) -> frozenset[str]:
        if name == LIVE_CNAME:
            return ONE if world.clock.seconds < world.beanstalk.swapped + remembered else TWO
        return {"shop-prod-r1.elb.example.com": ONE, "shop-prod-r2.elb.example.com": TWO}.get(name, frozenset())

    world.resolver = addresses


def test_a_200_of_the_earlier_environment_proves_nothing() -> None:
    world = made()
    resolve(world, 37.0)
    world.ship()
    proof = proof_of(world)
    assert 37.0 - world.durations.swap - AWS_INTERVAL <= proof.seconds <= 37.0 + 2.0
    assert proof.reason == f"/smoke 200; from here {LIVE_CNAME} leads to shop-prod-r2"


def test_where_the_name_leads_to_the_release_at_once_nobody_waits() -> None:
    world = made()
    resolve(world, 0.0)
    world.ship()
    assert proof_of(world).seconds < 1.0


def test_where_names_tell_nothing_the_ttl_is_waited_out_and_that_is_told() -> None:
    world = made()
    world.resolver = lambda name: CDN if name == LIVE_CNAME else frozenset({name})
    world.ship()
    proof = proof_of(world)
    assert 60.0 - 2.0 <= proof.seconds <= 60.0 + 2.0
    assert proof.reason == (
        "/smoke 200, 60 s after the swap; that shop-prod-r2 gave it is not proven, for ebcd.toml has no proof"
    )


def test_a_clock_of_another_machine_does_not_make_it_wait_for_longer() -> None:
    """A run was killed after its swap, on a machine whose clock is ahead by an hour."""
    world = made()
    world.ship()
    record, clock = world.run.release, world.clock
    assert record is not None
    step = next(item.step for item in world.run.results if isinstance(item.step, ProveLive))
    services, began = world.services(record.version_label), clock.seconds
    told = prove_live(services, lambda: None, world.stage, step, clock.now() + timedelta(hours=1))
    assert "is not proven" in told
    assert 58.0 <= clock.seconds - began <= 62.0


def test_addresses_that_are_both_environments_prove_nothing() -> None:
    world = made()
    world.resolver = lambda name: ONE  # one load balancer in front of both
    world.ship()
    assert proof_of(world).seconds >= 58.0
    assert "not proven" in proof_of(world).reason


def test_a_first_release_has_nothing_that_could_be_remembered() -> None:
    world = made()
    assert proof_of(world).seconds < 1.0
    assert proof_of(world).reason == "/smoke 200"


def test_with_a_proof_it_ends_as_soon_as_the_release_is_named() -> None:
    world = made(proof=STAGE.proof)
    resolve(world, 1e9)
    world.ship()
    assert proof_of(world).seconds < 1.0
    assert proof_of(world).reason == "/version names it"


@pytest.mark.parametrize(("ttl", "least", "most"), [(0.0, 0.0, 0.5), (2.0, 1.0, 4.0)])
def test_the_local_beanstalk_says_how_long_its_clients_remember(ttl: float, least: float, most: float) -> None:
    world = made()
    world.timing, world.live_address = Timing(1.0, ttl), "127.0.0.1:8156"
    asked: list[str] = []
    world.resolver = lambda name: frozenset(asked.append(name) or ())
    world.ship()
    assert least <= proof_of(world).seconds <= most
    assert asked == [], "no resolver is asked: one port stands in for DNS"


def test_a_proof_has_the_time_that_a_long_memory_needs() -> None:
    """One of a minute was not waited for on the local Beanstalk: a good release went back after 20 s."""
    world = made(proof=STAGE.proof)
    world.timing, world.live_address = Timing(1.0, 60.0), "127.0.0.1:8156"
    services, get = world.services, None

    def remembering(label: str) -> object:
        nonlocal get
        made = services(label)
        prober, get = made.prober, made.prober.get

        class Remembering:
            def get(self, address: str, *given: object, **more: object) -> object:
                found = prober.get(address, *given, **more)  # type: ignore[arg-type]
                young = world.clock.seconds < world.beanstalk.swapped + 59.0
                return replace(found, body=b"earlier") if young and address == world.live_address else found

        return replace(made, prober=Remembering())  # type: ignore[arg-type]

    world.services = remembering  # type: ignore[method-assign, assignment]
    world.ship()
    assert 50.0 <= proof_of(world).seconds <= 61.0


def test_a_way_back_is_told_and_not_waited_for() -> None:
    world = made()
    resolve(world, 0.0)
    world.ship()
    world.resolver = lambda name: frozenset()
    run = Run("swap", world.stage, 0.0)
    swapping.swap(run, world.services("000000000001"), swapping.SwapOptions(rollback=True))
    assert any(isinstance(item.step, SwapCnames) for item in run.results)
    proof = next(item for item in run.results if isinstance(item.step, ProveLive))
    assert proof.seconds < 1.0
    assert proof.reason == "/smoke 200; that shop-prod-r1 gave it is not proven, for ebcd.toml has no proof"


def test_names_are_resolved_as_a_probe_would() -> None:
    prober = HttpProber()
    assert "127.0.0.1" in prober.addresses("localhost")
    assert prober.addresses("x" * 300) == prober.addresses("nowhere.invalid") == frozenset()
