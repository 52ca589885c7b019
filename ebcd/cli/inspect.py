"""`status`, `releases`, `events`, `health`, `logs`: the commands that look."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.options import Common, shared
from ebcd.cli.output import console, tell
from ebcd.cli.signals import interruptible
from ebcd.errors import AwsRefused, UsageError
from ebcd.report.envelope import Json, envelope

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.model import Environment, Event
    from ebcd.release.journal import ReleaseRecord
    from ebcd.release.snapshot import Snapshot

Env = Annotated[str, typer.Option("--env", help="live, candidate, previous, or an environment's name.")]

FOLLOW_INTERVAL = 2.0
"""Seconds between two looks with --watch and --follow."""


@shared
def status(
    common: Common, watch: Annotated[bool, typer.Option("--watch", help="Show it again and again.")] = False
) -> None:
    """Show what is live since when by whom, and whether a rollback is ready."""
    from concurrent.futures import ThreadPoolExecutor

    from ebcd.cli.session import open_session
    from ebcd.report import result, text

    session = open_session(common, interruptible())
    services = session.services
    while True:
        with ThreadPoolExecutor(max_workers=2) as pool:
            locked, held = pool.submit(services.lock.state), pool.submit(services.hold.state)
            snapshot = observed(session)
            told = result.status(snapshot, services, locked.result(), held.result())
        tell(common, told, text.status)
        if not watch:
            return
        services.clock.sleep(FOLLOW_INTERVAL)


@shared
def releases(
    common: Common, release: Annotated[str, typer.Argument(metavar="[rN]", help="One release, whole.")] = ""
) -> None:
    """Show the ledger, or one release whole."""
    from ebcd.cli.session import open_session
    from ebcd.report import result, text

    session = open_session(common, interruptible())
    snapshot = observed(session)
    head = envelope("releases") | {"application": session.stage.application, "stage": session.stage.name}
    if not release:
        tell(common, head | {"releases": result.releases(snapshot)}, text.releases)
        return
    tell(common, head | _whole(session, recorded(session, release)), text.release)


@shared
def events(
    common: Common,
    env: Env = "live",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
) -> None:
    """Show Beanstalk's events of an environment, oldest first."""
    if follow and common.json:
        raise UsageError("--follow and --json exclude each other.", why="--json prints exactly one object.",
                         hint="Leave one of them out.", code="usage")  # fmt: skip
    from ebcd.cli.session import open_session
    from ebcd.report import text

    session = open_session(common, interruptible())
    environment = chosen(session, env)
    beanstalk, application = session.services.beanstalk, session.stage.application
    found = beanstalk.events(application, environment.name, limit=limit)
    head = envelope("events") | {"application": application, "stage": session.stage.name}
    told = head | {"environment": environment.name, "events": [_event(item) for item in reversed(found)]}
    tell(common, told, text.events)
    shown = set(found)
    while follow:
        session.services.clock.sleep(FOLLOW_INTERVAL)
        since: datetime | None = max((item.time for item in shown), default=None)
        new = [item for item in beanstalk.events(application, environment.name, since) if item not in shown]
        shown.update(new)
        if new:
            console(common).print(text.events({"events": [_event(item) for item in reversed(new)]}))


@shared
def health(common: Common, env: Env = "live") -> None:
    """Show how an environment does: its requests, its instances, the causes."""
    from ebcd.cli.session import open_session
    from ebcd.release.waits import BASIC_HEALTH
    from ebcd.report import health as report

    session = open_session(common, interruptible())
    environment = chosen(session, env)
    beanstalk = session.services.beanstalk
    try:
        found, instances = beanstalk.health(environment.name), beanstalk.instances(environment.name)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        found, instances = None, ()
    tell(common, report.told(session.stage, environment, found, instances), report.text)


@shared
def logs(common: Common, env: Env = "live", lines: Annotated[int, typer.Option(min=1, help="How many.")] = 100) -> None:
    """Show the last lines of an environment's logs."""
    from ebcd.cli.session import open_session
    from ebcd.release.diagnose import log_tail
    from ebcd.report import text

    session = open_session(common, interruptible())
    environment = chosen(session, env)
    found = log_tail(session.services, environment.name, lines)
    head = envelope("logs") | {"application": session.stage.application, "stage": session.stage.name}
    tell(common, head | {"environment": environment.name, "logs": found}, text.logs)


def chosen(session: Session, env: str) -> Environment:
    """The environment that --env names. Raises UsageError."""
    return choose(observed(session), env)


def observed(session: Session) -> Snapshot:
    """The stage as it is now."""
    from ebcd.release.snapshot import observe

    services = session.services
    return observe(session.stage, services.beanstalk, services.ledger, services.clock.now())


def recorded(session: Session, name: str) -> ReleaseRecord:
    """The record of a release, by its name (r7). Raises UsageError."""
    number = int(name[1:]) if name.startswith("r") and name[1:].isdigit() else 0
    record = session.services.ledger.read(number) if number else None
    if record is None:
        raise UsageError(f"The stage {session.stage.name} has no release {name!r}.", why="No record is so called.",
                         hint=f"ebcd releases {session.flags}", code="unknown-release")  # fmt: skip
    return record


def _whole(session: Session, record: ReleaseRecord) -> Json:
    """A release's record and entries."""
    from dataclasses import asdict

    from ebcd.report import result

    fields = {name: value for name, value in asdict(record).items() if name != "etag"}
    shown = {name: result.stamp(value) if isinstance(value, datetime) else value for name, value in fields.items()}
    return {"release": record.release, "record": shown, "entries": session.services.ledger.entries(record.number)}


def choose(snapshot: Snapshot, env: str) -> Environment:
    """The environment of a stage that --env names. Raises UsageError."""
    from ebcd import words
    from ebcd.report import result

    role = {"live": snapshot.live, "candidate": None, "previous": None}
    if env == "candidate" and (record := result.candidate(snapshot)):
        role["candidate"] = snapshot.standing(record)
    if env == "previous" and snapshot.previous:
        role["previous"] = snapshot.standing(snapshot.previous)
    found = role[env] if env in role else snapshot.environment(env)
    if found is None:
        stage = snapshot.stage
        known = ", ".join(item.name for item in snapshot.environments) or "none"
        raise UsageError(f"There is no environment {env!r}.", why=f"{stage.application} has: {known}.",
                         hint=f"ebcd status {words.flags(stage.application, stage.name)}",
                         code="no-environment")  # fmt: skip
    return found


def _event(event: Event) -> Json:
    return {"time": event.time.isoformat(), "severity": event.severity, "message": event.message,
            "environment": event.environment, "version_label": event.version_label}  # fmt: skip
