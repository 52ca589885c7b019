"""Members, their sessions, invitations and API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, delete, func, select
from sqlalchemy.dialects.postgresql import insert as upsert

from aespo.db.schema import api_tokens, invites, members, sessions
from aespo.db.tx import Tx
from aespo.problems import Conflict, Invalid, NotFound
from aespo.tokens import digest, new_id, new_token

SESSION = timedelta(days=30)
DEVICE = timedelta(days=365)
CONFIRMATION = timedelta(days=1)
INVITATION = timedelta(days=7)
RESET = timedelta(hours=1)
_ACTIVE = members.c.removed_at.is_(None)


def all_members(tx: Tx) -> Sequence[Row[Any]]:
    """Who is in the workspace, by the time they came."""
    return tx.rows(select(members).where(tx.mine(members), _ACTIVE).order_by(members.c.created_at, members.c.id))


def by_email(tx: Tx, email: str) -> Row[Any] | None:
    """The member of an e-mail address."""
    return tx.first(select(members).where(tx.mine(members), _ACTIVE, members.c.email == email.strip().lower()))


def open_session(tx: Tx, member_id: str, purpose: str = "session", lifetime: timedelta = SESSION) -> str:
    """Begin a session; its token."""
    token = new_token()
    expires_at = datetime.now(UTC) + lifetime
    tx.insert(sessions, token_hash=digest(token), member_id=member_id, purpose=purpose, expires_at=expires_at)
    return token


def use_once(tx: Tx, token: str, purpose: str) -> str | None:
    """Take a one-time token; the member's id, or None where it is none, was used or is too old."""
    statement = delete(sessions).where(tx.mine(sessions), sessions.c.token_hash == digest(token))
    statement = statement.where(sessions.c.purpose == purpose, sessions.c.expires_at > func.now())
    row = tx.first(statement.returning(sessions.c.member_id))
    return None if row is None else str(row.member_id)


def close_session(tx: Tx, token: str) -> None:
    """End a session."""
    tx.changed(delete(sessions).where(tx.mine(sessions), sessions.c.token_hash == digest(token)))


def set_password(tx: Tx, member_id: str, password_hash: str) -> None:
    """Give a member another password, and end all that opened the workspace for them: sessions, links, API tokens."""
    tx.changed(tx.update(members).where(members.c.id == member_id).values(password_hash=password_hash))
    for table in (sessions, api_tokens):
        tx.changed(delete(table).where(tx.mine(table), table.c.member_id == member_id))


def confirm(tx: Tx, member_id: str) -> None:
    """Note that a member's e-mail address is theirs."""
    tx.changed(tx.update(members).where(members.c.id == member_id).values(confirmed_at=func.now()))


def knows_device(tx: Tx, email: str, token: str) -> bool:
    """Whether somebody has signed in as the member of an address with this browser before."""
    found = select(sessions.c.member_id).join(
        members, (members.c.tenant_id == sessions.c.tenant_id) & (members.c.id == sessions.c.member_id)
    )
    found = found.where(tx.mine(sessions), sessions.c.token_hash == digest(token), sessions.c.purpose == "device")
    found = found.where(sessions.c.expires_at > func.now(), _ACTIVE, members.c.email == email.strip().lower())
    return bool(token) and tx.first(found) is not None


def all_invites(tx: Tx) -> Sequence[Row[Any]]:
    """Invitations that nobody has taken yet."""
    statement = select(invites).where(tx.mine(invites), invites.c.expires_at > func.now())
    return tx.rows(statement.order_by(invites.c.created_at, invites.c.id))


def invite(tx: Tx, email: str, role: str) -> str:
    """Ask somebody in; the token of the link. Raises Invalid where they are in already."""
    if by_email(tx, email) is not None:
        raise Invalid({"email": "This person is a member already."})
    token = new_token()
    expires_at = datetime.now(UTC) + INVITATION
    values = {"token_hash": digest(token), "role": role, "invited_by": tx.actor_id, "expires_at": expires_at}
    statement = upsert(invites).values(tenant_id=tx.tenant_id, id=new_id(), email=email.lower(), **values)
    key = [invites.c.tenant_id, invites.c.email]  # an earlier link to the same address is good no more
    tx.changed(statement.on_conflict_do_update(index_elements=key, set_=values))
    tx.audit("invited", email, role)
    return token


