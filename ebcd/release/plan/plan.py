"""What a plan is, and which release it is for."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, replace

from ebcd.model import Environment, Stage
from ebcd.release.journal import UNENDED, Outcome, ReleaseRecord
from ebcd.release.snapshot import Snapshot, leaving
from ebcd.release.steps import Step


@dataclass(frozen=True, slots=True)
class Plan:
    """What a run will do, in order."""

    snapshot: Snapshot
    """What it was made from."""
    release: ReleaseRecord
    """The release that it is for, with its number and environment."""
    live: Environment | None
    """What is live before."""
    steps: tuple[Step, ...]
    """Empty: there is nothing to do."""
    back: tuple[Step, ...] = ()
    """What returns to the earlier release when the new one is live and does not hold what it promised."""


def settings_digest(stage: Stage) -> str:
    """SHA-256, hexadecimal, over the platform and every option setting of a stage."""
    settings = [stage.platform, *([item.namespace, item.name, item.value] for item in sorted(stage.options))]
    return hashlib.sha256(json.dumps(settings).encode()).hexdigest()


def resumable(snapshot: Snapshot, label: str, settings: str) -> ReleaseRecord | None:
    """The release of that version and those settings that began and did not end, if there is one."""
    gone = {item.name for item in snapshot.environments if leaving(item)}
    for record in snapshot.releases:
        if record.outcome in UNENDED and record.environment not in gone:
            same = (record.version_label, record.settings_digest) == (label, settings)
            return record if same else None
    return None


def already_live(snapshot: Snapshot, label: str, settings: str) -> ReleaseRecord | None:
    """Live's release when it is of that version and those settings and ended well."""
    record = snapshot.record_of(snapshot.live)
    if record is None or record.outcome is not Outcome.LIVE:
        return None
    return record if (record.version_label, record.settings_digest) == (label, settings) else None


def leaving_from(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> ReleaseRecord:
    """The release with what it takes the live CNAME from."""
    before = snapshot.record_of(live)
    return replace(
        release,
        from_environment=live.name,
        from_release=before.release if before else "",
        from_version=live.version_label,
    )
