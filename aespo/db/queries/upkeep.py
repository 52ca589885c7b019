"""What nobody needs any more, some rows at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, func, select, tuple_

from aespo.db.queries import site
from aespo.db.schema import invites, jobs, mails, rate_limits, sessions
from aespo.db.tx import Tx
from aespo.problems import TooManyRequests

BATCH = 1_000
"""Rows of a table that one transaction deletes at most."""
EXPORTS_KEPT = timedelta(days=7)
_KEPT = timedelta(days=30)
_DAY = 86_400


def begins(connection: Connection) -> bool:
    """Whether the day's pass is to begin: of all workers that ask exactly one hears so, once a day."""
    try:
        site.count_attempt(connection, "upkeep", 1, _DAY)
    except TooManyRequests:
        return False
    return True


def forget(tx: Tx) -> bool:
    """Delete what a workspace needs no more; whether there may be more of it."""
    old = func.now() - _KEPT
    gone: tuple[tuple[Table, ColumnElement[bool]], ...] = (
        (sessions, sessions.c.expires_at < func.now()),
        (invites, invites.c.expires_at < func.now()),
        (jobs, (jobs.c.kind != "export") & (jobs.c.finished_at < old)),
        (mails, mails.c.created_at < old),
    )
    return any(_delete_some(tx, table, condition) == BATCH for table, condition in gone)


def old_exports(tx: Tx) -> list[str]:
    """Exports that were built, or given up, some time ago."""
    old = jobs.c.finished_at < func.now() - EXPORTS_KEPT
    rows = tx.rows(select(jobs.c.id).where(tx.mine(jobs), jobs.c.kind == "export", old).limit(BATCH))
    return [row.id for row in rows]


def forget_attempts(connection: Connection) -> bool:
    """Delete attempts that count no more; whether there may be more of them. None counts for longer than a day."""
    old = select(rate_limits.c.key).where(rate_limits.c.since < func.now() - timedelta(seconds=_DAY)).limit(BATCH)
    return connection.execute(delete(rate_limits).where(rate_limits.c.key.in_(old))).rowcount == BATCH


def _delete_some(tx: Tx, table: Table, condition: ColumnElement[bool]) -> int:
    keys: list[Any] = list(table.primary_key.columns)
    some = select(*keys).where(tx.mine(table), condition).limit(BATCH)
    return tx.changed(delete(table).where(tx.mine(table), tuple_(*keys).in_(some)))
