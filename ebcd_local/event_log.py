"""The event log: every line on disk, found by what a request filters for."""

from __future__ import annotations

import sqlite3
import threading
from dataclasses import astuple, dataclass, replace
from datetime import UTC, datetime, timedelta

SEVERITIES = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
REMEMBERED = timedelta(weeks=6)
"""How long an event is told.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_DescribeEvents.html
"""
_TEXTS = (
    "application",
    "environment",
    "environment_id",
    "version_label",
    "severity",
    "message",
    "request_id",
    "template",
)
_COLUMNS = ", ".join(("region", "time", *_TEXTS))


@dataclass(frozen=True, slots=True)
class Event:
    """A line of the event log."""

    region: str
    time: datetime
    application: str
    environment: str
    environment_id: str
    version_label: str
    severity: str
    message: str
    request_id: str
    template: str = ""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What events are asked for; empty: whatever it is."""

    region: str = ""
    application: str = ""
    environment: str = ""
    environment_id: str = ""
    version_label: str = ""
    request_id: str = ""
    template: str = ""
    severity: str = ""
    """This severity or a worse one."""
    since: datetime | None = None
    until: datetime | None = None
    """Before this time."""


class EventLog:
    """Events in a table of the state's database. Every method may be called from any thread."""

    def __init__(self, database: sqlite3.Connection, lock: threading.RLock) -> None:
        self._database = database
        self._lock = lock
        database.execute(f"CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, {_COLUMNS}, level)")
        if "template" not in {column[1] for column in database.execute("PRAGMA table_info(events)")}:  # an older one
            database.execute("ALTER TABLE events ADD COLUMN template DEFAULT ''")
        database.execute("CREATE INDEX IF NOT EXISTS events_time ON events (time)")
        database.execute("CREATE INDEX IF NOT EXISTS events_environment ON events (environment_id, time)")
        database.execute("CREATE INDEX IF NOT EXISTS events_request ON events (request_id)")
        database.execute("DELETE FROM events WHERE time < ?", (_milliseconds(datetime.now(UTC) - REMEMBERED),))
        (last,) = database.execute("SELECT max(time) FROM events").fetchone()
        self._last: int = last or 0

    def add(self, event: Event) -> None:
        """Add an event. Times increase strictly, by milliseconds: clients go on from the last one that they saw."""
        with self._lock:
            self._last = max(_milliseconds(event.time), self._last + 1)
            row = astuple(replace(event, time=self._last))  # type: ignore[arg-type]
            marks = ", ".join("?" * (len(row) + 1))
            query = f"INSERT INTO events ({_COLUMNS}, level) VALUES ({marks})"  # noqa: S608 - our own column names
            self._database.execute(query, (*row, SEVERITIES.index(event.severity)))

    def find(self, wanted: Wanted, *, start: int = 0, most: int = 1000) -> list[Event]:
        """Events, newest first, from the start-th on, at most so many."""
        clauses, values = _conditions(wanted)
        query = f"SELECT {_COLUMNS} FROM events WHERE {clauses} ORDER BY time DESC LIMIT ? OFFSET ?"  # noqa: S608
        with self._lock:
            rows = self._database.execute(query, (*values, most, start)).fetchall()
        return [_event(row) for row in rows]


def _conditions(wanted: Wanted) -> tuple[str, list[str | int]]:
    """The WHERE clause, of our own column names only, and its values."""
    clauses, values = ["1"], list[str | int]()
    for name in ("region", "application", "environment", "environment_id", "version_label", "request_id", "template"):
        if value := getattr(wanted, name):
            clauses.append(f"{name} = ?")
            values.append(value)
    if wanted.severity:
        clauses.append("level >= ?")
        values.append(SEVERITIES.index(wanted.severity))
    for clause, at in (("time >= ?", wanted.since), ("time < ?", wanted.until)):
        if at:
            clauses.append(clause)
            values.append(_milliseconds(at))
    return " AND ".join(clauses), values


def _event(row: tuple[str | int, ...]) -> Event:
    region, time, *rest = row
    return Event(str(region), datetime.fromtimestamp(int(time) / 1000, UTC), *map(str, rest))


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
