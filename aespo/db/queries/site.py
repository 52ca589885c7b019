"""What concerns no one workspace: signing up, attempts, what is gone, which addresses there are."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection, case, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from aespo.db.engine import enter
from aespo.db.schema import deletions, directory, members, rate_limits, schema_state, sessions, tenants, usage_totals
from aespo.db.tx import Tx
from aespo.plans import TRIAL
from aespo.problems import TooManyRequests

RETIRED = timedelta(days=90)
"""How long the address of a deleted workspace stays nobody's: links to it must not lead to somebody else."""


def schema_revision(connection: Connection) -> int:
    """The schema's revision; proves that the database answers."""
    return int(connection.scalar(select(schema_state.c.revision)) or 0)


def slug_digest(slug: str) -> bytes:
    """What is kept of a deleted workspace's address."""
    return hashlib.sha256(f"aespo/{slug}".encode()).digest()


def count_attempt(connection: Connection, who: str, limit: int, seconds: int) -> None:
    """Count an attempt, exactly however many come at once. Raises TooManyRequests with the seconds to wait."""
    key = hashlib.sha256(who.encode("utf-8", "replace")).digest()
    now = datetime.now(UTC)
    over = rate_limits.c.since < now - timedelta(seconds=seconds)
    statement = upsert(rate_limits).values(key=key, since=now, count=1)
    again = {
        "since": case((over, now), else_=rate_limits.c.since),
        "count": case((over, 1), else_=rate_limits.c.count + 1),
    }
    statement = statement.on_conflict_do_update(index_elements=[rate_limits.c.key], set_=again)
    row = connection.execute(statement.returning(rate_limits.c.since, rate_limits.c.count.label("tries"))).one()
    if row.tries > limit:
        wait = max(1, int((row.since + timedelta(seconds=seconds) - now).total_seconds()) + 1)
        raise TooManyRequests("There were too many attempts from where you are. Try again later.", wait)


def forget_attempts(connection: Connection, who: str) -> None:
    """Start counting anew, after a success."""
    key = hashlib.sha256(who.encode("utf-8", "replace")).digest()
    connection.execute(rate_limits.delete().where(rate_limits.c.key == key))


def claim(connection: Connection, slug: str) -> int | None:
    """Take an address: the new workspace's id, or None where it is taken. Of two at once exactly one gets it."""
    gone = select(deletions.c.slug_digest).where(
        deletions.c.slug_digest == slug_digest(slug), deletions.c.deleted_at > func.now() - RETIRED
    )
    if connection.execute(gone).first():
        return None
    statement = upsert(directory).values(slug=slug).on_conflict_do_nothing().returning(directory.c.tenant_id)
    tenant_id = connection.scalar(statement)
    return None if tenant_id is None else int(tenant_id)


def found(connection: Connection, tenant_id: int, workspace: str, member: dict[str, Any], arrival: bytes) -> Tx:
    """Make the workspace and its first member, with a token to arrive with; the transaction, which is now its own."""
    enter(connection, tenant_id)
    tx = Tx(connection, tenant_id, member["id"], member["name"])
    tx.insert(tenants, name=workspace, plan="trial", trial_ends_at=datetime.now(UTC) + TRIAL)
    tx.insert(usage_totals)
    tx.insert(members, role="owner", **member)
    tx.insert(
        sessions,
        token_hash=arrival,
        member_id=member["id"],
        purpose="arrival",
        expires_at=datetime.now(UTC) + timedelta(minutes=2),
    )
    return tx


def exists(connection: Connection, tenant_id: int) -> bool:
    """Whether there is a workspace of this id."""
    return connection.scalar(select(directory.c.tenant_id).where(directory.c.tenant_id == tenant_id)) is not None


def sample_slugs(connection: Connection, count: int) -> list[str]:
    """Some workspaces' addresses, others each time."""
    return list(connection.scalars(select(directory.c.slug).order_by(func.random()).limit(count)))


def page_of_directory(connection: Connection, after: int, count: int) -> list[tuple[int, str]]:
    """Workspaces by id."""
    statement = select(directory.c.tenant_id, directory.c.slug).where(directory.c.tenant_id > after)
    return [
        (row.tenant_id, row.slug) for row in connection.execute(statement.order_by(directory.c.tenant_id).limit(count))
    ]


def find_tenant(connection: Connection, slug: str) -> int | None:
    """A workspace's id."""
    found_id = connection.scalar(select(directory.c.tenant_id).where(directory.c.slug == slug))
    return None if found_id is None else int(found_id)


def keep_receipt(connection: Connection, slug: str, receipt: dict[str, Any]) -> None:
    """Keep the proof of a deletion, and its address from being taken."""
    statement = upsert(deletions).values(slug_digest=slug_digest(slug), receipt=receipt)
    again = {"deleted_at": func.now(), "receipt": statement.excluded.receipt}
    connection.execute(statement.on_conflict_do_update(index_elements=[deletions.c.slug_digest], set_=again))
