"""What a workspace uses, what was done in it, and the mail that it sent."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Row, func, select

from aespo import paging
from aespo.db.engine import Statement
from aespo.db.schema import audit, mails, usage_days, usage_totals
from aespo.db.tx import Tx
from aespo.plans import Plan, Usage, exceeded
from aespo.problems import LimitReached
from aespo.tokens import new_id

SLOTS = 8
"""Rows that a day's requests are spread over: two requests at the same time seldom wait for one row."""
_METER = """
    INSERT INTO usage_days (tenant_id, day, slot, requests) VALUES (%s, current_date, %s, 1)
    ON CONFLICT (tenant_id, day, slot) DO UPDATE SET requests = usage_days.requests + 1
"""

_NOT_AWAITED = "SET LOCAL synchronous_commit TO off"


def metering(tenant_id: int, *, reads: bool) -> list[Statement]:
    """The statements that count a request, as the last ones of its transaction. reads: it changed nothing else. Then it
    does not wait for the disk, which may be busy with what another workspace writes; a crash may lose that count.
    """
    count: Statement = _METER, (tenant_id, random.randrange(SLOTS))  # a spread, not a secret  # noqa: S311
    return [(_NOT_AWAITED, ()), count] if reads else [count]


def totals(tx: Tx) -> Usage:
    """What the workspace holds now, this transaction's own changes among it; requests are left out."""
    row = tx.first(select(usage_totals).where(tx.mine(usage_totals)))
    return Usage(row.members, row.notes, row.tasks, row.attachments, row.bytes) if row else Usage()


def enforce(tx: Tx, plan: Plan, before: Usage) -> None:
    """See that a change stays within the plan. Exact however many write at once: the change itself locked the totals.

    Raises LimitReached.
    """
    _refuse_beyond(plan, before, totals(tx))


def foresee(plan: Plan, before: Usage, size: int) -> None:
    """See that an attachment of so many bytes has a chance, before it is stored. Raises LimitReached."""
    _refuse_beyond(plan, before, replace(before, attachments=before.attachments + 1, bytes=before.bytes + size))


def _refuse_beyond(plan: Plan, before: Usage, after: Usage) -> None:
    passed = exceeded(plan, before, after)
    if passed is not None:
        raise LimitReached(
            f"The {plan.name} plan has {passed.limit:,} for {passed.label.lower()}. "
            "Delete some, or choose a larger plan.",
            limit=passed.key,
            allowed=passed.limit,
        )


def requests_by_day(tx: Tx, days: int = 30) -> Sequence[Row[Any]]:
    """Requests of each day that had any, the earliest first."""
    statement = select(usage_days.c.day, func.sum(usage_days.c.requests).label("requests")).where(tx.mine(usage_days))
    statement = statement.where(usage_days.c.day > func.current_date() - days)
    return tx.rows(statement.group_by(usage_days.c.day).order_by(usage_days.c.day))


def trail(tx: Tx, after: str = "", size: int = 50) -> paging.Page[Row[Any]]:
    """The audit trail, the latest first."""
    rows = tx.rows(paging.ordered(select(audit).where(tx.mine(audit)), audit, "at", paging.Place.read(after), size))
    return paging.Page(*paging.cut(rows, "at", size))


def write_mail(tx: Tx, recipient: str, subject: str, body: str) -> str:
    """Put a mail down to be sent once the transaction is committed; its id."""
    mail_id = new_id()
    tx.insert(mails, id=mail_id, recipient=recipient, subject=subject, body=body)
    return mail_id


def outbox(tx: Tx, size: int = 50) -> Sequence[Row[Any]]:
    """The mail that was written, the latest first."""
    return tx.rows(select(mails).where(tx.mine(mails)).order_by(mails.c.created_at.desc(), mails.c.id).limit(size))
