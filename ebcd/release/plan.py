"""From what is there to what is missing. Pure: no I/O, no clock, no output; `--plan` prints what it returns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from ebcd.errors import Refused
from ebcd.model import Environment, OptionSetting, SourceBundle, Stage
from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.snapshot import Publication, Snapshot, default_cname, leaving
from ebcd.release.steps import (
    AwaitEnvironment,
    AwaitVersion,
    Bake,
    CreateApplication,
    CreateEnvironment,
    CreateVersion,
    HoldHealth,
    ProbeTenants,
    ProveLive,
    SetMinimum,
    SmokeCandidate,
    Step,
    SwapCnames,
    UploadBundle,
)

PROMOTION_PATIENCE = 60.0
"""Seconds that a standing environment has to show accepted health: whoever rolls back is waiting."""

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


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in order."""

    snapshot: Snapshot
    """What it was made from."""
    release: ReleaseRecord
    """The release that it is for, with its number and environment."""
    live: Environment | None
    """What is live before."""
    steps: tuple[Step, ...]
    """Empty: there is nothing to do."""
    back: tuple[Step, ...] = ()
    """What returns to the earlier release when the new one is live and does not hold what it promised."""


def bundle_key(application: str, content_digest: str) -> str:
    """Where in the bucket a source bundle lies: its key is its identity."""
    return f"ebcd/{application}/bundles/{content_digest}.zip"


def settings_digest(stage: Stage) -> str:
    """SHA-256, hexadecimal, over the platform and every option setting of a stage."""
    settings = [stage.platform, *([item.namespace, item.name, item.value] for item in sorted(stage.options))]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def plan_publish(stage: Stage, bundle: SourceBundle, publication: Publication, bucket: str) -> tuple[Step, ...]:
    """The steps that make the bundle an application version. Raises Refused when the label means other content."""
    key = bundle_key(stage.application, bundle.content_digest)
    steps: list[Step] = []
    if not publication.stored:
        steps.append(UploadBundle(key, bundle.size))
    if not publication.application_exists:
        steps.append(CreateApplication(stage.application))
    version = publication.version
    if version is None:
        return (*steps, CreateVersion(bundle.version_label, key, bundle.commit.subject))
    if (version.bucket, version.key) != (bucket, key):
        raise Refused(
            f"The version label {version.label} stands for another content.",
            why=f"It was made from s3://{version.bucket}/{version.key}; "
            f"this commit's content digest is {bundle.content_digest}.",
            hint="Release another commit, or delete that application version if nothing uses it.",
            code="digest-mismatch",
        )
    if version.status == "Failed":
        raise Refused(
            f"Beanstalk failed to process the application version {version.label}.",
            why="Its bundle did not pass Beanstalk's validation.",
            hint="ebcd check shows what is wrong; commit the correction and ship again.",
            code="version-failed",
        )
    return tuple(steps) if version.status == "Processed" else (*steps, AwaitVersion(version.label))


def resumable(snapshot: Snapshot, label: str, settings: str) -> ReleaseRecord | None:
    """The release of that version and those settings that began and did not end, if there is one."""
    gone = {item.name for item in snapshot.environments if leaving(item)}
    for record in snapshot.releases:
        if record.outcome in UNENDED and record.environment not in gone:
            same = (record.version_label, record.settings_digest) == (label, settings)
            return record if same else None
    return None


def already_live(snapshot: Snapshot, label: str, settings: str) -> ReleaseRecord | None:
    """Live's release when it is of that version and those settings and ended well."""
    record = snapshot.record_of(snapshot.live)
    if record is None or record.outcome is not Outcome.LIVE:
        return None
    return record if (record.version_label, record.settings_digest) == (label, settings) else None


