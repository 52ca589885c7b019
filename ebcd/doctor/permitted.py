"""What these credentials may do: reads were tried, changes simulated by IAM. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields

from ebcd.aws.session import PERMISSION
from ebcd.doctor.check import SEE_IDENTITY, Check, by_aws, ok, unknown, warning
from ebcd.doctor.seen import Seen
from ebcd.errors import AwsRefused, EbcdError, ExitCode, NoAnswer, OutcomeUnknown, Throttled
from ebcd.model import Target

OPTIONAL = frozenset({"quotas", "platform", "managed_actions"})
"""What a ship goes on without: its preflight says that it could not look."""
ASIDE = frozenset(
    {
        "identity",
        "ahead",
        "bucket_name",
        "changes",
        "profile_there",
        "role_there",
        "secrets",
        "live",
        "ledger_writes",
        "stage",
        "now",
        "profile",
    }
)
"""What is asked for `doctor` alone, and what is no answer."""


def denied(error: object) -> bool:
    """Whether an answer is a refusal that another policy would lift."""
    return isinstance(error, AwsRefused) and error.code in PERMISSION | {"403"}


def enough(seen: Seen) -> str:
    """How to see policies that are enough."""
    return f"Policies that are enough: {seen.flags.of('bootstrap', '--no-github', '--print')}"


def _make_roles(seen: Seen) -> str:
    return f"Make one, and see what to put into ebcd.toml: {seen.flags.of('bootstrap', '--no-github')}"


def unseen(seen: Seen, check: str, what: str, error: EbcdError, hint: str = "") -> Check:
    """A check whose answer did not come. What that means for a ship is told once, by `reads` or by `identity`.

    hint: the way out of a refusal, where another policy than that of a ship would lift it.
    """
    if denied(error):
        return unknown(check, what, error.what, hint or enough(seen))
    if isinstance(seen.identity, EbcdError) and seen.identity.code == error.code:
        return unknown(check, what, SEE_IDENTITY)
    return unknown(check, what, f"{error.what} {error.why}".strip(), error.hint)


def reads(seen: Seen) -> Iterator[Check]:
    """The reads of a ship, which were all tried: refused ones, those without an answer, or that all is well."""
    errors = {name: item for name, item in _answers(seen).items() if isinstance(item, EbcdError)}
    if needed := _told(errors, lambda name, error: denied(error) and name not in OPTIONAL):
        yield by_aws("reads", needed, "A ship, and most other commands, must read it.", enough(seen))
    if optional := _told(errors, lambda name, error: denied(error) and name in OPTIONAL):
        yield warning("reads", optional, "A ship goes on without, and cannot warn of what it would see.", enough(seen))
    if isinstance(seen.identity, EbcdError):
        yield unknown("reads", "Which reads are allowed is not known.", SEE_IDENTITY)
    elif silent := _told(errors, lambda name, error: _silent(error) and name not in OPTIONAL):
        again = f"Run it again: {seen.flags.of('doctor')}"
        yield unknown("reads", silent, "A ship must read it, too.", again, ExitCode.AWS_REFUSED)
    elif not needed and not optional:
        yield ok("reads", "The reads of a ship are allowed.")
    if seen.live is not None and seen.live.events == 0:
        yield unknown(
            "events",
            "Beanstalk tells no event of the environment that is live.",
            "It has none of the last six weeks, or elasticbeanstalk:DescribeEvents is not allowed: "
            "the answer is the same.",
            enough(seen),
        )


def _answers(seen: Seen) -> dict[str, object]:
    """The answers to a ship's own reads, by name."""
    account = {item.name: getattr(seen, item.name) for item in fields(seen) if item.name not in ASIDE}
    live = seen.live
    return account | ({item.name: getattr(live, item.name) for item in fields(live)} if live else {})


def _told(errors: Mapping[str, EbcdError], which: Callable[[str, EbcdError], bool]) -> str:
    """What happened to some of the reads, each once."""
    return " ".join(sorted({error.what for name, error in errors.items() if which(name, error)}))


def _silent(error: EbcdError) -> bool:
    """Whether nothing came that could be judged. A refusal of ebcd's own, or of another kind, has its own check."""
    return isinstance(error, Throttled | NoAnswer | OutcomeUnknown)


