"""`python -m aespo.db.migrate`: bring the schema to this release's revision, as the owner of the tables.

A release runs it as a `leader_only` container command while the release before serves. So it waits for a lock for a
short time only and tries again: a migration that queues for a lock holds up every query behind it.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg import sql
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError

from aespo.adapters import secrets
from aespo.db import schema
from aespo.db.grants import GRANTS

ATTEMPTS = 20
_LOCK = 418_498_240_623  # one migration at a time
_LIMITS = "-c lock_timeout=2s -c statement_timeout=300s"


class CannotMigrate(RuntimeError):
    """The schema was not changed; the message says why and what to do."""


def migrate(owner_url: str, app_role: str, attempts: int = ATTEMPTS) -> int:
    """Migrate, grant the app role what it needs; the revision. Raises CannotMigrate."""
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(owner_url, options=_LIMITS))
    try:
        for attempt in range(attempts):
            try:
                with engine.begin() as connection:
                    return _upgrade(connection, app_role)
            except OperationalError as error:
                if not isinstance(error.orig, psycopg.errors.LockNotAvailable) or attempt == attempts - 1:
                    raise CannotMigrate(f"The migration failed and changed nothing: {error.orig}") from error
                time.sleep(0.5)
    finally:
        engine.dispose()
    raise AssertionError("the last attempt returns or raises")


def scripts() -> ScriptDirectory:
    """The migrations of this release."""
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    return config


def _upgrade(connection: Connection, app_role: str) -> int:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    before = _revision(connection)
    if before <= schema.KNOWN:  # else a later release has migrated already, and this one works with what it left
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, f"{schema.KNOWN:04}")
        _record(connection)
    _grant(connection, app_role)
    return max(before, schema.KNOWN)


def _revision(connection: Connection) -> int:
    if connection.scalar(text("SELECT to_regclass('schema_state')")) is None:
        return 0
    return int(connection.scalar(text("SELECT revision FROM schema_state")) or 0)


def _record(connection: Connection) -> None:
    """Write down the revision, and since which release the schema works: contractions raise it."""
    script = scripts().get_revision(f"{schema.KNOWN:04}")
    works_since = 1
    for item in scripts().iterate_revisions(script.revision, "base"):
        works_since = max(works_since, int(getattr(item.module, "works_since", "0001")))
    statement = (
        "INSERT INTO schema_state (one, revision, works_since) VALUES (true, :revision, :since)"
        " ON CONFLICT (one) DO UPDATE SET revision = :revision, works_since = :since"
    )
    connection.execute(text(statement), {"revision": schema.KNOWN, "since": works_since})


def _grant(connection: Connection, app_role: str) -> None:
    cursor = connection.connection.cursor()
    role = sql.Identifier(app_role)
    cursor.execute(sql.SQL("GRANT USAGE ON SCHEMA public TO {}").format(role))
    for table, privileges in GRANTS.items():
        statement = sql.SQL(f"GRANT {privileges} ON {{}} TO {{}}")
        cursor.execute(statement.format(sql.Identifier(table), role))


def main(environ: Mapping[str, str]) -> str:
    """Migrate as the environment properties say; what to tell. Raises CannotMigrate."""
    owner, app = _urls(environ)
    if not owner and not app:
        return "No database is configured (DATABASE_URL): there is nothing to migrate."
    if not owner or not app:
        missing = "DATABASE_URL" if owner else "DATABASE_OWNER_URL"
        raise CannotMigrate(f"{missing} is not set: the owner migrates, and grants to the role that serves.")
    role = psycopg.conninfo.conninfo_to_dict(app).get("user")
    if not role or role == psycopg.conninfo.conninfo_to_dict(owner).get("user"):
        raise CannotMigrate("DATABASE_URL and DATABASE_OWNER_URL must name two different roles.")
    started = time.monotonic()
    revision = migrate(owner, str(role))
    database, seconds = urlsplit(app).path.lstrip("/"), time.monotonic() - started
    return f"The schema of {database} is at revision {revision} ({seconds:.1f} s)."


def _urls(environ: Mapping[str, str]) -> tuple[str, str]:
    """The owner's URL and the app role's, from where they are kept. Raises CannotMigrate."""
    try:
        told = secrets.resolve(environ, secrets.MIGRATING)
    except ValueError as error:
        raise CannotMigrate(str(error)) from None
    return told.get("DATABASE_OWNER_URL", ""), told.get("DATABASE_URL", "")


if __name__ == "__main__":
    try:
        sys.stdout.write(f"{main(os.environ)}\n")
    except (CannotMigrate, psycopg.OperationalError) as error:
        sys.exit(f"{error}")
