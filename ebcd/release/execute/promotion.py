"""What a run records when live changes hands: at once, since a rollback reads it, even after a crash."""

from __future__ import annotations

from dataclasses import replace

from ebcd.errors import AwsRefused
from ebcd.release.execute.context import Run, Services
from ebcd.release.plan.steps import SwapCnames, UpdateVersion
from ebcd.release.state.reconciliation import unrecorded_swap
from ebcd.release.state.release import handed_over
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.ledger import Ledger


def record_swap(ledger: Ledger, snapshot: Snapshot) -> Snapshot:
    """The snapshot, once the swap of a run that died before it recorded it is in the ledger. Needs the stage's lock."""
    stored = {record.release: ledger.update(record) for record in unrecorded_swap(snapshot)}
    return replace(snapshot, releases=tuple(stored.get(item.release, item) for item in snapshot.releases))


def changes_hands(run: Run, step: UpdateVersion) -> bool:
    """Whether a deployment makes its release live.

    Not where an earlier run recorded that it is, nor where it takes back a release that never came so far.
    """
    to, own = run.records.get(step.release), run.release
    if run.restoring:
        return own is None or step.replaces != own.release or own.live_since is not None
    return to is None or to.live_since is None or to.left_live is not None


def record_promotion(
    run: Run, services: Services, step: SwapCnames | UpdateVersion, *, swap_seconds: float | None = None
) -> None:
    """Record that the step's release is live since now, and what it took the place of; and how long a swap took.

    It has happened: where S3 refuses the records, the run knows it still, and writes them at its end or says so.
    """
    records = run.records
    if step.release not in records:
        return
    to = records[step.release]
    to = replace(to, swap_seconds=swap_seconds or to.swap_seconds)
    found = handed_over(to, records.get(step.replaces), services.clock.now(), restored=run.restoring)
    for record in found:
        if record is None:
            continue
        records[record.release] = record
        try:
            records[record.release] = services.ledger.update(record)
        except AwsRefused as error:
            services.progress.note(
                f"{error.what} That live changed hands is not in the record of {record.release} yet."
            )
