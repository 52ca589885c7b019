"""Which wait or gate a look is."""

from __future__ import annotations

from typing import assert_never

from ebcd.model import Metrics, Stage
from ebcd.release import bake, gates, health, waits
from ebcd.release.run import Run, Seen, Services, Status
from ebcd.release.steps import (
    AwaitDrain,
    AwaitEnvironment,
    AwaitTermination,
    AwaitVersion,
    Bake,
    HoldHealth,
    Look,
    MeasureLive,
    ProbeTenants,
    ProveLive,
    SmokeCandidate,
)
from ebcd.release.tenants import token_missing
from ebcd.release.waits import Tick


def look(run: Run, services: Services, tick: Tick, stage: Stage, step: Look) -> Seen:  # noqa: C901 - one line a step
    """Wait, ask, judge. Raises ReleaseFailed for a candidate, gates.Breach for live."""
    match step:
        case AwaitVersion():
            return Seen(waits.await_version(services, tick, stage.application, step.label))
        case AwaitEnvironment():
            return Seen(waits.await_environment(services, tick, stage.application, step, stage.timeout))
        case HoldHealth():
            return Seen(health.hold_health(services, tick, stage, step))
        case AwaitTermination():
            return Seen(waits.await_termination(services, tick, stage.application, step, stage.timeout))
        case AwaitDrain():
            return Seen(waits.await_drain(services, tick, step))
        case SmokeCandidate():
            return Seen(gates.smoke_candidate(services, tick, stage, step))
        case ProbeTenants():
            if run.restoring and (missing := token_missing(services, stage.tenants)):
                return Seen(missing, Status.SKIPPED)  # whoever rolls back has credentials, and maybe nothing else
            return Seen(gates.probe_tenants(services, tick, stage, step))
        case MeasureLive():
            run.before = health.measure_live(services, tick, stage, step)
            return Seen(bake.told(run.before) if run.before else "it cannot be told")
        case ProveLive():
            changed = None if run.restoring or run.release is None else run.release.live_at
            return Seen(gates.prove_live(services, tick, stage, step, changed))
        case Bake():
            return Seen(bake.bake(services, tick, stage, step, run.before or _recorded_baseline(run)))
        case _:
            assert_never(step)


def _recorded_baseline(run: Run) -> Metrics | None:
    """What a run measured that died after the swap: live as it was before can be measured no more."""
    return run.release.baseline if run.release else None
