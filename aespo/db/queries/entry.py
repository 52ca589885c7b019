"""Who comes in, and into what: the first query of each request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, select

from aespo.db.schema import api_tokens, directory, members, sessions, tenants, usage_days, usage_totals
from aespo.plans import PLANS, Plan, Usage
from aespo.problems import ReadOnly, Suspended


@dataclass(frozen=True, slots=True)
class Workspace:
    """The workspace that a request is in."""

    tenant_id: int
    slug: str
    name: str
    plan: Plan
    trial_ends_at: datetime | None
    suspended_at: datetime | None
    usage: Usage

    @property
    def days_left(self) -> int | None:
        """Days of the trial, today among them; 0 when it is over; None: no trial."""
        if self.trial_ends_at is None:
            return None
        left = self.trial_ends_at - datetime.now(UTC)
        return max(0, -(-int(left.total_seconds()) // 86400))

    def must_be_writable(self) -> None:
        """Raises ReadOnly or Suspended."""
        if self.suspended_at is not None:
            raise Suspended("Nothing can be changed until it is opened again. Reading and exporting go on.")
        if self.days_left == 0:
            raise ReadOnly("Everything is still here to read, export or delete. To go on writing, choose a plan.")


@dataclass(frozen=True, slots=True)
class Member:
    """Who acts."""

    id: str
    name: str
    email: str
    role: str
    scope: str = "write"
    """Of the API token; a session may write."""
    confirmed: bool = False
    """Whether the e-mail address was shown to be theirs."""
    unused_token: str = ""
    """The id of an API token that is used for the first time today."""

    @property
    def may_write(self) -> bool:
        """Whether notes and tasks may be changed."""
        return self.role != "reader" and self.scope == "write"

    @property
    def owns(self) -> bool:
        """Whether members, tokens and the workspace itself may be changed."""
        return self.role == "owner" and self.scope == "write"


_TODAY = (
    select(func.coalesce(func.sum(usage_days.c.requests), 0))
    .where(usage_days.c.tenant_id == tenants.c.tenant_id, usage_days.c.day == func.current_date())
    .scalar_subquery()
)
_COLUMNS = (
    tenants.c.tenant_id,
    directory.c.slug,
    tenants.c.name,
    tenants.c.plan,
    tenants.c.trial_ends_at,
    tenants.c.suspended_at,
    usage_totals.c.members,
    usage_totals.c.notes,
    usage_totals.c.tasks,
    usage_totals.c.attachments,
    usage_totals.c.bytes,
    _TODAY.label("requests"),
)
_WITH_MEMBER = (
    *_COLUMNS,
    members.c.id.label("member_id"),
    members.c.name.label("member_name"),
    members.c.email,
    members.c.role,
    members.c.confirmed_at,
)
_WORKSPACE = directory.join(tenants, tenants.c.tenant_id == directory.c.tenant_id).join(
    usage_totals, usage_totals.c.tenant_id == tenants.c.tenant_id
)


def _joined(table: Any, condition: ColumnElement[bool], member_id: ColumnElement[Any]) -> Any:
    return _WORKSPACE.outerjoin(table, and_(table.c.tenant_id == tenants.c.tenant_id, condition)).outerjoin(
        members,
        and_(members.c.tenant_id == tenants.c.tenant_id, members.c.id == member_id, members.c.removed_at.is_(None)),
    )


def by_session(connection: Connection, slug: str, token_hash: bytes) -> tuple[Workspace, Member | None] | None:
    """The workspace at a slug, and the member whose session it is; None: there is no such workspace."""
    live = and_(
        sessions.c.token_hash == token_hash, sessions.c.purpose == "session", sessions.c.expires_at > func.now()
    )
    source = _joined(sessions, live, sessions.c.member_id)
    row = connection.execute(select(*_WITH_MEMBER).select_from(source).where(directory.c.slug == slug)).first()
    return None if row is None else (_workspace(row), _member(row))


def by_token(connection: Connection, slug: str, token_hash: bytes) -> tuple[Workspace, Member | None] | None:
    """The workspace at a slug, and the member whose API token it is."""
    source = _joined(api_tokens, api_tokens.c.token_hash == token_hash, api_tokens.c.member_id)
    used = (api_tokens.c.used_on == func.current_date()).label("used_today")
    columns = (*_WITH_MEMBER, api_tokens.c.scope, api_tokens.c.id.label("token_id"), used)
    row = connection.execute(select(*columns).select_from(source).where(directory.c.slug == slug)).first()
    if row is None:
        return None
    return _workspace(row), _member(row, row.scope or "read", "" if row.used_today else row.token_id or "")


def by_id(connection: Connection, tenant_id: int) -> Workspace | None:
    """The workspace of the transaction, for operators and background jobs."""
    statement = select(*_COLUMNS).select_from(_WORKSPACE).where(directory.c.tenant_id == tenant_id)
    row = connection.execute(statement).first()
    return None if row is None else _workspace(row)


def _workspace(row: Any) -> Workspace:
    usage = Usage(row.members, row.notes, row.tasks, row.attachments, row.bytes, int(row.requests))
    plan = PLANS.get(row.plan) or PLANS["trial"]  # a plan that a later release made is the smallest one here
    return Workspace(row.tenant_id, row.slug, row.name, plan, row.trial_ends_at, row.suspended_at, usage)


def _member(row: Any, scope: str = "write", unused_token: str = "") -> Member | None:
    if row.member_id is None:
        return None
    confirmed = row.confirmed_at is not None
    return Member(row.member_id, row.member_name, row.email, row.role, scope, confirmed, unused_token)
