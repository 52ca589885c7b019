"""What the local Beanstalk knows: applications, versions, templates, environments, events. Each change is on disk
before it is answered (SQLite), so that a killed server finds everything again.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import string
import threading
from collections.abc import Callable, Iterator
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ebcd_local.event_log import Event, EventLog
from ebcd_local.records import Application, Environment, InstanceRecord, PlatformVersion, Record, Template, Version

ACCOUNT = "123456789012"
_TIME = "\x1ftime"
"""The mark of a time in stored JSON: no tag and no option can be called so."""
_ALPHABET = string.ascii_lowercase + string.digits


class State:
    """All of it, in memory and on disk. Every method may be called from any thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.lock = threading.RLock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute("CREATE TABLE IF NOT EXISTS record (kind, key, body, PRIMARY KEY (kind, key))")
        self.applications: dict[str, Application] = self._load("application", Application)
        self.versions: dict[str, Version] = self._load("version", Version)
        self.templates: dict[str, Template] = self._load("template", Template)
        self.environments: dict[str, Environment] = self._load("environment", Environment)
        self.platforms: dict[str, PlatformVersion] = self._load("platform", PlatformVersion)
        self.events = EventLog(self._database, self.lock)

    def close(self) -> None:
        """Let go of the database."""
        with self.lock:
            self._database.close()

    def save(self, record: Record) -> None:
        """Store a record, new or changed."""
        kind, records = self._place(record)
        with self.lock:
            self._database.execute("REPLACE INTO record VALUES (?, ?, ?)", (kind, record.key, _encode(record)))
            records[record.key] = record

    def delete(self, record: Record) -> None:
        """Forget a record."""
        kind, records = self._place(record)
        with self.lock:
            self._database.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, record.key))
            records.pop(record.key, None)

    def change(self, key: str, **changes: Any) -> Environment:
        """Change an environment, whatever else has changed in it meanwhile; the environment as it is then."""
        with self.lock:
            changed = replace(self.environments[key], **changes)
            if changes.keys() - {"causes", "health", "health_status"}:
                changed = replace(changed, updated=now())
            self.save(changed)
            return changed

    def swap(self, first: str, second: str, publish: Callable[[], None]) -> None:
        """Exchange two environments' CNAMEs, on disk in one transaction, then publish the routes."""
        with self.lock:
            one, other = self.environments[first], self.environments[second]
            self._database.execute("BEGIN")
            self.save(replace(one, cname=other.cname, updated=now()))
            self.save(replace(other, cname=one.cname, updated=now()))
            self._database.execute("COMMIT")
            publish()

    def say(
        self,
        environment: Environment | None,
        message: str,
        *,
        severity: str = "INFO",
        request_id: str = "",
        region: str = "",
        application: str = "",
        version_label: str = "",
        template: str = "",
    ) -> None:
        """Add an event."""
        self.events.add(
            Event(
                region=environment.region if environment else region,
                time=now(),
                application=environment.application if environment else application,
                environment=environment.name if environment else "",
                environment_id=environment.id if environment else "",
                version_label=version_label or (environment.version_label if environment else ""),
                severity=severity,
                message=message,
                request_id=request_id,
                template=template,
            )
        )

    def living(self) -> Iterator[Environment]:
        """Environments that are not terminated."""
        return iter([item for item in list(self.environments.values()) if item.alive])

    def routes(self) -> dict[str, str]:
        """CNAME → environment id."""
        return {item.cname: item.id for item in self.living() if item.cname and item.status != "Terminating"}

    def _load(self, kind: str, record: type[Any]) -> dict[str, Any]:
        rows = self._database.execute("SELECT key, body FROM record WHERE kind = ?", (kind,))
        return {key: _decode(record, body) for key, body in rows}

    def _place(self, record: Record) -> tuple[str, dict[str, Any]]:
        match record:
            case Application():
                return "application", self.applications
            case Version():
                return "version", self.versions
            case Template():
                return "template", self.templates
            case Environment():
                return "environment", self.environments
            case PlatformVersion():
                return "platform", self.platforms


def storage_bucket(region: str) -> str:
    """The bucket that the service keeps an account's bundles and logs in."""
    return f"elasticbeanstalk-{region}-{ACCOUNT}"


def now() -> datetime:
    """The time in UTC, to the millisecond, as events have it."""
    at = datetime.now(UTC)
    return at.replace(microsecond=at.microsecond // 1000 * 1000)


def random_id(length: int) -> str:
    """Lower-case letters and digits."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def _encode(record: Any) -> str:
    return json.dumps(asdict(record), default=lambda at: {_TIME: at.isoformat()})


def _decode(record: type[Any], body: str) -> Any:
    known = {item.name for item in fields(record)}  # what another version of this program stored besides is left out
    content = {name: item for name, item in json.loads(body, object_hook=_revive).items() if name in known}
    if record is Environment:
        content["instances"] = {name: InstanceRecord(**item) for name, item in content["instances"].items()}
    return record(**content)


def _revive(item: dict[str, Any]) -> Any:
    return datetime.fromisoformat(item[_TIME]) if _TIME in item else item
