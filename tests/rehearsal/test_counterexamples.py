"""Stories that broke a rule once, found by `test_rules.py` and the matrices, each told as short as it can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine import Engine, Sent, Wire
from person import Person
from products import Cloud, Product
from scenarios import ship


@pytest.fixture
def engine(product: Product, cloud: Cloud) -> Iterator[Engine]:
    with Wire(cloud) as wire:
        yield Engine(product, wire)


def test_what_retire_does_is_journaled(engine: Engine) -> None:
    for _ in range(2):
        ship(engine)
    told = engine.json("retire", "--force")
    assert [item["step"] for item in told["steps"]] == ["TerminateEnvironment"]
    entries = [entry["entry"] for entry in engine.releases("r2")["entries"]]
    assert entries[-2:] == ["TerminateEnvironment-intent", "TerminateEnvironment-result"]


def test_what_a_rollback_left_is_retired_where_the_rollback_died_right_after_its_swap(engine: Engine) -> None:
    for _ in range(2):
        ship(engine)
    person = Person(engine.product)
    one, two = (person.standing()[name] for name in sorted(person.standing()))
    person.swap(two, one)
    person.close()
    assert engine.json("swap", "--rollback")["steps"] == []
    told = engine.json("retire", "--force")
    assert [item["text"] for item in told["steps"]] == [f"terminate {two.name}: r2 left live more than 0 s ago"]


def test_a_release_that_is_live_is_told_as_live_where_the_last_look_is_refused(engine: Engine) -> None:
    cloud = engine.product.cloud

    def expire_behind_the_lock(sent: Sent) -> None:
        if sent.operation == "DeleteObject" and sent.given["Key"].endswith("lock.json"):
            cloud.control("POST", "faults", kind="expired", place="*", nth=2, times=0)

    engine.product.commit("one")
    engine.wire.before = expire_behind_the_lock
    told = engine.json("ship")
    engine.wire.before = lambda sent: None
    cloud.control("DELETE", "faults")
    assert told["exit_code"] == 0
    live = engine.status()["live"]
    assert told["live"] == {name: live[name] for name in ("release", "environment", "version_label", "url")}