def plan_ship(
    snapshot: Snapshot, release: ReleaseRecord, *, swap: bool, bundled: tuple[OptionSetting, ...] = ()
) -> Plan:
    """The steps from what is there to the release being live (with `swap`) or waiting.

    bundled: what the bundle's .ebextensions set. Raises Refused when the way is barred.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is not None and live.name == release.environment:
        return _finish_swapped(snapshot, release, live)
    if live is not None:
        release = _leaving_from(release, snapshot, live)
    minimum, raised = _minimum((*bundled, *stage.options), snapshot.live_instances)
    existing = snapshot.environment(release.environment)
    if live is None and existing is not None:
        raise Refused(
            f"Nothing holds the live CNAME of the stage {stage.name}, and {existing.name} cannot take it.",
            why="An environment gets a CNAME when it is created or by a swap, and there is nothing to swap with.",
            hint=f"Terminate {existing.name}, then ship again.",
            code="no-live",
        )
    steps: list[Step] = list(failed_candidates(snapshot, keep={release.environment}))
    if existing is None:
        capacity = raised if raised > minimum else None
        options = environment_options(stage, bundled, capacity)
        steps.append(_create(stage, release, options, first=live is None))
    steps += _gates(stage, release, live.cname if live else default_cname(stage))
    if raised > minimum:
        steps.append(SetMinimum(release.environment, minimum))
    if live is None:
        steps.append(_prove(stage, release, default_cname(stage)))
    elif swap:
        steps += _swap(stage, release, live)
        steps += retirements(snapshot, keep={release.environment, live.name})
    return Plan(snapshot, release, live, tuple(steps), _back(release, snapshot, live) if live else ())


def plan_promote(snapshot: Snapshot, release: ReleaseRecord, *, restoring: bool) -> Plan:
    """The steps that bring a recorded release's standing environment live. Raises Refused where it is not standing.

    restoring: a rollback. It does not bake: one that swapped back would return to what it was called to leave.
    """
    stage, live = snapshot.stage, snapshot.live
    if live is None:
        raise Refused(
            f"No environment holds the live CNAME of the stage {stage.name}.",
            why="A swap needs an environment on each side.",
            hint=f"ebcd ship {release.sha} -s {stage.name}",
            code="no-live",
        )
    if live.name == release.environment:
        return Plan(snapshot, release, live, ())
    if snapshot.environment(release.environment) is None:
        raise Refused(
            f"The environment of {release.release}, {release.environment}, is gone.",
            why="It was terminated, so there is nothing to swap to.",
            hint=f"ebcd ship {release.sha} -s {stage.name}   (deploys that version again)",
            code="environment-gone",
        )
    gates = (
        AwaitEnvironment(release.environment, release.version_label, events=release.live_since is None),
        HoldHealth(release.environment, stage.accept, 0.0, PROMOTION_PATIENCE),
        _smoke(stage, release, live.cname),
        *_tenants(stage, release, live.cname),
    )
    if restoring:
        proof = (_prove(stage, release, live.cname), *_tenants(stage, release, live.cname, live=True))
        left = snapshot.record_of(live)
        swap = _swap_step(release, live, left.release if left else "")
        return Plan(snapshot, release, live, (*gates, swap, *proof))
    release = _leaving_from(release, snapshot, live)
    return Plan(snapshot, release, live, (*gates, *_swap(stage, release, live)), _back(release, snapshot, live))


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


def _leaving_from(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> ReleaseRecord:
    """The release with what it takes the live CNAME from."""
    before = snapshot.record_of(live)
    return replace(
        release,
        from_environment=live.name,
        from_release=before.release if before else "",
        from_version=live.version_label,
    )


def _minimum(options: tuple[OptionSetting, ...], live: int) -> tuple[int, int]:
    """The configured MinSize, and the one that meets live's capacity now (within MaxSize). The last setting wins."""
    configured = {item.name: int(item.value) for item in options if item.namespace == ASG and item.value.isdigit()}
    minimum = configured.get("MinSize", 1)
    maximum = configured.get("MaxSize", max(4, minimum))
    return minimum, max(minimum, min(live, maximum))


def _create(
    stage: Stage, release: ReleaseRecord, options: tuple[OptionSetting, ...], *, first: bool
) -> CreateEnvironment:
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
    )


def _gates(stage: Stage, release: ReleaseRecord, cname: str) -> tuple[Step, ...]:
    return (
        AwaitEnvironment(release.environment, release.version_label),
        HoldHealth(release.environment, stage.accept, stage.stable, stage.timeout),
        _smoke(stage, release, cname),
        *_tenants(stage, release, cname),
    )


def _tenants(stage: Stage, release: ReleaseRecord, cname: str, *, live: bool = False) -> tuple[Step, ...]:
    return (ProbeTenants(release.environment, cname, live),) if stage.tenants else ()


def _smoke(stage: Stage, release: ReleaseRecord, cname: str) -> SmokeCandidate:
    return SmokeCandidate(release.environment, cname, stage.smoke.path, release.version_label, release.sha)


def _prove(stage: Stage, release: ReleaseRecord, cname: str) -> ProveLive:
    path = stage.proof.path if stage.proof else stage.smoke.path
    return ProveLive(release.environment, cname, path, release.version_label, release.sha)


def _swap_step(release: ReleaseRecord, live: Environment, leaves: str) -> SwapCnames:
    return SwapCnames(release.environment, live.name, release.version_label, live.cname, release.release, leaves)


def _swap(stage: Stage, release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    return (_swap_step(release, live, release.from_release), *_watch(stage, release, live.cname, bake=True))


def _watch(stage: Stage, release: ReleaseRecord, cname: str, *, bake: bool) -> tuple[Step, ...]:
    """The proofs of a release that is live."""
    baking = (Bake(release.environment, cname, stage.bake),) if stage.bake and bake else ()
    return (_prove(stage, release, cname), *_tenants(stage, release, cname, live=True), *baking)


def _back(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> tuple[Step, ...]:
    """The swap that undoes the release's own. live: what holds the live CNAME at planning, before or after it."""
    before = snapshot.release(release.from_release)
    label = before.version_label if before else ""
    return (
        SwapCnames(
            release.from_environment, release.environment, label, live.cname, release.from_release, release.release
        ),
    )


def _finish_swapped(snapshot: Snapshot, release: ReleaseRecord, live: Environment) -> Plan:
    """What is left for a release that holds the live CNAME already but did not end."""
    stage = snapshot.stage
    if not release.from_environment:
        steps = (*_gates(stage, release, live.cname), _prove(stage, release, live.cname))
        return Plan(snapshot, release, live, steps)
    standing = snapshot.environment(release.from_environment) is not None
    watched = _watch(stage, release, live.cname, bake=standing)
    kept = {release.environment, release.from_environment}
    steps = (*watched, *retirements(snapshot, keep=kept))
    return Plan(snapshot, release, live, steps, _back(release, snapshot, live) if standing else ())
