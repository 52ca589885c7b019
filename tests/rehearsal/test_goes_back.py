"""A release that turns bad while it bakes goes back by itself at the third fault in a row: no seconds are counted."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import pytest
from engine import Engine, Wire
from products import Cloud, Product

from ebcd.release.execute.context import Status
from ebcd.release.execute.estimate import Position

LIMITS = "[stages.local.bake_limits]\n"
TENANTS = """
[stages.local.tenants]
hosts = ["acme.{host}", "globex.{host}"]
path = "/healthz"
"""
FAULTS = {"probes": 3, "samples of its health": 3}
"""What is seen again and again → how often until it is a breach."""


@dataclass
class Notes:
    """A run's progress: what it noted, by step, and the steps in their order."""

    steps: list[tuple[str, list[str]]] = field(default_factory=list)

    def begin(self, text: str, position: Position | None = None) -> None:
        self.steps.append((text, []))

    def note(self, text: str) -> None:
        self.steps[-1][1].append(text)

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        return

    def transferred(self, done: int, size: int) -> None:
        return


@contextmanager
def users(product: Product, path: str) -> Iterator[None]:
    """Eight users: each asks for a path now and then, and for the front page in between."""
    stop = threading.Event()

    def ask(number: int) -> None:
        turn = 0
        while not stop.wait(0.05):
            turn += 1
            with suppress(OSError, http.client.HTTPException):  # an instance that dies answers nothing
                product.get(path if turn % 16 == number else "/")

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(15)


@pytest.mark.parametrize(
    ("mode", "more", "accept", "path", "said"),
    [
        ("tenant-turns-bad", TENANTS, "Green Yellow", "/", "globex."),
        ("slow", LIMITS + "p99_seconds = 0.2", "Green Yellow", "/version", "p99 is 0."),
        ("fails-some", LIMITS + "max_5xx = 0.05", "Green Yellow", "/some", "answered 5xx"),
        ("leaks", "", "Green", "/", ""),
    ],
    ids=["one tenant gets 5xx", "p99 is slow", "some get 5xx", "memory leaks"],
)
def test_a_release_that_turns_bad_goes_back(
    product: Product, cloud: Cloud, mode: str, more: str, accept: str, path: str, said: str
) -> None:
    with (product.folder / "ebcd.toml").open("a") as file:
        file.write(more.format(host=product.host))
    notes = Notes()
    with Wire(cloud) as wire:
        changes = {"stable": 0.0, "bake": 60.0, "accept": tuple(accept.split())}
        one = product.commit("one")
        assert Engine(product, wire, changes=changes).json("ship")["exit_code"] == 0
        product.commit("two", mode=mode)
        engine = Engine(product, wire, notes, changes)
        with users(product, path):
            failed = engine.json("ship")
        entries = [(entry["entry"], entry.get("reason", "")) for entry in engine.releases("r2")["entries"]]
    assert (failed["exit_code"], failed["live"]["release"]) == (7, "r1"), failed["error"]
    assert said in failed["error"]["why"]
    counted = re.search(r"\((\d) (probes|samples of its health) in a row\)", failed["error"]["why"])
    assert counted is not None
    assert int(counted[1]) == FAULTS[counted[2]]
    (bake, faults), (back, _) = notes.steps[-2:]
    assert bake.startswith("bake")
    assert back.startswith("swap the CNAMEs"), "the next thing that it does"
    assert said in faults[-1], "nothing was watched after the breach"
    assert len(faults) >= int(counted[1])
    baked = next(number for number, (name, _) in enumerate(entries) if name == "Bake-result")
    assert entries[baked][1] == failed["error"]["why"]
    assert entries[baked + 1][0] == "SwapCnames-intent"
    assert product.serving() == one
