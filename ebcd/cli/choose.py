"""Which environment `--env` names, and what is said where there is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebcd.errors import UsageError

if TYPE_CHECKING:
    from ebcd.model import Environment
    from ebcd.release.state.release import ReleaseRecord
    from ebcd.release.state.snapshot import Snapshot

ROLES = ("live", "candidate", "previous")
"""What --env takes beside a release and an environment's name."""


def choose(snapshot: Snapshot, env: str) -> Environment:
    """The environment of a stage that --env names. Raises UsageError."""
    record = release_named(snapshot, env)
    found = snapshot.environment(env) or (snapshot.live if env == "live" else record and snapshot.standing(record))
    if found:
        return found
    if record is not None:
        raise _gone(snapshot, env, record)
    raise _missing_role(snapshot, env) if env in ROLES else _missing(snapshot, env)


def release_named(snapshot: Snapshot, env: str) -> ReleaseRecord | None:
    """The release that a role (live, candidate, previous) or a name (r7) means; None for any other word."""
    from ebcd.report import result

    match env:
        case "live":
            return snapshot.record_of(snapshot.live)
        case "candidate":
            return result.candidate(snapshot)
        case "previous":
            return snapshot.previous
    return snapshot.release(env)


def meant(snapshot: Snapshot, env: str) -> str:
    """The name of the environment that --env means, though it be gone; empty for what is no environment's name, for
    Beanstalk refuses to be asked of that.
    """
    record = release_named(snapshot, env)
    name = record.environment if record else env
    return name if name not in ROLES and 4 <= len(name) <= 40 else ""


def _gone(snapshot: Snapshot, env: str, record: ReleaseRecord) -> UsageError:
    """That no environment carries a release any more."""
    stage, other = snapshot.stage, snapshot.environment(record.environment)
    state = f"carries {other.version_label} by now" if other else "is terminated"
    return UsageError(
        f"No environment has the release {record.release}{f', which is {env}' if env in ROLES else ''}.",
        why=f"{record.environment}, which had it, {state}.",
        hint=stage.flags.of("status"),
        code="no-environment",
    )


def _missing(snapshot: Snapshot, name: str) -> UsageError:
    """That no environment has a name."""
    stage = snapshot.stage
    known = ", ".join(item.name for item in snapshot.environments) or "none"
    return UsageError(
        f"There is no environment {name!r}.",
        why=f"{stage.application} has: {known}.",
        hint=stage.flags.of("status"),
        code="no-environment",
    )


def _missing_role(snapshot: Snapshot, role: str) -> UsageError:
    """That a stage has no live, candidate or previous environment; of a failed one, how it is named."""
    from ebcd.release.plan.rollback import taken_back
    from ebcd.release.state.release import Outcome
    from ebcd.report.first import first_ship

    stage, left = snapshot.stage, taken_back(snapshot)
    flags = stage.flags
    what, why, hint = {
        "live": (
            f"Nothing is live on the stage {stage.name}.",
            "No environment holds its live CNAME.",
            first_ship(stage),
        ),
        "candidate": (
            f"The stage {stage.name} has no candidate.",
            "No release waits for its swap, or is under way.",
            f"Make one that waits: {flags.of('ship', '--no-swap')}",
        ),
        "previous": (
            f"The stage {stage.name} has no previous environment.",
            "No environment carries what a rollback returns to.",
            f"ebcd status {flags}",
        ),
    }[role]
    failed = [item for item in snapshot.releases if item.outcome is Outcome.FAILED and snapshot.standing(item)]
    if role == "candidate" and failed and snapshot.standing(failed[0]) != snapshot.live:
        why = f"{failed[0].release} failed, so it is none; its environment stands until the next ship."
        hint = f"--env {failed[0].environment} names it."
    if role == "previous" and left is not None and snapshot.live is not None:
        why = f"{left.release} was rolled back, and nothing was live before what is live again."
        hint = f"--env {left.release} names the environment of what was rolled back."
    return UsageError(what, why=why, hint=hint, code="no-environment")
