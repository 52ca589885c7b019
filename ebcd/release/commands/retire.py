"""`retire`: terminate what has drained, or scale it down where it stands, under the stage's lock."""

from __future__ import annotations

from dataclasses import replace

from ebcd.model import Stage, Strategy
from ebcd.release.commands import transaction
from ebcd.release.execute.busy import BUSY_PATIENCE, is_busy
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.promotion import record_swap
from ebcd.release.plan.pair import idle_side
from ebcd.release.plan.retirement import Cleanup, failed_candidates, kept, oversized, retirements
from ebcd.release.plan.steps import SetMinimum
from ebcd.release.state.reconciliation import superseded
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.observe import observe, with_settings


def retire(run: Run, services: Services, *, planned: bool, force: bool) -> None:
    """Clear the stage's environments that nothing needs; with `planned`, only name them.

    force: also those that still get requests.
    """
    if planned or not services.storage.bucket_exists():
        snapshot = _observe(services, run.stage)
        steps = _plan(snapshot, force)
        run.kept = kept(snapshot, [step.environment for step in steps])
        transaction.planned(run, snapshot, steps)
        return
    with transaction.locked(run, services, "retire") as lease:
        snapshot = _reconcile(services, _observe(services, run.stage))
        run.records = {record.release: record for record in snapshot.releases}
        steps = _plan(snapshot, force)
        run.kept = kept(snapshot, [step.environment for step in steps])
        transaction.performed(run, services, lease, snapshot, steps)


def _observe(services: Services, stage: Stage) -> Snapshot:
    """What is there, with the settings of live, and of a pair's idle side: it may be scaled down already."""
    snapshot = observe(stage, services.beanstalk, services.ledger, services.clock.now())
    current_release = snapshot.record_of(snapshot.live)
    if snapshot.live is not None and current_release is not None and current_release.raised is not None:
        snapshot = with_settings(snapshot, services.beanstalk, snapshot.live.name)
    if snapshot.stage.strategy is not Strategy.PAIR:
        return snapshot
    return with_settings(snapshot, services.beanstalk, idle_side(snapshot))


def _reconcile(services: Services, snapshot: Snapshot) -> Snapshot:
    """Write down a swap whose run died right after it: the rollback window of what left live begins now."""
    if snapshot.record_of(snapshot.live) is None:
        return snapshot
    snapshot = record_swap(services.ledger, snapshot)
    seen = ((record, superseded(record, snapshot)) for record in snapshot.releases)
    reconciled = tuple(record if record == now else services.ledger.update(now) for record, now in seen)
    return replace(snapshot, releases=reconciled)


def _plan(snapshot: Snapshot, force: bool) -> tuple[Cleanup | SetMinimum, ...]:
    """All that may go: never live, never what a rollback returns to within its window. What is busy comes last: it is
    waited for. What live was raised by goes, too.
    """
    going = (*failed_candidates(snapshot, keep=()), *retirements(snapshot))
    steps = (replace(step, left=None if force else step.left, patience=BUSY_PATIENCE) for step in going)
    clearings = sorted(steps, key=lambda step: is_busy(snapshot.environment(step.environment)))
    return (*clearings, *oversized(snapshot))
