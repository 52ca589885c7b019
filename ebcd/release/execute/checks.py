"""Which function does a step that waits or judges, and changes nothing."""

from __future__ import annotations

from typing import assert_never

from ebcd.model import Metrics, Stage
from ebcd.release.execute import bake, gates, health, polling
from ebcd.release.execute.context import Run, Services, Status, StepOutcome
from ebcd.release.execute.polling import Heartbeat
from ebcd.release.execute.suspicion import Suspicion
from ebcd.release.execute.tenants import token_missing
from ebcd.release.plan.steps import (
    AwaitDrain,
    AwaitEnvironment,
    AwaitTermination,
    AwaitVersion,
    Bake,
    Check,
    HoldHealth,
    MeasureLive,
    ProbeTenants,
    ProveLive,
    SmokeCandidate,
)


def check(run: Run, services: Services, heartbeat: Heartbeat, stage: Stage, step: Check) -> StepOutcome:  # noqa: C901 - one line a step
    """Wait, ask, judge. Raises ReleaseFailed for a candidate, LiveCheckFailed for live."""
    match step:
        case AwaitVersion():
            return StepOutcome(polling.await_version(services, heartbeat, stage.application, step.label))
        case AwaitEnvironment():
            doubt = Suspicion(services, heartbeat, stage.application, step.environment)
            return StepOutcome(
                polling.await_environment(services, heartbeat, stage.application, step, stage.timeout, doubt.read)
            )
        case HoldHealth():
            doubt = Suspicion(services, heartbeat, stage.application, step.environment)
            return StepOutcome(health.hold_health(services, heartbeat, stage, step, doubt))
        case AwaitTermination():
            return StepOutcome(polling.await_termination(services, heartbeat, stage.application, step, stage.timeout))
        case AwaitDrain():
            return StepOutcome(polling.await_drain(services, heartbeat, step))
        case SmokeCandidate():
            return StepOutcome(gates.smoke_candidate(services, heartbeat, stage, step))
        case ProbeTenants():
            if run.restoring and (missing := token_missing(services, stage.tenants)):
                return StepOutcome(
                    missing, Status.SKIPPED
                )  # whoever rolls back has credentials, and maybe nothing else
            return StepOutcome(gates.probe_tenants(services, heartbeat, stage, step))
        case MeasureLive():
            run.before = health.measure_live(services, heartbeat, stage, step)
            return StepOutcome(bake.told(run.before) if run.before else "it cannot be told")
        case ProveLive():
            changed = None if run.restoring or run.release is None else run.release.live_at
            return StepOutcome(gates.prove_live(services, heartbeat, stage, step, changed))
        case Bake():
            return StepOutcome(bake.bake(services, heartbeat, stage, step, run.before or _recorded_baseline(run)))
        case _:
            assert_never(step)


def _recorded_baseline(run: Run) -> Metrics | None:
    """What a run measured that died after the swap: live as it was before can be measured no more."""
    return run.release.baseline if run.release else None
