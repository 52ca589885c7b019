"""What may be pruned: nothing that anything needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any, cast

import pytest
from memory import MemoryStorage
from simulated import SimulatedStorage, World
from stages import NOW, STAGE, environment, record, snapshot

from ebcd.errors import AwsRefused, LockHeld
from ebcd.model import ApplicationVersion, Environment
from ebcd.release.commands.prune import orphaned, prunable, prune
from ebcd.release.commands.retire import retire
from ebcd.release.execute.context import Run, Services
from ebcd.release.plan.steps import DeleteBundle, DeleteVersion
from ebcd.release.state.names import environment_name
from ebcd.release.state.release import Outcome
from ebcd.release.store.ledger import Ledger

OWN = "ebcd/shop/bundles/"


def version(number: int, key: str = "", bucket: str = "b") -> ApplicationVersion:
    return ApplicationVersion(
        f"v{number}", "Processed", bucket, key or f"{OWN}d{number}.zip", created=NOW - timedelta(days=100 - number)
    )


def labels(found: tuple[DeleteVersion, ...]) -> list[str]:
    return [step.label for step in found]


def test_the_oldest_go_and_the_newest_stay() -> None:
    versions = [version(number) for number in range(1, 7)]
    assert labels(prunable([snapshot()], versions, "b", 2)) == ["v1", "v2", "v3", "v4"]
    assert prunable([snapshot()], versions, "b", 6) == ()


def test_what_runs_anywhere_and_what_a_rollback_returns_to_stay() -> None:
    stage = snapshot(
        environment(5, live=True),
        environment(2),
        releases=(record(5, live_since=10, from_=3), record(3, live_since=100, left=10), record(2)),
    )
    versions = [version(number) for number in range(1, 9)]
    assert labels(prunable([stage], versions, "b", 1)) == ["v1", "v4", "v6", "v7"]


def test_what_a_preview_carries_stays() -> None:
    preview = environment(2, name="shop-preview-fix", cname="shop-fix.eu-central-1.elasticbeanstalk.com")
    stage = snapshot(environment(5, live=True), preview, releases=(record(5, live_since=10),))
    assert labels(prunable([stage], [version(number) for number in range(1, 7)], "b", 1)) == ["v1", "v3", "v4"]


def test_what_ebcd_did_not_make_stays() -> None:
    versions = [version(1, key="console/upload.zip"), version(2, bucket="another"), version(3), version(4)]
    assert labels(prunable([snapshot()], versions, "b", 1)) == ["v3"]


def test_a_bundle_that_another_version_uses_stays() -> None:
    shared = f"{OWN}same.zip"
    versions = [version(1, key=shared), version(2), version(3, key=shared)]
    assert prunable([snapshot()], versions, "b", 1) == (DeleteVersion("v1", ""), DeleteVersion("v2", f"{OWN}d2.zip"))


def test_what_is_under_way_or_waits_stays() -> None:
    stage = snapshot(releases=(record(3, Outcome.RUNNING), record(2, Outcome.WAITING), record(1, Outcome.FAILED)))
    versions = [version(number) for number in range(1, 5)]
    assert labels(prunable([stage], versions, "b", 1)) == ["v1"]


def test_a_bundle_without_a_version_goes_a_day_after_it_was_sent() -> None:
    seen = (
        record(5, live_since=10, from_=3),
        record(3, live_since=100, left=10),
        record(6, Outcome.RUNNING),
        record(2),
    )
    stage = snapshot(environment(5, live=True), releases=seen)
    old, young = NOW - timedelta(days=1), NOW - timedelta(hours=23)
    stored = [(f"{OWN}d{number}.zip", old) for number in (1, 2, 3, 5, 6, 7)]
    stored += [(f"{OWN}d9.zip", young), (f"{OWN}d8.zip.1.splice", old)]
    assert orphaned([stage], [version(7)], stored) == (DeleteBundle(f"{OWN}d1.zip"), DeleteBundle(f"{OWN}d2.zip"))


class Application:
    """An application's Beanstalk, as far as `prune` and `retire` ask it."""

    def __init__(self, *environments: Environment) -> None:
        self.found = environments
        self.deleted: list[str] = []
        self.looks = 99
        """How often it may be looked at."""

    def environments(self, *_: object) -> tuple[Environment, ...]:
        self.looks -= 1
        if self.looks < 0:
            raise AwsRefused("AWS refused it.", code="AccessDenied")
        return self.found

    def versions(self, _: str) -> tuple[ApplicationVersion, ...]:
        return tuple(version(number, bucket=SimulatedStorage.bucket) for number in range(1, 10))

    def delete_version(self, _: str, label: str) -> None:
        self.deleted.append(label)


