"""What a run writes down as it goes: its journal, and what of its records a later run needs."""

from __future__ import annotations

from dataclasses import replace

from ebcd.errors import AwsRefused
from ebcd.release.execute.context import Run, Services, Status, StepOutcome
from ebcd.release.plan.steps import Step


class StepJournal:
    """A run's entries in the ledger, and its additions to records."""

    def __init__(self, run: Run, services: Services) -> None:
        self._run = run
        self._services = services

    def intent(self, step: Step) -> None:
        """A step begins. Raises what S3 refuses: nothing is changed that nobody could learn of."""
        self._journal(step, "intent", {})

    def try_intent(self, step: Step) -> None:
        """A step begins on a way back, for which users wait."""
        self._try_journal(step, "intent", {})

    def result(self, step: Step, seen: StepOutcome, seconds: float) -> None:
        """A step ended. It has happened: that S3 refuses it must neither hide a breach nor end a release."""
        self._try_journal(step, "result", {"status": seen.status, "seconds": seconds, "reason": seen.text})

    def raised(self, release: str, minimum: int | None, seen: StepOutcome) -> StepOutcome:
        """The MinSize that a release's environment has now: whoever brings it back later must know it."""
        if seen.status is Status.DONE:
            self._record(release, "Its MinSize", raised=minimum)
        return seen

    def baseline(self) -> None:
        """What users got before the release: a run that takes it up after its swap cannot measure that."""
        before = self._run.before
        found = replace(before, refreshed_at=None) if before else None
        self._record(self._run.release_name, "What live's users got", baseline=found)

    def _record(self, release: str, what: str, **changes: object) -> None:
        """Write into a record what is new; no release fails because that cannot be."""
        record = self._run.records.get(release)
        changed = replace(record, **changes) if record else None  # type: ignore[arg-type]
        if changed is None or changed == record:
            return
        try:
            self._run.records[release] = self._services.ledger.update(changed)
        except AwsRefused as error:
            self._services.progress.note(f"{error.what} {what} is not in the record of {release}.")

    def _try_journal(self, step: Step, phase: str, content: dict[str, object]) -> None:
        """Journal, or tell why not."""
        try:
            self._journal(step, phase, content)
        except AwsRefused as error:
            self._services.progress.note(f"The {phase} of that step is not in the journal: {error.what}")

    def _journal(self, step: Step, phase: str, content: dict[str, object]) -> None:
        record = self._run.journaled
        if record is None:
            return
        name = f"{type(step).__name__}-{phase}"
        self._services.ledger.entry(record, name, {"text": str(step), **content}, self._services.clock.now())
