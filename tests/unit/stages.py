"""Stages, environments and records for tests of pure functions, each with what a test cares about."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from ebcd.model import Commit, Environment, OptionSetting, Proof, SmokeTest, SourceBundle, Stage
from ebcd.release.plan.plan import settings_digest
from ebcd.release.state.names import environment_name
from ebcd.release.state.release import Outcome, ReleaseRecord, verification
from ebcd.release.state.snapshot import Snapshot, find_live

NOW = datetime(2026, 1, 2, 12, 0, tzinfo=UTC)
STAGE = Stage(
    name="prod",
    application="shop",
    region="eu-central-1",
    cname="shop",
    platform="arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11/4.7.1",
    keep=3600.0,
    options=(
        OptionSetting("aws:autoscaling:asg", "MaxSize", "8"),
        OptionSetting("aws:autoscaling:asg", "MinSize", "2"),
    ),
    smoke=SmokeTest("/smoke"),
    proof=Proof("/version"),
)
LIVE_CNAME = "shop.eu-central-1.elasticbeanstalk.com"


def environment(number: int, *, live: bool = False, **changes: object) -> Environment:
    """The environment of a release: Ready, Green, carrying `v{number}`."""
    name = environment_name("shop", "prod", number)
    made = Environment(
        name=name,
        id=f"e-{number}",
        application="shop",
        version_label=f"v{number}",
        status="Ready",
        health="Green",
        health_status="Ok",
        cname=LIVE_CNAME if live else f"{name}.eba-x{number}.eu-central-1.elasticbeanstalk.com",
        endpoint_url=f"elb-{number}.example.com",
        created=NOW - timedelta(days=1),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def record(
    number: int,
    outcome: Outcome = Outcome.LIVE,
    *,
    live_since: float | None = None,
    left: float | None = None,
    from_: int | None = None,
    stage: Stage = STAGE,
    **changes: object,
) -> ReleaseRecord:
    """A release's record. live_since, left: how many seconds ago. from_: the release that it took the CNAME from."""
    made = ReleaseRecord(
        number=number,
        application="shop",
        stage="prod",
        region="eu-central-1",
        cname="shop",
        version_label=f"v{number}",
        sha=f"{number:040x}",
        tree="t",
        content_digest=f"d{number}",
        settings_digest=settings_digest(stage),
        platform_arn=stage.platform,
        environment=environment_name("shop", "prod", number),
        outcome=outcome,
        verification=verification(stage),
        since=NOW - timedelta(days=1),
        by="ada",
        host="desk",
        live_since=NOW - timedelta(seconds=live_since) if live_since is not None else None,
        left_live=NOW - timedelta(seconds=left) if left is not None else None,
        from_release=f"r{from_}" if from_ else "",
        from_environment=environment_name("shop", "prod", from_) if from_ else "",
        etag=f"etag-{number}",
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def snapshot(
    *environments: Environment, releases: tuple[ReleaseRecord, ...] = (), stage: Stage = STAGE, instances: int = 2
) -> Snapshot:
    """A stage as it might be seen; releases newest first."""
    ordered = tuple(sorted(releases, key=lambda item: -item.number))
    return Snapshot(NOW, stage, environments, find_live(stage, environments), ordered, instances)


def bundle(number: int) -> SourceBundle:
    """The source bundle of a release."""
    commit = Commit(f"{number:040x}", "t", NOW, "Change it")
    return SourceBundle(commit, Path("bundle.zip"), f"d{number}", "s" * 64, 1234, 5)
