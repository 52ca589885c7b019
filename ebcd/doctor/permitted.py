"""What these credentials may do: reads were tried, changes simulated by IAM. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from ebcd.aws.session import PERMISSION
from ebcd.doctor.check import SEE_IDENTITY, Check, Outcome, by_aws, ok, unknown, warning
from ebcd.doctor.seen import Seen
from ebcd.errors import AwsRefused, EbcdError, ExitCode
from ebcd.model import Target

OPTIONAL = frozenset({"quotas", "platform", "managed_actions"})
"""What a ship goes on without: its preflight says that it could not look."""
ASIDE = frozenset({"identity", "ahead", "bucket_name", "changes", "profile_there", "role_there"})
"""What is asked for `doctor` alone."""
BOOTSTRAP = "ebcd bootstrap --print shows policies that are enough."
MAKE_ROLES = "ebcd bootstrap makes one, and says what to put into ebcd.toml."
_DENIED = PERMISSION | {"403", "bucket-owner"}


def denied(error: object) -> bool:
    """Whether an answer is a refusal that another policy would lift."""
    return isinstance(error, AwsRefused) and error.code in _DENIED


def unseen(seen: Seen, check: str, what: str, error: EbcdError) -> Check:
    """A check whose answer did not come. A refusal is told once, as a permission, and so is a lack of credentials.

    Where AWS was silent or throttled, a ship's own read would fare no better.
    """
    if denied(error):
        return unknown(check, what, error.what, BOOTSTRAP)
    if isinstance(seen.identity, EbcdError) and seen.identity.code == error.code:
        return unknown(check, what, SEE_IDENTITY)
    needed = (
        ExitCode.AWS_REFUSED if check in {"bucket", "application", "live", "lock", "hold", "cname"} else ExitCode.OK
    )
    return unknown(check, what, f"{error.what} {error.why}".strip(), error.hint, needed)


def reads(seen: Seen) -> Iterator[Check]:
    """The reads of a ship, which were all tried."""
    answers = {item.name: getattr(seen, item.name) for item in fields(seen) if item.name not in ASIDE | {"live"}}
    if seen.live is not None:
        answers |= {item.name: getattr(seen.live, item.name) for item in fields(seen.live)}
    answers = {name: item for name, item in answers.items() if name not in {"stage", "now", "profile"}}
    refusals = {name: error for name, error in answers.items() if denied(error)}
    needed = sorted({error.what for name, error in refusals.items() if name not in OPTIONAL})
    if needed:
        yield by_aws("reads", " ".join(needed), "A ship, and most other commands, must read it.", BOOTSTRAP)
    if optional := sorted({error.what for name, error in refusals.items() if name in OPTIONAL} - {*needed}):
        yield warning("reads", " ".join(optional), "A ship goes on without, and cannot warn of what it would see.",
                      BOOTSTRAP)  # fmt: skip
    unanswered = [item for item in answers.values() if isinstance(item, EbcdError) and not denied(item)]
    if not refusals and unanswered:
        what = f"{len(unanswered)} of {len(answers)} reads got no answer."
        why = SEE_IDENTITY if isinstance(seen.identity, EbcdError) else "The checks below say which."
        yield unknown("reads", what, why)
    elif not refusals:
        yield ok("reads", "All reads of a ship are allowed.")
    if seen.live is not None and seen.live.events == 0:
        yield unknown("events", "Beanstalk tells no event of the environment that is live.",
                      "It has none of the last six weeks, or elasticbeanstalk:DescribeEvents is not allowed: "
                      "the answer is the same.", BOOTSTRAP)  # fmt: skip


def changes(seen: Seen) -> Iterator[Check]:
    """The changes of a ship, of which IAM's simulation was asked."""
    found = seen.changes
    if isinstance(found, EbcdError):
        told = unseen(seen, "changes", "Whether a ship's changes are allowed is not known.", found)
        hint = "Only a ship tells, or allow iam:GetRole and iam:SimulatePrincipalPolicy."
        yield Check("changes", Outcome.UNKNOWN, told.what, told.why, told.hint and hint)
    elif found.denied:
        yield by_aws("changes", f"IAM's simulation denies {', '.join(sorted(found.denied))}.",
                     f"A policy of {seen.stage.application}'s credentials does not allow it.", BOOTSTRAP)  # fmt: skip
    elif found.undecided:
        yield unknown("changes", f"IAM's simulation cannot tell of {', '.join(sorted(found.undecided))}.",
                      "Policies allow them under conditions that it was not given.", "Only a ship tells.")  # fmt: skip
    elif seen.stage.target is Target.LOCAL:
        yield ok("changes", "The local Beanstalk knows no permissions: every change is allowed.")
    else:
        yield ok("changes", "IAM's simulation allows the changes of a ship.",
                 "It knows no session policies, and not what Beanstalk does in your name.")  # fmt: skip


def roles(seen: Seen) -> Iterator[Check]:
    """The instance profile and the service role that environments get."""
    if seen.stage.target is Target.LOCAL:
        return
    for what, there, key in (("instance profile", seen.profile_there, "IamInstanceProfile"),
                             ("service role", seen.role_there, "ServiceRole")):  # fmt: skip
        if isinstance(there, EbcdError):
            told = unseen(seen, "roles", f"Whether the {what} is there is not known.", there)
            yield Check("roles", Outcome.UNKNOWN, told.what, told.why, told.hint)
        elif there:
            yield ok("roles", f"The {what} of the stage's environments is there.")
        elif any(item.name == key for item in seen.stage.options):
            yield by_aws("roles", f"The {what} that ebcd.toml names ({key}) is not there.",
                         "Beanstalk creates no environment without it.", MAKE_ROLES)  # fmt: skip
        else:
            yield warning("roles", f"The {what} that ebcd takes where nothing names one is not there.",
                          f"Unless .ebextensions name another {key}, Beanstalk creates no environment.",
                          MAKE_ROLES)  # fmt: skip
