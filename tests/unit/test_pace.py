"""The pace of a run's looks: slower while Beanstalk throttles, the usual one when it answers again."""

from __future__ import annotations

from itertools import islice

from memory import MemoryClock

from ebcd.clock import SLOWEST, AdaptiveInterval, polls


def test_it_slows_down_by_half_steps_and_comes_back() -> None:
    pace = AdaptiveInterval(5.0)
    seen = []
    for answered in (True, False, False, False, True, True, True, True):
        (pace.answered if answered else pace.refused)()
        seen.append(pace.seconds)
    assert seen == [5.0, 10.0, 20.0, 40.0, 20.0, 10.0, 5.0, 5.0]


def test_it_is_never_slower_than_the_slowest() -> None:
    pace = AdaptiveInterval(5.0)
    for _ in range(20):
        pace.refused()
    assert pace.seconds == SLOWEST


def test_a_wait_follows_it_with_jitter_and_keeps_its_deadline() -> None:
    clock, pace = MemoryClock(), AdaptiveInterval(4.0)
    for _ in islice(polls(clock, timeout=100.0, interval=pace), 4):
        pace.refused()
    assert all(0.8 <= pause / usual <= 1.2 for pause, usual in zip(clock.waits, (8, 16, 32), strict=True))
    list(polls(clock, timeout=10.0, interval=pace))
    assert clock.waits[-1] <= 10.0 + 1e-9


def test_a_wait_ends_whatever_the_clock_showed_when_it_began() -> None:
    for number in range(300):
        clock = MemoryClock()
        clock.seconds = number / 7
        assert len(list(islice(polls(clock, timeout=10.0, interval=4.0), 50))) < 10
