"""`doctor`: what would stop a ship, asked of AWS beforehand."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.signals import looking
from ebcd.errors import AwsRefused, EbcdError, ExitCode, Refused
from ebcd.report.envelope import head_of

if TYPE_CHECKING:
    from ebcd.doctor.check import Check
    from ebcd.model import CommandLine


@shared
def doctor(common: Common) -> None:
    """Ask AWS what would stop a ship, and change nothing."""
    from ebcd.aws.models import OPERATIONS
    from ebcd.cli.session import open_session
    from ebcd.doctor.judge import judge
    from ebcd.doctor.look import look
    from ebcd.report import doctor as report

    session = open_session(common, looking())
    seen = look(session.services, session.clients, session.stage, OPERATIONS, profile=common.profile or "")
    checks = judge(seen)
    error = _error(checks, session.flags)
    told = head_of("doctor", seen.stage, error) | {"region": seen.stage.region}
    tell(common, told | {"checks": report.rows(checks)}, report.text, always=True)
    if error:
        error.told = True
        raise error


def _error(checks: tuple[Check, ...], flags: CommandLine) -> EbcdError | None:
    """What the checks come to; None where a ship may go through."""
    from ebcd.doctor.check import exit_code

    code = exit_code(checks)
    if code is ExitCode.OK:
        return None
    stopping = [item for item in checks if item.exit_code is not ExitCode.OK]
    first = next(item for item in stopping if item.exit_code is code)
    more = f" And {len(stopping) - 1} more." if len(stopping) > 1 else ""
    kind = AwsRefused if code is ExitCode.AWS_REFUSED else Refused
    return kind(
        "A ship would not go through.",
        why=first.what + more,
        code=f"doctor-{first.check}",
        hint=first.hint or f"Settle what is listed, and ask again: {flags.of('doctor')}",
    )
