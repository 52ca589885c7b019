"""Where a run is among its steps, and about how long the rest takes: measured, known, or not told."""

from __future__ import annotations

import io
import re
from contextlib import suppress
from dataclasses import replace

import pytest
from rich.console import Console
from simulated import World
from stages import STAGE, record

from ebcd.cli.progress import PlainProgress, SilentProgress, progress
from ebcd.errors import ReleaseFailed
from ebcd.model import OnFailure
from ebcd.release.commands import swap as swapping
from ebcd.release.execute.context import Run, Status, StepResult
from ebcd.release.execute.estimate import NEWEST, Position, measured, positions, typical_seconds
from ebcd.release.plan.steps import (
    AwaitDrain,
    AwaitEnvironment,
    Bake,
    CreateApplication,
    HoldHealth,
    MeasureLive,
    SmokeCandidate,
    Step,
)
from ebcd.release.state.release import ReleaseRecord, StepTime

CREATED = CreateApplication("shop")
READY = AwaitEnvironment("shop-prod-r2", "v2")
SMOKE = SmokeCandidate("shop-prod-r2", "shop.example.com", "/", "v2", "")


def held(seconds: float) -> HoldHealth:
    return HoldHealth("shop-prod-r2", ("Green",), seconds, 900.0)


def took(number: int, *times: tuple[type[Step], float]) -> ReleaseRecord:
    return record(number, steps=tuple(StepTime(kind.__name__, seconds) for kind, seconds in times))


def texts(steps: list[Step], *releases: ReleaseRecord) -> list[str]:
    return [position.text(0.0) for position in positions(steps, releases)]


def test_where_nothing_is_known_only_the_place_is_told() -> None:
    assert texts([CREATED, READY, SMOKE]) == ["1 of 3", "2 of 3", "3 of 3"]
    assert texts([READY], record(1)) == ["1 of 1"], "a record of an earlier version has no durations"


def test_what_earlier_releases_took_is_what_is_left() -> None:
    before = took(1, (CreateApplication, 2.0), (AwaitEnvironment, 30.0), (SmokeCandidate, 0.4))
    assert texts([CREATED, READY, SMOKE], before) == [
        "1 of 3 · about 33 s left",
        "2 of 3 · about 31 s left",
        "3 of 3 · about 1 s left",
    ]


def test_where_some_steps_are_unknown_it_is_the_least_that_is_left() -> None:
    before = took(1, (AwaitEnvironment, 30.0))
    assert texts([CREATED, READY, SMOKE], before) == [
        "1 of 3 · at least 30 s left",
        "2 of 3 · at least 30 s left",
        "3 of 3",
    ]


def test_waits_that_are_configured_are_known_without_any_release() -> None:
    steps: list[Step] = [READY, held(60.0), Bake("shop-prod-r2", "shop.example.com", 600.0), AwaitDrain("x", 30.0)]
    assert texts(steps) == [
        "1 of 4 · at least 11 min left",
        "2 of 4 · at least 11 min left",
        "3 of 4 · about 11 min left",
        "4 of 4 · about 30 s left",
    ]
    health = positions(steps, ())[1]
    assert health.text(60.0) == health.text(90.0) == "2 of 4 · at least 10 min left"


def test_a_configured_wait_counts_and_not_what_an_earlier_one_took() -> None:
    before = took(1, (Bake, 600.0), (HoldHealth, 3.0))
    assert texts([Bake("x", "y", 20.0)], before) == ["1 of 1 · about 20 s left"]
    assert texts([held(60.0)], before) == ["1 of 1 · about 60 s left"]


def test_a_step_that_takes_longer_than_expected_tells_no_negative_time() -> None:
    late = Position(1, 2, step=10.0, after=5.0, complete=True)
    assert [late.text(elapsed) for elapsed in (0, 4, 10, 16)] == [
        "1 of 2 · about 15 s left",
        "1 of 2 · about 11 s left",
        "1 of 2 · about 5 s left",
        "1 of 2 · about 5 s left",
    ]
    assert late.text(17) == late.text(1e6) == "1 of 2 · at least 5 s left"
    assert Position(2, 2, step=10.0, complete=True).text(60) == "2 of 2 · longer than usual"


@pytest.mark.parametrize("speed", [0.1, 1.0, 1.4, 20.0])
def test_the_time_never_grows(speed: float) -> None:
    before = took(1, (CreateApplication, 2.0), (AwaitEnvironment, 30.0), (SmokeCandidate, 4.0))
    told = []
    for position in positions([CREATED, READY, held(10.0), SMOKE, Bake("x", "y", 60.0)], [before]):
        told += [position.text(position.step * speed * tenth / 10) for tenth in range(11)]
    left = [int(found[1]) for text in told if (found := re.search(r"(\d+) s left", text))]
    assert len(left) > 20
    assert left == sorted(left, reverse=True)
    assert left[-1] >= 1


def test_one_slow_release_of_several_does_not_count() -> None:
    releases = [took(number, (AwaitEnvironment, 30.0 + number)) for number in range(1, 5)]
    assert typical_seconds([*releases, took(5, (AwaitEnvironment, 7200.0))])["AwaitEnvironment"] == 33.0