def changes(seen: Seen) -> Iterator[Check]:
    """The changes of a ship, of which IAM's simulation was asked."""
    found = seen.changes
    if isinstance(found, EbcdError):
        hint = "Only a ship tells, or allow iam:GetRole and iam:SimulatePrincipalPolicy."
        yield unseen(seen, "changes", "Whether a ship's changes are allowed is not known.", found, hint)
    elif found.denied:
        why = f"A policy of {seen.stage.application}'s credentials does not allow it."
        yield by_aws("changes", f"IAM's simulation denies {', '.join(sorted(found.denied))}.", why, enough(seen))
    elif found.undecided:
        yield unknown(
            "changes",
            f"IAM's simulation cannot tell of {', '.join(sorted(found.undecided))}.",
            "Policies allow them under conditions that it was not given.",
            "Only a ship tells.",
        )
    elif seen.stage.target is Target.LOCAL:
        yield ok("changes", "The local Beanstalk was not asked: it judges calls only where it runs with --enforce-iam.")
    else:
        yield ok(
            "changes",
            "IAM's simulation allows the changes of a ship.",
            "It knows no session policies, and not what Beanstalk does in your name.",
        )


def roles(seen: Seen) -> Iterator[Check]:
    """The instance profile and the service role that environments get."""
    if seen.stage.target is Target.LOCAL:
        return
    for what, there, key in (
        ("instance profile", seen.profile_there, "IamInstanceProfile"),
        ("service role", seen.role_there, "ServiceRole"),
    ):
        if isinstance(there, EbcdError):
            yield unseen(seen, "roles", f"Whether the {what} is there is not known.", there)
        elif there:
            yield ok("roles", f"The {what} of the stage's environments is there.")
        elif any(item.name == key for item in seen.stage.options):
            yield by_aws(
                "roles",
                f"The {what} that ebcd.toml names ({key}) is not there.",
                "Beanstalk creates no environment without it.",
                _make_roles(seen),
            )
        else:
            yield warning(
                "roles",
                f"The {what} that ebcd takes where nothing names one is not there.",
                f"Unless .ebextensions name another {key}, Beanstalk creates no environment.",
                _make_roles(seen),
            )


def secrets(seen: Seen) -> Iterator[Check]:
    """The declared secrets, of which IAM's simulation was asked for the instances' role."""
    declared, found = seen.stage.secrets, seen.secrets
    if not declared or seen.stage.target is Target.LOCAL:
        return
    if isinstance(found, EbcdError):
        hint = "Only a launch tells, or allow iam:GetInstanceProfile, and iam:SimulatePrincipalPolicy on their role."
        yield unseen(seen, "secrets", "Whether instances may fetch the declared secrets is not known.", found, hint)
    elif found.denied:
        lacking = ", ".join(name for name, arn in declared.items() if arn in found.denied)
        yield by_aws(
            "secrets",
            f"The instances' role may not fetch {lacking}.",
            "Instances fetch secrets themselves when they start: a deployment fails without.",
            f"Grant what ebcd.toml declares: {seen.flags.of('bootstrap', '--no-github')}",
        )
    elif found.undecided:
        untold = ", ".join(name for name, arn in declared.items() if arn in found.undecided)
        yield unknown(
            "secrets",
            f"IAM's simulation cannot tell whether instances may fetch {untold}.",
            "A policy allows it under conditions that it was not given.",
            "Only a launch tells.",
        )
    elif seen.profile_there is True:
        yield ok(
            "secrets",
            "The instances' role may fetch the declared secrets.",
            "Whether it may decrypt them with a key of your own is not simulated.",
        )


def ledger(seen: Seen) -> Iterator[Check]:
    """Whether instances may write the ledger, which IAM's simulation was asked about."""
    found = seen.ledger_writes
    if isinstance(found, EbcdError):
        hint = "Allow iam:GetInstanceProfile, and iam:SimulatePrincipalPolicy on the instances' role."
        yield unseen(seen, "ledger", "Whether instances may write ebcd's ledger is not known.", found, hint)
    elif found:
        yield warning(
            "ledger",
            "The instances' role may write ebcd's ledger.",
            "Who breaks into the application could forge a release's record, or break the stage's lock.",
            f"Make a role that may not: {seen.flags.of('bootstrap', '--no-github')}",
        )
    elif seen.profile_there is True and seen.stage.target is not Target.LOCAL:
        yield ok("ledger", "The instances' role may not write ebcd's ledger.")
