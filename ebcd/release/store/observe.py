"""Look at a stage: its environments, which of them is live, and the releases that the ledger tells of."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from ebcd.aws.beanstalk import Beanstalk
from ebcd.errors import EbcdError, Refused
from ebcd.model import Environment, Stage
from ebcd.release.state.names import is_of_stage, release_number, saved_configuration
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import Snapshot, find_live, leaving, unended_in_place
from ebcd.release.store.ledger import Ledger

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
    own = {
        number
        for item in environments
        if (number := release_number(stage.application, stage.name, item.name)) is not None
    }
    newest = ledger.numbers(after=max(own, default=0) - NEWEST)[-NEWEST:]
    wanted = sorted({*newest, *own}, reverse=True)
    found = _snapshot(stage, environments, ledger, wanted, now)
    return _with_earlier(replace(found, newest=max(newest, default=0)), ledger)


def observe_standing(stage: Stage, environments: tuple[Environment, ...], ledger: Ledger, now: datetime) -> Snapshot:
    """What a rollback needs to know: the environments as they were seen, with their own releases' records only.

    Two or three records instead of the whole ledger, as long as live is one of them."""
    own = (release_number(stage.application, stage.name, item.name) for item in environments)
    return _snapshot(stage, environments, ledger, sorted({item for item in own if item}, reverse=True), now)


def _snapshot(
    stage: Stage, environments: tuple[Environment, ...], ledger: Ledger, numbers: list[int], now: datetime
) -> Snapshot:
    releases = ledger.read_all(numbers)
    if stage.named_only and releases:
        stage = _completed(stage, environments, releases)
    live = find_live(stage, environments)
    own = tuple(record for record in releases if _is_own(record, stage, live, ledger))
    return Snapshot(now, stage, environments, live, own, damaged=ledger.damaged)


def _is_own(record: ReleaseRecord, stage: Stage, live: Environment | None, ledger: Ledger) -> bool:
    """Whether a record names an environment of its stage: one that ebcd names so, or live, which somebody may have made
    before. Any other is passed over: nothing of it may be swapped or terminated for this stage.
    """
    if is_of_stage(stage.application, stage.name, record.environment) or (live and record.environment == live.name):
        return True
    ledger.pass_over(record.number, f"its environment {record.environment} is none of the stage {stage.name}.")
    return False


def _completed(stage: Stage, environments: tuple[Environment, ...], releases: tuple[ReleaseRecord, ...]) -> Stage:
    """The stage as its newest release tells it whose live CNAME an environment of the stage holds; where none does, as
    the newest tells it.

    A record does not decide what is live. Raises Refused (code `undeclared-live`) where the only CNAME that records
    tell is held by an environment of another name, or where one of the stage holds a CNAME that no record tells.
    """
    told = [record.completed(stage) for record in releases]
    for item in told:
        live = find_live(item, environments)
        if live is not None and is_of_stage(stage.application, stage.name, live.name):
            return item
    live = find_live(told[0], environments) or _reached(stage, environments)
    if live is None:
        return told[0]
    raise Refused(
        f"It is not sure what is live on the stage {stage.name}.",
        why=f"{live.name} holds the CNAME {live.cname}, and its records alone do not show that this is the stage's.",
        hint=f"Run it where the stage's ebcd.toml is, or name that: --config FILE -s {stage.name}",
        code="undeclared-live",
    )


def _reached(stage: Stage, environments: tuple[Environment, ...]) -> Environment | None:
    """An environment of the stage that holds a CNAME which somebody chose: one that Beanstalk chose begins with an
    environment's name.
    """
    names = (stage.application.lower(), stage.name.lower())
    for item in environments:
        chosen = item.cname and not is_of_stage(*names, item.cname.lower().partition(".")[0])
        if chosen and is_of_stage(stage.application, stage.name, item.name) and not leaving(item):
            return item
    return None


def recorded(snapshot: Snapshot, ledger: Ledger, name: str) -> ReleaseRecord | None:
    """A release by its name (r7), however long ago it was; None where there is none.

    Raises Refused for one whose record cannot be read, or is passed over.
    """
    number = int(name[1:]) if re.fullmatch(r"r[1-9][0-9]{0,5}", name) else 0
    if found := snapshot.release(name):
        return found
    record = ledger.require(number) if number else None
    if record is not None and not _is_own(record, snapshot.stage, snapshot.live, ledger):
        raise ledger.refusal(number)
    return record


def _with_earlier(snapshot: Snapshot, ledger: Ledger) -> Snapshot:
    """With the records that the newest ones lead to: live's, where many have failed since, and the one before it."""
    for _ in range(2):
        known = snapshot.record_of(snapshot.live) or next(iter(snapshot.releases), None)
        if known is None or not known.from_release or snapshot.release(known.from_release):
            return snapshot
        before = ledger.read(int(known.from_release[1:]))
        kept = before is not None and _is_own(before, snapshot.stage, snapshot.live, ledger)
        releases = (*snapshot.releases, before) if before and kept else snapshot.releases
        snapshot = replace(snapshot, releases=releases, damaged=ledger.damaged)
    return snapshot


def observe_if_possible(stage: Stage, beanstalk: Beanstalk, ledger: Ledger, now: datetime) -> Snapshot | None:
    """What `observe` sees, for the report of a run that ended; None where even looking fails."""
    try:
        return observe(stage, beanstalk, ledger, now)
    except EbcdError:
        return None


def with_saved(snapshot: Snapshot, beanstalk: Beanstalk) -> Snapshot:
    """The snapshot with what live's own environment had before a deployment in place that did not end, and with its
    present settings then.
    """
    live = snapshot.live
    if live is None or unended_in_place(snapshot) is None:
        return snapshot
    found = beanstalk.saved_configuration(live.application, saved_configuration(live.name))
    if found is None:
        return snapshot
    if live.name not in snapshot.settings:
        snapshot = with_settings(snapshot, beanstalk, live.name)
    return replace(snapshot, saved=found)


def with_settings(snapshot: Snapshot, beanstalk: Beanstalk, name: str) -> Snapshot:
    """The snapshot with the option settings of one more environment, if that is there."""
    if snapshot.environment(name) is None:
        return snapshot
    found = beanstalk.settings(snapshot.stage.application, name)
    return replace(snapshot, settings={**snapshot.settings, name: found})
