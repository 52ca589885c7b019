"""The runs of steps that plans are made of: creation, gates, swap with proof and bake. Pure."""

from __future__ import annotations

from dataclasses import replace

from ebcd.model import Environment, OptionSetting, Stage
from ebcd.release.journal import ReleaseRecord
from ebcd.release.snapshot import Snapshot
from ebcd.release.steps import (
    AwaitEnvironment,
    Bake,
    CreateEnvironment,
    HoldHealth,
    ProbeTenants,
    ProveLive,
    SmokeCandidate,
    Step,
    SwapCnames,
)

ASG = "aws:autoscaling:asg"

DEFAULT_OPTIONS = (
    # Without enhanced health there is no proof of what each instance runs.
    OptionSetting("aws:elasticbeanstalk:healthreporting:system", "SystemType", "enhanced"),
    OptionSetting("aws:elasticbeanstalk:environment", "ServiceRole", "aws-elasticbeanstalk-service-role"),
    OptionSetting("aws:autoscaling:launchconfiguration", "IamInstanceProfile", "aws-elasticbeanstalk-ec2-role"),
    OptionSetting("aws:elasticbeanstalk:environment", "LoadBalancerType", "application"),
)
"""What a new environment gets unless the stage or the bundle's .ebextensions say otherwise.

The API's settings win over .ebextensions, so what those set is left out here.
"""


def create(
    stage: Stage,
    release: ReleaseRecord,
    options: tuple[OptionSetting, ...],
    *,
    first: bool = False,
    settings_of: str = "",
) -> CreateEnvironment:
    """The release's environment, tagged with what it is. first: it gets the live CNAME."""
    return CreateEnvironment(
        environment=release.environment,
        label=release.version_label,
        platform_arn=release.platform_arn,
        cname_prefix=stage.cname if first else None,
        options=options,
        tags=(
            ("ebcd:stage", stage.name),
            ("ebcd:release", release.release),
            ("ebcd:sha", release.sha),
            ("ebcd:digest", release.content_digest),
        ),
        settings_of=settings_of,
    )


def environment_options(
    stage: Stage, bundled: tuple[OptionSetting, ...], capacity: int | None
) -> tuple[OptionSetting, ...]:
    """A new environment's option settings: the defaults that nothing else sets, the stage's own, and the capacity.

    capacity: MinSize where it must exceed the configured one.
    """
    set_elsewhere = {(item.namespace, item.name) for item in bundled}
    merged = {(item.namespace, item.name): item for item in DEFAULT_OPTIONS}
    merged = {key: item for key, item in merged.items() if key not in set_elsewhere}
    merged |= {(item.namespace, item.name): item for item in stage.options}
    if capacity is not None:
        merged[ASG, "MinSize"] = OptionSetting(ASG, "MinSize", str(capacity))
    return tuple(sorted(merged.values()))


def leaving_from(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> ReleaseRecord:
    """The release with what it takes the live CNAME from."""
    before = snapshot.record_of(live)
    return replace(
        release,
        from_environment=live.name,
        from_release=before.release if before else "",
        from_version=live.version_label,
    )


def gates(stage: Stage, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    """What a new candidate must pass. cname: the live CNAME, whole."""
    return (
        AwaitEnvironment(release.environment, release.version_label),
        HoldHealth(release.environment, stage.accept, stage.stable, stage.timeout),
        *probes(stage, release, cname),
    )


def probes(stage: Stage, release: ReleaseRecord, cname: str, address: str = "") -> tuple[Step, ...]:
    """Smoke test and tenant gate at the candidate's own address, which is read where it is not known."""
    name = release.environment
    smoke = SmokeCandidate(name, cname, stage.smoke.path, release.version_label, release.sha, address)
    return (smoke, ProbeTenants(name, cname, address=address)) if stage.tenants else (smoke,)


def swap(stage: Stage, release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    """A new candidate's swap, its proof and its bake."""
    sent = SwapCnames(release.environment, live.name, release.version_label, live.cname, stage.accept,
                      events=release.live_since is None)  # fmt: skip
    return (sent, *after_swap(stage, release, live.cname, live.name))


def after_swap(stage: Stage, release: ReleaseRecord, cname: str, previous: str) -> tuple[Step, ...]:
    """Proof and bake. previous: the environment to swap back to; empty: there is none, and nothing to bake for."""
    proven = (prove(stage, release, cname, previous), *live_tenants(stage, release, cname, previous))
    return (*proven, Bake(release.environment, cname, previous, stage.bake)) if stage.bake and previous else proven


def prove(stage: Stage, release: ReleaseRecord, cname: str, previous: str = "") -> ProveLive:
    """The live URL is answered by the release."""
    path = stage.proof.path if stage.proof else stage.smoke.path
    return ProveLive(release.environment, cname, previous, path, release.version_label, release.sha)


def live_tenants(stage: Stage, release: ReleaseRecord, cname: str, previous: str = "") -> tuple[Step, ...]:
    """The tenant gate on live."""
    return (ProbeTenants(release.environment, cname, True, previous),) if stage.tenants else ()
