"""Capacity never falls while users arrive, though the default trigger stands in ALARM all the time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from products import Cloud, Product, make_product, read_until, running_cloud, start_ship

ASG = "aws:autoscaling:asg"
QUIET = {"Namespace": "aws:autoscaling:trigger", "OptionName": "LowerThreshold", "Value": "0"}
"""Nothing is below it, so that an environment stays as large as it is."""


@pytest.fixture(scope="module")
def quick() -> Iterator[Cloud]:
    """A local Beanstalk whose trigger looks at three seconds, and rests for less than four."""
    with running_cloud("--speed", "100") as found:
        yield found


@pytest.fixture
def busy(quick: Cloud, tmp_path: Path) -> Iterator[Product]:
    """A stage whose live release runs at two instances, of which one is configured."""
    product = make_product(quick, tmp_path)
    product.configure(bake="4s", keep="1h")
    accepts = 'target = "local"\naccept = ["Green", "Yellow"]'  # at such a speed health checks alone use a processor
    (product.folder / "ebcd.toml").write_text(product.configuration().replace('target = "local"', accepts))
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    live = f"{product.name}-local-r1"
    product.set_option(live, QUIET)
    for minimum in ("2", "1"):
        product.set_option(live, {"Namespace": ASG, "OptionName": "MinSize", "Value": minimum})
    product.commit("two")
    yield product
    product.remove()


@dataclass
class Watch:
    """How many instances the live environment has, again and again."""

    product: Product
    seen: list[tuple[datetime, str, int]] = field(default_factory=list)
    """When, the environment's name, and how many."""

    def look(self) -> None:
        status = self.product.cloud.control("GET", "status")["environments"]
        live = [item for item in status if item["cname"] == self.product.host]
        self.seen += [(datetime.now(UTC), item["name"], item["instances"]) for item in live]

    def until_lowered(self) -> dict[str, int]:
        """The fewest instances of each environment while it was live, until r2 gives back what it was raised by."""
        entries = self.product.json("releases", "r2")["entries"]
        lowered = next(item["at"] for item in entries if item["entry"] == "SetMinimum-intent")
        fewest: dict[str, int] = {}
        for at, name, count in self.seen:
            if at < datetime.fromisoformat(lowered):
                fewest[name[-2:]] = min(count, fewest.get(name[-2:], count))
        return fewest

    @contextmanager
    def during(self) -> Iterator[None]:
        stop = threading.Event()

        def run() -> None:
            while not stop.wait(0.05):
                self.look()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(10)


def minimum(product: Product, number: int) -> str:
    with product.by_hand() as client:
        found = client.describe_configuration_settings(
            ApplicationName=product.name, EnvironmentName=f"{product.name}-local-r{number}"
        )["ConfigurationSettings"][0]["OptionSettings"]
    return next(item["Value"] for item in found if (item["Namespace"], item["OptionName"]) == (ASG, "MinSize"))


def comes_down(product: Product) -> None:
    """The live environment, which has no users, comes to its one instance by itself."""
    watch, deadline = Watch(product), time.monotonic() + 30
    while not watch.seen or watch.seen[-1][2] > 1:
        assert time.monotonic() < deadline, watch.seen[-1]
        time.sleep(0.1)
        watch.look()


def steps(told: dict[str, Any]) -> list[str]:
    return [step["step"] for step in told["steps"] if step["status"] == "done"]


def test_a_release_comes_down_from_live_s_capacity_after_its_bake_and_not_before(busy: Product) -> None:
    watch = Watch(busy)
    with watch.during():
        told = busy.json("ship")
    assert told["exit_code"] == 0, told["error"]
    assert steps(told)[-5:] == ["SwapCnames", "ProveLive", "MatchCapacity", "Bake", "SetMinimum"]
    assert watch.until_lowered() == {"r1": 2, "r2": 2}, "though the alarm has lasted all the time"
    assert (minimum(busy, 1), minimum(busy, 2)) == ("2", "1"), "the way back keeps what it has"
    comes_down(busy)
    back = busy.json("swap", "--rollback")
    assert (back["exit_code"], steps(back)[0]) == (0, "SmokeCandidate"), "it was held, so nothing is waited for"
    assert minimum(busy, 1) == "2", "users arrive"


@pytest.mark.long
@pytest.mark.parametrize("moment", ["done swap the CNAMEs", "bake for"])
def test_a_run_that_died_while_users_arrived_is_finished_at_full_capacity(busy: Product, moment: str) -> None:
    watch = Watch(busy)
    with watch.during():
        process = start_ship(busy)
        read_until(process, moment)
        process.kill()
        process.communicate(timeout=10)
        time.sleep(5)  # the alarm's three seconds, and the time until it acts
        told = busy.json("ship")
    assert (told["exit_code"], told["release"]) == (0, "r2"), told["error"]
    assert watch.until_lowered() == {"r1": 2, "r2": 2}
    assert (minimum(busy, 1), minimum(busy, 2)) == ("2", "1")
    comes_down(busy)
