"""SIGINT or SIGTERM at any call: the run begins nothing more, gives its lock back and says how far it came.

The call is held while the signal comes, so the process is in the middle of it. A second signal ends the process at
once, and still nothing is lost.
"""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable

import forked
import pytest
from engine import READS, Engine, Json, Wire
from products import Cloud, Product
from scenarios import SCENARIOS, Scenario, Silence, Stages, check_ledger, check_served, points
from users import Clients

HELD = 0.4
"""Seconds that the call is held."""
SIGNALS = {"SIGINT": 130, "SIGTERM": 143, "twice": 130}
"""What is sent → what the process exits with, unless it had done its work."""


def survive(engine: Engine, scenario: Scenario, number: int, name: str) -> int:
    """Signal a run at its number-th call, and see that nothing is lost; its exit code."""
    product, where = engine.product, f"{name} at call {number}"
    sha = scenario.prepare(engine)
    before = engine.releases()["releases"]
    with Clients(product, count=2) if before else Silence() as clients:
        code, said, begun = _interrupt(product, scenario.command, number, name)
        print(where, code, flush=True)
        status = engine.status()
        assert code in {0, SIGNALS[name]}, (where, code, said)
        assert status["lock"] is None, where
        if name != "twice":
            told = json.loads(said)
            assert told["exit_code"] == code, where
            assert begun == [], (where, "it began something after the signal")
            _check_report(engine, told, status, sha, where)
        if before:
            check_served(engine, status)
        again = engine.json(*scenario.command)
    assert again["exit_code"] == 0, (where, again["error"])
    assert clients.failures == [], where
    assert product.serving() == sha, where
    check_ledger(engine, before, where)
    return code


def _check_report(engine: Engine, told: Json, status: Json, sha: str, where: str) -> None:
    if told["ok"]:
        assert engine.product.serving() == sha, (where, "it said that it succeeded")
        return
    assert told["error"]["code"] == "interrupted", (where, told["error"])
    if told.get("live"):
        assert told["live"]["release"] == status["live"]["release"], (where, "the report tells what is live")
    under_way = [item["release"] for item in engine.releases()["releases"] if item["outcome"] == "running"]
    assert under_way == [], (where, "no release is left as running")


def _interrupt(product: Product, command: tuple[str, ...], number: int, name: str) -> tuple[int, str, list[str]]:
    """Run the command, and signal it while its number-th call is held.

    Its exit code, what it printed, and the changes that it began after the signal.
    """
    cloud, last = product.cloud, product.cloud.last_call()
    cloud.control("POST", "faults", kind="delay", place="*", nth=number, seconds=HELD)
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    process = forked.start("ebcd", *command, "--json", cwd=product.folder, env=cloud.environ, **streams)
    while process.poll() is None and cloud.control("GET", "faults")["faults"][0]["passed"] < number:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM if name == "SIGTERM" else signal.SIGINT)
    seen = len(cloud.calls(last))  # the held call may be the lease's, and the run go on until the signal is there
    if name == "twice":
        time.sleep(0.1)
        process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=60)
    cloud.control("DELETE", "faults")
    behind = cloud.calls(last)[seen:]
    begun = [
        call["operation"]
        for call in behind
        if call["service"] == "elasticbeanstalk" and not call["operation"].startswith(READS)
    ]
    return process.returncode, said, begun


def signal_everywhere(make: Callable[[], Product], cloud: Cloud, name: str, some: int | None) -> None:
    scenario = SCENARIOS[name]
    codes: Counter[int] = Counter()
    with Wire(cloud) as wire:
        stages = Stages(scenario, lambda: Engine(make(), wire))
        chosen = points(stages.calls(lambda engine: engine.product.json), tuple(SIGNALS), some)
        for number, sent in chosen:
            codes[survive(stages.next(), scenario, number, sent)] += 1
    print(f"{name}: {len(chosen)} signals, {codes.total()} survived; exit codes {dict(codes)}")
    assert codes.total() == len(chosen) > 1


def test_signals_here_and_there(products: Callable[[], Product], cloud: Cloud) -> None:
    signal_everywhere(products, cloud, "ship", 2)


@pytest.mark.long
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_signals_everywhere(products: Callable[[], Product], cloud: Cloud, name: str) -> None:
    signal_everywhere(products, cloud, name, None)
