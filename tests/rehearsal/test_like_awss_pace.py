"""Whole releases at AWS's pace, many times as fast: its durations, health samples, DNS memory, limits of calls.

Clients remember the live name's answer for sixty seconds of that clock, and none of them loses a request.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from engine import Engine, Wire
from products import Cloud, Product, make_product, running_cloud
from users import Clients

from ebcd.release.execute.context import Status
from ebcd.release.execute.estimate import Position

PATIENCE = 120.0
"""Seconds that anything may take: a termination takes nine."""
SHARE = 0.17
"""A scanner's requests for each of the users': about one in seven of all are answered 404."""


@pytest.fixture(scope="module")
def like_aws(request: pytest.FixtureRequest) -> Iterator[Cloud]:
    with running_cloud("--like-aws", "--speed", f"{request.param:g}") as found:
        yield found


@dataclass
class Scanner:
    """Somebody who looks for weak spots while a release bakes. It is the run's progress, and so knows when that is."""

    product: Product
    clients: Clients
    sent: int = 0
    _baking: threading.Event = field(default_factory=threading.Event)
    _stop: threading.Event = field(default_factory=threading.Event)

    def begin(self, text: str, position: Position | None = None) -> None:
        if text.startswith("bake"):
            self.sent = int(self.clients.requests * SHARE)
            self._baking.set()

    def note(self, text: str) -> None:
        return

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        if text.startswith("bake"):
            self._baking.clear()

    def transferred(self, done: int, size: int) -> None:
        return

    def __enter__(self) -> Scanner:
        self._thread = threading.Thread(target=self._scan)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(15)

    def _scan(self) -> None:
        while not self._stop.wait(0.005):
            if self._baking.is_set() and self.sent < self.clients.requests * SHARE:
                self.sent += 1
                self._ask()

    def _ask(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", int(self.product.cloud.live_port), timeout=10)
        try:
            connection.request("GET", "/wp-login.php", headers={"Host": f"nobody.{self.product.host}"})
            assert connection.getresponse().status == 404
        finally:
            connection.close()


def until(wanted: Callable[[], bool]) -> None:
    """Look until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not wanted():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def standing(product: Product) -> list[str]:
    return sorted(
        item["name"]
        for item in product.cloud.control("GET", "status")["environments"]
        if item["application"] == product.name and item["status"] != "Terminating"
    )


def ship(engine: Engine, text: str) -> str:
    sha = engine.product.commit(text)
    told = engine.json("ship")
    assert told["exit_code"] == 0, told["error"]
    return sha


def baked(engine: Engine, release: str) -> str:
    """What a release's bake told."""
    return str(
        next(entry["reason"] for entry in engine.releases(release)["entries"] if entry["entry"] == "Bake-result")
    )


@pytest.mark.parametrize(
    ("like_aws", "strategy", "bake", "releases"),
    [
        (90.0, "blue-green", 2.0, 2),
        pytest.param(30.0, "blue-green", 20.0, 4, marks=pytest.mark.long),
        pytest.param(30.0, "pair", 20.0, 4, marks=pytest.mark.long),
        pytest.param(30.0, "in-place", 20.0, 4, marks=pytest.mark.long),
    ],
    indirect=["like_aws"],
)
def test_no_request_is_lost_and_no_good_release_taken_back(
    like_aws: Cloud, tmp_path: Path, strategy: str, bake: float, releases: int
) -> None:
    product = make_product(like_aws, tmp_path)
    product.choose(strategy)
    minute = like_aws.told["dns_ttl"]
    clients = Clients(product, count=6, connected=1.0, apart=minute / 6, pause=0.02)
    changes = {"stable": minute, "bake": bake, "timeout": 60.0}
    with Wire(like_aws) as wire, Scanner(product, clients) as scanner:
        engine = Engine(product, wire, scanner, changes)
        shas = [ship(engine, "1")]
        with clients:
            until(lambda: all(clients.seen))
            for number in range(2, releases + 1):  # one right after the other: a pair deploys where clients were
                shas.append(ship(engine, str(number)))
                assert "of the samples were not counted as bad:" in baked(engine, f"r{number}")
            told = engine.json("swap", "--rollback")
            assert told["exit_code"] == 0, told["error"]
            until(lambda: all(seen[-1] == shas[-2] for seen in clients.seen))
            left = 1 if strategy != "pair" else 2
            until(lambda: engine.json("retire")["exit_code"] == 0 and len(standing(product)) == left)
            gone = clients.requests
            until(lambda: clients.requests > gone + 200)
        assert clients.failures == []
        assert scanner.sent > 0
        assert {sha for seen in clients.seen for sha in seen} <= set(shas)
    product.remove()
