"""The tables as queries name them. The migrations make them; a test compares the two.

A tenant's table has `tenant_id`, and each of its keys begins with it, so that no key says anything about another
workspace and the tables can be distributed by it (docs/scaling.md).
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
    Date,
    DateTime,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, TSVECTOR

KNOWN = 3
"""The newest schema revision that this release was written for."""
OLDEST = 3
"""The oldest one that it works with: a rollback of the database's migrations ends here."""

metadata = MetaData()

_now = text("now()")


def _time(name: str, *, required: bool = True) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=not required, server_default=_now if required else None)


def _moment(name: str, *, required: bool = False) -> Column[Any]:
    return Column(name, DateTime(timezone=True), nullable=not required)


def _tenant_table(name: str, *columns: Any, key: tuple[str, ...] = ("id",)) -> Table:
    """A table whose rows are each one workspace's, gone with it."""
    return Table(
        name,
        metadata,
        Column("tenant_id", BigInteger, nullable=False, autoincrement=False),
        *columns,
        PrimaryKeyConstraint("tenant_id", *key),
        *([] if name == "tenants" else [_belongs("tenants", (), ondelete="CASCADE")]),
    )


def _belongs(table: str, columns: tuple[str, ...], *, ondelete: str | None = None) -> ForeignKeyConstraint:
    target = [f"{table}.tenant_id", *([f"{table}.id"] if columns else [])]
    return ForeignKeyConstraint(["tenant_id", *columns], target, ondelete=ondelete)


def _text(name: str, *, required: bool = True, **more: Any) -> Column[Any]:
    return Column(name, Text, nullable=not required, **more)


directory = Table(
    "directory",
    metadata,
    Column("tenant_id", BigInteger, Identity(always=True), primary_key=True),
    _text("slug", unique=True),
)
"""Which address belongs to which workspace: all that is known of a workspace before a request is in one."""

