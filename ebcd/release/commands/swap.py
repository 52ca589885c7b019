"""`swap`: bring a recorded release live, or go back to the one before. Under the same lock, by the same proofs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from functools import partial

from ebcd.errors import AwsRefused, EbcdError, OutcomeUnknown, Refused, ReleaseFailed, SwappedBack, UsageError
from ebcd.model import Environment, InstanceHealth
from ebcd.model.platforms import change_of
from ebcd.release.commands import transaction
from ebcd.release.commands.transaction import Ending
from ebcd.release.execute import preflight
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.diagnosis import diagnose
from ebcd.release.execute.estimate import measured
from ebcd.release.execute.executor import Executor
from ebcd.release.execute.polling import BASIC_HEALTH
from ebcd.release.execute.promotion import record_swap
from ebcd.release.judge.diagnosis import explained, serving
from ebcd.release.plan import rollback
from ebcd.release.plan.plan import Plan, platform_change
from ebcd.release.plan.promotion import Capacity, redeployment
from ebcd.release.plan.strategies import environment_of, plan_promote, plan_redeploy
from ebcd.release.state.release import UNENDED, Outcome, ReleaseRecord, is_patch
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.lease import Lease
from ebcd.release.store.lock import Preemption
from ebcd.release.store.observe import observe, observe_standing, recorded, with_saved

NO_BUCKET = "NoSuchBucket"
ROLLBACK_PATIENCE = 60.0
"""Seconds that a rollback waits for a run that it cannot overtake: another rollback, a retire."""


@dataclass(frozen=True, slots=True)
class SwapOptions:
    """What the caller chose."""

    to: str = ""
    """A release's name; empty: the candidate that waits."""
    rollback: bool = False
    reason: str = ""
    wait_lock: float | None = None
    """Seconds to wait for the lock; None: not at all, a rollback for a minute."""
    hold: bool = False
    """Hold the stage after a rollback, so that no ship brings back what was left."""


def plan(run: Run, services: Services, options: SwapOptions) -> None:
    """What `swap` would do, as planned results. Changes nothing."""
    snapshot = observe(run.stage, services.beanstalk, services.ledger, services.clock.now())
    transaction.planned(run, snapshot, _prepare(run, services, snapshot, options).steps)


def swap(run: Run, services: Services, options: SwapOptions) -> None:
    """Swap to a release. Raises any EbcdError; what was done is in the run, and recorded."""
    # Read before the lock is taken: their ARNs tell the account, and the swap reads them once more anyway.
    environments = services.beanstalk.environments(run.stage.application)
    try:
        with _locked(run, services, options) as lease:
            snapshot = record_swap(services.ledger, _observe(run, services, environments, options))
            prepared = _prepare(run, services, snapshot, options)
            for line in run.told:
                services.progress.note(line)
            if prepared.steps:
                _store(run, services, prepared.release)
                plan_again = partial(_plan_again, run, services, options)
                transaction.release(run, services, lease, prepared, plan_again, _ending(run, services, options))
            if options.hold:
                reason = options.reason or _hold_reason(run)
                run.hold = services.hold.set(services.caller.user, reason, services.clock.now())
    except AwsRefused as error:
        if error.code != NO_BUCKET:
            raise
        # Nothing was ever released, and there is nowhere to lock.
        _prepare(run, services, Snapshot.empty(run.stage, services.clock.now()), options)


def _locked(run: Run, services: Services, options: SwapOptions) -> AbstractContextManager[Lease]:
    """The stage's lock; a rollback takes it from a run that is preemptible."""
    if not options.rollback:
        message = f"swap to {options.to or 'the waiting candidate'}"
        return transaction.locked(run, services, message, wait=options.wait_lock or 0.0, preemptible=True)
    wait = ROLLBACK_PATIENCE if options.wait_lock is None else options.wait_lock
    preemption = Preemption(options.reason or "a rollback", services.progress.note)
    return transaction.locked(run, services, "rollback", wait=wait, preemption=preemption)


def _observe(run: Run, services: Services, environments: tuple[Environment, ...], options: SwapOptions) -> Snapshot:
    """For a rollback from what a ship brought live, the standing releases say it all; else the whole ledger does."""
    if options.rollback:
        snapshot = observe_standing(run.stage, environments, services.ledger, services.clock.now())
        live = snapshot.record_of(snapshot.live)
        before = snapshot.previous
        if live is not None and live.left_live is None and before is not None and snapshot.carries(before):
            return snapshot
    return observe(run.stage, services.beanstalk, services.ledger, services.clock.now())


