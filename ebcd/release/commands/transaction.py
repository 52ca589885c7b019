"""What every verb that changes a stage does in the same order: take the lock, observe, plan, perform, record.

A verb reads as `with locked(…)`: `observed`, its own plan, then `performed` where steps are all there is to it, or
`release` where a release's outcome is recorded, whatever it is. With `--plan` it stops behind its plan: `planned`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ebcd.errors import EbcdError, ReleaseFailed, beside
from ebcd.release.execute.context import Run, Services, Status, StepResult
from ebcd.release.execute.executor import Executor
from ebcd.release.execute.swap import LiveHasGrown
from ebcd.release.plan.plan import Plan
from ebcd.release.plan.steps import Step
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.lease import Lease
from ebcd.release.store.lock import Preemption
from ebcd.release.store.observe import observe, observe_if_possible


@dataclass(frozen=True, slots=True)
class Ending:
    """How a verb that releases something ends."""

    record: Callable[[Plan], None]
    """Records that the plan was performed."""
    record_failure: Callable[[Plan, EbcdError], None]
    """Records what it failed of, with a diagnosis where its environment is to blame."""
    clear_up: Callable[[Executor, Plan, ReleaseFailed], ReleaseFailed]
    """The failure as it is told, once what the release changed on live's own environment was taken back. Raises
    OutcomeUnknown where the way back failed.
    """


@contextmanager
def locked(
    run: Run,
    services: Services,
    message: str,
    *,
    wait: float = 0.0,
    preemptible: bool = False,
    preemption: Preemption | None = None,
) -> Iterator[Lease]:
    """Hold the stage's lock for a block, and read what is there behind it, whatever the block raised. Raises LockHeld.

    message: what the lock tells others of this run. The rest: as `Lock.held`.
    """
    caller = services.caller
    try:
        with services.lock.held(
            owner=caller.user,
            host=caller.host,
            message=message,
            wait=wait,
            preemptible=preemptible,
            preemption=preemption,
        ) as lease:
            yield lease
    finally:
        run.after = observe_if_possible(run.stage, services.beanstalk, services.ledger, services.clock.now())


def observed(run: Run, services: Services) -> Snapshot:
    """What is there now; its releases are the run's records."""
    snapshot = observe(run.stage, services.beanstalk, services.ledger, services.clock.now())
    run.records = {record.release: record for record in snapshot.releases}
    return snapshot


def planned(run: Run, snapshot: Snapshot, steps: Iterable[Step]) -> None:
    """The end of a dry run: what would be done is in the run, and nothing was changed."""
    run.results += [StepResult(step, Status.PLANNED) for step in steps]
    run.after = snapshot


def performed(run: Run, services: Services, lease: Lease, snapshot: Snapshot, steps: Iterable[Step]) -> None:
    """Perform steps that are all there is to a verb. Raises any EbcdError; what was done is in the run."""
    Executor(run, services, snapshot.stage, lease).execute(steps)


def release(
    run: Run,
    services: Services,
    lease: Lease,
    plan: Plan,
    plan_again: Callable[[], Plan],
    ending: Ending,
    *,
    publication: Iterable[Step] = (),
    watch_live: bool = False,
) -> None:
    """Perform a release's plan, and record its outcome, whatever it is. Raises any EbcdError.

    plan_again: where live has grown before the swap, all is planned again from what is there by then.
    publication: the steps that make the version, performed first. watch_live: whether live is probed until the swap.
    """
    executor, publication = Executor(run, services, plan.snapshot.stage, lease), tuple(publication)
    executor.expect((*publication, *plan.steps))
    try:
        executor.execute(publication)
        while not _performed(executor, plan, watch_live=watch_live):
            plan = plan_again()
            executor.expect(plan.steps)
        lease.assert_ours()
    except EbcdError as error:
        if not lease.is_held():  # whoever has the lock tells how it ended
            raise
        with beside(error):
            ending.record_failure(plan, error)
        if isinstance(error, ReleaseFailed):
            raise ending.clear_up(executor, plan, error) from error
        raise
    ending.record(plan)


def _performed(executor: Executor, plan: Plan, *, watch_live: bool) -> bool:
    """Perform the steps; False where live has grown before the swap."""
    if watch_live and plan.live is not None and plan.live.name != plan.release.environment:
        executor.watch_live(plan.live.cname)
    try:
        executor.execute(plan.steps, plan.rollback_steps)
    except LiveHasGrown:
        return False
    return True
