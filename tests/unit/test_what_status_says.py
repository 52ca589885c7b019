"""What `status` says beside what is live: releases that came to nothing, the way back, the first step where none is."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console
from simulated import World
from stages import STAGE, environment, record, snapshot

from ebcd.model import Stage, Target
from ebcd.release.state.release import Outcome
from ebcd.release.state.snapshot import Snapshot
from ebcd.report import doctor, result, status, text

ONE = record(1, live_since=300, left=100)
TWO = record(2, live_since=100, from_=1)
FLAGS = "-a shop -s prod"
BARE = Stage("prod", "shop", "eu-central-1", "")


def told(seen: Snapshot) -> dict[str, Any]:
    return dict(result.status(seen, World(STAGE).services("any"), None, None))


def shown(found: Any) -> str:
    console = Console(width=200, record=True, force_terminal=False, file=io.StringIO())
    console.print(found)
    return console.export_text()


@pytest.mark.parametrize(
    ("outcome", "said"), [(Outcome.FAILED, "r9 failed"), (Outcome.SWAPPED_BACK, "r9 was swapped back")]
)
def test_a_release_that_came_to_nothing_since_is_one_line(outcome: Outcome, said: str) -> None:
    seen = snapshot(environment(1), environment(2, live=True), releases=(record(9, outcome, from_=2), TWO, ONE))
    found = told(seen)
    assert (found["failed"]["release"], found["live"]["release"]) == ("r9", "r2")
    assert f"failed    {said}   ebcd releases r9 {FLAGS}" in shown(status.text(found))


@pytest.mark.parametrize("outcome", [Outcome.WAITING, Outcome.LIVE, Outcome.ROLLED_BACK])
def test_a_failed_release_that_another_one_followed_is_not_mentioned(outcome: Outcome) -> None:
    releases = (record(10, outcome, from_=2), record(9, Outcome.FAILED), TWO, ONE)
    found = told(snapshot(environment(1), environment(2, live=True), releases=releases))
    assert found["failed"] is None


def test_a_first_release_that_failed_is_mentioned_where_nothing_is_live() -> None:
    lines = shown(status.text(told(snapshot(environment(1), releases=(record(1, Outcome.FAILED),))))).splitlines()
    assert [line.split() for line in lines[1:]] == [
        ["→", "ebcd", "ship", *FLAGS.split()],
        ["failed", "r1", "failed", "ebcd", "releases", "r1", *FLAGS.split()],
    ]


def test_a_way_back_whose_environment_is_gone_has_its_command() -> None:
    releases = (TWO, replace(ONE, ready_seconds=42.0))
    found = told(snapshot(environment(2, live=True), releases=releases))
    assert (found["rollback"]["ready"], found["rollback"]["redeploys"]) == (False, True)
    assert f"deploys v1 again, about 42 s   ebcd swap --rollback {FLAGS}" in shown(status.text(found))


def test_without_a_way_back_none_is_offered() -> None:
    found = told(snapshot(environment(2, live=True), releases=(replace(TWO, from_release="", from_environment=""),)))
    assert (found["rollback"]["ready"], found["rollback"]["redeploys"]) == (False, False)
    assert "--rollback" not in shown(status.text(found))


@pytest.mark.parametrize(
    ("stage", "command"),
    [
        (STAGE, f"ebcd ship {FLAGS}"),
        (replace(BARE, target=Target.LOCAL), "ebcd local status"),
        (BARE, "aws elasticbeanstalk describe-environments --region eu-central-1"),
    ],
)
def test_only_a_stage_that_can_be_shipped_is_told_to_be(stage: Stage, command: str) -> None:
    found = told(snapshot(stage=stage))
    assert found["next"].startswith(command)
    for lines in (status.text(found), text.releases(found | {"releases": []})):
        assert f"→ {command}" in shown(lines)


def test_doctor_counts_what_it_names() -> None:
    checks = [{"check": "identity", "outcome": "error", "what": "No credentials.", "why": "", "hint": ""}]
    names = ("roles", "roles", "lock", "hold")
    checks += [{"check": name, "outcome": "unknown", "what": "", "why": "See identity.", "hint": ""} for name in names]
    found = {"application": "shop", "stage": "prod", "ok": False, "checks": checks}
    lines = shown(doctor.text(found)).splitlines()
    assert lines[-2:] == ["? Without it nothing is known of: roles, lock, hold.", "1 error, 3 unknown"]