def _hold_reason(run: Run) -> str:
    return f"{run.left.release} was rolled back" if run.left else "a rollback"


def _prepare(run: Run, services: Services, snapshot: Snapshot, options: SwapOptions) -> Plan:
    snapshot = _with_saved(services, replace(snapshot, dns_ttl=services.timing.dns_ttl), options)
    run.records = {record.release: record for record in snapshot.releases}
    run.restoring = options.rollback
    way = _roll_back(run, services, snapshot) if options.rollback else _promote(services, snapshot, options.to)
    prepared, replaces = way
    run.records[prepared.release.release] = prepared.release
    run.release_name = prepared.release.release
    if prepared.steps:
        run.left = replaces
        _tell_platform(run, prepared, replaces)
    else:
        run.note = f"{prepared.release.release} is live already."
    return prepared


def _tell_platform(run: Run, prepared: Plan, replaces: ReleaseRecord | None) -> None:
    """Which platform version live gets; a rollback says so before it acts, where it has not said it yet."""
    run.platform_change = run.platform_change or platform_change(prepared)
    if run.told and run.platform_change and not is_patch(prepared.release, replaces):
        run.told += (f"The platform changes with it: {change_of(*run.platform_change)}.",)


def _with_saved(services: Services, snapshot: Snapshot, options: SwapOptions) -> Snapshot:
    """With what a deployment in place that did not end has saved. Users wait for a rollback, which goes on without."""
    try:
        return with_saved(snapshot, services.beanstalk)
    except AwsRefused as error:
        if not options.rollback:
            raise
        services.progress.note(f"{error.what} Which settings stood before is not known: they stay as they are.")
        return snapshot


def _promote(services: Services, snapshot: Snapshot, name: str) -> tuple[Plan, ReleaseRecord | None]:
    """The plan, and the release that it leaves."""
    target = _chosen(services, snapshot, name)
    replaces = snapshot.record_of(snapshot.live)
    if replaces == target:
        replaces = snapshot.release(target.from_release)
    return plan_promote(
        snapshot, target, _read_capacity(services, snapshot, target), restoring=False, replaces=replaces
    ), replaces


def _roll_back(run: Run, services: Services, snapshot: Snapshot) -> tuple[Plan, ReleaseRecord]:
    found = rollback.rollback_target(snapshot)
    replaces = found.replaces
    if found.already:
        return Plan(snapshot, found.target, snapshot.live, ()), replaces
    standing = _read_capacity(services, snapshot, found.target)
    run.told = rollback.announcement(snapshot, found, standing)
    if found.gone:
        return plan_redeploy(snapshot, _redeployment(services, snapshot, found), standing), replaces
    return plan_promote(snapshot, found.target, standing, restoring=True, replaces=replaces), replaces


def _redeployment(services: Services, snapshot: Snapshot, found: rollback.RollbackTarget) -> ReleaseRecord:
    """The release that deploys the target's version again: one that a dead run began, else a new one."""
    for record in snapshot.releases:
        if record.restores == found.target.release and record.outcome in UNENDED:
            return record
    number = snapshot.next_number
    caller = services.caller
    made = redeployment(found.target, found.replaces, number, environment_of(snapshot, number))
    return replace(made, since=services.clock.now(), by=caller.user, host=caller.host, run_url=caller.run_url)


def _read_capacity(services: Services, snapshot: Snapshot, target: ReleaseRecord) -> Capacity:
    """The instances on both sides, asked at once."""
    sides = (snapshot.live, snapshot.environment(target.environment))
    with ThreadPoolExecutor(max_workers=2) as pool:
        live, standing = pool.map(lambda side: _instances(services, side), sides)
    return Capacity(live[0], standing[0], standing[1])


def _instances(services: Services, environment: Environment | None) -> tuple[int, tuple[InstanceHealth, ...]]:
    """How many instances an environment runs, and each of them where enhanced health tells."""
    if environment is None:
        return 0, ()
    try:
        instances = services.beanstalk.instances(environment.name)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return services.beanstalk.instance_count(environment.name), ()
    return len(instances), instances


