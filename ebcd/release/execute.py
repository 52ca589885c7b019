"""Act on a plan, step by step: the lock is proven and the intent journaled before each mutation, its result after.

The one place, with the waits and gates that it calls, where ebcd waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from typing import NoReturn, assert_never

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
from ebcd.release import actions, cnames, updates
from ebcd.release.clock import polls
from ebcd.release.cnames import LiveGrew
from ebcd.release.diagnose import with_logs
from ebcd.release.gates import Breach, LiveWatch
from ebcd.release.handover import changes_hands, hand_over
from ebcd.release.housekeeping import may_be_left, remaining
from ebcd.release.lease import Lease
from ebcd.release.look import look
from ebcd.release.notes import Notes
from ebcd.release.run import Run, Seen, Services, Status, StepResult
from ebcd.release.steps import (
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
from ebcd.release.upload import LARGE, upload


class Executor:
    """Performs steps for one run. stage: complete, as a snapshot has it."""

    def __init__(self, run: Run, services: Services, stage: Stage, lease: Lease | None = None) -> None:
        self._run = run
        self._services = services
        self._stage = stage
        self._lease = lease
        self._notes = Notes(run, services)
        self._watch: LiveWatch | None = None
        self._finishes = False

    def execute(self, steps: Iterable[Step], back: tuple[Step, ...] = ()) -> None:
        """Perform the steps in order; each result is in the run. Raises what the first failing one raises, or LiveGrew.

        back: what returns to the earlier release when live does not hold what it promised.
        """
        for step in steps:
            try:
                self._perform_or_leave(step)
            except Breach as breach:
                self._go_back(back, breach)
            except EbcdError:
                self._watch = None  # what live does is no reason to leave undone what a failure needs
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
        """Probe live at every look from now until the swap."""
        self._watch = LiveWatch(self._services, self._stage, cname)

    def _perform(self, step: Step) -> None:
        services, start = self._services, self._services.clock.monotonic()
        services.clock.check()
        services.progress.begin(str(step))
        try:
            if isinstance(step, Mutation):
                self._intend(step)
                seen = self._change(step)
            else:
                seen = look(self._run, self._services, self._tick, self._stage, step)
                if isinstance(step, MeasureLive):
                    self._notes.baseline()
        except LiveGrew as grown:
            self._run.live_instances = grown.instances
            self._finish(step, Seen(str(grown), Status.SKIPPED), start)
            raise
        except (EbcdError, Breach) as error:
            left = isinstance(error, Busy) and may_be_left(step, error, self._run.release)
            self._finish(step, Seen(str(error), Status.SKIPPED if left else Status.FAILED), start)
            raise
        self._finish(step, seen, start)

    def _intend(self, step: Step) -> None:
        self._prove_lock()
        if self._finishes:
            self._notes.try_intent(step)
        else:
            self._notes.intent(step)

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

    def _finish(self, step: Step, seen: Seen, start: float) -> None:
        seconds = round(self._services.clock.monotonic() - start, 3)
        self._run.results.append(StepResult(step, seen.status, seconds, seen.text))
        self._services.progress.end(str(step), seen.status, seconds, seen.text)
        self._notes.result(step, seen, seconds)

    def _tick(self) -> None:
        self._services.clock.check()
        try:
            if self._lease:
                self._lease.renew_if_due()
        except (Interrupted, AwsRefused, OutcomeUnknown):  # raised again by the next proof of the lock
            if not self._finishes:
                raise
        if self._watch:
            self._watch.look()

    @contextmanager
    def _finishing(self, *, even_twice: bool = True) -> Iterator[None]:
        """A block that nobody stops: what was sent in it is seen to its end. The run ends at the first tick behind.

        even_twice: nor does a second signal: it would leave users with a bad release, or a swap that nobody records.
        """
        outer, self._finishes = self._finishes, True
        try:
            with self._services.clock.uninterrupted(even_twice=even_twice):
                yield
        finally:
            self._finishes = outer

    def _change(self, step: Mutation) -> Seen:  # noqa: C901 - one line a step
        services, tick, stage, application = self._services, self._tick, self._stage, self._stage.application
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
            case CreateEnvironment():
                return actions.create_environment(services, tick, application, step)
            case SaveConfiguration():
                return actions.save_configuration(services, tick, application, step.template, step.environment_id)
            case DeleteSavedConfiguration():
                return actions.delete_saved_configuration(services, application, step.template)
            case SetMinimum():
                return self._notes.raised(step.release, None, updates.set_minimum(services, tick, stage, step))
            case UpdateOptions():
                return updates.update_options(services, tick, stage, step)
            case UpdateVersion():
                return self._deploy(step)
            case ScaleDown():
                return updates.scale_down(services, tick, stage, step)
            case MatchCapacity():
                seen = actions.match_capacity(services, tick, application, step)
                return self._notes.raised(step.release, step.instances, seen)
            case SwapCnames():
                return self._swap(step)
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
        with self._finishing(even_twice=False) if step.size < LARGE else nullcontext():
            return upload(self._services, self._tick, step, self._run.given_bundle)

    def _swap(self, step: SwapCnames) -> Seen:
        """Prove and swap; where AWS takes no notice, all is proven anew before it is sent again. Raises LiveGrew."""
        cnames.meet(self._services, self._tick, step, self._run.live_instances)
        self._watch = None
        services, application, unheard = self._services, self._stage.application, None
        start = services.clock.monotonic()
        for _ in polls(services.clock, timeout=actions.RESEND_PATIENCE, interval=services.pace):
            before = cnames.prove(services, self._tick, application, step)
            self._tick()
            with self._finishing():
                try:
                    seen = cnames.exchange(services, self._tick, application, step, before)
                except AwsRefused as error:
                    if not cnames.took_no_notice(services, self._tick, application, step, error):
                        raise
                    services.progress.note(f"{error.what} Both sides are read before it is sent again.")
                    services.pace.refused()
                    unheard = error
                    continue
                took = round(services.clock.monotonic() - start, 1)
                hand_over(self._run, services, step, swap_seconds=took)
                return seen
        assert unheard is not None
        raise unheard

    def _deploy(self, step: UpdateVersion) -> Seen:
        start = self._services.clock.monotonic()
        seen = updates.update_version(self._services, self._tick, self._stage, step)
        seconds = round(self._services.clock.monotonic() - start, 1)
        if step.release in self._run.records and seen.status is Status.DONE:
            record = self._run.records[step.release]
            self._run.records[step.release] = replace(record, deploy_seconds=seconds)
        if step.live and changes_hands(self._run, step):
            hand_over(self._run, self._services, step)
        return seen

    def _go_back(self, back: tuple[Step, ...], breach: Breach) -> None:
        """Return to the earlier release after a breach. Raises SwappedBack, or OutcomeUnknown without a way back."""
        if not back:
            hint = f"ebcd status {self._services.flags} shows what holds the live CNAME."
            raise OutcomeUnknown(breach.what, why=str(breach), hint=hint, code=breach.code)
        self._restore(back, str(breach))
        raise SwappedBack(
            f"{self._run.release_name} went live, failed its bake and was taken back.",
            why=str(breach),
            hint="The earlier release is live again. What was seen: "
            f"ebcd releases {self._run.release_name} {self._services.flags}",
        )

    def undo(self, steps: tuple[Step, ...], failed: ReleaseFailed) -> NoReturn:
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
                self._run.diagnosis = with_logs(self._services, self._run.release, self._run.diagnosis)
        raise ReleaseFailed(
            failed.what,
            why=f"{failed.why} The earlier version is deployed again.",
            hint=failed.hint,
            code=failed.code,
        ) from failed

    def _restore(self, steps: tuple[Step, ...], failure: str) -> None:
        """Return to the earlier release. Raises OutcomeUnknown when that fails too, LockLost where it is another run's
        now. failure: what makes it necessary.
        """
        self._run.restoring = True
        try:
            with self._finishing():  # users have a bad release: whoever stops the run does not mean that
                for step in steps:
                    self._perform_or_leave(step)
        except LockLost:
            raise
        except (EbcdError, Breach) as error:
            raise OutcomeUnknown(
                f"{self._run.release_name} failed, and the way back to the earlier release failed too.",
                why=f"{failure} On the way back: {error} {getattr(error, 'why', '')}".rstrip(),
                hint=f"ebcd status {self._services.flags} shows what is live now.",
                code="not-restored",
            ) from error
