"""`swap`: bring a standing release live, or go back to the one before. Under the same lock, by the same proofs."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ebcd.errors import EbcdError, Refused, ReleaseFailed, SwappedBack, UsageError
from ebcd.release.execute import Executor
from ebcd.release.journal import Outcome, ReleaseRecord
from ebcd.release.lock import Lease
from ebcd.release.plan import Plan, plan_promote
from ebcd.release.rollback import left_by, rollback_target
from ebcd.release.run import Run, Services, Status, StepResult
from ebcd.release.snapshot import Snapshot, observe, observe_if_possible


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """What the caller chose."""

    to: str = ""
    """A release's name; empty: the candidate that waits."""
    rollback: bool = False
    reason: str = ""
    wait_lock: float = 0.0
    """Seconds to wait for the lock."""
    hold: bool = False
    """Hold the stage after a rollback, so that no ship brings back what was left."""


def plan(run: Run, services: Services, options: SwapOptions) -> None:
    """What `swap` would do, as planned results. Changes nothing."""
    snapshot = observe(run.stage, services.beanstalk, services.ledger, services.clock.now())
    run.results += [StepResult(step, Status.PLANNED) for step in _prepare(run, snapshot, options).steps]
    run.after = snapshot


def swap(run: Run, services: Services, options: SwapOptions) -> None:
    """Swap to a release. Raises any EbcdError; what was done is in the run, and recorded."""
    stage, caller = run.stage, services.caller
    message = "rollback" if options.rollback else f"swap to {options.to or 'the waiting candidate'}"
    if not services.storage.bucket_exists():  # then nothing was ever released, and there is nowhere to lock
        _prepare(run, Snapshot.empty(stage, services.clock.now()), options)
    if options.rollback:
        _stop_ship(services, options)
    try:
        with services.lock.held(owner=caller.user, host=caller.host, message=message, wait=options.wait_lock) as lease:
            snapshot = observe(stage, services.beanstalk, services.ledger, services.clock.now())
            prepared = _prepare(run, snapshot, options)
            if prepared.steps:
                _perform(run, services, prepared, lease, options)
            if options.hold:
                run.hold = services.hold.set(caller.user, options.reason or _hold_reason(run), services.clock.now())
    finally:
        run.after = observe_if_possible(stage, services.beanstalk, services.ledger, services.clock.now())


def _stop_ship(services: Services, options: SwapOptions) -> None:
    """Whoever rolls back cannot wait for a ship: it is what they roll back, or it would come on top of it."""
    state = services.lock.state()
    if state and state.message.startswith("ship "):
        reason = options.reason or "a rollback"
        services.lock.take_over(services.caller.user, reason, services.progress.note)


def _hold_reason(run: Run) -> str:
    return f"{run.left.release} was rolled back" if run.left else "a rollback"


def _prepare(run: Run, snapshot: Snapshot, options: SwapOptions) -> Plan:
    run.records = {record.release: record for record in snapshot.releases}
    run.restoring = options.rollback
    leaves: ReleaseRecord | None
    if options.rollback:
        found = rollback_target(snapshot)
        target, leaves = found.target, found.leaves
    else:
        target = _chosen(snapshot, options.to)
        leaves = left_by(snapshot, target)
    prepared = plan_promote(snapshot, target, leaves, restoring=options.rollback)
    run.records[prepared.release.release] = prepared.release
    run.release_name = prepared.release.release
    if prepared.steps:
        run.left = leaves
    if not prepared.steps:
        run.note = f"{target.release} is live already."
    return prepared


def _chosen(snapshot: Snapshot, name: str) -> ReleaseRecord:
    """The release to promote: the named one, or the only one that waits."""
    flags = f"-a {snapshot.stage.application} -s {snapshot.stage.name}"
    if name:
        release = snapshot.release(name)
        if release is None:
            raise UsageError(
                f"The stage {snapshot.stage.name} has no release {name!r}.",
                why=f"Known: {', '.join(record.release for record in snapshot.releases[:5]) or 'none'}.",
                hint=f"ebcd releases {flags}",
                code="unknown-release",
            )
        return release
    waiting = [record for record in snapshot.releases if record.outcome is Outcome.WAITING]
    if not waiting:
        raise Refused(
            f"No candidate of the stage {snapshot.stage.name} waits to be swapped.",
            why="A candidate waits after: ebcd ship --no-swap.",
            hint=f"ebcd swap --to rN {flags}, or ebcd swap --rollback {flags}",
            code="no-candidate",
        )
    return waiting[0]


def _perform(run: Run, services: Services, prepared: Plan, lease: Lease, options: SwapOptions) -> None:
    ledger, name = services.ledger, prepared.release.release
    # Stored first, with what the release takes the live CNAME from: a rollback needs it even after a crash.
    run.records[name] = ledger.update(prepared.release)
    executor = Executor(run, services, prepared.snapshot.stage, lease)
    try:
        executor.execute(prepared.steps, prepared.back)
    except SwappedBack as error:
        run.records[name] = ledger.update(replace(run.records[name], outcome=Outcome.SWAPPED_BACK, reason=error.why))
        raise
    except EbcdError as error:
        ledger.entry(run.records[name], "failed", {"what": error.what, "why": error.why}, services.clock.now())
        if isinstance(error, ReleaseFailed) and prepared.updates_live:
            executor.undo(prepared.undo, error)
        raise
    _record(run, services, prepared, options)


def _record(run: Run, services: Services, prepared: Plan, options: SwapOptions) -> None:
    name = prepared.release.release
    run.records[name] = services.ledger.update(replace(run.records[name], outcome=Outcome.LIVE, reason=options.reason))
    left = run.records.get(run.left.release) if run.left else None
    if options.rollback and left:
        reason = options.reason or f"rolled back by {services.caller.user}"
        run.records[left.release] = services.ledger.update(replace(left, outcome=Outcome.ROLLED_BACK, reason=reason))
