"""`prune`: delete application versions and bundles that nothing needs any more. Under the stage's lock."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from ebcd.errors import Refused
from ebcd.model import NOT_YET, ApplicationVersion, Stage
from ebcd.release.commands import transaction
from ebcd.release.execute.context import Run, Services
from ebcd.release.plan.publication import bundle_key
from ebcd.release.plan.steps import DeleteBundle, DeleteVersion
from ebcd.release.state.documents import Damaged
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.ledger import Ledger
from ebcd.release.store.observe import observe_among

ABANDONED = timedelta(days=1)
"""Age from which on a bundle without a version belongs to a run that will not come back."""
AT_WORK = (Outcome.RUNNING, Outcome.WAITING)
"""Outcomes of releases whose versions may be deployed any moment."""


def prune(run: Run, services: Services, *, keep: int, planned: bool) -> None:
    """Delete what nothing needs, beyond the newest `keep` versions; with `planned`, only name it."""
    if planned or not services.storage.bucket_exists():
        snapshot = transaction.observed(run, services)
        transaction.planned(run, snapshot, _plan(services, snapshot, keep))
        return
    with transaction.locked(run, services, "prune") as lease:
        snapshot = transaction.observed(run, services)
        transaction.performed(run, services, lease, snapshot, _plan(services, snapshot, keep))


def _plan(services: Services, snapshot: Snapshot, keep: int) -> tuple[DeleteVersion | DeleteBundle, ...]:
    stored = tuple(services.storage.written(_place(snapshot.stage.application)))  # before the versions that name them
    versions = services.beanstalk.versions(snapshot.stage.application)
    stages = (snapshot, *_other_stages(services, snapshot))
    for item in (found for stage in stages[1:] for found in stage.damaged):
        services.progress.note(f"Passed over: {item}")
    going = prunable(stages, versions, services.storage.bucket, keep)
    return (*going, *orphaned(stages, versions, stored))


def _other_stages(services: Services, snapshot: Snapshot) -> Iterator[Snapshot]:
    """The application's other stages: versions are the application's, and each stage's ledger tells what it needs."""
    stage = snapshot.stage
    for name in services.storage.folders(f"ebcd/{stage.application}/"):
        if name != stage.name:
            other = Stage(name, stage.application, stage.region, "", target=stage.target, reach=stage.reach)
            ledger = Ledger(services.storage, stage.application, name)
            try:
                yield observe_among(other, snapshot.environments, ledger, snapshot.taken)
            except Refused as error:  # nobody knows what that stage needs
                unsure = Damaged(f"ebcd/{stage.application}/{name}/", error.what)
                yield replace(Snapshot.empty(other, snapshot.taken), damaged=(unsure,))


def prunable(
    stages: Sequence[Snapshot], versions: Iterable[ApplicationVersion], bucket: str, keep: int
) -> tuple[DeleteVersion, ...]:
    """The versions that may go, oldest first. Pure.

    stages: all of the application's. Kept are: the newest `keep`, what any environment of the application carries, what
    is live, what a rollback returns to and what is under way on any stage, what records may need that cannot be read,
    and what ebcd did not make: its bundles lie under `ebcd/{application}/bundles/` alone.
    """
    own = _place(stages[0].stage.application)
    ordered = sorted(versions, key=lambda item: item.created, reverse=True)
    needed = {item.version_label for stage in stages for item in stage.environments}
    needed |= {record.version_label for stage in stages for record in _needed(stage)}
    needed |= {item.label for item in ordered[:keep]}
    going = [
        item
        for item in ordered
        if item.label not in needed
        and (item.bucket, item.key[: len(own)]) == (bucket, own)
        and all(item.created < _known_until(stage) for stage in stages)
    ]
    shared = {item.key for item in ordered if item not in going}
    return tuple(DeleteVersion(item.label, "" if item.key in shared else item.key) for item in reversed(going))


def orphaned(
    stages: Sequence[Snapshot], versions: Iterable[ApplicationVersion], stored: Iterable[tuple[str, datetime]]
) -> tuple[DeleteBundle, ...]:
    """The bundles that may go though no version goes with them: a run died behind its upload, or between the deletion
    of a version and its bundle's. Pure.

    stored: keys, and when each was written. What is younger than a day may be an upload that is under way.
    """
    if any(stage.damaged for stage in stages):
        return ()
    application, oldest = stages[0].stage.application, stages[0].taken - ABANDONED
    needed = {item.key for item in versions}
    needed |= {bundle_key(application, record.content_digest) for stage in stages for record in _needed(stage)}
    return tuple(
        DeleteBundle(key) for key, written in stored if key.endswith(".zip") and key not in needed and written <= oldest
    )


def _needed(stage: Snapshot) -> Iterator[ReleaseRecord]:
    """The releases of a stage whose versions must stay: all, where one cannot be read that may lead to any of them."""
    if stage.damaged:
        yield from stage.releases
        return
    yield from (record for record in (stage.record_of(stage.live), stage.previous) if record)
    yield from (record for record in stage.releases if record.outcome in AT_WORK)


def _known_until(stage: Snapshot) -> datetime:
    """Before when every version is older than what is recorded of a stage: a record that cannot be read may need any
    version since then.
    """
    if not stage.damaged:
        return stage.taken + timedelta(days=1)
    return min((record.since for record in stage.releases), default=NOT_YET)


def _place(application: str) -> str:
    """Where in the bucket an application's bundles lie."""
    return f"ebcd/{application}/bundles/"
