"""Stories that broke a rule once, found by `test_rules.py` and the matrices, each told as short as it can be."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from engine import Engine, Wire
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
