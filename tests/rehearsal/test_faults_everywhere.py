"""Any call goes wrong in any way: the run succeeds or fails with its right exit code, and never tells an untruth."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from conftest import Clients, Product
from test_killed_everywhere import SCENARIOS, last_call

FAULTS: dict[str, dict[str, Any]] = {
    "throttle": {"kind": "throttle"},
    "error": {"kind": "error"},
    "lost": {"kind": "lost"},
    "cut": {"kind": "cut"},
    "expired": {"kind": "expired", "times": 0},
}
RIGHT = {
    "throttle": {0, 5},
    "error": {0, 5, 6, 8},
    "lost": {0, 5, 6, 8},
    "cut": {0, 5, 6, 8},
    "expired": {0, 5},
}
"""Exit codes that a fault may end in. Expired credentials end everything; the rest is mostly overcome."""


def points(total: int, stride: int) -> Iterator[tuple[int, str]]:
    everything = [(number, name) for number in range(1, total + 1) for name in FAULTS]
    yield from everything[::stride]


def survive(product: Product, command: list[str], sha: str, number: int, name: str) -> int:
    """Run a command whose number-th call goes wrong; its exit code."""
    cloud, where = product.cloud, f"{name} at call {number}"
    swaps = Counter(call["operation"] for call in cloud.calls())["SwapEnvironmentCNAMEs"]
    cloud.control("POST", "faults", place="*", nth=number, **FAULTS[name])
    with Clients(product, count=2) as clients:
        told = product.json(*command)
        cloud.control("DELETE", "faults")
        assert told["exit_code"] in RIGHT[name], (where, told["exit_code"], told.get("error"))
        served, status = product.serving(), product.json("status")
        if told["ok"]:
            assert served == sha, (where, "it said that it succeeded")
        if told.get("live"):
            record = product.json("releases", told["live"]["release"])["record"]
            assert told["exit_code"] != 0 or record["sha"] == served, (where, "the report tells what is served")
        live = product.json("releases", status["live"]["release"])["record"]
        assert live["sha"] == served, (where, "status tells what is served")
        again = product.json(*command)
        assert again["exit_code"] == 0, (where, again["error"])
    assert product.serving() == sha, where
    assert clients.failures == [], where
    sent = Counter(call["operation"] for call in cloud.calls())["SwapEnvironmentCNAMEs"] - swaps
    assert sent <= 2, (where, "a swap that a fault refused is sent once more, and no other")
    assert product.json("status")["lock"] is None, where
    return int(told["exit_code"])


def fault_everywhere(product: Product, name: str, stride: int) -> None:
    command, prepare = SCENARIOS[name]
    product.configure(stable="0s", bake="0s", keep="0s")
    if name == "ship":
        product.commit("the first release")
        assert product.json("ship")["exit_code"] == 0
    prepare(product, 0)
    last = last_call(product.cloud)
    assert product.json(*command)["exit_code"] == 0
    total = len(product.cloud.calls(last))
    chosen = list(points(total, stride))
    codes = Counter(survive(product, command, prepare(product, number), number, kind) for number, kind in chosen)
    print(f"{name}: {len(chosen)} faults at {total} calls, {codes.total()} survived; exit codes {dict(codes)}")
    assert codes.total() == len(chosen)


@pytest.mark.parametrize(("name", "stride"), [("ship", 101), ("rollback", 67)])
def test_faults_here_and_there(product: Product, name: str, stride: int) -> None:
    fault_everywhere(product, name, stride)


@pytest.mark.long
@pytest.mark.parametrize("name", ["ship", "rollback"])
def test_faults_everywhere(product: Product, name: str) -> None:
    fault_everywhere(product, name, stride=1)
