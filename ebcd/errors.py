"""What can go wrong, and what ebcd says and exits with when it does.

    EbcdError
    ├── UsageError            2    usage or configuration: the command line, ebcd.toml, the repository
    ├── Refused               3    refused, nothing was changed: dirty tree, failed check, digest mismatch, hold
    ├── LockHeld              4    another run holds the stage's lock
    ├── AwsRefused            5    credentials, permission, quota, or no answer from AWS
    │   ├── Busy              5    refused while something else is under way there: nothing happened
    │   └── Transient         5    no answer that counts: a read is asked again
    │       ├── Throttled     5    refused for its rate: nothing happened
    │       ├── Unreachable   5    no connection: nothing was sent
    │       └── NoAnswer      5    it was sent and no answer came: its outcome is unknown until read
    ├── ReleaseFailed         6    the candidate failed a gate; live is unchanged
    ├── SwappedBack           7    swapped, failed its bake, swapped back
    ├── OutcomeUnknown        8    a deadline passed, or what happened cannot be told; what was seen is printed
    │   └── LockLost          8    another run has the stage's lock by now: this one stopped before its next change
    ├── NothingToRollBack     9    the stage has no earlier release to return to
    └── Interrupted     130/143    SIGINT or SIGTERM; `ebcd abort`

Each error says what happened, why, and the next command. Only `ebcd.__main__` turns one into text and an exit code.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum


class ExitCode(IntEnum):
    """Every exit code of ebcd, in one place. 0 is the only success."""

    OK = 0
    DEFECT = 1
    USAGE = 2
    REFUSED = 3
    LOCK_HELD = 4
    AWS_REFUSED = 5
    RELEASE_FAILED = 6
    SWAPPED_BACK = 7
    OUTCOME_UNKNOWN = 8
    NOTHING_TO_ROLL_BACK = 9
    INTERRUPTED = 130
    TERMINATED = 143


class EbcdError(Exception):
    """An expected failure.

    what: one sentence, what happened. why: the cause as far as it is known. hint: the next command or action.
    code: a stable kebab-case word for programs. exit_code: what the process exits with.
    """

    exit_code: ExitCode = ExitCode.DEFECT
    default_code = "error"
    told = False
    """Whether it is part of a result that was told already: in JSON, and to GitHub Actions."""

    def __init__(self, what: str, *, why: str = "", hint: str = "", code: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.hint = hint
        self.code = code or self.default_code


@contextmanager
def beside(failure: EbcdError) -> Iterator[None]:
    """A block of bookkeeping after a failure: what goes wrong in it is noted there, and hides the failure never."""
    try:
        yield
    except EbcdError as error:
        failure.add_note(f"{error.what} {error.why}".strip())


class UsageError(EbcdError):
    """The command line, ebcd.toml or the repository cannot be used as they are."""

    exit_code = ExitCode.USAGE
    default_code = "usage"


class Refused(EbcdError):
    """ebcd declined before it changed anything."""

    exit_code = ExitCode.REFUSED
    default_code = "refused"


class LockHeld(EbcdError):
    """Another run holds the stage's lock."""

    exit_code = ExitCode.LOCK_HELD
    default_code = "lock-held"


class AwsRefused(EbcdError):
    """AWS (or the local Beanstalk) declined a request. `code` is the service's own error code."""

    exit_code = ExitCode.AWS_REFUSED
    default_code = "aws-refused"


class Busy(AwsRefused):
    """Declined while something else is under way with the same environment: nothing happened, it may be sent later."""

    default_code = "busy"


class Transient(AwsRefused):
    """No answer that says anything of what was asked: a read is asked again, and never counts as "no"."""


class Throttled(Transient):
    """Declined for its rate: nothing happened, the same request may be sent again."""

    default_code = "Throttling"


class Unreachable(Transient):
    """There was no connection: nothing was sent, so the same request may be sent again."""

    default_code = "unreachable"


class NoAnswer(Transient):
    """The request was sent and no answer came. Whether it took effect must be read."""

    default_code = "no-answer"


class ReleaseFailed(EbcdError):
    """The candidate did not pass; no user has seen it."""

    exit_code = ExitCode.RELEASE_FAILED
    default_code = "gate-failed"


class SwappedBack(EbcdError):
    """The release went live, failed its bake, and the earlier release is live again."""

    exit_code = ExitCode.SWAPPED_BACK
    default_code = "bake-failed"


class OutcomeUnknown(EbcdError):
    """A deadline passed, or two readings do not add up. Says what was seen."""

    exit_code = ExitCode.OUTCOME_UNKNOWN
    default_code = "outcome-unknown"


class LockLost(OutcomeUnknown):
    """The run no longer has the stage's lock. It changes nothing more, its own record included."""

    default_code = "lock-lost"


class NothingToRollBack(EbcdError):
    """No earlier release of this stage can be returned to."""

    exit_code = ExitCode.NOTHING_TO_ROLL_BACK
    default_code = "nothing-to-roll-back"


class Interrupted(EbcdError):
    """SIGINT or SIGTERM arrived, or another run asked this one to stop.

    The stage's lock is released and the journal says how far the run came.
    """

    exit_code = ExitCode.INTERRUPTED
    default_code = "interrupted"

    def __init__(
        self, what: str, *, exit_code: ExitCode = ExitCode.INTERRUPTED, why: str = "", hint: str = "", code: str = ""
    ) -> None:
        super().__init__(what, why=why, hint=hint, code=code)
        self.exit_code = exit_code
