"""What a run records when live changes hands: at once, since a rollback reads it, even after a crash."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ebcd.release.journal import Ledger
from ebcd.release.record import handed_over
from ebcd.release.run import Run
from ebcd.release.steps import SwapCnames, UpdateVersion


def changes_hands(run: Run, step: UpdateVersion) -> bool:
    """Whether a deployment makes its release live.

    Not where an earlier run recorded that it is, nor where it takes back a release that never came so far.
    """
    to, own = run.records.get(step.release), run.release
    if run.restoring:
        return own is None or step.leaves != own.release or own.live_since is not None
    return to is None or to.live_since is None or to.left_live is not None


def hand_over(
    run: Run, ledger: Ledger, now: datetime, step: SwapCnames | UpdateVersion, *, swap_seconds: float | None = None
) -> None:
    """Record that the step's release is live since now, and what it took the place of; and how long a swap took."""
    records = run.records
    if step.release not in records:
        return
    to = records[step.release]
    to = replace(to, swap_seconds=swap_seconds or to.swap_seconds)
    gained, lost = handed_over(to, records.get(step.leaves), now, restored=run.restoring)
    records[step.release] = ledger.update(gained)
    if lost:
        records[step.leaves] = ledger.update(lost)
