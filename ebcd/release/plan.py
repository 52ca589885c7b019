"""From what is there to what is missing. Pure: no I/O, no clock, no output; `--plan` prints what it returns."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from ebcd.errors import Refused
from ebcd.model import Environment, OptionSetting, SourceBundle, Stage
from ebcd.release import phases
from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord
from ebcd.release.phases import ASG
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.snapshot import Publication, Snapshot, default_cname, leaving
from ebcd.release.steps import (
    AwaitVersion,
    CreateApplication,
    CreateVersion,
    MatchCapacity,
    SetMinimum,
    Step,
    UploadBundle,
)


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
        return Plan(snapshot, release, live, _finish_swapped(snapshot, release, live))
    if live is not None:
        release = phases.leaving_from(release, snapshot, live)
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
        options = phases.environment_options(stage, bundled, capacity)
        steps.append(phases.create(stage, release, options, first=live is None))
    steps += phases.gates(stage, release, live.cname if live else default_cname(stage))
    if raised > minimum:
        steps.append(SetMinimum(release.environment, minimum))
    if live is None:
        steps.append(phases.prove(stage, release, default_cname(stage)))
    elif swap:
        steps += phases.swap(stage, release, live)
        steps += _keep_capacity(snapshot, live, minimum)
        steps += retirements(snapshot, keep={release.environment, live.name})
    return Plan(snapshot, release, live, tuple(steps))


def _minimum(options: tuple[OptionSetting, ...], live: int) -> tuple[int, int]:
    """The configured MinSize, and the one that meets live's capacity now (within MaxSize). The last setting wins."""
    configured = {item.name: int(item.value) for item in options if item.namespace == ASG and item.value.isdigit()}
    minimum = configured.get("MinSize", 1)
    maximum = configured.get("MaxSize", max(4, minimum))
    return minimum, max(minimum, min(live, maximum))


def _keep_capacity(snapshot: Snapshot, before: Environment, minimum: int) -> tuple[Step, ...]:
    """The earlier environment gets no more requests and would scale in: a rollback needs it as it was."""
    if not snapshot.stage.keep or snapshot.live_instances <= minimum:
        return ()
    return (MatchCapacity(before.name, snapshot.live_instances),)


def _finish_swapped(snapshot: Snapshot, release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    """What is left for a release that holds the live CNAME already but did not end."""
    stage = snapshot.stage
    if not release.from_environment:
        return (*phases.gates(stage, release, live.cname), phases.prove(stage, release, live.cname))
    before = snapshot.environment(release.from_environment)
    kept = {release.environment, release.from_environment}
    after = phases.after_swap(stage, release, live.cname, before.name if before else "")
    return (*after, *retirements(snapshot, keep=kept))
