"""Many runs at once on one stage: one changes it at a time, and no number is given twice."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
from collections import Counter
from pathlib import Path
from typing import Any

import forked
import pytest
from products import Product
from users import Clients

MUTATIONS = frozenset({"CreateEnvironment", "UpdateEnvironment", "SwapEnvironmentCNAMEs", "TerminateEnvironment"})
WAIT = "150s"


def holders(calls: list[dict[str, Any]]) -> list[tuple[str, float, float]]:
    """For each run that changed something: from its first change to the end of its last one."""
    found: dict[str, tuple[float, float]] = {}
    for call in calls:
        run = re.search(r"run/(\w+)", call["agent"])
        if call["operation"] in MUTATIONS and run and not call["code"]:
            first, _ = found.get(run[1], (call["time"], 0.0))
            found[run[1]] = (first, call["time"] + call["seconds"])
    return [(run, *span) for run, span in sorted(found.items(), key=lambda item: item[1])]


def clone(product: Product, folder: Path, number: int) -> Path:
    """Another developer's clone, with a commit of their own."""
    shutil.copytree(product.folder, folder)
    (folder / "text").write_text(f"clone {number}")
    command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", "commit", "-qam", f"Change {number}"]
    subprocess.run(command, cwd=folder, check=True)
    return folder


def race(product: Product, tmp_path: Path, ships: int, rollbacks: int, strategy: str = "blue-green") -> None:
    product.choose(strategy)
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["exit_code"] == 0
    last = product.cloud.last_call()
    folders = [clone(product, tmp_path / f"clone-{number}", number) for number in range(ships)]
    commands = [(["ship", "--wait-lock", WAIT], folder) for folder in folders]
    commands += [(["swap", "--rollback", "--wait-lock", WAIT], tmp_path)] * rollbacks
    names = ["-a", product.name, "-s", "local", "--json"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with Clients(product, count=2) as clients:
        running = [
            forked.start("ebcd", *command, *names, cwd=folder, env=product.cloud.environ, **streams)
            for command, folder in commands
        ]
        told = [json.loads(process.communicate(timeout=280)[0]) for process in running]
    codes = Counter((item["command"], item["exit_code"], item.get("error", {}).get("code", "")) for item in told)
    # A rollback stops the ship that is under way, and takes its lock where it does not stop in time: it is noticed.
    # Who comes too late finds nothing to do.
    stopped = {(0, ""), (130, "aborted"), (8, "lock-lost")}
    assert all((code, why) in stopped if command == "ship" else code in {0, 3, 9} for command, code, why in codes), [
        codes,
        *(item["error"] for item in told if item["exit_code"] == 8),
    ]
    assert clients.failures == []
    spans = holders(product.cloud.calls(last))
    for (earlier, _, end), (later, start, _) in itertools.pairwise(spans):
        assert end <= start, (earlier, later, "two runs changed the stage at one time")
    releases = product.json("releases")["releases"]
    numbers = [int(item["release"][1:]) for item in releases]
    assert numbers == list(range(numbers[0], numbers[0] - len(numbers), -1)), "no gap and no double"
    environments = {item["environment"] for item in releases}
    assert len(environments) == {"blue-green": len(releases), "pair": 2, "in-place": 1}[strategy]
    status = product.json("status")
    record = product.json("releases", status["live"]["release"])["record"]
    assert product.serving() == record["sha"]
    assert status["lock"] is None
    ran = f"{strategy}: {len(commands)} runs at once: {dict(codes)}"
    print(f"{ran}, {len(spans)} of them changed the stage, one at a time")


def test_a_few_ships_and_rollbacks_at_once(product: Product, tmp_path: Path) -> None:
    race(product, tmp_path, ships=3, rollbacks=2)


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["blue-green", "pair", "in-place"])
def test_twenty_ships_and_rollbacks_at_once(product: Product, tmp_path: Path, strategy: str) -> None:
    race(product, tmp_path, ships=14, rollbacks=6, strategy=strategy)
