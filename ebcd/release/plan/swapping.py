"""The swap of a release with what is live, and the one that undoes it, as steps."""

from __future__ import annotations

from datetime import datetime

from ebcd.model import Environment, Stage
from ebcd.release.plan.steps import Step, SwapCnames
from ebcd.release.state.release import ReleaseRecord, is_fresh
from ebcd.release.state.snapshot import Snapshot


def swap_to(
    stage: Stage,
    release: ReleaseRecord,
    live: Environment,
    snapshot: Snapshot,
    *,
    proven: datetime | None = None,
    capacity: int | None = None,
) -> SwapCnames:
    """The release becomes live. proven: when every instance was seen to run it; None: it is read before the swap.

    capacity: how many of live's instances its environment was made to replace; None: nobody asks.
    """
    left = snapshot.record_of(live)
    return SwapCnames(
        candidate=release.environment,
        live=live.name,
        label=release.version_label,
        cname=live.cname,
        release=release.release,
        replaces=left.release if left else "",
        accept=stage.accept,
        events=release.live_since is None and is_fresh(release),
        proven=proven,
        capacity=capacity,
    )


def swap_back(release: ReleaseRecord, live: Environment) -> tuple[Step, ...]:
    """The swap that undoes the release's own. live: what holds the live CNAME at planning, before or after it."""
    return (
        SwapCnames(
            candidate=release.from_environment,
            live=release.environment,
            label=release.from_version,  # as it was found: its release may have had another one
            cname=live.cname,
            release=release.from_release,
            replaces=release.release,
        ),
    )
