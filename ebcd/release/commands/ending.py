"""How a delivery ends: its outcome is recorded, whatever it is, and what a failure leaves is cleared up."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from ebcd.errors import EbcdError, ReleaseFailed, SwappedBack, beside
from ebcd.model import OnFailure, Stage
from ebcd.release.commands.transaction import Ending
from ebcd.release.execute import preflight
from ebcd.release.execute.busy import BUSY_PATIENCE
from ebcd.release.execute.context import Run, Services
from ebcd.release.execute.diagnosis import diagnose
from ebcd.release.execute.estimate import measured
from ebcd.release.execute.executor import RESTORED, Executor
from ebcd.release.judge.diagnosis import explained, serving
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.retirement import clearing
from ebcd.release.state.release import Outcome
from ebcd.release.store.observe import observe


def ending_of(run: Run, services: Services) -> Ending:
    """How a delivery ends."""

    def record(plan: Plan) -> None:
        record_outcome(run, services, Outcome.WAITING if plan.waits else Outcome.LIVE)

    return Ending(record, partial(record_failure, run, services), partial(clear_up, run, services))


def record_outcome(run: Run, services: Services, outcome: Outcome, reason: str = "") -> None:
    """Store how far the run's release came."""
    record = run.records[run.release_name]
    first_live = services.clock.now() if outcome is Outcome.LIVE else None
    if outcome in (Outcome.LIVE, Outcome.WAITING):
        record = preflight.with_images(services, record)
    record = replace(
        record,
        outcome=outcome,
        reason=reason,
        live_since=record.live_since or first_live,
        ready_seconds=run.ready_seconds or record.ready_seconds,
        steps=measured(run.results, record.steps),
    )
    run.records[record.release] = services.ledger.update(record)


def record_failure(run: Run, services: Services, prepared: Plan, error: EbcdError) -> None:
    """Store how the release failed, with a diagnosis where its environment is to blame."""
    reason = f"{error.what} {error.why}".strip()
    match error:
        case SwappedBack():
            record_outcome(run, services, Outcome.SWAPPED_BACK, reason)
        case ReleaseFailed():
            run.diagnosis = diagnose(services, prepared.release, error, logs=not prepared.revert_steps)
            told = explained(error, run.diagnosis, "")
            record_outcome(run, services, Outcome.FAILED, f"{told.what} {told.why}".strip())
        case _:
            record_outcome(run, services, Outcome.INTERRUPTED, reason)


def clear_up(run: Run, services: Services, executor: Executor, prepared: Plan, failed: ReleaseFailed) -> ReleaseFailed:
    """The failure with its cause, once what the release changed on live's own environment was taken back, and what the
    stage does not want to keep was terminated. Raises OutcomeUnknown where the way back failed.
    """
    restored = False
    try:
        if prepared.revert_steps:
            executor.revert(prepared.revert_steps, failed)
    except ReleaseFailed:
        restored = True
    still = serving(prepared.snapshot, prepared.release.environment, restored=restored)
    told = explained(failed, run.diagnosis, still, RESTORED if restored else "")
    with beside(told):
        _terminate_failed(run, services, executor, prepared.snapshot.stage)
    return told


def _terminate_failed(run: Run, services: Services, executor: Executor, stage: Stage) -> None:
    """Terminate a failed candidate where the stage says so; never what holds the live CNAME."""
    if stage.on_failure is not OnFailure.TERMINATE:
        return
    snapshot = observe(stage, services.beanstalk, services.ledger, services.clock.now())
    failed = snapshot.environment(run.records[run.release_name].environment)
    if failed is not None and failed != snapshot.live:
        step = clearing(snapshot, failed, "it failed, and on_failure says so")
        executor.execute([replace(step, patience=BUSY_PATIENCE)])
