"""Events: their order, their pages, their filters."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from ground import SOON, Environments


def events(environments: Environments, **filters: Any) -> list[dict[str, Any]]:
    """One page of the first environment's events."""
    found = environments.ground.eb.describe_events(EnvironmentName=environments.enhanced, **filters)["Events"]
    return list(found)


@pytest.mark.row("events-newest-first")
def test_events_come_newest_first_and_are_dated_in_milliseconds(environments: Environments) -> None:
    times = [item["EventDate"] for item in events(environments)]
    assert len(times) > 2
    assert times == sorted(times, reverse=True)
    assert all(time.microsecond % 1000 == 0 for time in times), "eb asks for what is a millisecond later"


@pytest.mark.row("events-since")
def test_events_since_a_time_include_those_of_that_time_and_the_end_does_not(environments: Environments) -> None:
    everything = events(environments)
    middle = everything[len(everything) // 2]["EventDate"]
    known = [item for item in everything if item["EventDate"] >= middle]
    assert [item for item in events(environments, StartTime=middle) if item in everything] == known
    later = events(environments, StartTime=middle + timedelta(milliseconds=1))
    assert middle not in {item["EventDate"] for item in later}
    before = events(environments, EndTime=middle)
    assert before == [item for item in everything if item["EventDate"] < middle]


@pytest.mark.row("events-in-pages")
def test_events_come_in_pages(environments: Environments) -> None:
    ground = environments.ground
    whole = events(environments)
    found: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = ground.eb.describe_events(EnvironmentName=environments.enhanced, MaxRecords=2, **token)
        assert len(page["Events"]) <= 2
        found += page["Events"]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert found[-len(whole) :] == whole


@pytest.mark.row("events-of-a-request")
def test_events_tell_the_request_that_they_are_of(environments: Environments) -> None:
    ground = environments.ground
    arn = ground.described(environments.basic)["EnvironmentArn"]
    ground.ready(environments.basic)
    tags = [{"Key": "events", "Value": "asked"}]
    answer = ground.eb.update_tags_for_resource(ResourceArn=arn, TagsToAdd=tags)
    ground.ready(environments.basic)
    asked = answer["ResponseMetadata"]["RequestId"]
    told = ground.until(lambda: ground.eb.describe_events(RequestId=asked)["Events"], bool, SOON)
    assert {(item["RequestId"], item["EnvironmentName"]) for item in told} == {(asked, environments.basic)}
    assert events(environments, RequestId="00000000-0000-0000-0000-000000000000") == []


@pytest.mark.row("events-severity")
def test_a_severity_finds_it_and_worse(environments: Environments) -> None:
    everything = events(environments)
    assert events(environments, Severity="TRACE")[-1] == everything[-1]
    assert {item["Severity"] for item in events(environments, Severity="WARN")} <= {"WARN", "ERROR", "FATAL"}
    assert {item["Severity"] for item in everything} <= {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"}
