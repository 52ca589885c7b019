"""Where a run is among its steps, and about how long the rest takes, by what earlier releases' steps took. Pure."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from ebcd.release.execute.context import Status, StepResult
from ebcd.release.plan.steps import AwaitDrain, Bake, HoldHealth, Step
from ebcd.release.state.release import ReleaseRecord, StepTime

NEWEST = 5
"""Releases whose durations of a step count, the newest ones: what it takes changes with the application."""
LATE = 1.5
"""How many times its estimate a step may take before the estimate counts as wrong."""
GRACE = 1.0
"""Seconds that it may take besides: steps of a tenth of a second vary by more than their half."""
MINUTES = 100.0
"""Seconds from which on minutes are told."""


@dataclass(frozen=True, slots=True)
class Position:
    """A step's place among those of its run, with the seconds that it and the steps behind it are expected to take."""

    number: int
    total: int
    step: float = 0.0
    """Of the step itself, as far as something tells."""
    after: float = 0.0
    """Of the steps behind it, as far as something tells."""
    complete: bool = False
    """Whether something tells of each of them; else it is the least that they take."""

    def text(self, elapsed: float) -> str:
        """`4 of 9 · about 12 s left`; elapsed: seconds since the step began.

        The time never grows while a step is at work, nor from one step to the next. Behind a step that takes longer
        than expected it is the least that is left.
        """
        place = f"{self.number} of {self.total}"
        left = self.after + max(self.step - elapsed, 0.0)
        late = self.complete and elapsed > LATE * self.step + GRACE
        if self.complete and not late:
            return f"{place} · about {_span(max(left, 1.0), math.ceil)} left"
        if left >= 1.0:
            return f"{place} · at least {_span(left, math.floor)} left"
        return f"{place} · longer than usual" if late else place


def positions(steps: Sequence[Step], releases: Iterable[ReleaseRecord]) -> list[Position]:
    """The position of each step. releases: the stage's earlier ones."""
    typical = typical_seconds(releases)
    found: list[Position] = []
    after, complete = 0.0, True
    for number in range(len(steps), 0, -1):
        seconds, known = _expected(steps[number - 1], typical)
        complete = complete and known
        found.append(Position(number, len(steps), seconds, after, complete))
        after += seconds
    return found[::-1]


def measured(results: Iterable[StepResult], before: tuple[StepTime, ...] = ()) -> tuple[StepTime, ...]:
    """What a record keeps of a run's steps: those that did something.

    before: what it has of them already. A run that takes a release up again finds most of a step's work done, and
    measures too little: so the first run that measured a kind of step counts.
    """
    known = {item.step for item in before}
    done = ((type(item.step).__name__, item.seconds) for item in results if item.status is Status.DONE)
    return before + tuple(StepTime(name, seconds) for name, seconds in done if name not in known)


def typical_seconds(releases: Iterable[ReleaseRecord]) -> Mapping[str, float]:
    """What each kind of step takes: the median of the newest releases that have it, so that one slow release of several
    does not count.
    """
    found: dict[str, list[float]] = {}
    for record in sorted(releases, key=lambda item: item.number, reverse=True):
        own: dict[str, list[float]] = {}
        for item in record.steps:
            own.setdefault(item.step, []).append(item.seconds)
        for name, seconds in own.items():
            found.setdefault(name, []).append(fmean(seconds))
    return {name: median(seconds[:NEWEST]) for name, seconds in found.items()}


def _expected(step: Step, typical: Mapping[str, float]) -> tuple[float, bool]:
    """The seconds that a step takes, and whether that is all of it: else it is the least."""
    if isinstance(step, Bake | AwaitDrain):
        return step.seconds, True
    seconds = typical.get(type(step).__name__)
    least = step.seconds if isinstance(step, HoldHealth) else 0.0
    return (least, False) if seconds is None else (max(least, seconds), True)


def _span(seconds: float, whole: Callable[[float], int]) -> str:
    """Seconds, or minutes; whole: makes a whole number of one."""
    return f"{whole(seconds)} s" if seconds < MINUTES else f"{whole(seconds / 60)} min"
