"""Clients whose resolvers remember where the live CNAME led: none of them meets an environment that is gone.

The local Beanstalk answers each client as its resolver would, for five seconds after it asked.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from engine import Engine, Wire
from products import Cloud, Product, make_product, running_cloud
from users import Clients

TTL = 5.0
PATIENCE = 120.0
"""Seconds that anything may take: an environment drains in about fifteen."""


@pytest.fixture(scope="module")
def remembering() -> Iterator[Cloud]:
    with running_cloud("--dns-ttl", f"{TTL:g}s") as found:
        yield found


@pytest.fixture
def engine(remembering: Cloud, tmp_path: Path) -> Iterator[Engine]:
    product = make_product(remembering, tmp_path)
    with Wire(remembering) as wire:
        yield Engine(product, wire)
    product.remove()


def ship(engine: Engine, text: str) -> str:
    sha = engine.product.commit(text)
    told = engine.json("ship")
    assert told["exit_code"] == 0, told["error"]
    return sha


def until(wanted: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def standing(product: Product) -> list[str]:
    return [
        item["name"]
        for item in product.cloud.control("GET", "status")["environments"]
        if item["application"] == product.name
    ]


def test_no_request_fails_through_swap_drain_and_retire(engine: Engine) -> None:
    one = ship(engine, "one")
    product = engine.product
    with Clients(product, count=6, connected=1.0, apart=TTL / 6) as clients:
        until(lambda: all(clients.seen))
        two, three = ship(engine, "two"), ship(engine, "three")
        assert len(standing(product)) == 3, "a ship does not end what clients remember"
        until(lambda: engine.json("retire")["exit_code"] == 0 and standing(product) == [f"{product.name}-local-r3"])
        gone = clients.requests
        until(lambda: clients.requests > gone + 200)
    assert clients.failures == []
    assert all(seen[0] == one and seen[-1] == three and seen[1:-1] in ([], [two]) for seen in clients.seen)


def test_without_a_proof_live_is_proven_when_no_resolver_remembers_the_earlier_release(engine: Engine) -> None:
    product = engine.product
    without = product.configuration().replace('[stages.local.proof]\npath = "/version"\n', "")
    assert without != product.configuration()
    (product.folder / "ebcd.toml").write_text(without)
    ship(engine, "one")
    assert product.serving(), "this machine's resolver, which ebcd asks, too, remembers the first release"
    two = ship(engine, "two")
    assert product.serving() == two
    record = engine.releases("r2")
    proof = next(entry["reason"] for entry in record["entries"] if entry["entry"] == "ProveLive-result")
    assert f"{TTL:g} s after the swap; that {product.name}-local-r2 gave it is not proven" in proof


@pytest.mark.long
def test_without_the_drain_requests_fail(engine: Engine) -> None:
    ship(engine, "one")
    product = engine.product
    with Clients(product, count=6, connected=1.0, apart=TTL / 6) as clients, product.by_hand() as person:
        until(lambda: all(clients.seen))
        two = ship(engine, "two")
        assert clients.failures == []
        person.terminate_environment(EnvironmentName=f"{product.name}-local-r1")
        until(lambda: all(seen[-1] == two for seen in clients.seen))
        failed = len(clients.failures)
    assert failed > 0, "clients remember an environment that is gone, and nobody answers them"
