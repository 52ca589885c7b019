"""`status --watch` on a terminal: one picture that is drawn anew in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ebcd.cli.inspect import again, event_of, observed
from ebcd.errors import AwsRefused
from ebcd.report.envelope import Json

if TYPE_CHECKING:
    from rich.console import Console

    from ebcd.cli.session import Session
    from ebcd.model import Environment

EVENTS = 6
"""Events that are shown."""


def watch(console: Console, session: Session, status: Callable[[Session], Json]) -> None:
    """Draw the stage, until a signal ends it. status: reads what `status` tells."""
    from rich.live import Live

    from ebcd.report.watch import watched

    counts: list[int] = []
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for told, found, events in again(session, lambda: _read(session, status), at_once=True):
            if found is not None and found["requests"] is not None:
                counts.append(found["requests"]["count"])
            live.update(watched(told, found, events, counts), refresh=True)


def _read(session: Session, status: Callable[[Session], Json]) -> tuple[Json, Json | None, list[Json]]:
    """What `status` tells, how live does, and its newest events, oldest first."""
    told, live = status(session), observed(session).live
    if live is None:
        return told, None, []
    events = session.services.beanstalk.events(session.stage.application, live.name, limit=EVENTS)
    return told, _health(session, live), [event_of(item) for item in reversed(events)]


def _health(session: Session, environment: Environment) -> Json:
    """How an environment does; what it reports, where that is basic health only."""
    from ebcd.release.execute.polling import BASIC_HEALTH
    from ebcd.report import health

    try:
        found = session.services.beanstalk.health(environment.name)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return health.told(session.stage, environment, None, ())
    return health.told(session.stage, environment, found, ())
