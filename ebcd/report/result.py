"""A command's result as data: the JSON object of schema 1. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ebcd.errors import EbcdError, NothingToRollBack, Refused
from ebcd.model import Environment, SourceBundle, Stage
from ebcd.release.execute.context import Run, Services, StepResult
from ebcd.release.plan.rollback import creation_estimate, redeployment_estimate, rollback_target
from ebcd.release.state.release import UNENDED, Outcome, ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, default_cname, deployment_estimate
from ebcd.release.store.hold import HoldState
from ebcd.release.store.lease import LockState
from ebcd.report.details import details, hold, preview, release_fields, stamp
from ebcd.report.envelope import Json, head_of
from ebcd.report.first import first_ship

if TYPE_CHECKING:  # `status` tells of no steps
    pass

__all__ = [
    "candidate",
    "damaged",
    "hold",
    "live",
    "lock",
    "of_run",
    "outcome",
    "preview",
    "releases",
    "rollback",
    "stamp",
    "status",
    "steps",
    "url",
]


def of_run(run: Run, services: Services, error: EbcdError | None, seconds: float) -> Json:
    """The result of `ship`, `swap` or `publish`, whether it ended well or not."""
    result = head_of(run.command, run.stage, error)
    release, snapshot = run.release, run.after
    if release is not None:
        result |= {"release": release.release, "version_label": release.version_label, "sha": release.sha}
    elif run.bundle is not None:
        result |= {"release": None, "version_label": run.bundle.version_label, "sha": run.bundle.commit.sha}
    if run.bundle is not None:
        result["bundle"] = _bundle(run.bundle, run.stage, reused=run.bundle_reused)
    if release is not None:
        result["environment"] = _environment(snapshot, release)
    result["live"] = found = live(snapshot, services) if snapshot else _proven(run, services, error)
    if found and found["url"]:
        result["try"] = try_command(services, found["url"])
    result["previous"] = _previous(snapshot) if snapshot else None
    result["steps"] = steps(run)
    if snapshot is not None and snapshot.damaged:
        result["damaged"] = damaged(snapshot)
    return {**result, **details(run, services.flags), "seconds": round(seconds, 3)}


def _previous(snapshot: Snapshot) -> Json | None:
    """The release that a rollback returns to, and whether an environment has it."""
    found = snapshot.previous
    return {**release_fields(found), "stands": snapshot.standing(found) is not None} if found else None


def status(snapshot: Snapshot, services: Services, locked: LockState | None, held: HoldState | None) -> Json:
    """The result of `status`: what is live since when by whom, and whether a rollback is ready now."""
    waiting = candidate(snapshot)
    previous = snapshot.previous
    return head_of("status", snapshot.stage) | {
        "live": _described(snapshot, services, snapshot.record_of(snapshot.live), snapshot.live),
        "candidate": _described(snapshot, services, waiting, None) if waiting else None,
        "previous": _described(snapshot, services, previous, None) if previous else None,
        "rollback": rollback(snapshot),
        "lock": lock(locked),
        "hold": hold(held),
        "failed": _failed_since(snapshot),
        "next": first_ship(snapshot.stage) if snapshot.live is None else None,
        "damaged": damaged(snapshot),
    }


def _failed_since(snapshot: Snapshot) -> Json | None:
    """The newest release where it failed, or was swapped back; None where one has done better since."""
    newest = max(snapshot.releases, key=lambda record: record.number, default=None)
    if newest is None or newest.outcome not in {Outcome.FAILED, Outcome.SWAPPED_BACK}:
        return None
    return {**release_fields(newest), "outcome": str(newest.outcome), "reason": newest.reason}


def damaged(snapshot: Snapshot) -> list[Json]:
    """The records that could not be read and were passed over."""
    return [asdict(item) for item in snapshot.damaged]


def releases(snapshot: Snapshot) -> list[Json]:
    """The ledger, newest first."""
    return [
        {
            **release_fields(record),
            "sha": record.sha,
            "outcome": outcome(snapshot, record),
            "by": record.by,
            "since": stamp(record.since),
            "live_since": stamp(record.live_at),
            "from": record.from_release or None,
            "message": record.message,
            "reason": record.reason,
        }
        for record in snapshot.releases
    ]


def outcome(snapshot: Snapshot, record: ReleaseRecord) -> str:
    """How a release stands now: a release that another one followed is no longer live."""
    is_live = snapshot.record_of(snapshot.live) == record
    return "superseded" if record.outcome is Outcome.LIVE and not is_live else str(record.outcome)


def rollback(snapshot: Snapshot) -> Json:
    """Whether `swap --rollback` would succeed now, to which release, and why not."""
    try:
        target = rollback_target(snapshot)
    except (NothingToRollBack, Refused) as error:
        return _way_back(None, error.why)
    release = target.target.release
    if target.already:
        reason = f"{release} is live again, for {target.replaces.release} was rolled back"
        return _way_back(release, reason)
    environment = snapshot.environment(target.target.environment)
    if environment is None or target.gone:
        state = f"carries {environment.version_label}" if environment else "is gone"
        reason = f"{target.target.environment} {state}; a rollback deploys {target.target.version_label} again"
        seconds = redeployment_estimate(snapshot, environment)[0] if environment else creation_estimate(snapshot)
        return _way_back(release, reason, seconds, redeploys=True)
    deployed = snapshot.standing(target.target) is None
    reason = _unready(environment, snapshot.stage, deployed=deployed)
    estimate = None if reason else (deployment_estimate(snapshot) if deployed else _last_swap(snapshot))
    return _way_back(release, reason, estimate)


def _way_back(to: str | None, reason: str, seconds: float | None = None, *, redeploys: bool = False) -> Json:
    """A rollback as data. redeploys: it is no swap now, but `swap --rollback` works: it deploys the version again."""
    return {
        "ready": not reason,
        "to": to,
        "reason": reason,
        "seconds_estimate": seconds,
        "redeploys": redeploys,
    }


def _last_swap(snapshot: Snapshot) -> float | None:
    """What the stage's last swap took: the best that is known of the next one."""
    swapped = [record for record in snapshot.releases if record.swap_seconds is not None]
    newest = max(swapped, key=lambda record: record.live_at or record.since, default=None)
    return newest.swap_seconds if newest else None


