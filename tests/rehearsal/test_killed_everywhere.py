"""Killed just before or just after any call: live serves a whole release, the next run converges, nothing is left.

A call is held by a fault that cuts it: before it took effect, or after. The process is killed while the call is held.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pytest
from conftest import Clients, Cloud, Product

HELD = 30.0
"""Seconds that the call is held: the process is dead long before."""
KINDS = ("cut", "lost")


@dataclass
class Scenario:
    """One command, again and again on one stage."""

    product: Product
    command: list[str]
    prepare: Callable[[Product, int], str]
    """Brings the stage to where the command starts; the SHA that is to be live in the end."""
    survived: list[tuple[str, str]] = field(default_factory=list)

    def count(self) -> int:
        """The calls of a run that nothing disturbs."""
        sha = self.prepare(self.product, 0)
        last = last_call(self.product.cloud)
        assert self.product.json(*self.command)["exit_code"] == 0
        assert self.product.serving() == sha
        return len(self.product.cloud.calls(last))

    def survive(self, number: int, kind: str) -> None:
        """Kill a run at its number-th call, and see that nothing is lost."""
        product, cloud = self.product, self.product.cloud
        sha = self.prepare(product, number)
        before = product.json("releases")["releases"]
        with Clients(product, count=2) if before else Silence() as clients:
            held = self._kill(number, kind)
            told = product.json("status")
            if before:
                assert product.get("/version")[0] == 200
                served = product.serving()
                record = next(item for item in product.json("releases")["releases"]
                              if item["release"] == told["live"]["release"])  # fmt: skip
                mixed = told["live"]["status"] == "Updating" and "in-place" in product.configuration()
                assert mixed or record["sha"] == served, "status tells what is served"
            assert told["lock"] is None
            again = product.json(*self.command)
        where = f"{kind} {held}"
        assert again["exit_code"] == 0, (where, again["error"])
        assert clients.failures == [], where
        assert product.serving() == sha, where
        self._check_ledger(before, where)
        assert product.json("status")["lock"] is None, where
        assert cloud.control("GET", "faults")["faults"] == []
        self.survived.append((kind, held))

    def _kill(self, number: int, kind: str) -> str:
        """Run the command, and kill it while its number-th call is held; the call's name."""
        product, cloud = self.product, self.product.cloud
        last = last_call(cloud)
        cloud.control("POST", "faults", kind=kind, place="*", nth=number, seconds=HELD)
        process = subprocess.Popen([sys.executable, "-m", "ebcd", *self.command], cwd=product.folder,
                                   env=cloud.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
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

    def _check_ledger(self, before: list[dict[str, Any]], where: str) -> None:
        releases = self.product.json("releases")["releases"]
        names = [item["release"] for item in releases]
        newest = int(names[0][1:])
        assert names == [f"r{number}" for number in range(newest, newest - len(names), -1)], (where, names)
        assert newest - (int(before[0]["release"][1:]) if before else 0) <= 1, (where, "one record a release")
        live = [item for item in releases if item["outcome"] == "live"]
        assert len(live) == 1, (where, releases)
        standing = [item["name"] for item in self.product.cloud.control("GET", "status")["environments"]
                    if item["application"] == self.product.name and item["status"] != "Terminating"]  # fmt: skip
        recorded = {item["environment"] for item in releases}
        assert set(standing) <= recorded, (where, "no environment that no record names")
        assert len(standing) <= 3, (where, standing)


class Silence:
    """No client: there is nothing to ask yet."""

    failures: ClassVar[list[str]] = []

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        return


def last_call(cloud: Cloud) -> int:
    calls = cloud.calls()
    return int(calls[-1]["number"]) if calls else 0


def ships_next(product: Product, number: int) -> str:
    return product.commit(f"{number} {time.time()}")


def has_two(product: Product, number: int) -> str:
    """A stage whose rollback leads to the release before."""
    first = product.serving() if product.json("status")["live"] else ""
    if not first:
        first = product.commit("first")
        assert product.json("ship")["exit_code"] == 0
    product.commit(f"{number} {time.time()}")
    assert product.json("ship")["exit_code"] == 0
    return first


def has_drained(product: Product, number: int) -> str:
    """A stage with an environment that may go."""
    product.configure(keep="1h")
    has_two(product, number)
    product.configure(keep="0s")
    return product.serving()


SCENARIOS: dict[str, tuple[list[str], Callable[[Product, int], str]]] = {
    "ship": (["ship"], ships_next),
    "rollback": (["swap", "--rollback"], has_two),
    "retire": (["retire"], has_drained),
}


def points(total: int, stride: int) -> Iterator[tuple[int, str]]:
    """Kill points: every stride-th of all calls with both kinds, in turn."""
    everything = [(number, kind) for number in range(1, total + 1) for kind in KINDS]
    yield from everything[::stride]


def kill_everywhere(product: Product, name: str, stride: int, strategy: str = "blue-green") -> None:
    command, prepare = SCENARIOS[name]
    product.choose(strategy)
    product.configure(stable="0s", bake="0s", keep="0s")
    scenario = Scenario(product, command, prepare)
    if name == "ship":
        product.commit("the first release")
        assert product.json("ship")["exit_code"] == 0
    chosen = list(points(scenario.count(), stride))
    for number, kind in chosen:
        scenario.survive(number, kind)
    print(f"{strategy} {name}: {len(chosen)} kill points, {len(scenario.survived)} survived")
    assert len(scenario.survived) == len(chosen)


@pytest.mark.parametrize(("name", "stride"), [("ship", 67), ("rollback", 41), ("retire", 31)])
def test_killed_here_and_there(product: Product, name: str, stride: int) -> None:
    kill_everywhere(product, name, stride)


@pytest.mark.parametrize(("strategy", "name", "stride"), [
    ("pair", "ship", 83), ("pair", "rollback", 61), ("in-place", "ship", 61), ("in-place", "rollback", 47),
])  # fmt: skip
def test_a_standing_environment_s_run_killed_here_and_there(
    product: Product, strategy: str, name: str, stride: int
) -> None:
    kill_everywhere(product, name, stride, strategy)


@pytest.mark.long
@pytest.mark.parametrize("strategy", ["blue-green", "pair", "in-place"])
@pytest.mark.parametrize("name", list(SCENARIOS))
def test_killed_everywhere(product: Product, name: str, strategy: str) -> None:
    if (name, strategy) == ("retire", "in-place"):
        pytest.skip("there is nothing to retire in place")
    kill_everywhere(product, name, 1, strategy)


def first_release_survives(make: Callable[[], Product], stride: int) -> None:
    """The first release of a stage, each time of another application."""
    total = None
    survived = 0
    for number, kind in points(200, stride):
        if total is not None and number > total:
            break
        product = make()
        product.configure(stable="0s", bake="0s", keep="0s")
        scenario = Scenario(product, ["ship"], ships_next)
        if total is None:
            total = scenario.count()
            product = make()
            product.configure(stable="0s", bake="0s", keep="0s")
            scenario = Scenario(product, ["ship"], ships_next)
        scenario.survive(number, kind)
        survived += 1
        product.terminate_all()
    print(f"first release: {survived} kill points, {survived} survived")
    assert survived > 2


def test_a_first_release_killed_here_and_there(products: Callable[[], Product]) -> None:
    first_release_survives(products, stride=37)


@pytest.mark.long
def test_a_first_release_killed_everywhere(products: Callable[[], Product]) -> None:
    first_release_survives(products, stride=1)
