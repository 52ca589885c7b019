"""Background jobs of a workspace, and what deleting it leaves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, Table, delete, func, or_, select, tuple_

from aespo.db.schema import TENANT_TABLES, directory, jobs, mails, tenants, usage_totals
from aespo.db.tx import Tx
from aespo.tokens import new_id

ATTEMPTS = 5
HELD = timedelta(minutes=3)
"""How long a job is a worker's. One that is killed leaves it to another one then."""


def add(tx: Tx, kind: str, **content: Any) -> str:
    """Write a job down; its id."""
    job_id = new_id()
    tx.insert(jobs, id=job_id, kind=kind, content=content, state="waiting", requested_by=tx.actor_id or None)
    return job_id


def take(tx: Tx, job_id: str) -> Row[Any] | None:
    """A waiting job, for this worker alone as long as it holds it; None: there is none, or somebody else is at it."""
    free = or_(jobs.c.taken_until.is_(None), jobs.c.taken_until < func.now())
    found = select(jobs.c.id).where(tx.mine(jobs), jobs.c.id == job_id, jobs.c.state == "waiting", free)
    statement = tx.update(jobs).where(jobs.c.id.in_(found.with_for_update(skip_locked=True)))
    return tx.first(statement.values(taken_until=func.now() + HELD).returning(jobs))


def hold(tx: Tx, job_id: str) -> None:
    """Go on holding a job."""
    tx.changed(tx.update(jobs).where(jobs.c.id == job_id).values(taken_until=func.now() + HELD))


def waits(tx: Tx, job_id: str) -> bool:
    """Whether a job is still to be done, whoever may be at it."""
    return tx.first(select(jobs.c.id).where(tx.mine(jobs), jobs.c.id == job_id, jobs.c.state == "waiting")) is not None


def finish(tx: Tx, job_id: str, size: int = 0) -> None:
    """Note that a job is done. size: bytes that it keeps in storage; they count as the workspace's."""
    values: dict[str, Any] = {"state": "done", "finished_at": func.now(), "attempts": jobs.c.attempts + 1}
    if size:
        values["bytes"] = size
    tx.changed(tx.update(jobs).where(jobs.c.id == job_id, jobs.c.state == "waiting").values(**values))


def failed(tx: Tx, job_id: str) -> bool:
    """Count a failed attempt, and let the job go; whether it was the last one."""
    statement = tx.update(jobs).where(jobs.c.id == job_id, jobs.c.state == "waiting")
    row = tx.first(statement.values(attempts=jobs.c.attempts + 1, taken_until=None).returning(jobs.c.attempts))
    if row is None or row.attempts < ATTEMPTS:
        return row is None
    tx.changed(tx.update(jobs).where(jobs.c.id == job_id).values(state="failed", finished_at=func.now()))
    return True


def export_waits(tx: Tx) -> bool:
    """Whether an export is to be built already. Of two who ask at once the second waits for the first."""
    tx.first(select(usage_totals.c.tenant_id).where(tx.mine(usage_totals)).with_for_update())
    waiting = select(jobs.c.id).where(tx.mine(jobs), jobs.c.kind == "export", jobs.c.state == "waiting")
    return tx.first(waiting) is not None


def built_exports(tx: Tx, but: str = "") -> list[str]:
    """The exports that are kept, but for one."""
    done = select(jobs.c.id).where(tx.mine(jobs), jobs.c.kind == "export", jobs.c.state == "done", jobs.c.id != but)
    return [row.id for row in tx.rows(done)]


def forget_exports(tx: Tx, ids: Sequence[str]) -> int:
    """Delete exports whose files are gone; how many it were."""
    return tx.changed(delete(jobs).where(tx.mine(jobs), jobs.c.kind == "export", jobs.c.id.in_(ids)))


def latest(tx: Tx, kind: str, size: int = 5) -> Sequence[Row[Any]]:
    """The last jobs of a kind."""
    statement = select(jobs).where(tx.mine(jobs), jobs.c.kind == kind)
    return tx.rows(statement.order_by(jobs.c.created_at.desc(), jobs.c.id).limit(size))


def mail(tx: Tx, mail_id: str) -> Row[Any] | None:
    """A mail that was not sent yet."""
    return tx.first(select(mails).where(tx.mine(mails), mails.c.id == mail_id, mails.c.sent_at.is_(None)))


def mail_sent(tx: Tx, mail_id: str, *, stays: bool) -> None:
    """Note that a mail was sent. stays: it can still be read here; else what it said is forgotten."""
    values = {"sent_at": func.now()} if stays else {"sent_at": func.now(), "body": ""}
    tx.changed(tx.update(mails).where(mails.c.id == mail_id).values(**values))


def everything(tx: Tx, table: Table, size: int = 100) -> Iterator[Row[Any]]:
    """All rows of a table that are the workspace's, in the order of their keys: so many at a time, however many."""
    keys = [column for column in table.primary_key.columns if column.name != "tenant_id"]
    statement = select(table).where(tx.mine(table)).order_by(*keys).limit(size)
    rows = tx.rows(statement)
    while rows:
        yield from rows
        last = [rows[-1]._mapping[column.name] for column in keys]
        rows = tx.rows(statement.where(tuple_(*keys) > tuple_(*last))) if len(rows) == size else []


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