class Bucket(SimulatedStorage):
    """A bucket whose reads are counted."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock, world.durations)
        self.read: list[str] = []

    def get(self, key: str) -> Any:
        self.read.append(key)
        return super().get(key)

    def folders(self, prefix: str) -> Iterator[str]:
        return MemoryStorage.folders(self, prefix)

    def remove(self, key: str) -> None:
        self.objects.pop(key, None)


def two_stages() -> tuple[Services, Application, Bucket]:
    """Live of prod is r9 with v9; live of staging is r2 with v6, which a rollback brings back to r1 with v5."""
    world = World()
    bucket, clock = Bucket(world), world.clock
    live = environment(9, live=True)
    staging = replace(
        environment(2, version_label="v6"),
        name=environment_name("shop", "staging", 2),
        cname="shop-staging.eu-central-1.elasticbeanstalk.com",
    )
    application = Application(live, staging)
    ledger = Ledger(cast(Any, bucket), "shop", "prod")
    ledger.allocate(record(9, live_since=9), lambda number: environment_name("shop", "prod", number))
    other = Ledger(cast(Any, bucket), "shop", "staging")
    own = {"stage": "staging", "cname": "shop-staging"}
    for made in (record(1, live_since=90, left=9), record(2, live_since=9, from_=1), record(3, Outcome.WAITING)):
        named = replace(made, **own, version_label=f"v{made.number + 4}")  # type: ignore[arg-type]
        other.allocate(named, lambda number: environment_name("shop", "staging", number))
    bucket.create("ebcd/shop/bundles/d1.zip", b"")
    services = replace(
        world.services("v9"), beanstalk=cast(Any, application), storage=cast(Any, bucket), ledger=ledger, clock=clock
    )
    return services, application, bucket


def test_what_another_stage_runs_and_returns_to_and_waits_with_stays() -> None:
    services, application, bucket = two_stages()
    prune(Run("prune", STAGE, 0.0), services, keep=1, planned=False)
    assert application.deleted == ["v1", "v2", "v3", "v4", "v8"]
    assert "ebcd/shop/bundles/d1.zip" not in bucket.objects


def test_a_bundle_that_a_dead_run_left_is_deleted_and_told() -> None:
    services, _, bucket = two_stages()
    bucket.create("ebcd/shop/bundles/d77.zip", b"")
    bucket.clock.seconds += timedelta(days=2).total_seconds()
    run = Run("prune", STAGE, 0.0)
    prune(run, services, keep=20, planned=False)
    assert [str(item.step) for item in run.results] == ["delete the bundle d77.zip…, of which there is no version"]
    assert "ebcd/shop/bundles/d77.zip" not in bucket.objects


def test_a_long_ledger_of_another_stage_is_read_from_its_end() -> None:
    services, application, bucket = two_stages()
    other = Ledger(cast(Any, bucket), "shop", "staging")
    for number in range(4, 300):
        other.allocate(
            replace(record(number, Outcome.FAILED), stage="staging", cname="shop-staging"),
            lambda number: environment_name("shop", "staging", number),
        )
    bucket.read.clear()
    prune(Run("prune", STAGE, 0.0), services, keep=1, planned=True)
    assert application.deleted == []
    assert len([key for key in bucket.read if "/staging/releases/" in key]) < 30


@pytest.mark.parametrize(("command", "looks"), [(partial(prune, keep=1), 1), (partial(retire, force=False), 1)])
def test_that_nothing_can_be_seen_afterwards_is_no_failure(command: Callable[..., None], looks: int) -> None:
    services, application, _ = two_stages()
    application.looks = looks
    run = Run("any", STAGE, 0.0)
    command(run, services, planned=False)
    assert (application.looks, run.after) == (-1, None)


def test_a_prune_that_fails_tells_what_is_live() -> None:
    services, application, _ = two_stages()
    with services.lock.held(owner="bob", host="desk", message="ship", wait=0.0):
        run = Run("prune", STAGE, 0.0)
        with pytest.raises(LockHeld):
            prune(run, services, keep=1, planned=False)
    assert run.after is not None
    assert run.after.live == application.found[0]
