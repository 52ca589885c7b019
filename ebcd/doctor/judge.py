"""From what was seen to checks: what each answer means for the next ship, and a way out. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta

from ebcd import words
from ebcd.doctor import permitted, standing
from ebcd.doctor.check import Check, by_aws, ok, refused, warning
from ebcd.doctor.permitted import unseen
from ebcd.doctor.seen import Seen
from ebcd.errors import AwsRefused, EbcdError, Refused
from ebcd.release.plan.preflight import taken_cname

CLOCK_TOLD = timedelta(seconds=60)
"""How wrong a clock may be before it is told: logs, `since` and events of several machines no longer fit together."""
CLOCK_REFUSED = timedelta(minutes=5)
"""From here on AWS refuses signatures: https://docs.aws.amazon.com/IAM/latest/UserGuide/signature-v4-troubleshooting.html"""


def judge(seen: Seen) -> tuple[Check, ...]:
    """Every check, in the order in which they matter."""
    rules: tuple[Callable[[Seen], Iterator[Check]], ...] = (
        _identity,
        _clock,
        permitted.reads,
        permitted.changes,
        permitted.roles,
        permitted.secrets,
        permitted.ledger,
        _bucket,
        _application,
        _live,
        _cname,
        _lock,
        _hold,
        *standing.RULES,
    )
    return tuple(check for rule in rules for check in rule(seen))


def _identity(seen: Seen) -> Iterator[Check]:
    found = seen.identity
    if isinstance(found, EbcdError):
        yield by_aws("identity", found.what, found.why, found.hint)
        return
    profile = f", profile {seen.profile}" if seen.profile else ""
    yield ok("identity", f"{found.arn}", f"Account {found.account}, region {seen.stage.region}{profile}.")


def _clock(seen: Seen) -> Iterator[Check]:
    ahead = seen.ahead
    if isinstance(ahead, EbcdError):
        yield unseen(seen, "clock", "This machine's clock could not be compared with AWS's.", ahead)
        return
    off, way = abs(ahead), "ahead of" if ahead > timedelta() else "behind"
    what = f"This machine's clock is {words.span(off)} {way} AWS's."
    hint = "Let the machine set its clock by NTP: timedatectl set-ntp true"
    if off >= CLOCK_REFUSED:
        yield by_aws("clock", what, "From five minutes on AWS refuses what is signed with it.", hint)
    elif off > CLOCK_TOLD:
        yield warning("clock", what, "Records and events of several machines no longer fit together in time.", hint)
    else:
        yield ok("clock", "This machine's clock agrees with AWS's.")


def _bucket(seen: Seen) -> Iterator[Check]:
    there, name = seen.bucket, seen.bucket_name
    if isinstance(there, AwsRefused) and there.code == "bucket-owner":
        yield by_aws("bucket", there.what, there.why, there.hint)
    elif isinstance(there, EbcdError):
        yield unseen(seen, "bucket", "Whether the bucket is there is not known.", there)
    elif there:
        yield ok("bucket", f"{name} belongs to this account.")
    else:
        yield ok("bucket", f"{name} is not there yet.", "The first ship lets Beanstalk create it.")


def _application(seen: Seen) -> Iterator[Check]:
    found, name = seen.applications, seen.stage.application
    if isinstance(found, EbcdError):
        yield unseen(seen, "application", f"Whether there is an application {name} is not known.", found)
    elif name in found:
        yield ok("application", f"{name} is there.")
    else:
        yield ok("application", f"{name} is not there yet.", "The first ship creates it.")


def _live(seen: Seen) -> Iterator[Check]:
    found = seen.snapshot
    if isinstance(found, Refused):
        yield refused("live", found.what, found.why, found.hint)
    elif isinstance(found, EbcdError):
        yield unseen(seen, "live", "What is live is not known.", found)
    elif found.live is None:
        yield ok("live", "Nothing is live yet.", "The first ship brings a release live at once, without a swap.")
    elif found.live.status != "Ready":
        yield warning(
            "live",
            f"{found.live.name} is {found.live.status}.",
            "Beanstalk, or somebody, is changing it; a swap needs it Ready.",
            f"ebcd events --follow {seen.flags}",
        )
    else:
        yield ok("live", f"{found.live.name} carries {found.live.version_label}, {found.live.health}.")


def _cname(seen: Seen) -> Iterator[Check]:
    free, found = seen.cname_free, seen.snapshot
    if not seen.stage.cname or isinstance(found, EbcdError) or found.live is not None:
        return
    if isinstance(free, EbcdError):
        yield unseen(seen, "cname", f"Whether the CNAME prefix {seen.stage.cname} is free is not known.", free)
    elif free:
        yield ok("cname", f"The CNAME prefix {seen.stage.cname} is free.")
    else:
        yield standing.check_of(taken_cname(seen.stage))


def _lock(seen: Seen) -> Iterator[Check]:
    held = seen.lock
    if isinstance(held, EbcdError):
        yield unseen(seen, "lock", "Whether a run changes the stage is not known.", held)
    elif held is None:
        yield ok("lock", "No run changes the stage.")
    else:
        yield warning(
            "lock",
            f"{held.owner} on {held.host} changes the stage: {held.message}.",
            "Until that run has ended, a ship is refused, or waits with --wait-lock.",
            f"ebcd wait {seen.flags}",
        )


def _hold(seen: Seen) -> Iterator[Check]:
    held = seen.hold
    if isinstance(held, EbcdError):
        yield unseen(seen, "hold", "Whether the stage is held is not known.", held)
    elif held is None:
        yield ok("hold", "The stage takes ships.")
    else:
        yield refused(
            "hold",
            f"The stage is held by {held.by}.",
            f"Since {held.since:%Y-%m-%d %H:%M} UTC: {held.reason}",
            f"When that is settled: ebcd unhold {seen.flags}",
        )
