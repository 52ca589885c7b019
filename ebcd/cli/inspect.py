"""`status`, `releases`, `events`, `health`, `logs`: the commands that look."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from ebcd import words
from ebcd.cli import completion
from ebcd.cli.choose import choose, meant
from ebcd.cli.options import Common, shared
from ebcd.cli.output import console, tell
from ebcd.cli.signals import looking
from ebcd.errors import AwsRefused, UsageError
from ebcd.report.envelope import Json, head_of

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.model import Environment, Event
    from ebcd.release.state.release import ReleaseRecord
    from ebcd.release.state.snapshot import Snapshot

T = TypeVar("T")
ALL_LINES = 100_000
"""More lines than a log tail has."""
Env = Annotated[
    str,
    typer.Option(
        "--env",
        autocompletion=completion.environments,
        help="live, candidate, previous, a release (r7), or an environment's name.",
    ),
]

FOLLOW_INTERVAL = 2.0
"""Seconds between two looks with --watch and --follow."""


@shared
def status(
    common: Common, watch: Annotated[bool, typer.Option("--watch", help="Show it again and again.")] = False
) -> None:
    """Show what is live since when by whom, and whether a rollback is ready."""
    if watch:
        _refuse_json(common, "--watch")
    from ebcd.cli.session import open_session
    from ebcd.report import status as report

    session = open_session(common, looking())
    if watch and console(common).is_terminal:
        from ebcd.cli.watching import watch as drawn

        drawn(console(common), session, _status)
        return
    tell(common, _status(session), report.text)
    for told in again(session, lambda: _status(session)) if watch else ():
        console(common).print(report.text(told))


def _status(session: Session) -> Json:
    from concurrent.futures import ThreadPoolExecutor

    from ebcd.report import result

    services = session.services
    with ThreadPoolExecutor(max_workers=2) as pool:
        locked, held = pool.submit(services.lock.state), pool.submit(services.hold.state)
        return result.status(observed(session), services, locked.result(), held.result())


@shared
def releases(
    common: Common,
    release: Annotated[
        str, typer.Argument(metavar="[rN]", autocompletion=completion.releases, help="One release, whole.")
    ] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many of the newest.")] = 20,
) -> None:
    """Show the ledger, or one release whole."""
    from ebcd.cli.session import open_session
    from ebcd.report import record, result, text
    from ebcd.report.first import first_ship

    session = open_session(common, looking())
    snapshot = observed(session)
    head = head_of("releases", session.stage)
    if not release:
        newest = max((record.number for record in snapshot.releases), default=0)
        found = result.releases(_reaching_back(session, snapshot, newest - limit))[:limit]
        told = {"releases": found, "earlier": max(newest - limit, 0), "damaged": result.damaged(snapshot)}
        told |= {} if found else {"next": first_ship(snapshot.stage)}
        tell(common, head | told, text.releases)
        return
    tell(common, head | _whole(session, recorded(session, release)), record.text)


@shared
def events(
    common: Common,
    env: Env = "live",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
) -> None:
    """Show Beanstalk's events of an environment, oldest first."""
    if follow:
        _refuse_json(common, "--follow")
    from ebcd.cli.session import open_session
    from ebcd.report import text

    session = open_session(common, looking())
    beanstalk, application = session.services.beanstalk, session.stage.application
    environment, found = _events_of(session, env, limit)
    head = head_of("events", session.stage)
    told = head | {"environment": environment, "events": [event_of(item) for item in reversed(found)]}
    tell(common, told, text.events)
    shown = set(found)

    def unseen() -> list[Event]:
        since: datetime | None = max((item.time for item in shown), default=None)
        return [item for item in beanstalk.events(application, environment, since) if item not in shown]

    for new in again(session, unseen) if follow else ():
        shown.update(new)
        if new:
            console(common).print(text.events({"events": [event_of(item) for item in reversed(new)]}))


@shared
def health(common: Common, env: Env = "live") -> None:
    """Show how an environment does: its requests, its instances, the causes."""
    from ebcd.cli.session import open_session
    from ebcd.release.execute.polling import BASIC_HEALTH
    from ebcd.report import health as report

    session = open_session(common, looking())
    environment = chosen(session, env)
    _learn(session, environment.name)
    beanstalk = session.services.beanstalk
    try:
        found, instances = beanstalk.health(environment.name), beanstalk.instances(environment.name)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        found, instances = None, ()
    tell(common, report.told(session.stage, environment, found, instances), report.text)


@shared
def logs(
    common: Common,
    env: Env = "live",
    lines: Annotated[int, typer.Option(min=1, help="How many.")] = 100,
    tail: Annotated[bool, typer.Option("--tail", help="The last lines, which are all that is shown.")] = True,  # noqa: ARG001
    every: Annotated[bool, typer.Option("--all", help="Also health checks that were answered well.")] = False,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they come.")] = False,
) -> None:
    """Show the last lines of an environment's logs."""
    if follow:
        _refuse_json(common, "--follow")
    from ebcd.cli.session import open_session
    from ebcd.release.judge.log_lines import newest
    from ebcd.report import text

    session = open_session(common, looking())
    environment = _with_logs(session, env)
    _learn(session, environment.name)
    whole, hidden = _tail(session, environment.name, every=every)
    told = {"environment": environment.name, "logs": newest(whole, lines), "hidden": hidden}
    tell(common, head_of("logs", session.stage) | told, text.logs)
    if hidden and not common.json:
        shown = session.flags.of("logs", "--env", environment.name, "--all")
        session.services.progress.note(f"Not shown: {words.count(hidden, 'health check')}, answered well: {shown}")
    if follow:
        _follow(common, session, environment.name, whole, every=every)


