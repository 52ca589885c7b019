"""The swap of a release with what is live, and the one that undoes it, as steps."""

from __future__ import annotations

from datetime import datetime

from ebcd.model import Environment, Stage
from ebcd.release.journal import ReleaseRecord, is_fresh
from ebcd.release.snapshot import Snapshot
from ebcd.release.steps import Step, SwapCnames


def swap_to(
    stage: Stage, release: ReleaseRecord, live: Environment, snapshot: Snapshot, *, proven: datetime | None = None
) -> SwapCnames:
    """The release becomes live. proven: when every instance was seen to run it; None: it is read before the swap."""
    left = snapshot.record_of(live)
    return SwapCnames(
        candidate=release.environment,
        live=live.name,
        label=release.version_label,
        cname=live.cname,
        release=release.release,
        leaves=left.release if left else "",
        accept=stage.accept,
        events=release.live_since is None and is_fresh(release),
        proven=proven,
    )


def swap_back(release: ReleaseRecord, snapshot: Snapshot, live: Environment) -> tuple[Step, ...]:
    """The swap that undoes the release's own. live: what holds the live CNAME at planning, before or after it."""
    before = snapshot.release(release.from_release)
    label = before.version_label if before else ""
    return (
        SwapCnames(
            release.from_environment, release.environment, label, live.cname, release.from_release, release.release
        ),
    )