def _chosen(services: Services, snapshot: Snapshot, name: str) -> ReleaseRecord:
    """The release to promote: the named one, however long ago it was, or the only one that waits."""
    flags = services.flags
    if name:
        release = recorded(snapshot, services.ledger, name)
        if release is None:
            raise UsageError(
                f"The stage {snapshot.stage.name} has no release {name!r}.",
                why=f"Known: {', '.join(record.release for record in snapshot.releases[:5]) or 'none'}.",
                hint=f"ebcd releases {flags}",
                code="unknown-release",
            )
        return release
    waiting = [
        record for record in snapshot.releases if record.outcome is Outcome.WAITING and snapshot.standing(record)
    ]
    if not waiting:
        raise Refused(
            f"No candidate of the stage {snapshot.stage.name} waits to be swapped.",
            why="A candidate waits after a ship with --no-swap.",
            hint=f"Choose one of: ebcd releases {flags}; or go back: ebcd swap --rollback {flags}",
            code="no-candidate",
        )
    return waiting[0]


def _store(run: Run, services: Services, release: ReleaseRecord) -> None:
    """Store the release first, with what it takes the live CNAME from: a rollback needs it even after a crash."""
    ledger = services.ledger
    stored = ledger.update(release) if release.etag else ledger.allocate(release, lambda _: release.environment)
    if stored.number != release.number:
        raise OutcomeUnknown(
            "Another run took the number of this release.",
            why="It wrote without the stage's lock.",
            hint="Run the same command again: it plans anew.",
            code="record-changed",
        )
    run.records[stored.release] = stored


def _plan_again(run: Run, services: Services, options: SwapOptions) -> Plan:
    """The plan of a promotion that is under way, from what is there by now."""
    snapshot = observe(run.stage, services.beanstalk, services.ledger, services.clock.now())
    prepared = _prepare(run, services, snapshot, options)
    run.records[run.release_name] = services.ledger.update(prepared.release)
    return prepared


def _ending(run: Run, services: Services, options: SwapOptions) -> Ending:
    """How a swap ends."""

    def record(_: Plan) -> None:
        _record(run, services, options)

    def clear_up(executor: Executor, plan: Plan, failed: ReleaseFailed) -> ReleaseFailed:
        if plan.updates_live:
            executor.revert(plan.revert_steps, failed)
        return explained(failed, run.diagnosis, serving(plan.snapshot, plan.release.environment))

    return Ending(record, partial(_record_failure, run, services), clear_up)


def _record_failure(run: Run, services: Services, plan: Plan, error: EbcdError) -> None:
    """A release that was proven before keeps its outcome; one that a rollback just made has its own."""
    record, reason = run.records[run.release_name], f"{error.what} {error.why}".strip()
    if isinstance(error, SwappedBack):
        swapped_back = replace(record, outcome=Outcome.SWAPPED_BACK, reason=error.why)
        run.records[record.release] = services.ledger.update(swapped_back)
        return
    if record.live_at is None and record.restores:
        outcome = Outcome.FAILED if isinstance(error, ReleaseFailed) else Outcome.INTERRUPTED
        run.records[record.release] = services.ledger.update(replace(record, outcome=outcome, reason=reason))
    if isinstance(error, ReleaseFailed):
        run.diagnosis = diagnose(services, record, error, logs=not plan.revert_steps)
    services.ledger.entry(record, "failed", {"what": error.what, "why": error.why}, services.clock.now())


def _record(run: Run, services: Services, options: SwapOptions) -> None:
    name = run.release_name
    record = replace(
        run.records[name],
        outcome=Outcome.LIVE,
        reason=options.reason,
        ready_seconds=run.ready_seconds or run.records[name].ready_seconds,
        steps=measured(run.results, run.records[name].steps),
    )
    if record.restores and not record.image_ids:  # it was deployed just now
        record = preflight.with_images(services, record)
    run.records[name] = services.ledger.update(record)
    left = run.records.get(run.left.release) if run.left else None
    if options.rollback and left:
        reason = options.reason or f"rolled back by {services.caller.user}"
        run.records[left.release] = services.ledger.update(replace(left, outcome=Outcome.ROLLED_BACK, reason=reason))
