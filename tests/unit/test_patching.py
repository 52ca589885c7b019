"""`patch`: when there is something to do, what forbids it, and what it releases."""

from __future__ import annotations

import io
import zipfile
from dataclasses import replace
from typing import Any

import pytest
from simulated import World
from stages import STAGE, environment, record, snapshot

from ebcd.errors import EbcdError, Refused
from ebcd.model import Environment, OptionSetting, Stage, Strategy
from ebcd.release.commands import patch
from ebcd.release.commands.bundled import stored_options
from ebcd.release.commands.patch import PatchOptions
from ebcd.release.commands.ship import ShipOptions
from ebcd.release.execute.context import Run
from ebcd.release.plan.promotion import Capacity, redeployment
from ebcd.release.plan.rollback import announcement, rollback_target
from ebcd.release.plan.steps import CreateEnvironment, Step, UpdateOptions, UpdateVersion
from ebcd.release.plan.strategies import plan_promote, plan_redeploy, plan_ship
from ebcd.release.state.release import Outcome, ReleaseRecord, is_patch

BRANCH = "Python 3.11 running on 64bit Amazon Linux 2023"
ARN = f"arn:aws:elasticbeanstalk:eu-central-1::platform/{BRANCH}"
OLD, NEW = f"{ARN}/4.9.0", f"{ARN}/4.10.0"
FOLLOWS = replace(STAGE, platform=BRANCH, bake=0.0)
"""A stage that follows its branch."""


