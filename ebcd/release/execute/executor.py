"""Act on a plan, step by step: the lock is proven and the intent journaled before each mutation, its result after.

The one place, with the waits and gates that it calls, where ebcd waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import NoReturn, assert_never

from ebcd.clock import polls
from ebcd.errors import (
    AwsRefused,
    Busy,
    EbcdError,
    Interrupted,
    LockLost,
    OutcomeUnknown,
    ReleaseFailed,
    SwappedBack,
)
from ebcd.model import Stage
from ebcd.release.execute import environments, swap, updates
from ebcd.release.execute.checks import check
from ebcd.release.execute.context import Run, Services, Status, StepOutcome, StepResult
from ebcd.release.execute.diagnosis import with_logs
from ebcd.release.execute.estimate import Position, positions
from ebcd.release.execute.gates import LiveCheckFailed, LiveWatch
from ebcd.release.execute.journaling import StepJournal
from ebcd.release.execute.promotion import changes_hands, record_promotion
from ebcd.release.execute.swap import LiveHasGrown
from ebcd.release.execute.upload import LARGE, upload
from ebcd.release.plan.housekeeping import may_be_left, remaining
from ebcd.release.plan.steps import (
    CreateApplication,
    CreateBucket,
    CreateEnvironment,
    CreateVersion,
    DeleteBundle,
    DeleteSavedConfiguration,
    DeleteVersion,
    MatchCapacity,
    MeasureLive,
    Mutation,
    SaveConfiguration,
    ScaleDown,
    SetMinimum,
    Step,
    SwapCnames,
    TerminateEnvironment,
    UpdateOptions,
    UpdateVersion,
    UploadBundle,
)
from ebcd.release.store.lease import Lease

RESTORED = "The earlier version is deployed again."
"""What is told of a failure whose way back succeeded."""


class Executor:
    """Performs steps for one run. stage: complete, as a snapshot has it."""

    def __init__(self, run: Run, services: Services, stage: Stage, lease: Lease | None = None) -> None:
        self._run = run
        self._services = services
        self._stage = stage
        self._lease = lease
        self._journal = StepJournal(run, services)
        self._watch: LiveWatch | None = None
        self._finishes = False
        self._positions: Iterator[Position] = iter(())

    def expect(self, steps: Sequence[Step]) -> None:
        """Let each step that is performed from now on say which one of these it is, and about how long the rest takes.
        A way back, which is none of them, says nothing of that.
        """
        self._positions = iter(positions(steps, self._run.records.values()))

    def execute(self, steps: Iterable[Step], rollback_steps: tuple[Step, ...] = ()) -> None:
        """Perform the steps in order; each result is in the run. Raises what the first failing one raises, or
        LiveHasGrown.

        rollback_steps: what returns to the earlier release when live does not hold what it promised.
        """
        for step in steps:
            try:
                self._perform_or_leave(step)
            except LiveCheckFailed as breach:
                self._go_back(rollback_steps, breach)
            except EbcdError:
                self._watch = None  # what live does is no reason to leave undone what a failure needs
                self._positions = iter(())
                raise

    def _perform_or_leave(self, step: Step) -> None:
        try:
            self._perform(step)
        except EbcdError as error:
            if not self._leave(step, error):
                raise

    def _leave(self, step: Step, error: EbcdError) -> bool:
        """Whether the run goes on without the step, which is told then."""
        if not may_be_left(step, error, self._run.release):
            return False
        self._run.remaining.append(remaining(step, error, self._services.flags, self._stage))
        return True

    def watch_live(self, cname: str) -> None:
        """Probe live at every poll from now until the swap."""
        self._watch = LiveWatch(self._services, self._stage, cname)

    def _perform(self, step: Step) -> None:
        services, start = self._services, self._services.clock.monotonic()
        services.clock.check()
        services.progress.begin(str(step), next(self._positions, None))
        try:
            if isinstance(step, Mutation):
                self._intend(step)
                seen = self._change(step)
            else:
                seen = check(self._run, self._services, self._heartbeat, self._stage, step)
                if isinstance(step, MeasureLive):
                    self._journal.baseline()
        except LiveHasGrown as grown:
            self._run.live_instances = grown.instances
            self._finish(step, StepOutcome(str(grown), Status.SKIPPED), start)
            raise
        except (EbcdError, LiveCheckFailed) as error:
            left = isinstance(error, Busy) and may_be_left(step, error, self._run.release)
            self._finish(step, StepOutcome(str(error), Status.SKIPPED if left else Status.FAILED), start)
            raise
        self._finish(step, seen, start)

    def _intend(self, step: Step) -> None:
        self._prove_lock()
        if self._finishes:
            self._journal.try_intent(step)
        else:
            self._journal.intent(step)

    def _prove_lock(self) -> None:
        """Raises LockLost; where the run may still be stopped, also Interrupted, and what S3 refuses."""
        if self._lease is None:
            return
        try:
            self._lease.assert_held()
        except (Interrupted, AwsRefused):
            if not self._finishes:
                raise
            self._lease.assert_ours()

    def _finish(self, step: Step, seen: StepOutcome, start: float) -> None:
        seconds = round(self._services.clock.monotonic() - start, 3)
        self._run.results.append(StepResult(step, seen.status, seconds, seen.text))
        self._services.progress.end(str(step), seen.status, seconds, seen.text)
        self._journal.result(step, seen, seconds)

    def _heartbeat(self) -> None:
        self._services.clock.check()
        try:
            if self._lease:
                self._lease.renew_if_due()
        except (Interrupted, AwsRefused, OutcomeUnknown):  # raised again by the next proof of the lock
            if not self._finishes:
                raise
        if self._watch:
            self._watch.check()

    @contextmanager
    def _finishing(self, *, even_twice: bool = True) -> Iterator[None]:
        """A block that nobody stops: what was sent in it is seen to its end. The run ends at the first heartbeat
        after it.

        even_twice: nor does a second signal: it would leave users with a bad release, or a swap that nobody records.
        """
        outer, self._finishes = self._finishes, True
        try:
            with self._services.clock.uninterrupted(even_twice=even_twice):
                yield
        finally:
            self._finishes = outer

    def _change(self, step: Mutation) -> StepOutcome:  # noqa: C901 - one line a step
        services, heartbeat, stage, application = self._services, self._heartbeat, self._stage, self._stage.application
        match step:
            case CreateBucket():
                services.beanstalk.create_storage_location()
                return StepOutcome()
            case UploadBundle():
                return self._upload(step)
            case CreateApplication():
                return environments.create_application(services, heartbeat, application)
            case CreateVersion():
                return environments.create_version(services, heartbeat, application, step)
            case CreateEnvironment():
                return environments.create_environment(services, heartbeat, application, step)
            case SaveConfiguration():
                return environments.save_configuration(
                    services, heartbeat, application, step.template, step.environment_id
                )
            case DeleteSavedConfiguration():
                return environments.delete_saved_configuration(services, application, step.template)
            case SetMinimum():
                return self._journal.raised(step.release, None, updates.set_minimum(services, heartbeat, stage, step))
            case UpdateOptions():
                return updates.update_options(services, heartbeat, stage, step)
            case UpdateVersion():
                return self._deploy(step)
            case ScaleDown():
                return updates.scale_down(services, heartbeat, stage, step)
            case MatchCapacity():
                seen = environments.match_capacity(services, heartbeat, application, step)
                return self._journal.raised(step.release, step.instances, seen)
            case SwapCnames():
                return self._swap(step)
            case TerminateEnvironment():
                return environments.terminate(services, heartbeat, application, step)
            case DeleteVersion():
                return environments.delete_version(services, heartbeat, application, step)
            case DeleteBundle():
                services.storage.remove(step.key)
                return StepOutcome()
            case _:
                assert_never(step)

    def _upload(self, step: UploadBundle) -> StepOutcome:
        """A single request is seen to its end: what is raised while botocore reads would count as a lost connection."""
        with self._finishing(even_twice=False) if step.size < LARGE else nullcontext():
            return upload(self._services, self._heartbeat, step, self._run.given_bundle)

    def _swap(self, step: SwapCnames) -> StepOutcome:
        """Verify and swap; where AWS takes no notice, all is verified anew before it is sent again.

        Raises LiveHasGrown.
        """
        swap.meet(self._services, self._heartbeat, step, self._run.live_instances)
        self._watch = None
        services, application, unheard = self._services, self._stage.application, None
        start = services.clock.monotonic()
        for _ in polls(services.clock, timeout=environments.RESEND_PATIENCE, interval=services.pace):
            before = swap.prove(services, self._heartbeat, application, step)
            self._heartbeat()
            with self._finishing():
                try:
                    seen = swap.exchange(services, self._heartbeat, application, step, before)
                except AwsRefused as error:
                    if not swap.took_no_notice(services, self._heartbeat, application, step, error):
                        raise
                    services.progress.note(f"{error.what} Both sides are read before it is sent again.")
                    services.pace.refused()
                    unheard = error
                    continue
                took = round(services.clock.monotonic() - start, 1)
                record_promotion(self._run, services, step, swap_seconds=took)
                return seen
        assert unheard is not None
        raise unheard

    def _deploy(self, step: UpdateVersion) -> StepOutcome:
        start = self._services.clock.monotonic()
        seen = updates.update_version(self._services, self._heartbeat, self._stage, step)
        seconds = round(self._services.clock.monotonic() - start, 1)
        if step.release in self._run.records and seen.status is Status.DONE:
            record = self._run.records[step.release]
            self._run.records[step.release] = replace(record, deploy_seconds=seconds)
        if step.live and changes_hands(self._run, step):
            record_promotion(self._run, self._services, step)
        return seen

    def _go_back(self, rollback_steps: tuple[Step, ...], breach: LiveCheckFailed) -> None:
        """Return to the earlier release after a breach. Raises SwappedBack, or OutcomeUnknown without a way back."""
        if not rollback_steps:
            hint = f"ebcd status {self._services.flags} shows what holds the live CNAME."
            raise OutcomeUnknown(breach.what, why=str(breach), hint=hint, code=breach.code)
        self._restore(rollback_steps, str(breach))
        raise SwappedBack(
            f"{self._run.release_name} went live, failed its bake and was taken back.",
            why=str(breach),
            hint="The earlier release is live again. What was seen: "
            f"ebcd releases {self._run.release_name} {self._services.flags}",
        )

    def revert(self, steps: tuple[Step, ...], failed: ReleaseFailed) -> NoReturn:
        """Take back what a failed release changed on live's own environment. Raises the failure, told with that.

        No steps: a rollback, which has nowhere to go back to. Then what is live now cannot be told: OutcomeUnknown.
        """
        if not steps:
            hint = f"ebcd status {self._services.flags} shows what is live now."
            raise OutcomeUnknown(failed.what, why=failed.why, hint=hint, code=failed.code) from failed
        try:
            self._restore(steps, f"{failed.what} {failed.why}")
        finally:  # users had the failed release until now: its logs could wait, and are there still
            if self._run.release and self._run.diagnosis:
                self._run.diagnosis = with_logs(self._services, self._run.release, self._run.diagnosis, failed)
        raise ReleaseFailed(
            failed.what,
            why=f"{failed.why} {RESTORED}",
            hint=failed.hint,
            code=failed.code,
        ) from failed

    def _restore(self, steps: tuple[Step, ...], failure: str) -> None:
        """Return to the earlier release. Raises OutcomeUnknown when that fails too, LockLost where it is another run's
        now. failure: what makes it necessary.
        """
        self._run.restoring, self._positions = True, iter(())
        try:
            with self._finishing():  # users have a bad release: whoever stops the run does not mean that
                for step in steps:
                    self._perform_or_leave(step)
        except LockLost:
            raise
        except (EbcdError, LiveCheckFailed) as error:
            raise OutcomeUnknown(
                f"{self._run.release_name} failed, and the way back to the earlier release failed too.",
                why=f"{failure} On the way back: {error} {getattr(error, 'why', '')}".rstrip(),
                hint=f"ebcd status {self._services.flags} shows what is live now.",
                code="not-restored",
            ) from error
