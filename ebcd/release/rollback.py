"""What a rollback returns to. Pure. It names a recorded release and never toggles."""

from __future__ import annotations

from dataclasses import dataclass

from ebcd.errors import NothingToRollBack, Refused
from ebcd.release.journal import ReleaseRecord
from ebcd.release.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class RollbackTarget:
    """Where a rollback goes, and what it leaves."""

    target: ReleaseRecord
    leaves: ReleaseRecord
    already: bool
    """The target is live: an earlier rollback, or a person, has been here."""


def rollback_target(snapshot: Snapshot) -> RollbackTarget:
    """The release that was live before the one that went live last.

    Raises NothingToRollBack when there is none, or its environment is gone; Refused when what is live is neither.
    """
    stage, live = snapshot.stage, snapshot.live
    flags = f"-a {stage.application} -s {stage.name}"
    last = _last_live(snapshot)
    target = snapshot.release(last.from_release) if last and last.from_release else None
    if last is None or target is None or target.live_since is None:
        raise NothingToRollBack(
            f"The stage {stage.name} has nothing to roll back to.",
            why="It has no release." if last is None else f"No release was proven live before {last.release}.",
            hint=f"ebcd releases {flags}",
        )
    if live is not None and snapshot.record_of(live) == target:
        return RollbackTarget(target, last, already=True)
    if live is None or snapshot.record_of(live) != last:
        raise Refused(
            "What is live is not what the ledger says went live last.",
            why=f"Live is {f'{live.name} with {live.version_label}' if live else 'nothing'}; "
            f"{last.release} ({last.environment} with {last.version_label}) went live last.",
            hint=f"Choose the release yourself: ebcd swap --to rN {flags}",
            code="unexpected-live",
        )
    if snapshot.environment(target.environment) is None:
        raise NothingToRollBack(
            f"The environment of {target.release}, {target.environment}, is gone.",
            why="It was terminated after its rollback window.",
            hint=f"ebcd ship {target.sha} -s {stage.name}   (deploys that version again, as a new release)",
        )
    return RollbackTarget(target, last, already=False)


def left_by(snapshot: Snapshot, target: ReleaseRecord) -> ReleaseRecord | None:
    """The release that a promoted one takes the place of: live's, or where that is itself by now, what it left."""
    live = snapshot.record_of(snapshot.live)
    return snapshot.release(target.from_release) if live == target else live


def _last_live(snapshot: Snapshot) -> ReleaseRecord | None:
    """The release that went live last. A run that died right after its swap has not recorded it: what is live tells."""
    live = snapshot.record_of(snapshot.live)
    if live is not None and live.live_since is None:
        return live
    lived = [record for record in snapshot.releases if record.live_since is not None]
    return max(lived, key=lambda record: record.live_since or snapshot.taken, default=None)
