"""Which environment `--env` names, and what is said where there is none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ebcd.errors import UsageError

if TYPE_CHECKING:
    from ebcd.model import Environment
    from ebcd.release.snapshot import Snapshot

ROLES = ("live", "candidate", "previous")
"""What --env takes beside an environment's name."""


def choose(snapshot: Snapshot, env: str) -> Environment:
    """The environment of a stage that --env names. Raises UsageError."""
    from ebcd.report import result

    role = dict.fromkeys(ROLES) | {"live": snapshot.live}
    if env == "candidate" and (record := result.candidate(snapshot)):
        role["candidate"] = snapshot.standing(record)
    if env == "previous" and snapshot.previous:
        role["previous"] = snapshot.standing(snapshot.previous)
    found = role[env] if env in role else snapshot.environment(env)
    if found is None:
        raise _missing_role(snapshot, env) if env in role else _missing(snapshot, env)
    return found


def _missing(snapshot: Snapshot, name: str) -> UsageError:
    """That no environment has a name."""
    stage = snapshot.stage
    known = ", ".join(item.name for item in snapshot.environments) or "none"
    return UsageError(f"There is no environment {name!r}.", why=f"{stage.application} has: {known}.",
                      hint=f"ebcd status {stage.flags}",
                      code="no-environment")  # fmt: skip


def _missing_role(snapshot: Snapshot, role: str) -> UsageError:
    """That a stage has no live, candidate or previous environment; of a failed one, how it is named."""
    from ebcd.release.record import Outcome

    stage = snapshot.stage
    flags = stage.flags
    what, why, hint = {
        "live": (f"Nothing is live on the stage {stage.name}.", "No environment holds its live CNAME.",
                 flags.of("ship")),
        "candidate": (f"The stage {stage.name} has no candidate.", "No release waits for its swap, or is under way.",
                      f"Make one that waits: {flags.of('ship', '--no-swap')}"),
        "previous": (f"The stage {stage.name} has no previous environment.",
                     "No environment carries what a rollback returns to.", f"ebcd status {flags}"),
    }[role]  # fmt: skip
    failed = [item for item in snapshot.releases if item.outcome is Outcome.FAILED and snapshot.standing(item)]
    if role == "candidate" and failed and snapshot.standing(failed[0]) != snapshot.live:
        why = f"{failed[0].release} failed, so it is none; its environment stands until the next ship."
        hint = f"--env {failed[0].environment} names it."
    return UsageError(what, why=why, hint=hint, code="no-environment")
