"""`retire`: terminate what has drained, under the stage's lock."""

from __future__ import annotations

from dataclasses import replace

from ebcd.release.execute import Executor
from ebcd.release.retirement import failed_candidates, retirements
from ebcd.release.run import Run, Services, Status, StepResult
from ebcd.release.snapshot import Snapshot, observe
from ebcd.release.steps import TerminateEnvironment


def retire(run: Run, services: Services, *, planned: bool, force: bool) -> None:
    """Terminate the stage's environments that nothing needs; with `planned`, only name them.

    force: also those that still get requests.
    """
    stage, caller = run.stage, services.caller
    if planned or not services.storage.bucket_exists():
        run.after = observe(stage, services.beanstalk, services.ledger, services.clock.now())
        run.results += [StepResult(step, Status.PLANNED) for step in _plan(run.after, force)]
        return
    with services.lock.held(owner=caller.user, host=caller.host, message="retire", wait=0.0) as lease:
        snapshot = observe(stage, services.beanstalk, services.ledger, services.clock.now())
        run.records = {record.release: record for record in snapshot.releases}
        Executor(run, services, snapshot.stage, lease).execute(_plan(snapshot, force))
    run.after = observe(snapshot.stage, services.beanstalk, services.ledger, services.clock.now())


def _plan(snapshot: Snapshot, force: bool) -> tuple[TerminateEnvironment, ...]:
    """All that may go: never live, never what a rollback returns to within its window."""
    going = (*failed_candidates(snapshot, keep=()), *retirements(snapshot))
    return tuple(replace(step, drained=False) for step in going) if force else going
