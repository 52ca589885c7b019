"""`prune`: delete application versions, and their bundles, that nothing needs any more. Under the stage's lock."""

from __future__ import annotations

from collections.abc import Iterable

from ebcd.model import ApplicationVersion
from ebcd.release.execute import Executor
from ebcd.release.run import Run, Services, Status, StepResult
from ebcd.release.snapshot import Snapshot, observe
from ebcd.release.steps import DeleteVersion


def prune(run: Run, services: Services, *, keep: int, planned: bool) -> None:
    """Delete what nothing needs, beyond the newest `keep` versions; with `planned`, only name it."""
    stage, caller = run.stage, services.caller
    if planned or not services.storage.bucket_exists():
        run.after = observe(stage, services.beanstalk, services.ledger, services.clock.now())
        run.results += [StepResult(step, Status.PLANNED) for step in _plan(services, run.after, keep)]
        return
    with services.lock.held(owner=caller.user, host=caller.host, message="prune", wait=0.0) as lease:
        snapshot = observe(stage, services.beanstalk, services.ledger, services.clock.now())
        run.records = {record.release: record for record in snapshot.releases}
        Executor(run, services, snapshot.stage, lease).execute(_plan(services, snapshot, keep))
    run.after = observe(stage, services.beanstalk, services.ledger, services.clock.now())


def _plan(services: Services, snapshot: Snapshot, keep: int) -> tuple[DeleteVersion, ...]:
    versions = services.beanstalk.versions(snapshot.stage.application)
    return prunable(snapshot, versions, services.storage.bucket, keep)


def prunable(
    snapshot: Snapshot, versions: Iterable[ApplicationVersion], bucket: str, keep: int
) -> tuple[DeleteVersion, ...]:
    """The versions that may go, oldest first. Pure.

    Kept are: the newest `keep`, what any environment of the application carries (of other stages too), what a rollback
    of this stage returns to, and what ebcd did not make: its bundles lie under `ebcd/{application}/bundles/` alone.
    """
    own = f"ebcd/{snapshot.stage.application}/bundles/"
    ordered = sorted(versions, key=lambda item: item.created, reverse=True)
    needed = {item.version_label for item in snapshot.environments}
    needed |= {record.version_label for record in (snapshot.record_of(snapshot.live), snapshot.previous) if record}
    needed |= {item.label for item in ordered[:keep]}
    going = [
        item for item in ordered if item.label not in needed and (item.bucket, item.key[: len(own)]) == (bucket, own)
    ]
    shared = {item.key for item in ordered if item not in going}
    return tuple(DeleteVersion(item.label, "" if item.key in shared else item.key) for item in reversed(going))
