"""`patch`: the commit that is live once more, on the platform version that the stage's platform means now.

Its own version is released again, with the settings that it has, through all that a ship goes through.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

from ebcd.errors import Refused
from ebcd.model import Environment, Stage, Strategy
from ebcd.model.platforms import branch_of, is_newer, version_of
from ebcd.release.commands import delivery
from ebcd.release.commands.bundled import stored_options
from ebcd.release.commands.delivery import ShipOptions, Subject
from ebcd.release.execute import preflight
from ebcd.release.execute.context import PlatformNews, Run, Services
from ebcd.release.plan.plan import settings_digest
from ebcd.release.plan.publication import bundle_key
from ebcd.release.plan.strategies import resumable
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, taken_back


@dataclass(frozen=True, slots=True)
class PatchOptions:
    """What the caller chose."""

    shipping: ShipOptions
    again: bool = False
    """Whether a platform version is tried again that was taken back before."""


def plan(run: Run, services: Services, options: PatchOptions) -> None:
    """What `patch` would do, as planned results. Changes nothing."""
    delivery.plan(run, services, options.shipping, partial(_subject, run, services, options), tuple)


def patch(run: Run, services: Services, options: PatchOptions) -> None:
    """Release what is live on the newest platform version. Raises any EbcdError; what was done is in the run."""
    if not services.storage.bucket_exists():  # nothing was ever released, and there is nowhere to lock
        require_live(Snapshot.empty(run.stage, services.clock.now()))
    again = services.flags.of("patch")
    if run.stage.strategy is Strategy.IN_PLACE:  # users have had it: that must be said
        again = services.flags.of("patch", "--again")
    services = replace(services, remedy=f"to try once more: {again}")
    choose = partial(_subject, run, services, options)
    delivery.deliver(run, services, options.shipping, choose, tuple, message="patch the platform")


def _subject(run: Run, services: Services, options: PatchOptions, snapshot: Snapshot) -> Subject | None:
    """Live's version on the platform version that is out; None where live runs that already. Raises Refused."""
    live, record = require_live(snapshot)
    stage, runs = snapshot.stage, live.platform_arn or record.platform_arn
    refuse_other_settings(stage, record, runs)
    newest = preflight.platform_arn(services, stage)
    run.platform, run.release_name = PlatformNews(runs, newest), record.release
    if resumable(snapshot, record.version_label, settings_digest(stage), newest) is None:
        if not patchable(stage, runs, newest):
            run.note = _nothing(services, stage, record, PlatformNews(runs, newest))
            return None
        refuse_unended(snapshot, record)
        if not options.again:
            refuse_taken_back(snapshot, record, newest)
    return _again(services, record, runs, newest)


def _again(services: Services, record: ReleaseRecord, runs: str, newest: str) -> Subject:
    """A release's version, to be released again. Raises Refused where Beanstalk or the bucket has it no more."""
    version = services.beanstalk.version(record.application, record.version_label)
    key = bundle_key(record.application, record.content_digest)
    if version is None or version.failed or not services.storage.exists(key):
        raise Refused(
            f"The version {record.version_label} cannot be released again.",
            why="Its application version, or its source bundle, is gone: somebody deleted it while it is live.",
            hint=services.flags.of("ship", record.sha),
            code="version-gone",
        )
    return Subject(
        version_label=record.version_label,
        sha=record.sha,
        tree=record.tree,
        content_digest=record.content_digest,
        message=f"platform {version_of(runs)} → {version_of(newest)}",
        options=stored_options(services, key),
        platform_arn=newest,
    )


