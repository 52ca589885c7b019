"""What a stage goes through again and again while calls are killed, fail or are interrupted."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from engine import Engine, Json

from ebcd.model import Strategy
from ebcd.release.store.observe import NEWEST

_commits = itertools.count(1)


@dataclass(frozen=True)
class Scenario:
    """One command, and where it starts."""

    command: tuple[str, ...]
    prepare: Callable[[Engine], str]
    """Brings the stage to where the command starts; the SHA that is to be live in the end."""
    swaps: int = 0
    """How often the command swaps."""
    fresh: bool = False
    """Each time on a stage of its own, which has no release yet."""


@dataclass
class Stages:
    """Gives a scenario its stage: the same one again, or a new one each time."""

    scenario: Scenario
    make: Callable[[], Engine]
    strategy: str = "blue-green"
    _last: Engine | None = None

    def next(self) -> Engine:
        if self._last is None or self.scenario.fresh:
            if self._last is not None:
                self._last.product.remove()
            self._last = self.make()
            self._last.product.choose(self.strategy)
        return self._last

    def calls(self, runner: Callable[[Engine], Callable[..., Json]] = lambda engine: engine.json) -> int:
        """The calls of a run that nothing disturbs. runner: what runs the command."""
        engine = self.next()
        sha = self.scenario.prepare(engine)
        last = engine.product.cloud.last_call()
        assert runner(engine)(*self.scenario.command)["exit_code"] == 0
        assert engine.product.serving() == sha
        return len(engine.product.cloud.calls(last))


def check_served(engine: Engine, status: Json) -> None:
    """What status says is live is what live answers with; in place, an update that is under way answers with both."""
    mixed = status["live"]["status"] == "Updating" and engine.stage().strategy is Strategy.IN_PLACE
    record = engine.releases(status["live"]["release"])["record"]
    assert mixed or record["sha"] == engine.product.serving(), "status tells what is served"


class Silence:
    """No client: there is nothing to ask yet."""

    failures: ClassVar[list[str]] = []

    def __enter__(self) -> Silence:
        return self

    def __exit__(self, *_: object) -> None:
        return


def points(total: int, kinds: tuple[str, ...], some: int | None) -> list[tuple[int, str]]:
    """Where harm is done: every kind at every call; or `some` points, spread over the calls, with the kinds in turn."""
    if some is None:
        return list(itertools.product(range(1, total + 1), kinds))
    return [(1 + (2 * number + 1) * total // (2 * some), kinds[number % len(kinds)]) for number in range(some)]


def ships_first(engine: Engine) -> str:
    return engine.product.commit(f"first {next(_commits)}")


def ships_next(engine: Engine) -> str:
    """A stage with a live release, and a commit to ship."""
    if engine.status()["live"] is None:
        ship(engine)
    return engine.product.commit(f"next {next(_commits)}")


def has_two(engine: Engine) -> str:
    """A stage whose rollback leads to the release before."""
    if engine.status()["live"] is None:
        ship(engine)
    before = engine.product.serving()
    ship(engine)
    return before


def has_drained(engine: Engine) -> str:
    """A stage with environments whose rollback window has passed, of which somebody may still be reached."""
    engine.product.configure(keep="1h")
    has_two(engine)
    engine.product.configure(keep="0s")
    return engine.product.serving()


def ship(engine: Engine) -> None:
    engine.product.commit(f"release {next(_commits)}")
    told = engine.json("ship")
    assert told["exit_code"] == 0, told["error"]


def check_ledger(engine: Engine, before: list[Json], where: str) -> None:
    """One record a release, one of them live, and no environment that no record names."""
    releases = engine.releases()["releases"]
    names = [item["release"] for item in releases]
    newest = int(names[0][1:])
    shown = names[:NEWEST]  # behind the newest are only those whose environments stand
    assert shown == [f"r{number}" for number in range(newest, newest - len(shown), -1)], (where, names)
    assert newest - (int(before[0]["release"][1:]) if before else 0) <= 1, (where, "one record a release")
    live = [item for item in releases if item["outcome"] == "live"]
    assert len(live) == 1, (where, releases)
    assert standing(engine) <= {item["environment"] for item in releases}, (where, "an orphan that no record names")
    assert engine.json("retire", "--force")["exit_code"] == 0, where
    stays = {live[0]["environment"]} if engine.stage().strategy is Strategy.BLUE_GREEN else standing(engine)
    assert standing(engine) == stays, (where, "nothing stays that retire does not find")


def standing(engine: Engine) -> set[str]:
    """The environments that are there to stay."""
    found = engine.product.cloud.control("GET", "status")["environments"]
    return {
        item["name"] for item in found if item["application"] == engine.product.name and item["status"] != "Terminating"
    }


SCENARIOS = {
    "first release": Scenario(("ship",), ships_first, fresh=True),
    "ship": Scenario(("ship",), ships_next, swaps=1),
    "rollback": Scenario(("swap", "--rollback"), has_two, swaps=1),
    "retire": Scenario(("retire",), has_drained),
    "retire --force": Scenario(("retire", "--force"), has_drained),
}
