"""Scheduled actions: when each is due, and which are refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ebcd_local import options
from ebcd_local.schedule import Action, refusal
from ebcd_local.setting_keys import key

MONDAY = datetime(2026, 11, 30, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-30T{text}Z")


def action(**settings: str) -> Action:
    return Action.of("one", {"MinSize": "1"} | settings)


def test_a_recurring_one_is_due_once_each_time() -> None:
    weekdays = action(Recurrence="30 6 * * Mon-Fri")
    assert weekdays.due(at("06:29:58"), at("06:30:01")) == at("06:30:00")
    assert weekdays.due(at("06:30:01"), at("06:30:04")) is None
    assert weekdays.due(at("06:29:58"), at("06:30:00")) == at("06:30:00"), "not before, and not only after"
    assert weekdays.due(MONDAY - timedelta(days=2), MONDAY) is None, "nothing on a weekend"


def test_of_several_times_that_were_missed_the_last_counts() -> None:
    assert action(Recurrence="*/10 * * * *").due(at("06:00:00"), at("06:45:00")) == at("06:40:00")


def test_one_without_recurrence_is_due_at_its_start_alone() -> None:
    once = action(StartTime="2026-11-30T06:30:00Z")
    assert once.due(at("06:29:59"), at("06:30:00")) == at("06:30:00")
    assert once.due(at("06:30:00"), at("23:00:00")) is None
    assert once.due(MONDAY - timedelta(days=9), at("06:29:59")) is None


def test_start_and_end_bound_a_recurrence() -> None:
    bounded = action(Recurrence="0 * * * *", StartTime="2026-11-30T06:30:00Z", EndTime="2026-11-30T08:30:00Z")
    hours = [bounded.due(at(f"{hour:02}:59:00") - timedelta(hours=1), at(f"{hour:02}:59:00")) for hour in range(4, 11)]
    assert hours == [None, None, at("06:30:00"), at("07:00:00"), at("08:00:00"), None, None]


def test_a_suspended_one_is_never_due() -> None:
    assert action(Recurrence="* * * * *", Suspend="true").due(MONDAY, at("12:00:00")) is None


def test_times_without_an_offset_are_utc_and_others_are_converted() -> None:
    assert action(StartTime="2026-11-30T06:30:00").start == at("06:30:00")
    assert action(StartTime="2026-11-30T07:30:00+01:00").start == at("06:30:00")


@given(st.datetimes(datetime(2026, 1, 1), datetime(2027, 1, 1)), st.integers(1, 90), st.integers(1, 200))
def test_looking_often_or_seldom_finds_the_same_last_time(start: datetime, step: int, steps: int) -> None:
    every, since = action(Recurrence="*/7 * * * *"), start.replace(tzinfo=UTC)
    moments = [since + timedelta(seconds=step * count) for count in range(steps + 1)]
    found = [every.due(one, other) for one, other in pairwise(moments)]
    assert max(filter(None, found), default=None) == every.due(moments[0], moments[-1])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"MinSize": "1"}, "needs a StartTime or a Recurrence"),
        ({"Recurrence": "* * * * *"}, "needs a MinSize"),
        ({"MinSize": "1", "Recurrence": "* * *"}, "no cron expression"),
        ({"MinSize": "1", "Recurrence": "61 * * * *"}, "no cron expression"),
        ({"MinSize": "1", "StartTime": "tomorrow"}, "tomorrow"),
        ({"MinSize": "3", "MaxSize": "2", "Recurrence": "* * * * *"}, "greater than its MaxSize"),
    ],
)
def test_what_cannot_be_scheduled_is_refused(settings: dict[str, str], why: str) -> None:
    assert why in refusal("one", settings)


def test_a_value_that_is_none_is_refused_at_once_and_half_an_action_only_with_the_other_half() -> None:
    def problems(**settings: str) -> list[str]:
        stored = {key("aws:autoscaling:scheduledaction", name, "one"): value for name, value in settings.items()}
        return [item.message for item in options.problems(stored)]

    assert "no cron expression" in problems(Recurrence="at six")[0]
    assert problems(Suspend="true") == [], ".ebextensions may have the rest"
