"""Look at a stage: its environments, which of them is live, and the releases that the ledger tells of."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from ebcd.aws.beanstalk import Beanstalk
from ebcd.errors import EbcdError
from ebcd.model import Environment, Stage
from ebcd.release.journal import Ledger
from ebcd.release.naming import release_number
from ebcd.release.record import ReleaseRecord
from ebcd.release.snapshot import Snapshot, find_live

NEWEST = 20
"""How many of the newest records a snapshot holds, beside those of the environments that exist."""


def observe(stage: Stage, beanstalk: Beanstalk, ledger: Ledger, now: datetime) -> Snapshot:
    """Look at the application's environments, whose ARNs tell the account, too, then at the stage's ledger."""
    return observe_among(stage, beanstalk.environments(stage.application), ledger, now)


def observe_among(stage: Stage, environments: tuple[Environment, ...], ledger: Ledger, now: datetime) -> Snapshot:
    """A stage among the environments as they were seen, with its newest releases and those that they carry.

    Where the ledger has become long, an environment's own number tells where its end is: nobody reads it from its
    beginning.
    """
    own = {number for item in environments
           if (number := release_number(stage.application, stage.name, item.name)) is not None}  # fmt: skip
    newest = ledger.numbers(after=max(own, default=0) - NEWEST)[-NEWEST:]
    wanted = sorted({*newest, *own}, reverse=True)
    return _with_earlier(_snapshot(stage, environments, ledger.read_all(wanted), now), ledger)


def observe_standing(stage: Stage, environments: tuple[Environment, ...], ledger: Ledger, now: datetime) -> Snapshot:
    """What a rollback needs to know: the environments as they were seen, with their own releases' records only.

    Two or three records instead of the whole ledger, as long as live is one of them."""
    own = (release_number(stage.application, stage.name, item.name) for item in environments)
    return _snapshot(stage, environments, ledger.read_all(sorted({item for item in own if item}, reverse=True)), now)


def _snapshot(
    stage: Stage, environments: tuple[Environment, ...], releases: tuple[ReleaseRecord, ...], now: datetime
) -> Snapshot:
    if stage.named_only and releases:
        stage = releases[0].completed(stage)
    return Snapshot(now, stage, environments, find_live(stage, environments), releases)


def _with_earlier(snapshot: Snapshot, ledger: Ledger) -> Snapshot:
    """With the records that the newest ones lead to: live's, where many have failed since, and the one before it."""
    for _ in range(2):
        known = snapshot.record_of(snapshot.live) or next(iter(snapshot.releases), None)
        if known is None or not known.from_release or snapshot.release(known.from_release):
            return snapshot
        before = ledger.read(int(known.from_release[1:]))
        snapshot = replace(snapshot, releases=(*snapshot.releases, before)) if before else snapshot
    return snapshot


def observe_if_possible(stage: Stage, beanstalk: Beanstalk, ledger: Ledger, now: datetime) -> Snapshot | None:
    """What `observe` sees, for the report of a run that ended; None where even looking fails."""
    try:
        return observe(stage, beanstalk, ledger, now)
    except EbcdError:
        return None


def with_settings(snapshot: Snapshot, beanstalk: Beanstalk, name: str) -> Snapshot:
    """The snapshot with the option settings of one more environment, if that is there."""
    if snapshot.environment(name) is None:
        return snapshot
    found = beanstalk.settings(snapshot.stage.application, name)
    return replace(snapshot, settings={**snapshot.settings, name: found})
