"""Act on a plan, step by step: the lock is proven and the intent journaled before each mutation, its result after.

The one place, with the waits and gates that it calls, where ebcd waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import NoReturn, assert_never

from ebcd.errors import EbcdError, Interrupted, OutcomeUnknown, ReleaseFailed, SwappedBack
from ebcd.model import Metrics, Stage
from ebcd.release import actions, bake, cnames, gates, updates, waits
from ebcd.release.gates import Breach, LiveWatch
from ebcd.release.journal import handed_over
from ebcd.release.lock import Lease
from ebcd.release.run import Run, Seen, Services, Status, StepResult
from ebcd.release.steps import (
    MUTATIONS,
    AwaitDrain,
    AwaitEnvironment,
    AwaitVersion,
    Bake,
    CreateApplication,
    CreateBucket,
    CreateEnvironment,
    CreateVersion,
    DeleteBundle,
    DeleteVersion,
    HoldHealth,
    MatchCapacity,
    MeasureLive,
    ProbeTenants,
    ProveLive,
    ScaleDown,
    SetMinimum,
    SmokeCandidate,
    Step,
    SwapCnames,
    TerminateEnvironment,
    UpdateOptions,
    UpdateVersion,
    UploadBundle,
)
from ebcd.release.tenants import token_missing
from ebcd.release.upload import LARGE, upload


class Executor:
    """Performs steps for one run. stage: complete, as a snapshot has it."""

    def __init__(self, run: Run, services: Services, stage: Stage, lease: Lease | None = None) -> None:
        self._run = run
        self._services = services
        self._stage = stage
        self._lease = lease
        self._watch: LiveWatch | None = None
        self._finishes = False
        self._before: Metrics | None = None

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
                return self._upload(step)
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
                if self._run.restoring and (missing := token_missing(services, self._stage.tenants)):
                    return Seen(missing, Status.SKIPPED)  # whoever rolls back has credentials, and maybe nothing else
                return Seen(gates.probe_tenants(services, tick, self._stage, step))
            case SetMinimum():
                return updates.set_minimum(services, tick, self._stage, step)
            case UpdateOptions():
                return updates.update_options(services, tick, self._stage, step)
            case UpdateVersion():
                return self._deploy(step)
            case AwaitDrain():
                return Seen(waits.await_drain(services, tick, step))
            case ScaleDown():
                return updates.scale_down(services, tick, self._stage, step)
            case MatchCapacity():
                return actions.match_capacity(services, tick, application, step)
            case MeasureLive():
                self._before = bake.measure(services, step.environment)
                return Seen(bake.told(self._before) if self._before else "it cannot be told")
            case SwapCnames():
                return self._swap(step)
            case ProveLive():
                return Seen(gates.prove_live(services, tick, self._stage, step))
            case Bake():
                return Seen(bake.bake(services, tick, self._stage, step, self._before))
            case TerminateEnvironment():
                return actions.terminate(services, tick, application, step)
            case DeleteVersion():
                return actions.delete_version(services, tick, application, step)
            case DeleteBundle():
                services.storage.remove(step.key)
                return Seen()
            case _:
                assert_never(step)

    def _upload(self, step: UploadBundle) -> Seen:
        """A single request is seen to its end: what is raised while botocore reads would count as a lost connection."""
        assert self._run.bundle is not None
        with self._finishing() if step.size < LARGE else nullcontext():
            return upload(self._services, self._tick, step, self._run.bundle)

    def _swap(self, step: SwapCnames) -> Seen:
        self._watch = None
        start, application = self._services.clock.monotonic(), self._stage.application
        before = cnames.prove(self._services, self._tick, application, step)
        self._tick()
        with self._finishing():
            seen = cnames.exchange(self._services, self._tick, application, step, before)
            took = round(self._services.clock.monotonic() - start, 1)
            self._hand_over(step.release, step.leaves, swap_seconds=took)
        return seen

    def _deploy(self, step: UpdateVersion) -> Seen:
        start = self._services.clock.monotonic()
        seen = updates.update_version(self._services, self._tick, self._stage, step)
        seconds = round(self._services.clock.monotonic() - start, 1)
        if step.release in self._run.records and seen.status is Status.DONE:
            record = self._run.records[step.release]
            self._run.records[step.release] = replace(record, deploy_seconds=seconds)
        if step.live and self._changes_hands(step):
            self._hand_over(step.release, step.leaves)
        return seen

    def _changes_hands(self, step: UpdateVersion) -> bool:
        """Whether a deployment makes its release live: not where an earlier run recorded that it is, nor where it
        takes back a release that never came so far.
        """
        to, own = self._run.records.get(step.release), self._run.release
        if self._run.restoring:
            return own is None or step.leaves != own.release or own.live_since is not None
        return to is None or to.live_since is None or to.left_live is not None

    def _hand_over(self, to: str, by: str, *, swap_seconds: float | None = None) -> None:
        """Record at once what is live since when, and how long that took: a rollback reads it, even after a crash."""
        records, ledger = self._run.records, self._services.ledger
        if to not in records:
            return
        records[to] = replace(records[to], swap_seconds=swap_seconds or records[to].swap_seconds)
        now, restored = self._services.clock.now(), self._run.restoring
        gained, lost = handed_over(records[to], records.get(by), now, restored=restored)
        records[to] = ledger.update(gained)
        if lost:
            records[by] = ledger.update(lost)

    def _go_back(self, back: tuple[Step, ...], breach: Breach) -> None:
        """Return to the earlier release after a breach. Raises SwappedBack, or OutcomeUnknown without a way back."""
        if not back:
            hint = f"ebcd status -s {self._stage.name} shows what holds the live CNAME."
            raise OutcomeUnknown(breach.what, why=str(breach), hint=hint, code=breach.code)
        self._restore(back)
        raise SwappedBack(
            f"{self._run.release_name} went live, failed its bake and was taken back.",
            why=str(breach),
            hint=f"The earlier release is live again. ebcd releases {self._run.release_name} tells what was seen.",
        )

    def undo(self, steps: tuple[Step, ...], failed: ReleaseFailed) -> NoReturn:
        """Take back what a failed release changed on live's own environment. Raises the failure, told with that.

        No steps: a rollback, which has nowhere to go back to. Then what is live now cannot be told: OutcomeUnknown.
        """
        if not steps:
            hint = f"ebcd status -s {self._stage.name} shows what is live now."
            raise OutcomeUnknown(failed.what, why=failed.why, hint=hint, code=failed.code) from failed
        self._restore(steps)
        raise ReleaseFailed(
            failed.what,
            why=f"{failed.why} The earlier version is deployed again.",
            hint=failed.hint,
            code=failed.code,
        ) from failed

    def _restore(self, steps: tuple[Step, ...]) -> None:
        """Return to the earlier release. Raises OutcomeUnknown when that fails too."""
        self._run.restoring = True
        try:
            with self._finishing():  # users have a bad release: whoever stops the run does not mean that
                for step in steps:
                    self._perform(step)
        except (ReleaseFailed, Breach) as error:
            raise OutcomeUnknown(
                f"{self._run.release_name} failed, and the way back to the earlier release failed too.",
                why=str(error),
                hint=f"ebcd status -s {self._stage.name} shows what is live now.",
                code="not-restored",
            ) from error