tenants = _tenant_table(
    "tenants",
    _text("name"),
    _text("plan"),
    _time("created_at"),
    _moment("trial_ends_at"),
    _moment("suspended_at"),
    ForeignKeyConstraint(["tenant_id"], ["directory.tenant_id"], ondelete="CASCADE"),
    key=(),
)
members = _tenant_table(
    "members",
    _text("id"),
    _text("email"),
    _text("name"),
    _text("role"),
    _text("password_hash"),
    _time("created_at"),
    _moment("removed_at"),
    _moment("confirmed_at"),
)
Index("members_email", members.c.tenant_id, members.c.email, unique=True, postgresql_where=text("removed_at IS NULL"))
sessions = _tenant_table(
    "sessions",
    Column("token_hash", LargeBinary, nullable=False),
    _text("member_id"),
    _text("purpose"),
    _time("created_at"),
    _moment("expires_at", required=True),
    _belongs("members", ("member_id",)),
    key=("token_hash",),
)
invites = _tenant_table(
    "invites",
    _text("id"),
    Column("token_hash", LargeBinary, nullable=False),
    _text("email"),
    _text("role"),
    _text("invited_by"),
    _time("created_at"),
    _moment("expires_at", required=True),
    UniqueConstraint("tenant_id", "token_hash"),
    _belongs("members", ("invited_by",)),
)
Index("invites_email", invites.c.tenant_id, invites.c.email, unique=True)
api_tokens = _tenant_table(
    "api_tokens",
    _text("id"),
    Column("token_hash", LargeBinary, nullable=False),
    _text("name"),
    _text("scope"),
    _text("member_id"),
    _time("created_at"),
    Column("used_on", Date),
    UniqueConstraint("tenant_id", "token_hash"),
    _belongs("members", ("member_id",)),
)
notes = _tenant_table(
    "notes",
    _text("id"),
    _text("title"),
    _text("body"),
    Column("search", TSVECTOR, Computed("", persisted=True)),
    Column("bytes", Integer, Computed("", persisted=True)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    _text("created_by"),
    _text("updated_by"),
    _time("created_at"),
    _time("updated_at"),
    _belongs("members", ("created_by",)),
    _belongs("members", ("updated_by",)),
)
Index("notes_latest", notes.c.tenant_id, notes.c.updated_at.desc(), notes.c.id)
tasks = _tenant_table(
    "tasks",
    _text("id"),
    _text("title"),
    _text("detail"),
    _text("state"),
    _text("assignee_id", required=False),
    Column("due_on", Date),
    Column("bytes", Integer, Computed("", persisted=True)),
    Column("version", Integer, nullable=False, server_default=text("1")),
    _text("created_by"),
    _text("updated_by"),
    _time("created_at"),
    _time("updated_at"),
    _belongs("members", ("assignee_id",)),
    _belongs("members", ("created_by",)),
    _belongs("members", ("updated_by",)),
)
Index("tasks_latest", tasks.c.tenant_id, tasks.c.updated_at.desc(), tasks.c.id)
attachments = _tenant_table(
    "attachments",
    _text("id"),
    _text("note_id"),
    _text("name"),
    _text("content_type"),
    Column("bytes", BigInteger, nullable=False),
    _text("created_by"),
    _time("created_at"),
    _belongs("notes", ("note_id",), ondelete="CASCADE"),
    _belongs("members", ("created_by",)),
)
Index("attachments_note", attachments.c.tenant_id, attachments.c.note_id)
audit = _tenant_table(
    "audit",
    _text("id"),
    _time("at"),
    _text("actor"),
    _text("action"),
    _text("subject"),
    _text("detail"),
)
Index("audit_latest", audit.c.tenant_id, audit.c.at.desc(), audit.c.id)
usage_totals = _tenant_table(
    "usage_totals",
    Column("members", Integer, nullable=False, server_default=text("0")),
    Column("notes", Integer, nullable=False, server_default=text("0")),
    Column("tasks", Integer, nullable=False, server_default=text("0")),
    Column("attachments", Integer, nullable=False, server_default=text("0")),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    key=(),
)
usage_days = _tenant_table(
    "usage_days",
    Column("day", Date, nullable=False),
    Column("slot", SmallInteger, nullable=False),
    Column("requests", BigInteger, nullable=False),
    key=("day", "slot"),
)
"""Requests of a day. Several rows a day, so that requests at the same time do not wait for each other."""
jobs = _tenant_table(
    "jobs",
    _text("id"),
    _text("kind"),
    Column("content", JSONB, nullable=False),
    _text("state"),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _text("requested_by", required=False),
    _time("created_at"),
    _moment("finished_at"),
    _moment("taken_until"),
    Column("bytes", BigInteger, nullable=False, server_default=text("0")),
    _belongs("members", ("requested_by",)),
)
mails = _tenant_table(
    "mails",
    _text("id"),
    _text("recipient"),
    _text("subject"),
    _text("body"),
    _time("created_at"),
    _moment("sent_at"),
)
objects = _tenant_table(
    "objects",
    _text("key"),
    Column("part", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    key=("key", "part"),
)
"""The local twin of a bucket: files and exports, in parts."""

queue = Table(
    "queue",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    _text("message"),
    _moment("visible_at", required=True),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    _text("lane", server_default=text("'slow'")),
    Column("workspace", BigInteger),
)
"""Ids of jobs, nothing else: on their way to SQS, or until they are done. `workspace` says whose they are; it is empty
where an earlier release wrote the message.
"""
rate_limits = Table(
    "rate_limits",
    metadata,
    Column("key", LargeBinary, primary_key=True),
    _moment("since", required=True),
    Column("count", Integer, nullable=False),
)
"""Attempts, by the digest of who and what."""
deletions = Table(
    "deletions",
    metadata,
    Column("slug_digest", LargeBinary, primary_key=True),
    _time("deleted_at"),
    Column("receipt", JSONB, nullable=False),
)
"""Workspaces that are gone: how many rows of what were deleted, and that none is left."""
schema_state = Table(
    "schema_state",
    metadata,
    Column("one", Boolean, primary_key=True),
    Column("revision", Integer, nullable=False),
    Column("works_since", Integer, nullable=False),
)
"""The schema's revision, and the oldest release's revision that it still works for."""

TENANT_TABLES = tuple(table for table in metadata.sorted_tables if "tenant_id" in table.c and table is not directory)
