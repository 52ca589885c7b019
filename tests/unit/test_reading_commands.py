"""What the commands that read understand and show: --env, one release step by step, the paths of a bundle."""

from __future__ import annotations

from typing import Any

import pytest
from rich.console import Console
from stages import NOW, environment, record, snapshot

from ebcd.cli.choose import choose, meant
from ebcd.errors import UsageError
from ebcd.release.plan.rollback import taken_back
from ebcd.release.state.release import Outcome
from ebcd.report import record as whole
from ebcd.report import text

ONE = record(1, live_since=300, left=100)
TWO = record(2, live_since=100, from_=1)
BACK = (record(2, Outcome.ROLLED_BACK, live_since=100, left=10, from_=1), record(1, live_since=300, restored=NOW))


def shown(found: Any) -> str:
    console = Console(width=200, no_color=True)
    with console.capture() as capture:
        console.print(found, soft_wrap=True)
    return capture.get()


def test_env_names_roles_releases_and_environments() -> None:
    three = record(3, Outcome.WAITING, from_=2)
    seen = snapshot(environment(1), environment(2, live=True), environment(3), releases=(three, TWO, ONE))
    named = {word: choose(seen, word).name for word in ("live", "previous", "candidate", "r1", "r3", "shop-prod-r2")}
    assert named == {
        "live": "shop-prod-r2",
        "previous": "shop-prod-r1",
        "candidate": "shop-prod-r3",
        "r1": "shop-prod-r1",
        "r3": "shop-prod-r3",
        "shop-prod-r2": "shop-prod-r2",
    }


@pytest.mark.parametrize(
    ("env", "what", "why"),
    [
        (
            "previous",
            "No environment has the release r1, which is previous.",
            "shop-prod-r1, which had it, is terminated.",
        ),
        ("r1", "No environment has the release r1.", "shop-prod-r1, which had it, is terminated."),
        ("r9", "There is no environment 'r9'.", "shop has: shop-prod-r2."),
        ("candidate", "The stage prod has no candidate.", "No release waits for its swap, or is under way."),
    ],
)
def test_what_is_gone_is_told_apart_from_what_never_was(env: str, what: str, why: str) -> None:
    with pytest.raises(UsageError) as refusal:
        choose(snapshot(environment(2, live=True), releases=(TWO, ONE)), env)
    assert (refusal.value.what, refusal.value.why) == (what, why)


@pytest.mark.parametrize(
    ("env", "name"),
    [
        ("r1", "shop-prod-r1"),
        ("previous", "shop-prod-r1"),
        ("shop-prod-r0", "shop-prod-r0"),
        ("r99", ""),
        ("candidate", ""),
    ],
)
def test_what_is_gone_is_asked_for_by_the_name_of_its_environment(env: str, name: str) -> None:
    assert meant(snapshot(environment(2, live=True), releases=(TWO, ONE)), env) == name


def test_after_a_rollback_previous_is_explained_and_the_release_that_was_left_is_found() -> None:
    seen = snapshot(environment(1, live=True), environment(2), releases=BACK)
    with pytest.raises(UsageError) as refusal:
        choose(seen, "previous")
    assert refusal.value.why == "r2 was rolled back, and nothing was live before what is live again."
    assert "--env r2 " in refusal.value.hint
    assert choose(seen, "r2").name == "shop-prod-r2"


def test_a_rollback_has_left_a_release_and_nothing_else_has() -> None:
    left = taken_back(snapshot(environment(1, live=True), environment(2), releases=BACK))
    assert left is not None
    assert left.release == "r2"
    assert taken_back(snapshot(environment(1), environment(2, live=True), releases=(TWO, ONE))) is None
    assert taken_back(snapshot(environment(1, live=True), releases=(record(1, live_since=9),))) is None


def entry(name: str, second: int, **more: Any) -> dict[str, Any]:
    return {"schema": 1, "release": "r2", "entry": name, "at": f"2026-01-01T00:00:{second:02}+00:00", **more}


def test_a_release_shows_its_steps_in_words_and_each_once() -> None:
    told = {
        "application": "shop",
        "stage": "prod",
        "release": "r2",
        "record": {"version_label": "v2", "image_ids": ["ami-1"]},
        "entries": [
            entry("CreateEnvironment-intent", 1, text="create shop-prod-r2"),
            entry("CreateEnvironment-result", 9, text="create shop-prod-r2", status="done", seconds=8.2, reason=""),
            entry("SwapCnames-intent", 10, text="swap [CNAMEs]"),
            entry("record", 11),
        ],
    }
    lines = [line.strip() for line in shown(whole.text(told)).splitlines()]
    assert lines[-3:] == [
        "00:00:09 ✔ create shop-prod-r2  8.2 s",
        "00:00:10 ○ swap [CNAMEs]  began, and has no result",
        "00:00:11   record",
    ]


def test_the_paths_of_a_bundle_stand_in_columns_with_their_sizes() -> None:
    paths = [
        {"path": "application.py", "size": 1200, "included": True, "reason": "committed"},
        {"path": "docs/a.png", "size": 3_400_000, "included": False, "reason": ".ebignore:1"},
        {"path": "x" * 80, "size": 10, "included": True, "reason": "committed"},
    ]
    lines = shown(text.listed({"paths": paths, "version_label": "v1"})).splitlines()
    assert lines[0] == f"+ {'application.py':<60}  1.2 kB  committed"
    assert lines[1] == f"- {'docs/a.png':<60}  3.4 MB  .ebignore:1"
    assert lines[2] == f"+ {'x' * 80}    10 B  committed"
    assert lines[3] == "2 of 3 paths, 1.2 kB before they are packed, go into the bundle of v1."
    assert not any(line != line.rstrip() for line in lines)