def live(snapshot: Snapshot, services: Services) -> Json | None:
    """What holds the live CNAME."""
    environment = snapshot.live
    if environment is None:
        return None
    record = snapshot.record_of(environment)
    return {
        "release": record.release if record else None,
        "environment": environment.name,
        "version_label": environment.version_label,
        "url": url(snapshot, services, environment),
    }


def try_command(services: Services, url: str) -> str:
    """What asks a URL from here: by name, unless that name leads elsewhere than to the local Beanstalk."""
    elsewhere = services.live_address and not (urlsplit(url).hostname or "").endswith(".localhost")
    return f"curl {'--connect-to ::127.0.0.1: ' if elsewhere else ''}{url}/"


def url(snapshot: Snapshot, services: Services, environment: Environment) -> str | None:
    """Where an environment is reached by name: live where its users ask, another one at its own CNAME. A worker has
    none.
    """
    stage = snapshot.stage if environment == snapshot.live else replace(snapshot.stage, url="")
    return services.front(stage, environment.cname).url if environment.cname else None


def _proven(run: Run, services: Services, error: EbcdError | None) -> Json | None:
    """What is live where a run that ended well could not look once more: what it proved itself."""
    release = run.release
    if error is not None or release is None or release.outcome is not Outcome.LIVE:
        return None
    reached = services.front(run.stage, default_cname(run.stage)).url if run.stage.cname else None
    return {
        "release": release.release,
        "environment": release.environment,
        "version_label": release.version_label,
        "url": reached,
    }


def _unready(environment: Environment, stage: Stage, *, deployed: bool) -> str:
    """Why an environment cannot be returned to now. deployed: by deploying a version on it, whatever its health."""
    if environment.status != "Ready":
        return f"{environment.name} is {environment.status}"
    if deployed:
        return ""
    return "" if environment.health in stage.accept else f"the health of {environment.name} is {environment.health}"


def candidate(snapshot: Snapshot) -> ReleaseRecord | None:
    """The newest release that has an environment and did not end."""
    for record in snapshot.releases:
        standing = snapshot.standing(record)
        if record.outcome in UNENDED and standing is not None and standing != snapshot.live:
            return record
    return None


def _described(
    snapshot: Snapshot, services: Services, record: ReleaseRecord | None, environment: Environment | None
) -> Json | None:
    """One side of a stage with how it is doing."""
    if environment is None and record is not None:
        environment = snapshot.standing(record)
    if environment is None and record is None:
        return None
    name = environment.name if environment else record.environment if record else ""
    reached = url(snapshot, services, environment) if environment and environment == snapshot.live else None
    return {
        "release": record.release if record else None,
        "environment": name,
        "version_label": environment.version_label if environment else record.version_label if record else "",
        "url": reached,
        "status": environment.status if environment else _status_without(snapshot, record),
        "health": environment.health if environment else None,
        "health_status": environment.health_status if environment else None,
        "since": stamp((record.live_at or record.since) if record else environment.created if environment else None),
        "by": record.by if record else None,
        "recorded_label": record.version_label if record else None,
    }


def _status_without(snapshot: Snapshot, record: ReleaseRecord | None) -> str | None:
    """The status of a release that no environment carries: None where its environment carries another one by now."""
    return None if record and snapshot.environment(record.environment) else "Terminated"


def _bundle(bundle: SourceBundle, stage: Stage, *, reused: bool) -> Json:
    from ebcd.release.plan.publication import bundle_key

    return {
        "key": bundle_key(stage.application, bundle.content_digest),
        "content_digest": bundle.content_digest,
        "sha256": bundle.sha256,
        "size": bundle.size,
        "entries": bundle.entries,
        "reused": reused,
    }


def _environment(snapshot: Snapshot | None, release: ReleaseRecord) -> Json:
    found = snapshot.environment(release.environment) if snapshot else None
    return {
        "name": release.environment,
        "id": found.id if found else None,
        "cname": found.cname if found else None,
    }


def steps(run: Run) -> list[Json]:
    """What a run has done, or would do."""
    return [_step(item) for item in run.results]


def _step(item: StepResult) -> Json:
    name = type(item.step).__name__
    return {
        "step": name,
        "status": str(item.status),
        "seconds": item.seconds,
        "reason": item.reason,
        "text": str(item.step),
    }


def lock(state: LockState | None) -> Mapping[str, object] | None:
    """Who holds a lock; its token is left out."""
    if state is None:
        return None
    return {
        "owner": state.owner,
        "host": state.host,
        "since": stamp(state.since),
        "expires": stamp(state.expires),
        "message": state.message,
    }
