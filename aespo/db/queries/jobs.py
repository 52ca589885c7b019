"""Background jobs of a workspace, and what deleting it leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, delete, func, select, update

from aespo.db.schema import TENANT_TABLES, directory, jobs, mails, tenants
from aespo.db.tx import Tx
from aespo.secrecy import new_id

ATTEMPTS = 5


def add(tx: Tx, kind: str, **content: Any) -> str:
    """Write a job down; its id."""
    job_id = new_id()
    tx.insert(jobs, id=job_id, kind=kind, content=content, state="waiting", requested_by=tx.actor_id or None)
    return job_id


def take(tx: Tx, job_id: str) -> Row[Any] | None:
    """A job that waits, while nobody else can take it; None: it is done, or somebody else is at it."""
    statement = select(jobs).where(tx.mine(jobs), jobs.c.id == job_id, jobs.c.state == "waiting")
    return tx.first(statement.with_for_update(skip_locked=True))


def finish(tx: Tx, job_id: str) -> None:
    """Note that a job is done."""
    values = {"state": "done", "finished_at": func.now(), "attempts": jobs.c.attempts + 1}
    tx.changed(update(jobs).where(tx.mine(jobs), jobs.c.id == job_id).values(**values))


def failed(tx: Tx, job_id: str) -> bool:
    """Count a failed attempt; whether it was the last one."""
    statement = update(jobs).where(tx.mine(jobs), jobs.c.id == job_id).values(attempts=jobs.c.attempts + 1)
    row = tx.first(statement.returning(jobs.c.attempts))
    if row is None or row.attempts < ATTEMPTS:
        return row is None
    tx.changed(update(jobs).where(tx.mine(jobs), jobs.c.id == job_id).values(state="failed", finished_at=func.now()))
    return True


def latest(tx: Tx, kind: str, size: int = 5) -> Sequence[Row[Any]]:
    """The last jobs of a kind."""
    statement = select(jobs).where(tx.mine(jobs), jobs.c.kind == kind)
    return tx.rows(statement.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(size))


def mail(tx: Tx, mail_id: str) -> Row[Any] | None:
    """A mail that was not sent yet."""
    return tx.first(select(mails).where(tx.mine(mails), mails.c.id == mail_id, mails.c.sent_at.is_(None)))


def mail_sent(tx: Tx, mail_id: str) -> None:
    """Note that a mail was sent."""
    tx.changed(update(mails).where(tx.mine(mails), mails.c.id == mail_id).values(sent_at=func.now()))


def everything(tx: Tx, table: Any) -> Sequence[Row[Any]]:
    """All rows of a table that are the workspace's, in the order of their keys."""
    return tx.rows(select(table).where(tx.mine(table)).order_by(*table.primary_key.columns))


def counts(tx: Tx) -> dict[str, int]:
    """How many rows each table has of the workspace."""
    columns = [
        select(func.count()).select_from(table).where(tx.mine(table)).scalar_subquery().label(table.name)
        for table in (*TENANT_TABLES, directory)
    ]
    row = tx.first(select(*columns))
    return dict(row._mapping) if row else {}


def delete_everything(tx: Tx) -> dict[str, Any]:
    """Delete the workspace: every row of every table; what was there, and that nothing is left."""
    before = counts(tx)
    tx.changed(delete(tenants).where(tx.mine(tenants)))  # and by reference all that belongs to it
    tx.changed(delete(directory).where(tx.mine(directory)))
    after = counts(tx)
    if any(after.values()):
        raise RuntimeError(f"the deletion left rows: {sorted(name for name, count in after.items() if count)}")
    return {"rows_deleted": before, "rows_left": after}