def archive(**files: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        for name, text in files.items():
            opened.writestr(name, text)
    return buffer.getvalue()


class Patched(World):
    """A stage with a release on the old platform version."""

    def __init__(self, stage: Stage = FOLLOWS, bundle: bytes = archive(**{"a.py": ""})) -> None:
        super().__init__(stage=stage)
        self.beanstalk.branch, self.storage.bundle = OLD, bundle
        self.ship()

    def patch(self, *, act: Any = patch.patch, again: bool = False, **options: Any) -> Run:
        run = self.run = Run("patch", self.stage, 0.0)
        act(run, self.services("000000000001"), PatchOptions(ShipOptions(**options), again))
        return run


def steps(run: Run) -> list[str]:
    return [type(item.step).__name__ for item in run.results]


def refusal(act: Any) -> EbcdError:
    with pytest.raises(EbcdError) as error:
        act()
    return error.value


def test_with_nothing_newer_there_is_nothing_to_do() -> None:
    world = Patched()
    for branch, told in ((OLD, "4.9.0"), (f"{ARN}/4.8.0", "4.8.0")):
        world.beanstalk.branch = branch
        run = world.patch()
        assert (run.results, run.release_name) == ([], "r1")
        assert run.note == f"r1 runs platform version 4.9.0; the recommended one is {told}."


def test_a_stage_that_never_had_a_release_has_nothing_to_patch() -> None:
    world = World(stage=FOLLOWS)
    world.storage.bucket_exists = lambda: False  # type: ignore[method-assign]
    run = Run("patch", FOLLOWS, 0.0)
    error = refusal(lambda: patch.patch(run, world.services(""), PatchOptions(ShipOptions())))
    assert (error.code, error.hint) == ("no-live", "ebcd ship -a shop -s prod")


def test_the_version_that_is_live_is_released_again_without_a_new_bundle() -> None:
    world = Patched()
    world.beanstalk.branch = NEW
    planned = world.patch(act=patch.plan)
    assert [item.status for item in planned.results] == ["planned"] * len(planned.results)
    before = world.beanstalk.calls.copy()
    run = world.patch()
    assert steps(run) == steps(planned)
    assert steps(run)[:2] == ["CreateEnvironment", "AwaitEnvironment"]
    assert "SwapCnames" in steps(run)
    called = world.beanstalk.calls - before
    assert not {"CreateApplicationVersion", "CreateApplication"} & set(called)
    made = run.release
    assert made is not None
    assert (made.release, made.version_label, made.platform_arn) == ("r2", "000000000001", NEW)
    assert (made.message, made.from_release, made.outcome) == ("platform 4.9.0 → 4.10.0", "r1", Outcome.LIVE)
    assert made.image_ids == ("ami-1",)
    assert world.patch().results == [], "a second time there is nothing to do"


def test_a_ship_of_what_is_live_tells_of_the_newer_version_and_changes_nothing() -> None:
    world = Patched()
    world.beanstalk.branch = NEW
    world.ship(again=True)
    assert world.run.results == []
    assert world.run.note.endswith("already. Platform 4.9.0 → 4.10.0 is out: ebcd patch -a shop -s prod")
    assert (world.run.platform and world.run.platform.newest) == NEW
    shipped = world.ship()
    assert shipped.calls["CreateEnvironment"] == 1
    assert world.run.release is not None
    assert world.run.release.platform_arn == NEW, "a new commit takes the branch's version"


def test_a_ship_of_what_is_live_goes_well_where_nobody_can_tell_what_is_out() -> None:
    world = Patched()
    world.beanstalk.branch = ""
    world.ship(again=True)
    assert world.run.note == "r1 is live with this version and these settings already."


def test_what_the_bundle_sets_is_left_to_it() -> None:
    shown = ".ebextensions/a.config", "option_settings:\n  aws:elasticbeanstalk:environment:\n    ServiceRole: own\n"
    world = Patched(bundle=archive(**dict([shown])))
    world.beanstalk.branch = NEW
    (created,) = (item.step for item in world.patch().results if isinstance(item.step, CreateEnvironment))
    assert "ServiceRole" not in {item.name for item in created.options}, "the API's settings would win over it"


def test_only_the_control_files_of_a_bundle_are_read() -> None:
    world = Patched(
        bundle=archive(
            **{
                ".ebextensions/b.config": "option_settings: {aws:x: {A: 2}}",
                ".ebextensions/a.config": "option_settings: {aws:x: {A: 1, B: true}}",
                ".ebextensions/c.yml": "option_settings: {aws:x: {A: 3}}",
            }
        )
    )
    key = next(iter(world.storage.keys("ebcd/shop/bundles/")))
    assert stored_options(world.services(""), key) == (
        OptionSetting("aws:x", "A", "2"),
        OptionSetting("aws:x", "B", "true"),
    )


def test_a_version_or_a_bundle_that_is_gone_is_not_released_again() -> None:
    world = Patched()
    world.beanstalk.branch = NEW
    key = next(iter(world.storage.keys("ebcd/shop/bundles/")))
    del world.storage.objects[key]
    error = refusal(world.patch)
    assert (error.code, error.exit_code) == ("version-gone", 3)


def test_a_candidate_that_waits_is_not_overtaken() -> None:
    world = Patched()
    world.ship(swap=False)
    world.beanstalk.branch = NEW
    error = refusal(world.patch)
    assert (error.code, error.hint) == (
        "candidate-waits",
        "ebcd swap --to r2 -a shop -s prod, then patch if that is needed still.",
    )


def test_a_patch_that_waits_is_taken_up_by_the_next_one() -> None:
    world = Patched()
    world.beanstalk.branch = NEW
    assert world.patch(swap=False).results
    run = world.patch()
    assert (run.release_name, "CreateEnvironment" in steps(run), "SwapCnames" in steps(run)) == ("r2", False, True)


def live_on(arn: str, **changes: Any) -> Environment:
    return environment(1, live=True, platform_arn=arn, **changes)


def made_for(stage: Stage, number: int = 1, outcome: Outcome = Outcome.LIVE, **changes: Any) -> ReleaseRecord:
    return record(number, outcome, stage=stage, **{"platform_arn": OLD, **changes})


def test_other_settings_than_live_s_are_not_released_by_a_patch() -> None:
    more = replace(FOLLOWS, options=(*FOLLOWS.options, OptionSetting("aws:x", "A", "1")))
    error = refusal(lambda: patch.refuse_other_settings(more, made_for(FOLLOWS), OLD))
    assert error.code == "settings-changed"
    assert refusal(lambda: patch.refuse_other_settings(replace(FOLLOWS, platform=""), made_for(FOLLOWS), OLD)).code == (
        "undeclared-stage"
    )
    another = replace(FOLLOWS, platform=BRANCH.replace("3.11", "3.12"))
    assert refusal(lambda: patch.refuse_other_settings(another, made_for(FOLLOWS), OLD)).code == "settings-changed"
    for pinned in (replace(FOLLOWS, platform=NEW), replace(FOLLOWS, platform=OLD), FOLLOWS):
        patch.refuse_other_settings(pinned, made_for(FOLLOWS), OLD)
        patch.refuse_other_settings(pinned, made_for(replace(FOLLOWS, platform=OLD)), OLD)


def test_a_pin_is_followed_wherever_it_leads_and_a_branch_to_what_is_newer() -> None:
    assert patch.patchable(FOLLOWS, OLD, NEW)
    assert not patch.patchable(FOLLOWS, NEW, OLD)
    assert not patch.patchable(FOLLOWS, OLD, OLD)
    pinned = replace(FOLLOWS, platform=OLD)
    assert patch.patchable(pinned, NEW, OLD)
    assert not patch.patchable(pinned, OLD, OLD)


def test_a_pinned_stage_says_that_it_is_and_what_is_out() -> None:
    world = Patched(replace(FOLLOWS, platform=OLD))
    world.beanstalk.branch = NEW
    assert (
        world.patch().note
        == "ebcd.toml pins platform version 4.9.0. 4.10.0 is out. A patch follows stages.prod.platform."
    )
    world.stage = replace(FOLLOWS, platform=NEW)
    assert world.patch().release_name == "r2"


def test_nothing_is_patched_that_no_release_tells_of() -> None:
    assert refusal(lambda: patch.require_live(snapshot(stage=FOLLOWS))).code == "no-live"
    seen = snapshot(live_on(OLD, version_label="by-hand"), releases=(made_for(FOLLOWS),), stage=FOLLOWS)
    assert refusal(lambda: patch.require_live(seen)).code == "unrecorded-live"


@pytest.mark.parametrize("outcome", [Outcome.RUNNING, Outcome.INTERRUPTED, Outcome.FAILED])
def test_a_release_that_has_not_ended_well_is_not_patched(outcome: Outcome) -> None:
    one = made_for(FOLLOWS, outcome=outcome)
    error = refusal(lambda: patch.refuse_unended(snapshot(live_on(OLD), releases=(one,), stage=FOLLOWS), one))
    assert isinstance(error, Refused)
    assert error.code == "unended"


@pytest.mark.parametrize("outcome", [Outcome.ROLLED_BACK, Outcome.SWAPPED_BACK])
def test_what_was_taken_back_is_not_tried_again_by_itself(outcome: Outcome) -> None:
    one = made_for(FOLLOWS)
    bad = made_for(FOLLOWS, 2, outcome, version_label="v1", platform_arn=NEW, reason="p99 rose")
    seen = snapshot(live_on(OLD), releases=(bad, one), stage=FOLLOWS)
    error = refusal(lambda: patch.refuse_taken_back(seen, one, NEW))
    assert (error.code, error.why) == ("taken-back", "p99 rose")
    patch.refuse_taken_back(seen, one, f"{ARN}/4.11.0")
    failed = replace(bad, outcome=Outcome.FAILED)
    patch.refuse_taken_back(replace(seen, releases=(failed, one)), one, NEW)


NAME = "shop-prod"
IN_PLACE = replace(FOLLOWS, strategy=Strategy.IN_PLACE, bake=60.0)
ONE = made_for(IN_PLACE, environment=NAME, live_since=900.0, left=60.0)
TWO = made_for(
    IN_PLACE,
    2,
    environment=NAME,
    version_label="v1",
    platform_arn=NEW,
    live_since=60.0,
    from_=1,
    from_environment=NAME,
    from_version="v1",
)


def names(steps: tuple[Step, ...]) -> list[str]:
    return [type(step).__name__ for step in steps]


def test_in_place_the_platform_is_updated_measured_and_taken_back_with_the_version() -> None:
    one = replace(ONE, left_live=None)
    seen = snapshot(live_on(OLD, name=NAME), releases=(one,), stage=IN_PLACE)
    seen = replace(seen, settings={NAME: IN_PLACE.options})
    due = replace(TWO, live_since=None, outcome=Outcome.RUNNING)
    plan = plan_ship(seen, due, swap=True)
    assert names(plan.steps)[:4] == ["MeasureLive", "SaveConfiguration", "UpdateOptions", "UpdateVersion"]
    assert plan.steps[2] == UpdateOptions(NAME, (), platform_arn=NEW)
    assert plan.steps[3] == UpdateVersion(NAME, "v1", "r2", live=True, replaces="r1")
    back = UpdateOptions(NAME, (), platform_arn=OLD)
    assert plan.revert_steps[0] == UpdateVersion(NAME, "v1", "r1", live=True, replaces="r2", settings=back)


def test_in_place_a_rollback_of_a_patch_brings_the_platform_back_and_one_of_a_version_leaves_it() -> None:
    seen = snapshot(live_on(NEW, name=NAME), releases=(TWO, ONE), stage=IN_PLACE)
    found = rollback_target(seen)
    assert (found.target, found.gone) == (ONE, False)
    plan = plan_promote(seen, ONE, Capacity(1, 1), restoring=True, replaces=TWO)
    assert names(plan.steps)[:2] == ["UpdateOptions", "UpdateVersion"], "live is recorded once the platform is back"
    assert plan.steps[0] == UpdateOptions(NAME, (), platform_arn=OLD)
    assert "Both are the same version: the platform goes back from 4.10.0 to 4.9.0." in announcement(
        seen, found, Capacity(1, 1)
    )
    other = replace(TWO, version_label="v2")
    carries = snapshot(live_on(NEW, name=NAME, version_label="v2"), releases=(other, ONE), stage=IN_PLACE)
    assert names(plan_promote(carries, ONE, Capacity(1, 1), restoring=True, replaces=other).steps)[0] == "UpdateVersion"
    settings = replace(TWO, platform_arn=OLD, settings_digest="other")
    managed = snapshot(live_on(NEW, name=NAME), releases=(settings, ONE), stage=IN_PLACE)
    promoted = plan_promote(managed, ONE, Capacity(1, 1), restoring=True, replaces=settings)
    assert names(promoted.steps)[0] == "UpdateVersion", "a managed update is not undone by a rollback of settings"


def test_a_rollback_of_a_patch_whose_environment_is_gone_makes_one_on_the_earlier_platform() -> None:
    one = made_for(FOLLOWS, live_since=900.0, left=60.0, image_ids=("ami-1",), image_id="ami-1")
    two = made_for(FOLLOWS, 2, version_label="v1", platform_arn=NEW, live_since=60.0, from_=1)
    live = environment(2, live=True, version_label="v1", platform_arn=NEW)
    seen = snapshot(live, releases=(two, one), stage=FOLLOWS)
    made = redeployment(one, two, 3, "shop-prod-r3")
    assert (made.platform_arn, made.image_ids, made.image_id) == (OLD, (), "")
    plan = plan_redeploy(seen, made, Capacity(1, 0))
    assert names(plan.steps)[:3] == ["CreateEnvironment", "AwaitEnvironment", "UpdateOptions"]
    assert plan.steps[2] == UpdateOptions("shop-prod-r3", (), platform_arn=OLD, cname=live.cname)
    unknown = replace(one, platform_arn="")
    assert not is_patch(unknown, two), "a record that does not tell its platform version leaves live's as it is"
    of_v0 = redeployment(replace(one, version_label="v0"), two, 3, "shop-prod-r3")
    assert of_v0.platform_arn == NEW, "users wait for the version, and live's platform is known to be there"
    assert "UpdateOptions" not in names(plan_redeploy(seen, of_v0, Capacity(1, 0)).steps)