def invite_of(tx: Tx, token: str) -> Row[Any] | None:
    """The invitation of a link."""
    by = members.c.name.label("invited_by_name")
    source = invites.join(
        members, (members.c.tenant_id == invites.c.tenant_id) & (members.c.id == invites.c.invited_by)
    )
    statement = select(invites, by).select_from(source).where(tx.mine(invites), invites.c.token_hash == digest(token))
    return tx.first(statement.where(invites.c.expires_at > func.now()))


def join(tx: Tx, token: str, name: str, password_hash: str) -> str | None:
    """Take an invitation; the new member's id, or None where somebody took it before. Raises Conflict."""
    statement = delete(invites).where(tx.mine(invites), invites.c.token_hash == digest(token))
    row = tx.first(statement.where(invites.c.expires_at > func.now()).returning(invites.c.email, invites.c.role))
    if row is None:
        return None
    if by_email(tx, row.email) is not None:
        raise Conflict("There is a member with this e-mail address already: sign in.")
    tx.actor_id, tx.actor = new_id(), name
    tx.insert(members, id=tx.actor_id, email=row.email, name=name, role=row.role, password_hash=password_hash)
    tx.audit("joined", "the workspace", row.role)
    return tx.actor_id


def withdraw(tx: Tx, invite_id: str) -> None:
    """Take an invitation back. Raises NotFound."""
    statement = delete(invites).where(tx.mine(invites), invites.c.id == invite_id).returning(invites.c.email)
    row = tx.first(statement)
    if row is None:
        raise NotFound
    tx.audit("withdrew", f"the invitation of {row.email}")


def set_role(tx: Tx, member_id: str, role: str) -> None:
    """Give a member another role. Raises NotFound, Conflict where no owner would be left."""
    member = _locked(tx, member_id, keeps_owner=role == "owner")
    tx.changed(tx.update(members).where(members.c.id == member_id).values(role=role))
    tx.audit("made", f"{member.name} {'an' if role == 'owner' else 'a'} {role}")


def remove(tx: Tx, member_id: str) -> None:
    """Remove a member: what they wrote stays. Raises NotFound, Conflict where no owner would be left."""
    member = _locked(tx, member_id, keeps_owner=False)
    for table in (sessions, api_tokens):
        tx.changed(delete(table).where(tx.mine(table), table.c.member_id == member_id))
    gone = {"removed_at": func.now(), "password_hash": ""}
    tx.changed(tx.update(members).where(members.c.id == member_id).values(**gone))
    tx.audit("removed", member.name)


def _locked(tx: Tx, member_id: str, *, keeps_owner: bool) -> Row[Any]:
    """The member, while nobody else can change who owns the workspace."""
    statement = select(members).where(tx.mine(members), _ACTIVE).order_by(members.c.id).with_for_update()
    everyone = tx.rows(statement)
    member = next((row for row in everyone if row.id == member_id), None)
    if member is None:
        raise NotFound
    if not keeps_owner and member.role == "owner" and sum(row.role == "owner" for row in everyone) == 1:
        raise Conflict("A workspace needs an owner: make somebody else one first.")
    return member


def all_tokens(tx: Tx) -> Sequence[Row[Any]]:
    """API tokens, with whose they are."""
    by = members.c.name.label("member_name")
    source = api_tokens.join(
        members, (members.c.tenant_id == api_tokens.c.tenant_id) & (members.c.id == api_tokens.c.member_id)
    )
    statement = select(api_tokens, by).select_from(source).where(tx.mine(api_tokens))
    return tx.rows(statement.order_by(api_tokens.c.created_at, api_tokens.c.id))


def make_token(tx: Tx, name: str, scope: str) -> str:
    """Make an API token; the one time that it can be read."""
    token = new_token("aespo_")
    tx.insert(api_tokens, id=new_id(), token_hash=digest(token), name=name, scope=scope, member_id=tx.actor_id)
    tx.audit("made", f"API token “{name}”", scope)
    return token


def note_use(tx: Tx, token_id: str) -> None:
    """Write down that an API token is used today."""
    tx.changed(tx.update(api_tokens).where(api_tokens.c.id == token_id).values(used_on=func.current_date()))


def revoke_token(tx: Tx, token_id: str) -> None:
    """End an API token. Raises NotFound."""
    statement = delete(api_tokens).where(tx.mine(api_tokens), api_tokens.c.id == token_id).returning(api_tokens.c.name)
    row = tx.first(statement)
    if row is None:
        raise NotFound
    tx.audit("revoked", f"API token “{row.name}”")
