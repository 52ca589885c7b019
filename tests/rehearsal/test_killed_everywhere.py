"""Killed just before or just after any call: live serves a whole release, the next run converges, nothing is left.

A call is held by a fault that cuts it: before it took effect, or after. The process is killed while the call is held.
"""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable

import forked
import pytest
from engine import Engine, Wire
from products import Cloud, Product
from scenarios import SCENARIOS, Scenario, Silence, Stages, check_ledger, check_served, points
from users import Clients

HELD = 30.0
"""Seconds that the call is held: the process is dead long before."""
KINDS = ("cut", "lost")


def survive(engine: Engine, scenario: Scenario, number: int, kind: str) -> str:
    """Kill a run at its number-th call, and see that nothing is lost; the call's name."""
    product, cloud = engine.product, engine.product.cloud
    sha = scenario.prepare(engine)
    before = engine.releases()["releases"]
    with Clients(product, count=2) if before else Silence() as clients:
        held = _kill(product, scenario.command, number, kind)
        told = engine.status()
        if before:
            check_served(engine, told)
        assert told["lock"] is None
        again = engine.json(*scenario.command)
    where = f"{kind} {held}"
    print(where, flush=True)
    assert again["exit_code"] == 0, (where, again["error"])
    assert clients.failures == [], where
    assert product.serving() == sha, where
    check_ledger(engine, before, where)
    assert engine.status()["lock"] is None, where
    assert cloud.control("GET", "faults")["faults"] == []
    return where


def _kill(product: Product, command: tuple[str, ...], number: int, kind: str) -> str:
    """Run the command, and kill it while its number-th call is held; the call's name."""
    cloud = product.cloud
    last = cloud.last_call()
    cloud.control("POST", "faults", kind=kind, place="*", nth=number, seconds=HELD)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = forked.start("ebcd", *command, cwd=product.folder, env=cloud.environ, **quiet)
    held = ""
    while process.poll() is None and not held:
        if cloud.control("GET", "faults")["faults"][0]["passed"] >= number:
            time.sleep(0.05 if kind == "cut" else 0.3)
            under_way = [call["operation"] for call in cloud.calls(last) if call["status"] == 0]
            held = f"{number} {under_way}"
        time.sleep(0.01)
    process.kill()
    process.wait(10)
    cloud.control("DELETE", "faults")
    return held or f"{number} (it made fewer calls)"


def kill_everywhere(
    make: Callable[[], Product], cloud: Cloud, name: str, some: int | None, strategy: str = "blue-green"
) -> None:
    scenario = SCENARIOS[name]
    with Wire(cloud) as wire:
        stages = Stages(scenario, lambda: Engine(make(), wire), strategy)
        chosen = points(stages.calls(lambda engine: engine.product.json), KINDS, some)
        survived = [survive(stages.next(), scenario, number, kind) for number, kind in chosen]
    print(f"{strategy} {name}: {len(chosen)} kill points, {len(survived)} survived")
    assert len(survived) == len(chosen) > 1


@pytest.mark.parametrize(("strategy", "name"), [("blue-green", "rollback"), ("pair", "ship"), ("in-place", "ship")])
def test_killed_here_and_there(products: Callable[[], Product], cloud: Cloud, strategy: str, name: str) -> None:
    kill_everywhere(products, cloud, name, 2, strategy)


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["blue-green", "pair", "in-place"])
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_killed_everywhere(products: Callable[[], Product], cloud: Cloud, name: str, strategy: str) -> None:
    if strategy == "in-place" and name.startswith("retire"):
        pytest.skip("there is nothing to retire in place")
    kill_everywhere(products, cloud, name, None, strategy)