def test_the_newest_releases_count() -> None:
    old = [took(number, (AwaitEnvironment, 300.0)) for number in range(1, 30)]
    new = [took(number, (AwaitEnvironment, 40.0)) for number in range(30, 30 + NEWEST)]
    assert typical_seconds([*old, *new]) == {"AwaitEnvironment": 40.0}


def test_steps_of_one_kind_take_what_they_took_on_the_average() -> None:
    before = took(1, (SmokeCandidate, 2.0), (SmokeCandidate, 4.0))
    assert texts([SMOKE, SMOKE], before) == ["1 of 2 · about 6 s left", "2 of 2 · about 3 s left"]


def test_only_what_was_done_is_measured() -> None:
    results = [
        StepResult(CREATED, Status.SKIPPED, 0.1),
        StepResult(READY, Status.DONE, 30.0),
        StepResult(SMOKE, Status.FAILED, 20.0),
    ]
    assert measured(results) == (StepTime("AwaitEnvironment", 30.0),)


def test_a_run_that_takes_a_release_up_again_measures_what_is_new() -> None:
    first = (StepTime("AwaitEnvironment", 30.0),)
    again = [StepResult(READY, Status.DONE, 0.1), StepResult(MeasureLive("x"), Status.DONE, 2.0)]
    assert measured(again, first) == (*first, StepTime("MeasureLive", 2.0))


POSITION = Position(4, 9, step=7.0, after=5.0, complete=True)


def test_a_log_says_where_the_run_is_when_a_step_begins() -> None:
    out = io.StringIO()
    plain = PlainProgress(Console(file=out, width=40))
    plain.begin("bundle HEAD")
    plain.begin("wait until shop-prod-r2 is Ready and every instance runs v2", POSITION)
    assert out.getvalue().splitlines() == [
        "… bundle HEAD",
        "… wait until shop-prod-r2 is Ready and every instance runs v2 [4 of 9 · about 12 s left]",
    ]


@pytest.mark.parametrize("width", [60, 80, 120])
def test_a_terminal_says_it_beside_the_step_or_below_it(width: int) -> None:
    out, time = io.StringIO(), [100.0]
    terminal = progress(
        Console(file=out, force_terminal=True, width=width), quiet=False, verbose=False, now=lambda: time[0]
    )
    terminal.begin("wait until shop-prod-r2 is Ready and every instance runs v2", POSITION)
    time[0] = 104.0
    terminal.end("wait", Status.DONE, 4.0, "")
    drawn = re.sub("\x1b.*?[A-Za-z]", "", out.getvalue())
    lines = [line.rstrip() for line in drawn.replace("\r", "\n").splitlines()]
    assert max(map(len, lines)) <= width
    assert any("4 of 9 · about 12 s left" in line for line in lines)
    assert any("4 of 9 · about 8 s left" in line for line in lines), "it counts down while the step is at work"
    assert not any("…" in line for line in lines)
    beside = any("runs v2  4 of 9" in line for line in lines)
    assert beside == (width == 120)


class Told(SilentProgress):
    """What each step that begins says of where the run is."""

    def __init__(self) -> None:
        super().__init__()
        self.places: list[Position | None] = []

    def begin(self, text: str, position: Position | None = None) -> None:
        self.places.append(position)

    def texts(self) -> list[str]:
        return [place.text(0.0) if place else "" for place in self.places]


def told(world: World) -> list[str]:
    world.progress = progress = Told()
    with suppress(ReleaseFailed):
        world.ship()
    return progress.texts()


def test_a_ship_counts_its_steps_and_is_estimated_by_the_ones_before() -> None:
    world = World()
    first, second, third = (told(world) for _ in range(3))
    assert [text.split(" · ")[0] for text in first] == [f"{n} of {len(first)}" for n in range(1, len(first) + 1)]
    assert not any("about" in text for text in first[:-1]), "nothing is known of a first release"
    assert "at least" in second[0], "it has steps that the first one had not"
    assert all(" · about " in text for text in third)


def test_a_release_that_fails_ends_the_count() -> None:
    world = World(replace(STAGE, bake=0.0, on_failure=OnFailure.TERMINATE))
    world.ship()
    world.statuses["shop-prod-r2.elb.example.com:80"] = 500
    texts = told(world)
    assert texts[-1] == "", "what clears up behind a failure is no step of the release"
    assert texts[0].startswith("1 of ")


def test_a_rollback_counts_its_own_steps_and_keeps_what_the_ship_measured() -> None:
    world = World()
    world.ship()
    world.ship()
    before = {name: record.steps for name, record in world.run.records.items()}
    world.progress = progress = Told()
    run = Run("swap", world.stage, 0.0)
    swapping.swap(run, world.services("000000000001"), swapping.SwapOptions(rollback=True))
    places = [place for place in progress.places if place]
    assert [place.number for place in places] == list(range(1, len(places) + 1))
    assert run.records["r1"].steps[: len(before["r1"])] == before["r1"]
