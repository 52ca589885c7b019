"""Act on a plan, step by step: the lock is proven and the intent journaled before each mutation, its result after.

The one place, with the waits and gates that it calls, where ebcd waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import assert_never

from ebcd.errors import EbcdError, Interrupted, OutcomeUnknown, SwappedBack
from ebcd.model import Stage
from ebcd.release import actions, cnames, gates, waits
from ebcd.release.gates import Breach, LiveWatch
from ebcd.release.journal import handed_over
from ebcd.release.lock import Lease
from ebcd.release.run import Run, Seen, Services, Status, StepResult
from ebcd.release.steps import (
    MUTATIONS,
    AwaitEnvironment,
    AwaitVersion,
    Bake,
    CreateApplication,
    CreateBucket,
    CreateEnvironment,
    CreateVersion,
    DeleteVersion,
    HoldHealth,
    MatchCapacity,
    ProbeTenants,
    ProveLive,
    SetMinimum,
    SmokeCandidate,
    Step,
    SwapCnames,
    TerminateEnvironment,
    UploadBundle,
)


class Executor:
    """Performs steps for one run. stage: complete, as a snapshot has it."""

    def __init__(self, run: Run, services: Services, stage: Stage, lease: Lease | None = None) -> None:
        self._run = run
        self._services = services
        self._stage = stage
        self._lease = lease
        self._watch: LiveWatch | None = None
        self._finishes = False

    def execute(self, steps: Iterable[Step], back: tuple[Step, ...] = ()) -> None:
        """Perform the steps in order; each result is in the run. Raises what the first failing step raises.

        back: what returns to the earlier release when live does not hold what it promised.
        """
        for step in steps:
            try:
                self._perform(step)
            except Breach as breach:
                self._go_back(back, breach)

    def watch_live(self, cname: str) -> None:
        """Probe live at every look from now until the swap."""
        self._watch = LiveWatch(self._services, self._stage, cname)

    def _perform(self, step: Step) -> None:
        services, start = self._services, self._services.clock.monotonic()
        services.clock.check()
        services.progress.begin(str(step))
        try:
            if isinstance(step, MUTATIONS):
                self._intend(step)
            seen = self._act(step)
        except (EbcdError, Breach) as error:
            self._finish(step, Seen(str(error), Status.FAILED), start)
            raise
        self._finish(step, seen, start)

    def _intend(self, step: Step) -> None:
        if self._lease:
            self._lease.assert_held()
        self._journal(step, "intent", {})

    def _finish(self, step: Step, seen: Seen, start: float) -> None:
        seconds = round(self._services.clock.monotonic() - start, 3)
        self._run.results.append(StepResult(step, seen.status, seconds, seen.text))
        self._services.progress.end(str(step), seen.status, seconds, seen.text)
        self._journal(step, "result", {"status": seen.status, "seconds": seconds, "reason": seen.text})

    def _journal(self, step: Step, phase: str, content: dict[str, object]) -> None:
        record = self._run.journaled
        if record is None:
            return
        name = f"{type(step).__name__}-{phase}"
        self._services.ledger.entry(record, name, {"text": str(step), **content}, self._services.clock.now())

    def _tick(self) -> None:
        self._services.clock.check()
        try:
            if self._lease:
                self._lease.renew_if_due()
        except (Interrupted, OutcomeUnknown):  # to be stopped, or without the lock: raised again by the next tick
            if not self._finishes:
                raise
        if self._watch:
            self._watch.look()

    @contextmanager
    def _finishing(self) -> Iterator[None]:
        """A block that nobody stops: what was sent in it is seen to its end. The run ends at the first tick behind."""
        outer, self._finishes = self._finishes, True
        try:
            with self._services.clock.uninterrupted():
                yield
        finally:
            self._finishes = outer

    def _act(self, step: Step) -> Seen:  # noqa: C901 - one line a step
        services, tick, application = self._services, self._tick, self._stage.application
        match step:
            case CreateBucket():
                services.beanstalk.create_storage_location()
                return Seen()
            case UploadBundle():
                assert self._run.bundle is not None
                with self._finishing():  # what is raised while botocore reads would count as a lost connection
                    return actions.upload(services, tick, step, self._run.bundle)
            case CreateApplication():
                return actions.create_application(services, tick, application)
            case CreateVersion():
                return actions.create_version(services, tick, application, step)
            case AwaitVersion():
                return Seen(waits.await_version(services, tick, application, step.label))
            case CreateEnvironment():
                return actions.create_environment(services, tick, application, step)
            case AwaitEnvironment():
                return Seen(waits.await_environment(services, tick, application, step, self._stage.timeout))
            case HoldHealth():
                return Seen(waits.hold_health(services, tick, application, step))
            case SmokeCandidate():
                return Seen(gates.smoke_candidate(services, tick, self._stage, step))
            case ProbeTenants():
                return Seen(gates.probe_tenants(services, tick, self._stage, step))
            case SetMinimum():
                return actions.set_minimum(services, tick, application, step)
            case MatchCapacity():
                return actions.match_capacity(services, tick, application, step)
            case SwapCnames():
                return self._swap(step)
            case ProveLive():
                return Seen(gates.prove_live(services, tick, self._stage, step))
            case Bake():
                return Seen(gates.bake(services, tick, self._stage, step))
            case TerminateEnvironment():
                return actions.terminate(services, tick, application, step)
            case DeleteVersion():
                return actions.delete_version(services, tick, application, step)
            case _:
                assert_never(step)

    def _swap(self, step: SwapCnames) -> Seen:
        self._watch = None
        start, application = self._services.clock.monotonic(), self._stage.application
        before = cnames.prove(self._services, self._tick, application, step)
        self._tick()
        with self._finishing():
            seen = cnames.exchange(self._services, self._tick, application, step, before)
            self._hand_over(step.release, step.leaves, self._services.clock.monotonic() - start)
        return seen

    def _hand_over(self, to: str, by: str, seconds: float) -> None:
        """Record at once who holds the live CNAME since when: a rollback reads it, even after a crash."""
        records, ledger = self._run.records, self._services.ledger
        if to not in records:
            return
        now, restored = self._services.clock.now(), self._run.restoring
        gained, lost = handed_over(records[to], records.get(by), now, seconds=seconds, restored=restored)
        records[to] = ledger.update(gained)
        if lost:
            records[by] = ledger.update(lost)

    def _go_back(self, back: tuple[Step, ...], breach: Breach) -> None:
        """Return to the earlier release after a breach. Raises SwappedBack, or OutcomeUnknown without a way back."""
        if not back:
            hint = f"ebcd status -s {self._stage.name} shows what holds the live CNAME."
            raise OutcomeUnknown(breach.what, why=str(breach), hint=hint, code=breach.code)
        self._run.restoring = True
        with self._finishing():  # users have a bad release: whoever stops the run does not mean that
            for step in back:
                self._perform(step)
        raise SwappedBack(
            f"{self._run.release_name} went live, failed its bake and was swapped back.",
            why=str(breach),
            hint=f"The earlier release is live again. ebcd releases {self._run.release_name} tells what was seen.",
        )
