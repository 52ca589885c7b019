"""Whether the database can be served with, as it was seen a moment ago: anybody may ask, and a look is not cheap."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import psycopg
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import SQLAlchemyError

from aespo.db import safety
from aespo.db.engine import Database
from aespo.db.queries import site

logger = logging.getLogger("aespo")
KEPT = 5.0
"""Seconds that a look is good for."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What a look has shown."""

    revision: int | None = None
    """The schema's; None: not ready."""
    reason: str = ""
    detail: str = ""
    """What the reason is about: roles and tables. For operators alone."""


class Readiness:
    """Remembers the last look. May be used from any thread."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._seen: Seen | None = None
        self._until = 0.0

    def of(self, database: Database) -> Seen:
        """What was seen last. One request looks again; nobody waits for it who can be told something."""
        if self._seen is not None and self._lock.locked():
            return self._seen
        with self._lock:
            if self._seen is None or self._clock() >= self._until:
                self._seen = _look(database)
                self._until = self._clock() + KEPT
            return self._seen


def _look(database: Database) -> Seen:
    try:
        database.verify()
        with database.without_tenant() as connection:
            return Seen(site.schema_revision(connection))
    except safety.Unsafe as error:
        logger.error("%s", error)
        return Seen(reason="the database is not safe to serve with", detail=str(error))
    except (psycopg.OperationalError, PoolTimeout, SQLAlchemyError) as error:
        return Seen(reason="the database cannot be reached", detail=type(error).__name__)
