"""Worker tiers: what ebcd.toml may say of one, and what its plans leave out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from stages import STAGE, environment, record, snapshot

from ebcd import config
from ebcd.errors import Refused, UsageError
from ebcd.model import Configuration, Strategy, Tier
from ebcd.release.plan.steps import Bake, CreateEnvironment
from ebcd.release.plan.strategies import environment_of, plan_ship
from ebcd.release.state.release import Outcome, verification
from ebcd.release.state.snapshot import default_cname, find_live

NAME = "shop-prod"
WORKER = replace(STAGE, cname="", proof=None, tier=Tier.WORKER, strategy=Strategy.IN_PLACE)

TOML = """
application = "shop"
region = "eu-central-1"
[stages.prod]
platform = "Python 3.11 running on 64bit Amazon Linux 2023"
tier = "worker"
"""


def load(folder: Path, more: str) -> Configuration | None:
    (folder / "ebcd.toml").write_text(TOML + more)
    return config.load(folder, explicit=None, environ={})


def test_a_worker_needs_no_cname(tmp_path: Path) -> None:
    found = load(tmp_path, 'strategy = "in-place"\n')
    assert found is not None
    stage = found.stages["prod"]
    assert (stage.tier, stage.cname, stage.strategy) == (Tier.WORKER, "", Strategy.IN_PLACE)
    assert not stage.named_only


@pytest.mark.parametrize(
    ("more", "key"),
    [
        ("", "strategy"),
        ('strategy = "blue-green"\n', "strategy"),
        ('strategy = "in-place"\ncname = "shop"\n', "cname"),
        ('strategy = "in-place"\n[stages.prod.smoke]\npath = "/"\n', "smoke"),
        ('strategy = "in-place"\n[stages.prod.proof]\npath = "/"\n', "proof"),
        ('strategy = "in-place"\n[stages.prod.tenants]\nhosts = ["a.example.com"]\n', "tenants"),
    ],
)
def test_what_does_not_fit_a_worker_is_refused(tmp_path: Path, more: str, key: str) -> None:
    with pytest.raises(UsageError) as error:
        load(tmp_path, more)
    assert error.value.what.startswith(f"stages.prod.{key} = ")
    assert "CNAME" in error.value.why
    assert error.value.hint


def test_live_is_the_environment_of_the_fixed_name() -> None:
    standing = environment(1, name=NAME, cname="", tier="Worker")
    assert find_live(WORKER, [environment(2), standing]) == standing
    assert find_live(WORKER, [replace(standing, status="Terminating")]) is None
    assert default_cname(WORKER) == ""


def test_its_first_release_has_no_cname_and_asks_nothing_over_http() -> None:
    nothing = snapshot(stage=WORKER)
    release = replace(record(1, Outcome.RUNNING, stage=WORKER), environment=environment_of(nothing, 1))
    plan = plan_ship(nothing, release, swap=True)
    assert [type(step).__name__ for step in plan.steps] == ["CreateEnvironment", "AwaitEnvironment", "HoldHealth"]
    created = plan.steps[0]
    assert isinstance(created, CreateEnvironment)
    assert (created.environment, created.cname_prefix, created.worker) == (NAME, None, True)
    assert "LoadBalancerType" not in {item.name for item in created.options}


def test_a_later_one_watches_its_health_alone() -> None:
    one = replace(record(1, live_since=9, stage=WORKER), environment=NAME)
    seen = replace(
        snapshot(environment(1, name=NAME, cname="", tier="Worker"), releases=(one,), stage=WORKER),
        settings={NAME: WORKER.options},
    )
    plan = plan_ship(seen, replace(record(2, Outcome.RUNNING, stage=WORKER), environment=NAME), swap=True)
    assert [type(step).__name__ for step in plan.steps] == [
        "MeasureLive",
        "UpdateVersion",
        "AwaitEnvironment",
        "HoldHealth",
        "Bake",
    ]
    assert plan.steps[-1] == Bake(NAME, "", WORKER.bake)
    assert [type(step).__name__ for step in plan.revert_steps] == ["UpdateVersion", "AwaitEnvironment", "HoldHealth"]


def test_an_environment_of_that_name_that_is_no_worker_is_refused() -> None:
    seen = snapshot(environment(1, name=NAME, tier="WebServer"), stage=WORKER)
    with pytest.raises(Refused) as error:
        plan_ship(seen, replace(record(1, Outcome.RUNNING, stage=WORKER), environment=NAME), swap=True)
    assert error.value.code == "another-tier"


def test_a_record_tells_that_its_stage_is_a_worker() -> None:
    bare = replace(WORKER, tier=Tier.WEB, strategy=Strategy.BLUE_GREEN)
    assert bare.named_only
    told = record(1, stage=WORKER, cname="").completed(bare)
    assert (told.tier, told.strategy, told.cname) == (Tier.WORKER, Strategy.IN_PLACE, "")
    assert verification(told) == verification(WORKER)
