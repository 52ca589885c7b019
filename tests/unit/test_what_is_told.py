"""What commands say at their end: no way back that leads nowhere, no command that is refused, nothing twice."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from rich.console import Console, RenderableType
from simulated import World
from stages import NOW, STAGE, environment, record, snapshot

from ebcd import words
from ebcd.cli.choose import choose
from ebcd.cli.plain_console import PlainConsole
from ebcd.cli.progress import PlainProgress
from ebcd.errors import EbcdError, ReleaseFailed, UsageError
from ebcd.model.platforms import change_of
from ebcd.release.commands.retire import retire
from ebcd.release.commands.swap import SwapOptions, swap
from ebcd.release.execute.context import Run
from ebcd.release.plan.plan import Plan, platform_change
from ebcd.release.plan.retirement import kept
from ebcd.release.plan.steps import CreateEnvironment, UpdateOptions, UpdateVersion
from ebcd.release.state.release import Outcome
from ebcd.report import github, notice, result, status, text

FLAGS = "-a shop -s prod"
BRANCH = STAGE.platform.rpartition("/")[0]
NEWER = f"{BRANCH}/4.8.0"


@pytest.fixture
def world() -> World:
    """A stage whose second release is live, and the first its way back."""
    made = World(replace(STAGE, bake=0.0))
    made.ship()
    made.ship()
    return made


def swapped(world: World, number: int, options: SwapOptions) -> Run:
    run = Run("swap", world.stage, 0.0)
    swap(run, world.services(f"{number:012}"), options)
    return run


def told(run: Run, world: World, error: EbcdError | None = None) -> dict[str, Any]:
    return dict(result.of_run(run, world.services("any"), error, 1.0))


def shown(found: RenderableType, width: int = 200) -> str:
    console = Console(width=width, record=True, force_terminal=False, file=io.StringIO())
    console.print(found)
    return console.export_text()


def test_a_ship_of_what_is_live_offers_no_way_back_of_what_it_did_not_do(world: World) -> None:
    assert "undo" in shown(text.shipped(told(world.run, world)))
    swapped(world, 1, SwapOptions(rollback=True))
    world._number = 1
    world.ship(again=True)
    found = told(world.run, world)
    assert (found["steps"], found["live"]["release"]) == ([], "r1")
    for form in (shown(text.shipped(found)), github.summary(found), notice.notice(found, "ada", "")):
        assert "rollback" not in form
        assert "undo" not in form.lower()


def test_a_swap_forward_offers_no_hold_and_one_back_does(world: World) -> None:
    back = told(swapped(world, 1, SwapOptions(rollback=True)), world)
    assert "ebcd hold --reason 'r2 was taken back'" in shown(text.swapped(back))
    forward = shown(text.swapped(told(swapped(world, 2, SwapOptions(to="r2")), world)))
    assert "hold" not in forward
    assert "not undone" not in forward
    assert "undo      ebcd swap --to r1" in " ".join(forward.split()).replace("undo ", "undo      ")
    by_name = shown(text.swapped(told(swapped(world, 1, SwapOptions(to="r1")), world)))
    assert "ebcd hold" in by_name, "r1 is the earlier one"


def test_a_release_that_moves_the_platform_says_so_in_each_form() -> None:
    world = World(replace(STAGE, platform=STAGE.platform.split("/")[1], bake=0.0))
    world.ship()
    world.beanstalk.branch = NEWER
    world.ship()
    found = told(world.run, world)
    assert found["platform_change"]["text"] == "4.7.1 → 4.8.0"
    for form in (shown(text.shipped(found)), notice.notice(found, "ada", "")):
        assert "4.7.1 → 4.8.0" in form
    assert "| Platform | `4.7.1` | `4.8.0` |" in github.summary(found)
    back = swapped(world, 1, SwapOptions(rollback=True))
    assert back.told[-1] == "The platform changes with it: 4.8.0 → 4.7.1."
    assert "4.8.0 → 4.7.1" in shown(text.swapped(told(back, world)))


def test_a_release_that_keeps_the_platform_says_nothing_of_it(world: World) -> None:
    assert "platform_change" not in told(world.run, world)


LIVE = environment(1, live=True, platform_arn=STAGE.platform)
OLD_SIDE = environment(2, platform_arn=STAGE.platform)
DEPLOYED = UpdateVersion("shop-prod-r2", "v2", "r2", live=True)
CREATED = CreateEnvironment("shop-prod-r2", "v2", NEWER, None, ())


@pytest.mark.parametrize(
    ("steps", "changes"),
    [
        ((CREATED,), True),
        ((replace(CREATED, settings_of=LIVE.name),), False),
        ((UpdateOptions("shop-prod-r2", (), platform_arn=NEWER),), True),
        ((UpdateOptions("shop-prod-r2", ()),), False),
        ((DEPLOYED,), False),
        ((replace(DEPLOYED, settings=UpdateOptions("x", (), platform_arn=NEWER)),), True),
        ((), False),
    ],
)
def test_which_steps_change_the_platform(steps: tuple, changes: bool) -> None:
    seen = snapshot(LIVE, OLD_SIDE, releases=(record(2), record(1)))
    plan = Plan(seen, record(2), LIVE, steps)
    assert platform_change(plan) == ((STAGE.platform, NEWER) if changes else None)


def test_a_change_of_branches_names_them() -> None:
    assert change_of("arn:x::platform/A/1.0", "arn:x::platform/B/2.0") == "A 1.0 → B 2.0"
    assert change_of("arn:x::platform/A", "arn:x::platform/B") == "A → B"


def test_retire_says_what_it_keeps_and_until_when() -> None:
    world = World(replace(STAGE, bake=0.0, keep=7200.0))
    world.ship()
    world.ship()
    world.ship(swap=False)
    run = Run("retire", world.stage, 0.0)
    retire(run, world.services("any"), planned=False, force=False)
    found = told(run, world)
    assert [(item["environment"], item["why"]) for item in found["kept"]] == [
        ("shop-prod-r1", "a way back"),
        ("shop-prod-r3", "it waits for its swap"),
    ]
    form = shown(text.retired(found))
    assert "Nothing to retire." in form
    assert f"shop-prod-r1 (r1): a way back until {found['kept'][0]['until'][:16].replace('T', ' ')} UTC" in form


def test_what_goes_is_not_kept() -> None:
    one, two = record(1, live_since=900, left=600), record(2, live_since=600, from_=1)
    seen = snapshot(environment(1), environment(2, live=True), releases=(one, two))
    (stays,) = kept(seen, ())
    assert stays.until == NOW - timedelta(seconds=600) + timedelta(seconds=STAGE.keep)
    assert kept(seen, ["shop-prod-r1"]) == ()


def refused(found: Any, env: str) -> UsageError:
    with pytest.raises(UsageError) as error:
        choose(found, env)
    return error.value


ONE = record(1, live_since=900)


def test_a_role_that_nothing_has_is_said_so_with_the_next_command() -> None:
    found = snapshot(environment(1, live=True), releases=(ONE,))
    error = refused(found, "candidate")
    assert error.what == "The stage prod has no candidate."
    assert f"ebcd ship --no-swap {FLAGS}" in error.hint
    assert refused(found, "previous").hint == f"ebcd status {FLAGS}"
    assert refused(snapshot(), "live").hint == f"ebcd ship {FLAGS}"
    assert "shop-prod-r1" in refused(found, "else").why


def test_a_candidate_that_failed_is_named() -> None:
    found = snapshot(environment(1, live=True), environment(2), releases=(record(2, Outcome.FAILED, from_=1), ONE))
    error = refused(found, "candidate")
    assert "r2 failed" in error.why
    assert "--env shop-prod-r2" in error.hint
    assert choose(found, "shop-prod-r2").name == "shop-prod-r2"


def test_events_that_were_shown_as_they_came_are_not_shown_again() -> None:
    progress = PlainProgress(Console(file=io.StringIO()))
    progress.note("ERROR It failed.")
    found = {
        "events": [{"severity": "ERROR", "message": "It failed."}, {"severity": "WARN", "message": "Late."}],
        "causes": [],
        "log_tail": "",
    }
    assert "It failed." not in shown(text.diagnosis(found, progress.noted))
    assert "Late." in shown(text.diagnosis(found, progress.noted))
    assert "It failed." in shown(text.diagnosis(found))


def test_a_failed_release_says_what_to_do_by_what_it_was() -> None:
    world = World(replace(STAGE, bake=0.0))
    world.ship()
    world.statuses["shop-prod-r2.elb.example.com:80"] = 500
    with pytest.raises(ReleaseFailed) as failure:
        world.ship()
    assert failure.value.hint.endswith("correct the cause, commit and ship again.")


def test_status_fits_eighty_columns_and_crops_nothing(world: World) -> None:
    services = world.services("any")
    seen = snapshot(
        environment(1),
        environment(2, live=True, name="shop-prod-r2"),
        releases=(
            record(1, live_since=900, left=600, by="somebody-with-a-long-name"),
            record(2, live_since=600, from_=1, by="grace"),
        ),
    )
    found = dict(result.status(seen, services, None, None))
    lines = shown(status.text(found), width=80).splitlines()
    assert max(map(len, lines)) <= 80
    assert "grace (live), somebody-with-a-long-name (previous)" in "\n".join(lines)
    found["live"] = {**found["live"], "environment": "an-environment-with-quite-a-long-name-r123456"}
    console = PlainConsole(width=60, file=(out := io.StringIO()), soft_wrap=True, highlight=False)
    console.print(status.text(found))
    assert "an-environment-with-quite-a-long-name-r123456" in out.getvalue()
    assert "…" not in out.getvalue()


@pytest.mark.parametrize(("number", "said"), [(0, "0 hosts"), (1, "1 host"), (2, "2 hosts")])
def test_one_is_one(number: int, said: str) -> None:
    assert words.count(number, "host") == said
