"""The runs of steps that plans are made of: creation, gates, swap with proof and bake. Pure."""

from __future__ import annotations

from dataclasses import replace

from ebcd.model import Environment, OptionSetting, Stage, Tier
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
    UpdateVersion,
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
        cname_prefix=stage.cname or None if first else None,
        options=options,
        tags=(
            ("ebcd:stage", stage.name),
            ("ebcd:release", release.release),
            ("ebcd:sha", release.sha),
            ("ebcd:digest", release.content_digest),
        ),
        settings_of=settings_of,
        worker=stage.tier is Tier.WORKER,
    )


def environment_options(
    stage: Stage, bundled: tuple[OptionSetting, ...], capacity: int | None
) -> tuple[OptionSetting, ...]:
    """A new environment's option settings: the defaults that nothing else sets, the stage's own, and the capacity.

    capacity: MinSize where it must exceed the configured one.
    """
    set_elsewhere = {(item.namespace, item.name) for item in bundled}
    defaults = DEFAULT_OPTIONS if stage.tier is Tier.WEB else DEFAULT_OPTIONS[:-1]  # a worker has no load balancer
    merged = {(item.namespace, item.name): item for item in defaults}
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


def capacity(options: tuple[OptionSetting, ...], live: int) -> tuple[int, int]:
    """The configured MinSize, and the one that meets live's capacity now (within MaxSize). The last setting wins."""
    configured = {item.name: int(item.value) for item in options if item.namespace == ASG and item.value.isdigit()}
    minimum = configured.get("MinSize", 1)
    maximum = configured.get("MaxSize", max(4, minimum))
    return minimum, max(minimum, min(live, maximum))


def deployment(
    snapshot: Snapshot, release: ReleaseRecord, environment: str, *, live: bool, leaves: str = ""
) -> UpdateVersion:
    """The update that brings a release's version onto an environment that stands. live: it is live's own."""
    expected = deployment_estimate(snapshot)
    return UpdateVersion(environment, release.version_label, release.release, live, leaves, expected)


def deployment_estimate(snapshot: Snapshot) -> float | None:
    """Seconds that deploying a version on a standing environment may take: what the last one took."""
    timed = [record for record in snapshot.releases if record.deploy_seconds is not None]
    last = max(timed, key=lambda record: record.live_at or record.since, default=None)
    return last.deploy_seconds if last else None


def gates(stage: Stage, release: ReleaseRecord, cname: str, *, created: bool = True) -> tuple[Step, ...]:
    """What a new release must pass. cname: the live CNAME, whole.

    created: its environment was created for it, so that all of that one's events count.
    """
    return (
        AwaitEnvironment(release.environment, release.version_label, events=created),
        HoldHealth(release.environment, stage.accept, stage.stable, stage.timeout),
        *probes(stage, release, cname),
    )


def probes(stage: Stage, release: ReleaseRecord, cname: str, address: str = "") -> tuple[Step, ...]:
    """Smoke test and tenant gate at the environment's own address, which is read where it is not known.

    A worker answers nobody's requests: its health is what there is to see.
    """
    if stage.tier is Tier.WORKER:
        return ()
    name = release.environment
    smoke = SmokeCandidate(name, cname, stage.smoke.path, release.version_label, release.sha, address)
    return (smoke, ProbeTenants(name, cname, address=address)) if stage.tenants else (smoke,)


def swap(stage: Stage, release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    """A new candidate's swap, its proof and its bake."""
    sent = SwapCnames(release.environment, live.name, release.version_label, live.cname, stage.accept,
                      events=release.live_since is None, release=release.release,
                      leaves=release.from_release)  # fmt: skip
    return (sent, *shown_live(stage, release, live.cname, bake=True))


def swap_back(snapshot: Snapshot, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    """The swap that undoes the release's own. cname: the live CNAME, whole."""
    before = snapshot.release(release.from_release)
    label = before.version_label if before else ""
    return (SwapCnames(release.from_environment, release.environment, label, cname, release=release.from_release,
                       leaves=release.release),)  # fmt: skip


def shown_live(stage: Stage, release: ReleaseRecord, cname: str, *, bake: bool) -> tuple[Step, ...]:
    """What a release must show once it is live. bake: there is a way back, so that watching it serves something."""
    baking = (Bake(release.environment, cname, stage.bake),) if stage.bake and bake else ()
    return (*prove(stage, release, cname), *live_tenants(stage, release, cname), *baking)


def prove(stage: Stage, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    """The live URL is answered by the release; a worker has none."""
    if stage.tier is Tier.WORKER:
        return ()
    path = stage.proof.path if stage.proof else stage.smoke.path
    return (ProveLive(release.environment, cname, path, release.version_label, release.sha),)


def live_tenants(stage: Stage, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    """The tenant gate on live."""
    return (ProbeTenants(release.environment, cname, True),) if stage.tenants else ()
