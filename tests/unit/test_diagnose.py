"""Why a candidate failed: what every instance has to say, whatever this machine's clock shows."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from memory import MemoryClock
from simulated import World
from stages import NOW, environment, record

from ebcd.errors import AwsRefused, NoAnswer
from ebcd.model import EnvironmentHealth, Event, InstanceHealth, LogTail, Metrics
from ebcd.release.execute.context import Services
from ebcd.release.execute.diagnosis import LOG_PATIENCE, diagnose, log_tail

LATER = timedelta(seconds=5)


class Instances:
    """An environment whose instances deliver their logs one after the other, by a clock that is behind ours."""

    def __init__(self, clock: MemoryClock, delays: dict[str, float], *, enhanced: bool = True) -> None:
        self.clock, self.delays, self.enhanced = clock, delays, enhanced
        self.asked: float | None = None
        self.unanswered = 0

    def instance_count(self, _: str) -> int:
        return len(self.delays)

    def settings(self, *_: str) -> tuple[Any, ...]:
        return ()

    def request_log_tail(self, _: str) -> None:
        self.asked = self.clock.seconds

    def log_tails(self, _: str) -> tuple[LogTail, ...]:
        if self.asked is not None and self.unanswered:
            self.unanswered -= 1
            raise NoAnswer("No answer came.")
        old = tuple(LogTail(name, NOW - timedelta(hours=1), f"old {name}") for name in self.delays)
        since = -1.0 if self.asked is None else self.clock.seconds - self.asked
        new = (LogTail(name, NOW - LATER, f"new {name}") for name, delay in self.delays.items() if delay <= since)
        return (*old, *new)

    def environment(self, *_: str) -> Any:
        return environment(2)

    def events(self, *_: object) -> tuple[Event, ...]:
        return (Event(NOW, "ERROR", "It broke."),)

    def instances(self, _: str) -> tuple[InstanceHealth, ...]:
        self._health_is_enhanced()
        return (InstanceHealth("i-1", "Severe", "Red", ("It is down.",), "v2", "Failed"),)

    def health(self, _: str) -> EnvironmentHealth:
        self._health_is_enhanced()
        return EnvironmentHealth("Red", "Severe", ("All are down.",), Metrics(0, 0, None))

    def _health_is_enhanced(self) -> None:
        if not self.enhanced:
            raise AwsRefused("AWS refused it.", code="InvalidRequestException")


def services(delays: dict[str, float], *, enhanced: bool = True) -> tuple[Services, Instances]:
    world = World()
    made = Instances(world.clock, delays, enhanced=enhanced)
    prober: Any = SimpleNamespace(download=lambda url: f"the first line\n{url}\n")
    return replace(world.services("v2"), beanstalk=cast(Any, made), prober=prober), made


def test_every_instance_is_waited_for_and_an_earlier_answer_is_none() -> None:
    given, _ = services({"i-1": 1.0, "i-2": 12.0, "i-3": 2.0})
    assert log_tail(given, "e", 1).splitlines() == ["── i-1", "new i-1", "── i-2", "new i-2", "── i-3", "new i-3"]


def test_one_that_is_silent_does_not_hide_the_others() -> None:
    given, made = services({"i-1": 1.0, "i-2": 1e9})
    assert log_tail(given, "e", 1) == "── i-1\nnew i-1"
    assert made.clock.seconds >= LOG_PATIENCE


def test_an_unanswered_look_is_not_the_end() -> None:
    given, made = services({"i-1": 1.0})
    made.unanswered = 2
    assert log_tail(given, "e", 2) == "── i-1\nthe first line\nnew i-1"


@pytest.mark.parametrize(("enhanced", "causes"), [(True, ("All are down.", "i-1: It is down.")), (False, ())])
def test_basic_health_has_no_causes_and_keeps_the_logs(enhanced: bool, causes: tuple[str, ...]) -> None:
    given, _ = services({"i-1": 1.0}, enhanced=enhanced)
    told = diagnose(given, record(2))
    assert (told.causes, [event.message for event in told.events]) == (causes, ["It broke."])
    assert "new i-1" in told.log_tail