def _tail(session: Session, environment: str, *, every: bool) -> tuple[str, int]:
    """The logs of an environment, and how many health checks were left out of them. every: none."""
    from ebcd.release.execute.diagnosis import log_tail
    from ebcd.release.judge.log_lines import without_checks

    found = log_tail(session.services, environment, ALL_LINES)
    return (found, 0) if every else without_checks(found)


def _follow(common: Common, session: Session, environment: str, shown: str, *, every: bool) -> None:
    """Show the lines that come, below the name of their file. shown: what the tail was."""
    from rich.text import Text

    from ebcd.release.judge.log_lines import added

    for found, _ in again(session, lambda: _tail(session, environment, every=every)):
        if found and (new := added(shown, found)):
            console(common).print(Text(new))
        shown = found or shown


def _with_logs(session: Session, env: str) -> Environment:
    """The environment that --env names. Raises UsageError, also for one that is gone: its logs went with it."""
    snapshot = observed(session)
    try:
        return choose(snapshot, env)
    except UsageError:
        name = meant(snapshot, env)
        stands = not name or snapshot.environment(name) is not None
        last = None if stands else session.services.beanstalk.last_environment(session.stage.application, name)
        if last is None:
            raise
    raise UsageError(
        f"The environment {name} is gone, and its logs with it.",
        why=f"Its status is {last.status}.",
        hint=f"ebcd events --env {name} {session.flags} shows what is known of it.",
        code="no-environment",
    )


def _refuse_json(common: Common, option: str) -> None:
    """Raises UsageError where an option that shows more and more goes with --json."""
    if common.json:
        raise UsageError(
            f"{option} and --json exclude each other.",
            why="--json prints exactly one object.",
            hint="Leave one of them out.",
            code="usage",
        )


def again(session: Session, look: Callable[[], T], *, at_once: bool = False) -> Iterator[T]:
    """What a look sees, again and again; one that AWS did not answer is left out."""
    from ebcd.clock import AdaptiveInterval
    from ebcd.release.execute.polling import poll

    services = replace(session.services, pace=AdaptiveInterval(FOLLOW_INTERVAL))
    return poll(services, services.clock.check, math.inf, look, at_once=at_once)


def _reaching_back(session: Session, snapshot: Snapshot, after: int) -> Snapshot:
    """The snapshot with every release above a number beside those that it has."""
    known = {record.number: record for record in snapshot.releases}
    missing = (number for number in range(max(after, 0) + 1, max(known, default=0)) if number not in known)
    known |= {record.number: record for record in session.services.ledger.read_all(missing)}
    return replace(snapshot, releases=tuple(known[number] for number in sorted(known, reverse=True)))


def _events_of(session: Session, env: str, limit: int) -> tuple[str, tuple[Event, ...]]:
    """The name of the environment that --env names, and its newest events: those of one that is gone, too. Raises
    UsageError.
    """
    beanstalk, application = session.services.beanstalk, session.stage.application
    snapshot = observed(session)
    try:
        name = choose(snapshot, env).name
    except UsageError:
        name = meant(snapshot, env)
        found = beanstalk.events(application, name, limit=limit) if name else ()
        if not found:
            raise
        return name, found
    _learn(session, name)
    return name, beanstalk.events(application, name, limit=limit)


def _learn(session: Session, environment: str) -> None:
    """Read the environment's properties, whose values are hidden in what is shown of it; say where that cannot be."""
    try:
        session.services.beanstalk.settings(session.stage.application, environment)
    except AwsRefused as error:
        session.services.progress.note(f"Values of the environment's properties may be shown. {error.what}")


def chosen(session: Session, env: str) -> Environment:
    """The environment that --env names. Raises UsageError."""
    return choose(observed(session), env)


def observed(session: Session) -> Snapshot:
    """The stage as it is now."""
    from ebcd.release.store.observe import observe

    services = session.services
    found = observe(session.stage, services.beanstalk, services.ledger, services.clock.now())
    note_doubts(session, found)
    return found


def note_doubts(session: Session, snapshot: Snapshot) -> None:
    """Say what of the stage's records was passed over, and what of them is not used."""
    for item in snapshot.damaged:
        session.services.progress.note(f"Passed over: {item}")
    if snapshot.stage.omitted:
        session.services.progress.note(
            f"Left out: {snapshot.stage.omitted}. The stage is known from its records, which choose no secret: "
            f"--config FILE names its ebcd.toml."
        )


def recorded(session: Session, name: str) -> ReleaseRecord:
    """The record of a release, by its name (r7). Raises UsageError."""
    from ebcd.release.store.ledger import HIGHEST

    number = int(name[1:]) if re.fullmatch("r[0-9]{1,7}", name) else 0
    record = session.services.ledger.require(number) if 0 < number <= HIGHEST else None
    if record is None:
        raise UsageError(
            f"The stage {session.stage.name} has no release {name!r}.",
            why="No record is so called.",
            hint=f"ebcd releases {session.flags}",
            code="unknown-release",
        )
    return record


def _whole(session: Session, record: ReleaseRecord) -> Json:
    """A release's record and entries."""
    from dataclasses import asdict

    fields = {name: value for name, value in asdict(record).items() if name not in {"etag", "unknown"}}
    shown = {name: _plain(value) for name, value in fields.items()}
    entries = session.services.ledger.entries(record.number)
    return {"release": record.release, "record": {**record.unknown, **shown}, "entries": entries}


def _plain(value: object) -> object:
    """A record's field as JSON has it."""
    from ebcd.report import result

    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    return result.stamp(value) if isinstance(value, datetime) else value


def event_of(event: Event) -> Json:
    """An event as data."""
    return {
        "time": event.time.isoformat(),
        "severity": event.severity,
        "message": event.message,
        "environment": event.environment,
        "version_label": event.version_label,
    }
