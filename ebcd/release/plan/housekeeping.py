"""What a release does beside itself: environments that nothing needs any more go, sizes go back to what they were.

None of it makes a release good or bad. What fails of it is told with the command that does it, and left. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass

from ebcd.errors import AwsRefused, EbcdError, LockLost, OutcomeUnknown, ReleaseFailed
from ebcd.model import ASG, CommandLine, Stage
from ebcd.release.plan.steps import (
    DeleteSavedConfiguration,
    MatchCapacity,
    ScaleDown,
    SetMinimum,
    Step,
    TerminateEnvironment,
)
from ebcd.release.state.release import ReleaseRecord


@dataclass(frozen=True, slots=True)
class Remaining:
    """A step that was left."""

    step: Step
    why: str
    command: str
    """What does it."""


def may_be_left(step: Step, error: EbcdError, release: ReleaseRecord | None) -> bool:
    """Whether a run goes on though a step failed. release: the one that the run is about, as it is recorded.

    A change of size counts as housekeeping once the release is live: before that it is what the release needs.
    """
    failed = isinstance(error, AwsRefused | ReleaseFailed | OutcomeUnknown) and not isinstance(error, LockLost)
    if release is None or not failed:
        return False
    if isinstance(step, TerminateEnvironment | ScaleDown | DeleteSavedConfiguration):
        return True
    is_live = release.live_at is not None and release.left_live is None
    after_the_swap = isinstance(step, SetMinimum) or (isinstance(step, MatchCapacity) and not step.awaited)
    return is_live and after_the_swap


def remaining(step: Step, error: EbcdError, flags: CommandLine, stage: Stage) -> Remaining:
    """What is told of a step that was left. flags: the options that name the stage."""
    why = f"{error.what} {error.why}".strip()
    if isinstance(step, MatchCapacity | SetMinimum):
        size = step.instances if isinstance(step, MatchCapacity) else step.minimum
        setting = f"Namespace={ASG},OptionName=MinSize,Value={size}"
        named = ["--environment-name", step.environment, "--option-settings", setting]
        return Remaining(step, why, stage.aws("elasticbeanstalk", "update-environment", *named))
    if isinstance(step, DeleteSavedConfiguration):
        named = ["--application-name", stage.application, "--template-name", step.template]
        return Remaining(step, why, stage.aws("elasticbeanstalk", "delete-configuration-template", *named))
    return Remaining(step, why, f"ebcd retire {flags}")
