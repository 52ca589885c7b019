"""What a rollback returns to, and what it tells before it does. Pure. It names a recorded release and never toggles."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from ebcd import words
from ebcd.errors import NothingToRollBack, Refused
from ebcd.model import Environment, Strategy
from ebcd.model.platforms import version_of
from ebcd.release.state.names import is_side
from ebcd.release.state.release import ReleaseRecord, is_patch
from ebcd.release.state.snapshot import Snapshot, deployment_estimate, half_way

if TYPE_CHECKING:  # `status` asks for the target and needs no plan
    from ebcd.release.plan.promotion import Capacity

NOT_UNDONE = "database migrations, option settings, worker environments"
"""What a swap of CNAMEs leaves as it is."""


@dataclass(frozen=True, slots=True)
class RollbackTarget:
    """Where a rollback goes, and what it leaves."""

    target: ReleaseRecord
    replaces: ReleaseRecord
    already: bool = False
    """The target is live: an earlier rollback, or a person, has been here."""
    gone: bool = False
    """No environment carries it and it is not updated in place: the version has to be deployed again, as a release."""


def rollback_target(snapshot: Snapshot) -> RollbackTarget:
    """The release that was live before the one that went live last.

    Raises NothingToRollBack when there is none; Refused when what is live is neither.
    """
    stage, live = snapshot.stage, snapshot.live
    flags = stage.flags
    last = _last_live(snapshot)
    current = snapshot.record_of(live)
    if current is not None and current.returned_to:
        left = snapshot.release(current.from_release) if current.restores else last
        return RollbackTarget(current, left or current, already=not half_way(snapshot, current, left))
    target = snapshot.release(last.from_release) if last and last.from_release else None
    if last is None or target is None or target.live_at is None:
        raise NothingToRollBack(
            f"The stage {stage.name} has nothing to roll back to.",
            why="It has no release." if last is None else f"No release was proven live before {last.release}.",
            hint=f"ebcd releases {flags}",
        )
    if current is not None and current == target:
        return RollbackTarget(target, last, already=not half_way(snapshot, target, last))
    if live is None or current != last:
        raise Refused(
            "What is live is not what the ledger says went live last.",
            why=f"Live is {f'{live.name} with {live.version_label}' if live else 'nothing'}; "
            f"{last.release} ({last.environment} with {last.version_label}) went live last.",
            hint=f"Choose the release yourself, for swap --to: ebcd releases {flags}",
            code="unexpected-live",
        )
    in_place = target.environment == live.name and not is_side(stage.application, stage.name, live.name)
    return RollbackTarget(target, last, gone=not snapshot.carries(target) and not in_place)


def taken_back(snapshot: Snapshot) -> ReleaseRecord | None:
    """The release that a rollback has left; None where what is live came there by no rollback."""
    try:
        found = rollback_target(snapshot)
    except (NothingToRollBack, Refused):
        return None
    returned = found.target == snapshot.record_of(snapshot.live)
    return found.replaces if returned and found.replaces != found.target else None


def announcement(snapshot: Snapshot, found: RollbackTarget, standing: Capacity) -> tuple[str, ...]:
    """What whoever rolls back should know: from where to where, how the target is doing, what stays as it is."""
    target, replaces = found.target, found.replaces
    return (
        f"From {replaces.release} ({replaces.version_label}, live for {_ago(snapshot, replaces.live_at)}) "
        f"to {target.release} ({target.version_label}, left live {_ago(snapshot, target.left_live)} ago).",
        *_platforms(target, replaces),
        _target_now(snapshot, target, standing),
        f"Not undone: {NOT_UNDONE}.",
        _clients(snapshot, target, replaces, swapped=target.environment != replaces.environment),
    )


def _clients(snapshot: Snapshot, target: ReleaseRecord, replaces: ReleaseRecord, *, swapped: bool) -> str:
    """How long clients may still get the release that is left."""
    if not swapped:
        return f"Clients get {replaces.release} from each instance until {target.release} is deployed on that one."
    about = f" for about {snapshot.dns_ttl:g} s" if snapshot.dns_ttl else ""
    return f"Clients may reach {replaces.release}{about} after the swap, until their DNS answers expire."


def _platforms(target: ReleaseRecord, replaces: ReleaseRecord) -> tuple[str, ...]:
    """What is said where the platform version is all that a rollback brings back."""
    if not is_patch(target, replaces):
        return ()
    versions = (version_of(replaces.platform_arn), version_of(target.platform_arn))
    return (f"Both are the same version: the platform goes back from {versions[0]} to {versions[1]}.",)


def _target_now(snapshot: Snapshot, target: ReleaseRecord, standing: Capacity) -> str:
    environment = snapshot.environment(target.environment)
    if environment is None:
        seconds = creation_estimate(snapshot)
        about = f", which took about {seconds:.0f} s the last time" if seconds else ""
        return f"{target.environment} is gone: its version is deployed again with the settings of live{about}."
    if environment.version_label != target.version_label:
        took, where = redeployment_estimate(snapshot, environment)
        about = f", which took {took:g} s the last time" if took else ""
        carries = f"{environment.name} carries {environment.version_label}"
        return f"{carries}: {target.version_label} is deployed again {where}{about}."
    count = words.count(standing.target, "instance")
    state = f"{environment.status}, {environment.told_health}"
    return f"{environment.name} is {state}, with {count}; live has {standing.live}."


def redeployment_estimate(snapshot: Snapshot, environment: Environment) -> tuple[float | None, str]:
    """Seconds that deploying a version again may take where its environment carries another one, and where it goes."""
    if snapshot.stage.strategy is Strategy.BLUE_GREEN and environment != snapshot.live:
        return creation_estimate(snapshot), "in a new environment"
    return deployment_estimate(snapshot), "on it"


def _ago(snapshot: Snapshot, at: datetime | None) -> str:
    return words.span(snapshot.taken - at) if at else "an unknown time"


def creation_estimate(snapshot: Snapshot) -> float | None:
    """Seconds that deploying a version again may take: what the newest release took that was measured."""
    return next((record.ready_seconds for record in snapshot.releases if record.ready_seconds is not None), None)


def _last_live(snapshot: Snapshot) -> ReleaseRecord | None:
    """The release that went live last. A run that died right after its swap has not recorded it: what is live tells."""
    live = snapshot.record_of(snapshot.live)
    if live is not None and live.live_since is None:
        return live
    lived = [record for record in snapshot.releases if record.live_since is not None]
    return max(lived, key=lambda record: record.live_since or snapshot.taken, default=None)
