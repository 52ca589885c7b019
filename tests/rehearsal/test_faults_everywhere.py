"""Any call goes wrong in any way: the run succeeds or fails with its right exit code, and never tells an untruth.

The engine runs in the test's process, by the calls that a command makes. A stall is longer than the time that an answer
may take, so that the caller has given up when it comes; that time is cut to a second here. `test_stalls.py` has the
whole time, on some calls of real commands.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from engine import Engine, Json, Wire
from products import Cloud, Product
from scenarios import SCENARIOS, Scenario, Silence, Stages, check_served, points
from users import Clients

from ebcd.model import Strategy

READ_TIMEOUT, STALL = 1.0, 1.3
FAULTS: dict[str, dict[str, Any]] = {
    "throttle": {"kind": "throttle"},
    "error": {"kind": "error"},
    "lost": {"kind": "lost"},
    "cut": {"kind": "cut"},
    "expired": {"kind": "expired", "times": 0},
    "stall": {"kind": "stall", "seconds": STALL},
    "delay": {"kind": "delay", "seconds": STALL},
}
OVERCOME = frozenset({0, 5, 6, 8})
RIGHT = dict.fromkeys(FAULTS, OVERCOME) | {"throttle": frozenset({0, 5}), "expired": frozenset({0, 5})}
"""Exit codes that a fault may end in. Expired credentials end everything; the rest is mostly overcome."""


def swaps_done(calls: list[Json]) -> int:
    """How often a swap took effect, by the server's own log."""
    refused = {"Throttling", "InternalFailure", "ExpiredToken", "cut"}
    return sum(call["operation"] == "SwapEnvironmentCNAMEs" and call["code"] not in refused for call in calls)


def survive(engine: Engine, patient: Engine, scenario: Scenario, number: int, fault: str) -> int:
    """Run a command whose number-th call goes wrong; its exit code. patient: takes the time that an answer needs."""
    product, cloud, where = engine.product, engine.product.cloud, f"{fault} at call {number}"
    sha, last = scenario.prepare(patient), cloud.last_call()
    with Silence() if scenario.fresh else Clients(product, count=2) as clients:
        cloud.control("POST", "faults", place="*", nth=number, **FAULTS[fault])
        told = engine.json(*scenario.command)
        cloud.control("DELETE", "faults")
        if fault == "expired":  # the lock outlives the run; a process that ended frees it, but this one has not
            patient.services().lock.break_()
        print(where, told["exit_code"], flush=True)
        assert told["exit_code"] in RIGHT[fault], (where, told["exit_code"], told.get("error"))
        status = patient.status()
        if told["ok"]:
            assert product.serving() == sha, (where, "it said that it succeeded")
            assert told["live"]["release"] == status["live"]["release"], (where, "the report tells what is live")
        if status["live"]:
            check_served(patient, status)
        again = patient.json(*scenario.command)
        assert again["exit_code"] == 0, (where, again["error"])
    assert product.serving() == sha, where
    assert clients.failures == [], where
    swaps = 0 if patient.stage().strategy is Strategy.IN_PLACE else scenario.swaps
    assert swaps_done(cloud.calls(last)) == swaps, (where, "each swap takes effect once")
    assert patient.status()["lock"] is None, where
    return int(told["exit_code"])


def fault_everywhere(
    make: Callable[[], Product], cloud: Cloud, name: str, some: int | None, strategy: str = "blue-green"
) -> None:
    scenario = SCENARIOS[name]
    with Wire(cloud) as patience, Wire(cloud, READ_TIMEOUT) as wire:
        stages = Stages(scenario, lambda: Engine(make(), patience), strategy)
        total = stages.calls()
        codes: Counter[int] = Counter()
        chosen = points(total, tuple(FAULTS), some)
        for number, fault in chosen:
            patient = stages.next()
            codes[survive(Engine(patient.product, wire), patient, scenario, number, fault)] += 1
    print(f"{strategy} {name}: {len(chosen)} faults, {codes.total()} survived; exit codes {dict(codes)}")
    assert codes.total() == len(chosen) > 1


@pytest.mark.parametrize(("name", "some"), [("ship", 3), ("rollback", 2)])
def test_faults_here_and_there(products: Callable[[], Product], cloud: Cloud, name: str, some: int) -> None:
    fault_everywhere(products, cloud, name, some)


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["blue-green", "pair", "in-place"])
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_faults_everywhere(products: Callable[[], Product], cloud: Cloud, name: str, strategy: str) -> None:
    if strategy == "in-place" and name.startswith("retire"):
        pytest.skip("there is nothing to retire in place")
    fault_everywhere(products, cloud, name, None, strategy)
