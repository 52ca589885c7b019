"""Previews: what a branch's stage is called and made of, which one a command means, how long it lives, what goes."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some
from memory import MemoryClock, MemoryStorage
from repositories import Git
from stages import LIVE_CNAME, NOW, STAGE, environment, record, snapshot

from ebcd import config
from ebcd.bundle import Repository
from ebcd.bundle.branch import branch_of
from ebcd.clock import AdaptiveInterval
from ebcd.config.preview import preview_base, preview_of, preview_place, preview_slug, refuse_declared
from ebcd.config.read import NAME_LIMIT, parse
from ebcd.errors import OutcomeUnknown, Refused, UsageError
from ebcd.model import (
    CommandLine,
    Configuration,
    Environment,
    Notify,
    OptionSetting,
    Stage,
    Strategy,
    Target,
    Tenants,
    Tier,
)
from ebcd.release.commands.preview import PreviewRequest, refuse_another, refuse_holder, takedown
from ebcd.release.execute import environments, polling
from ebcd.release.execute.busy import BUSY_PATIENCE
from ebcd.release.plan.environment import environment_options
from ebcd.release.plan.steps import AwaitTermination, TerminateEnvironment
from ebcd.release.state.names import standing_name
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.previews import Preview, Previews

BRANCHES = some.text(min_size=1, max_size=60)
LOCAL = '[stages.local]\ntarget = "local"\n'
PROD = '[stages.prod]\ncname = "shop"\nplatform = "Python 3.11"\n'
OWN = '[stages.preview]\ncname = "shop-preview"\nplatform = "Python 3.11"\n'


def read(text: str, default: str = "") -> Configuration:
    head = 'application = "shop"\nregion = "eu-central-1"\n' + (f'default_stage = "{default}"\n' if default else "")
    return parse(tomllib.loads(head + text), Path("ebcd.toml"), {}, {})


def chosen(
    choose: Callable[..., Stage],
    configuration: Configuration | None,
    name: str | None = None,
    region: str | None = None,
) -> Stage:
    return choose(configuration, name=name, application=None if configuration else "shop", region=region, environ={})


@pytest.mark.parametrize("branch", ["fix", "fix-login", "7", "rc-1", "ab"])
def test_a_branch_that_can_be_a_name_is_one(branch: str) -> None:
    assert preview_slug("shop", branch) == branch


@pytest.mark.parametrize(
    ("branch", "begins"),
    [
        ("feature/Log-in", "feature-log-in-"),
        ("fix_login", "fix-login-"),
        ("fix--login", "fix-login-"),
        ("FIX", "fix-"),
        ("größe", "gr-e-"),
        ("日本", ""),
        ("-x", "x-"),
        ("a-branch-with-a-name-that-is-too-long", "a-branch-with-a-name-"),
        ("r5", "r5-"),  # the environments of a stage `preview` are so called
        ("fix-r12", "fix-r12-"),
        ("a", "a-"),
        ("fix-b", "fix-b-"),
        ("\udcff", ""),  # no text at all, but a name of git's
    ],
)
def test_any_other_one_is_told_by_a_digest(branch: str, begins: str) -> None:
    assert re.fullmatch(rf"{begins}[0-9a-f]{{6}}", preview_slug("shop", branch))


@given(BRANCHES, BRANCHES, some.integers(4, 25))
def test_no_two_branches_share_a_name_and_every_name_fits(one: str, two: str, length: int) -> None:
    base = replace(STAGE, application="s" * length, cname="c" * (length * 2))
    first, second = preview_of(base, one), preview_of(base, two)
    for made in (first, second):
        assert re.fullmatch(r"preview-[a-z0-9]+(-[a-z0-9]+)*", made.name)
        assert re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{2,61}[A-Za-z0-9])", made.cname)
        assert len(standing_name(made.application, made.name)) <= NAME_LIMIT
        assert not re.search(r"-(r\d+|a|b)$", made.name), "another stage's environment could be so called"
    assert (first.name == second.name) == (first.cname == second.cname) == (one == two)
    assert preview_of(base, one) == first


def test_an_application_that_leaves_no_room_is_refused() -> None:
    with pytest.raises(UsageError) as error:
        preview_slug("a" * 26, "fix/it")
    assert "40" in error.value.why


def test_a_preview_has_its_own_of_everything_that_users_of_the_base_have() -> None:
    base = replace(
        STAGE,
        url="https://shop.example.com",
        bake=600.0,
        tenants=Tenants(("acme.example.com",)),
        notify=Notify(("env:CHAT",)),
        target=Target.LOCAL,
        options=(
            OptionSetting("aws:autoscaling:asg", "MaxSize", "8"),
            OptionSetting("aws:autoscaling:trigger", "LowerThreshold", "1"),
            OptionSetting("aws:autoscaling:updatepolicy:rollingupdate", "RollingUpdateEnabled", "true"),
            OptionSetting("aws:ec2:vpc", "ELBSubnets", "subnet-1"),
            OptionSetting("aws:ec2:vpc", "Subnets", "subnet-2"),
            OptionSetting("aws:elasticbeanstalk:application:environment", "DATABASE_URL", "secret"),
            OptionSetting("aws:elasticbeanstalk:command", "DeploymentPolicy", "Rolling"),
            OptionSetting("aws:elasticbeanstalk:environment", "LoadBalancerType", "network"),
            OptionSetting("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath", "/"),
            OptionSetting("aws:elbv2:listener:443", "Protocol", "HTTPS"),
        ),
    )
    made = preview_of(base, "fix")
    assert (made.name, made.cname, made.url) == ("preview-fix", "shop-fix", "")
    assert (made.strategy, made.keep, made.bake, made.tenants) == (Strategy.IN_PLACE, 0.0, 0.0, None)
    assert (made.notify, made.target, made.smoke, made.proof) == (Notify(), Target.LOCAL, base.smoke, base.proof)
    assert [(item.name, item.value) for item in made.options] == [
        ("MaxSize", "1"),
        ("MinSize", "1"),
        ("Subnets", "subnet-2"),
        ("DATABASE_URL", "secret"),
        ("EnvironmentType", "SingleInstance"),
    ]
    assert "LoadBalancerType" not in {item.name for item in environment_options(made, (), None)}
    assert "LoadBalancerType" in {item.name for item in environment_options(STAGE, (), None)}


def test_nobody_can_look_at_a_worker() -> None:
    with pytest.raises(UsageError):
        preview_of(replace(STAGE, tier=Tier.WORKER, cname=""), "fix")


def test_a_preview_is_made_like_the_stage_that_is_named_else_preview_else_a_local_default() -> None:
    everything = read(LOCAL + PROD + OWN, "local")
    assert chosen(preview_base, everything, "prod").name == "prod"
    assert chosen(preview_base, everything).name == "preview"
    assert chosen(preview_base, read(LOCAL + PROD, "local")).name == "local"
    assert chosen(preview_base, read(LOCAL)).name == "local"


@pytest.mark.parametrize(
    ("configuration", "name", "code"),
    [
        (read(LOCAL + PROD, "prod"), None, "no-base"),
        (read(LOCAL + PROD), None, "no-stage"),
        (read(LOCAL + PROD), "prdo", "unknown-stage"),
        (read(LOCAL + PROD, "local"), "preview-fix", "no-base"),
        (None, "local", "no-base"),
    ],
)
def test_else_it_is_refused(configuration: Configuration | None, name: str | None, code: str) -> None:
    with pytest.raises(UsageError) as error:
        chosen(preview_base, configuration, name)
    assert error.value.code == code
    assert error.value.hint


def test_a_default_stage_on_aws_is_refused_because_of_its_database() -> None:
    with pytest.raises(UsageError) as error:
        chosen(preview_base, read(PROD))
    assert "database" in error.value.why
    assert "[stages.preview]" in error.value.hint
    assert "--stage prod" in error.value.hint


def test_a_preview_s_name_is_a_stage_that_its_records_tell_of() -> None:
    local = chosen(config.select_stage, read(LOCAL + PROD, "local"), "preview-fix")
    assert (local.named_only, local.target, local.region) == (True, Target.LOCAL, "eu-central-1")
    assert chosen(config.select_stage, read(LOCAL + PROD, "prod"), "preview-fix").target is Target.AWS
    assert chosen(config.select_stage, read(LOCAL + PROD + OWN, "local"), "preview-fix").target is Target.AWS
    assert chosen(config.select_stage, None, "preview-fix", "eu-west-1").region == "eu-west-1"
    longest = f"preview-{preview_slug('shop', 'x' * 60)}"
    assert chosen(config.select_stage, read(LOCAL), longest).name == longest


def test_a_declared_stage_of_that_name_comes_first_and_other_names_stay_unknown() -> None:
    declared = read(LOCAL + '[stages.preview-fix]\ncname = "shop-x"\nplatform = "Python 3.11"\n', "local")
    assert chosen(config.select_stage, declared, "preview-fix").cname == "shop-x"
    with pytest.raises(UsageError) as error:
        chosen(config.select_stage, declared, "previews")
    assert error.value.code == "unknown-stage"
    base = replace(STAGE, cname="shop")
    for branch in ("fix", "x"):  # its name, its CNAME
        with pytest.raises(UsageError) as error:
            refuse_declared(declared, preview_of(base, branch))
        assert error.value.code == "declared-stage"
    refuse_declared(declared, preview_of(base, "y"))
    refuse_declared(None, preview_of(base, "fix"))


def test_previews_are_looked_for_where_they_would_be_made() -> None:
    everything = read(LOCAL + PROD + OWN, "local")
    assert chosen(preview_place, everything).target is Target.AWS
    assert chosen(preview_place, everything, "local").target is Target.LOCAL
    assert chosen(preview_place, read(PROD)).target is Target.AWS, "a look uses no environment property"
    assert chosen(preview_place, None, "local").target is Target.LOCAL
    assert chosen(preview_place, None, None, "eu-west-1").region == "eu-west-1"


def test_the_branch_is_the_one_that_a_revision_names_else_the_one_that_is_checked_out(git: Git) -> None:
    sha = git.commit(a="1")
    git("branch", "fix/login")
    git("update-ref", "refs/remotes/origin/far/away", sha)
    git("tag", "v1")
    repository = Repository(git.folder)
    asked = ("HEAD", "fix/login", "origin/far/away", "v1", sha, "nothing")
    assert [branch_of(repository, item) for item in asked] == [
        "main",
        "fix/login",
        "far/away",
        "main",
        "main",
        "main",
    ]
    git("checkout", "-q", "--detach")
    assert [branch_of(repository, item) for item in asked[:2]] == ["", "fix/login"]


PREVIEW = Preview(
    "preview-fix",
    "fix",
    "prod",
    "shop-preview-fix",
    "shop-fix",
    "r1",
    "v1",
    "0" * 40,
    "ada",
    NOW,
    NOW,
    3600.0,
    left=9.0,
)


def test_its_time_is_told_by_the_bucket_s_clock_and_begins_anew_with_each_record() -> None:
    clock = MemoryClock()
    storage = MemoryStorage(clock)
    kept = Previews(storage, "shop", CommandLine("shop", "preview"))  # type: ignore[arg-type]
    assert (kept.all(), kept.read("preview-fix")) == ((), None)
    first = kept.keep(PREVIEW)
    assert list(storage.objects) == ["ebcd/shop/previews/preview-fix.json"]
    clock.seconds += 3000
    read_back = kept.read("preview-fix")
    assert read_back is not None
    assert (read_back.left, read_back.expired, read_back.branch, read_back.since) == (600.0, False, "fix", NOW)
    clock.seconds += 600
    assert [item.expired for item in kept.all()] == [True]
    again = kept.keep(first)
    assert [(item.left, item.expires) for item in kept.all()] == [(3600.0, clock.now() + timedelta(hours=1))]
    for stale in (lambda: kept.forget(first), lambda: kept.keep(first), lambda: kept.keep(PREVIEW)):
        with pytest.raises(OutcomeUnknown):
            stale()
    kept.forget(again)
    assert kept.all() == ()


def test_a_stage_that_is_called_previews_has_none() -> None:
    storage = MemoryStorage(MemoryClock())
    storage.create("ebcd/shop/previews/lock.json", b"{}")
    assert Previews(storage, "shop", CommandLine("shop", "preview")).all() == ()  # type: ignore[arg-type]


def standing(cname: str = "shop-fix.eu-central-1.elasticbeanstalk.com", **changes: object) -> Environment:
    return environment(1, **{"name": "shop-preview-fix", "cname": cname, **changes})


def seen(*environments: Environment) -> Snapshot:
    return snapshot(*environments, environment(7, live=True), stage=preview_of(STAGE, "fix"))


def test_its_environment_goes_and_is_seen_going() -> None:
    steps = takedown(seen(standing()), PREVIEW, [STAGE])
    assert steps == (
        TerminateEnvironment(
            "shop-preview-fix", "e-1", "it is the preview of fix", holds=standing().cname, patience=BUSY_PATIENCE
        ),
        AwaitTermination("shop-preview-fix", "e-1"),
    )
    assert "expired" in str(takedown(seen(standing()), replace(PREVIEW, left=0.0))[0])
    assert takedown(seen(), PREVIEW) == takedown(seen(), None) == ()
    assert takedown(seen(standing(status="Terminating")), PREVIEW) == ()


@pytest.mark.parametrize(
    ("found", "preview", "declared"),
    [
        (standing(), None, ()),
        (standing(), replace(PREVIEW, environment="shop-preview-other"), ()),
        (standing(LIVE_CNAME), PREVIEW, ()),  # swapped with live by hand
        (standing("shop-preview-fix.eba-x.eu-central-1.elasticbeanstalk.com"), PREVIEW, ()),
        (standing(), PREVIEW, (STAGE, replace(STAGE, name="fix", cname="Shop-Fix"))),
    ],
)
def test_what_is_not_surely_a_preview_s_own_stays(
    found: Environment, preview: Preview | None, declared: tuple[Stage, ...]
) -> None:
    with pytest.raises(Refused) as error:
        takedown(snapshot(found, stage=replace(preview_of(STAGE, "fix"), cname="shop-none")), preview, declared)
    assert error.value.code == "not-its-own"


def test_a_name_that_is_taken_is_refused() -> None:
    stage = preview_of(STAGE, "fix")
    wanted = PreviewRequest("fix", "prod", 60.0)
    refuse_another(stage, wanted, None)
    refuse_another(stage, wanted, PREVIEW)
    for other in (replace(PREVIEW, branch="other"), replace(PREVIEW, cname="shop-test-fix", base="test")):
        with pytest.raises(Refused) as error:
            refuse_another(stage, wanted, other)
        assert error.value.code == "another-preview"
        assert f"ebcd preview down {other.branch} -a shop -s {other.base}" in error.value.hint


def test_nothing_is_deployed_on_what_is_not_the_preview_s_environment() -> None:
    stage = preview_of(STAGE, "fix")
    own = record(1, stage=stage, environment="shop-preview-fix")
    refuse_holder(snapshot(stage=stage))
    refuse_holder(snapshot(standing(), stage=stage, releases=(own,)))
    for held in (snapshot(standing(), stage=stage), snapshot(standing(name="shop-fix-r3"), stage=stage)):
        with pytest.raises(Refused) as error:
            refuse_holder(held)
        assert error.value.code == "cname-taken"


class Leaving:
    """A Beanstalk whose one environment is seen in one status after another."""

    def __init__(self, *seen: Environment | None) -> None:
        self.seen = list(seen)
        self.terminated: list[str] = []

    def environment(self, application: str, name: str) -> Environment | None:
        assert (application, name) == ("shop", "shop-preview-fix")
        return self.seen.pop(0) if len(self.seen) > 1 else self.seen[0]

    def terminate(self, environment_id: str) -> None:
        self.terminated.append(environment_id)


def services(beanstalk: Leaving, clock: MemoryClock) -> Any:
    return SimpleNamespace(
        beanstalk=beanstalk, clock=clock, pace=AdaptiveInterval(5.0), flags=CommandLine("shop", "preview")
    )


def test_what_was_swapped_since_it_was_planned_is_not_terminated() -> None:
    step = takedown(seen(standing()), PREVIEW)[0]
    assert isinstance(step, TerminateEnvironment)
    swapped, own = Leaving(standing(LIVE_CNAME)), Leaving(standing(), None)
    with pytest.raises(Refused) as error:
        environments.terminate(services(swapped, MemoryClock()), lambda: None, "shop", step)
    assert (error.value.code, swapped.terminated) == ("not-its-own", [])
    environments.terminate(services(own, MemoryClock()), lambda: None, "shop", step)
    assert own.terminated == ["e-1"]


def awaited(beanstalk: Leaving, clock: MemoryClock, *, gone: bool) -> str:
    step = AwaitTermination("shop-preview-fix", "e-1", gone=gone)
    return polling.await_termination(services(beanstalk, clock), lambda: None, "shop", step, 600.0)


def test_a_termination_is_waited_for_until_it_is_seen_and_no_longer_than_its_deadline() -> None:
    leaving = standing(status="Terminating")
    assert awaited(Leaving(standing(), leaving), MemoryClock(), gone=False) == "Terminating"
    assert awaited(Leaving(leaving, leaving, None), MemoryClock(), gone=True) == "Terminated"
    assert awaited(Leaving(leaving, standing(id="e-2")), MemoryClock(), gone=True) == "Terminated", "another one"
    for found, gone, seconds in ((standing(), False, polling.LEAVING_PATIENCE), (leaving, True, 600.0)):
        clock = MemoryClock()
        with pytest.raises(OutcomeUnknown) as error:
            awaited(Leaving(found), clock, gone=gone)
        assert (error.value.code, clock.seconds) == ("deadline", seconds)
        assert found.status in error.value.why
