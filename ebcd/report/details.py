"""What of a run only some have to tell, as data: findings, platform, hold, diagnosis, what was left to do. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from ebcd.model import CommandLine
from ebcd.model.platforms import change_of
from ebcd.release.execute.context import PlatformNews, Run
from ebcd.release.judge.diagnosis import Diagnosis
from ebcd.release.state.release import Outcome, ReleaseRecord
from ebcd.release.store.hold import HoldState
from ebcd.release.store.previews import Preview
from ebcd.report.envelope import Json

if TYPE_CHECKING:  # `status` tells of no steps
    from ebcd.release.plan.housekeeping import Remaining


def details(run: Run, flags: CommandLine) -> Json:
    """What only some runs have to tell. flags: the options that name the stage."""
    found: Json = {
        "left": _left(run),
        "warnings": [asdict(item) for item in run.warnings],
        "findings": [{**asdict(item), "severity": str(item.severity)} for item in run.findings],
        "platform": _platform(run.platform, flags) if run.platform else None,
        "platform_change": _platform_change(*run.platform_change) if run.platform_change else None,
        "told": list(run.told),
        "remaining": [_remaining(item) for item in run.remaining],
        "kept": [{**asdict(item), "until": stamp(item.until)} for item in run.kept],
        "hold": hold(run.hold),
        "preview": preview(run.preview, flags) if run.preview else None,
        "expired": [item.stage for item in run.expired],
        "note": run.note,
        "diagnosis": _diagnosis(run.diagnosis) if run.diagnosis else None,
    }
    return {name: value for name, value in found.items() if value}


def _left(run: Run) -> Json | None:
    """The release that is live no longer, with its commit and, after a rollback, why."""
    if run.left is None:
        return None
    record = run.records.get(run.left.release, run.left)
    reason = record.reason if record.outcome is Outcome.ROLLED_BACK else ""
    return {**release_fields(record), "sha": record.sha, "reason": reason}


def _platform(found: PlatformNews, flags: CommandLine) -> Json:
    news = {"live": found.live, "newest": found.newest, "out": found.out}
    return news | {"patch": found.patch(flags)} if found.out else news


def _platform_change(before: str, after: str) -> Json:
    return {"from": before, "to": after, "text": change_of(before, after)}


def _remaining(item: Remaining) -> Json:
    return {"step": type(item.step).__name__, "text": str(item.step), "why": item.why, "command": item.command}


def _diagnosis(diagnosis: Diagnosis) -> Json:
    events = [
        {"time": stamp(item.time), "severity": item.severity, "message": item.message} for item in diagnosis.events
    ]
    cause = diagnosis.verdict.cause if diagnosis.verdict else None
    return {"events": events, "causes": list(diagnosis.causes), "log_tail": diagnosis.log_tail, "cause": cause}


def release_fields(record: ReleaseRecord) -> Json:
    """A release's names."""
    return {"release": record.release, "environment": record.environment, "version_label": record.version_label}


def hold(state: HoldState | None) -> Mapping[str, object] | None:
    """Who holds a stage."""
    return {"by": state.by, "since": stamp(state.since), "reason": state.reason} if state else None


def preview(found: Preview, flags: CommandLine) -> Json:
    """A preview's record, and the commands that end it, or all that have expired. flags: name a stage beside it."""
    place = replace(flags, stage=found.base)
    return {
        "stage": found.stage,
        "branch": found.branch,
        "base": found.base,
        "release": found.release,
        "version_label": found.version_label,
        "sha": found.sha,
        "by": found.by,
        "since": stamp(found.since),
        "expires": stamp(found.expires),
        "seconds_left": round(found.left),
        "expired": found.expired,
        "end": place.of("preview", "down", found.branch),
        "end_expired": place.of("preview", "down", "--expired"),
    }


def stamp(at: datetime | None) -> str | None:
    """A time as JSON has it: ISO 8601 in UTC."""
    return at.astimezone(UTC).isoformat(timespec="seconds") if at else None