def require_live(snapshot: Snapshot) -> tuple[Environment, ReleaseRecord]:
    """What is live, and the record of its release. Raises Refused where there is none, or it carries something else."""
    stage, live, flags = snapshot.stage, snapshot.live, snapshot.stage.flags
    if live is None:
        raise Refused(
            f"Nothing is live on the stage {stage.name}.",
            why="A patch releases again what is live.",
            hint=flags.of("ship"),
            code="no-live",
        )
    record = snapshot.record_of(live)
    if record is None or record.version_label != live.version_label:
        raise Refused(
            f"{live.name} carries {live.version_label}, of which there is no release.",
            why="Somebody deployed it without ebcd, so which commit it is, is not known.",
            hint=f"Ship the commit that should be live: {flags.of('ship', 'HEAD')}",
            code="unrecorded-live",
        )
    return live, record


def refuse_other_settings(stage: Stage, record: ReleaseRecord, runs: str) -> None:
    """Raises Refused where the stage's settings are not those that live was released with, but for a platform version
    that it pins now. Pure.
    """
    flags = stage.flags
    if not stage.platform:
        raise Refused(
            f"Which settings the stage {stage.name} has is not known.",
            why="No ebcd.toml declares it, and a patch releases with its settings.",
            hint=f"In the folder of its ebcd.toml: {flags.of('patch')}",
            code="undeclared-stage",
        )
    named = (stage.platform, record.platform_arn, branch_of(record.platform_arn))
    same = record.settings_digest in {settings_digest(replace(stage, platform=name)) for name in named}
    if not same or branch_of(stage.platform) != branch_of(runs):
        raise Refused(
            f"The settings of the stage {stage.name} are not those of {record.release}, which is live.",
            why="ebcd.toml has changed since, and a patch brings a newer version of the platform and nothing else.",
            hint=f"Patch from live's commit: git stash; git checkout {record.sha[:12]} && {flags.of('patch')}; "
            f"or commit the changed settings and release them: {flags.of('ship')}",
            code="settings-changed",
        )


def patchable(stage: Stage, runs: str, newest: str) -> bool:
    """Whether a platform version is one to go to: a newer one of live's branch, or any that the stage pins. Pure."""
    return newest != runs if stage.platform.startswith("arn:") else is_newer(newest, runs)


def refuse_unended(snapshot: Snapshot, record: ReleaseRecord) -> None:
    """Raises Refused where live's own release has not ended, or a candidate waits that a patch would overtake. Pure."""
    flags = snapshot.stage.flags
    if record.outcome is not Outcome.LIVE:
        raise Refused(
            f"{record.release} is live and has not ended well.",
            why=record.reason or "Its run died, so it is not proven.",
            hint=f"Take it up again: {flags.of('ship', record.sha[:12])}",
            code="unended",
        )
    for item in snapshot.releases:
        if item.outcome is Outcome.WAITING and snapshot.standing(item) not in (None, snapshot.live):
            raise Refused(
                f"{item.release} waits for its swap.",
                why="A patch of what is live would overtake it, and its environment would go.",
                hint=f"ebcd swap --to {item.release} {flags}, then patch if that is needed still.",
                code="candidate-waits",
            )


def refuse_taken_back(snapshot: Snapshot, record: ReleaseRecord, newest: str) -> None:
    """Raises Refused where this version went live on that platform version before, and was taken back. Pure."""
    found, flags = taken_back(snapshot, record.version_label, newest), snapshot.stage.flags
    if found is None:
        return
    raise Refused(
        f"{found.release} was this version on platform version {version_of(newest)}, and was taken back.",
        why=found.reason or f"Its outcome is {found.outcome}.",
        hint=f"If that was not the platform's fault: {flags.of('patch', '--again')}",
        code="taken-back",
    )


def _nothing(services: Services, stage: Stage, record: ReleaseRecord, platform: PlatformNews) -> str:
    """Why there is nothing to do."""
    version, newest = version_of(platform.live), version_of(platform.newest)
    if not stage.platform.startswith("arn:"):
        return f"{record.release} runs platform version {version}; the recommended one is {newest}."
    out = services.beanstalk.platform_arn(branch_of(stage.platform))
    told = f" {version_of(out)} is out." if is_newer(out, platform.live) else ""
    return f"ebcd.toml pins platform version {version}.{told} A patch follows stages.{stage.name}.platform."
