"""A request in a workspace: one transaction, committed before the answer leaves: what is acknowledged is kept."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Flask, Response, current_app, g, redirect, request
from sqlalchemy import Connection
from werkzeug.exceptions import HTTPException

from aespo.admission import Caller
from aespo.db.engine import commit_with, enter
from aespo.db.queries import entry, jobs, people, usage
from aespo.db.queries.entry import Member, Workspace
from aespo.db.tx import Tx
from aespo.letters import Letter
from aespo.plans import seconds_of_today_left
from aespo.problems import Forbidden, NotFound, TooManyRequests, Unauthenticated
from aespo.tokens import digest
from aespo.web import admission, cookies, guard
from aespo.web.context import address, context, stranger
from aespo.web.errors import API

logger = logging.getLogger("aespo")
LARGEST_JSON = 2_000_000
"""Bytes of a request that is no form: a note's text has at most 200,000 characters."""
View = TypeVar("View", bound=Callable[..., object])


@dataclass(slots=True)
class RequestContext:
    """Who is where, and the transaction."""

    workspace: Workspace
    member: Member | None
    tx: Tx
    after: list[Callable[[], object]] = field(default_factory=list)
    """What is left to do once the transaction is committed."""
    on_rollback: list[Callable[[], object]] = field(default_factory=list)
    """What is left to do where it was undone."""
    gone: bool = False
    """The workspace was deleted in this request: there is nothing left to count it for."""

    @property
    def who(self) -> Member:
        """The member; views that are not public always have one."""
        assert self.member is not None
        return self.member

    def writes(self, *, owner: bool = False, always: bool = False) -> Tx:
        """The transaction, to change something. owner: for owners alone. always: also when the trial is over.

        Raises Forbidden, ReadOnly, Suspended or TooManyRequests.
        """
        allowed = self.who.owns if owner else self.who.may_write
        if not allowed:
            raise Forbidden("Only owners of this workspace may do this." if owner else "You may read here, not write.")
        if not always:
            self.workspace.must_be_writable()
            if self.workspace.usage.requests >= self.workspace.plan.requests:
                raise TooManyRequests(
                    f"The {self.workspace.plan.name} plan has {self.workspace.plan.requests:,} requests a day. "
                    "Reading goes on; writing goes on after midnight UTC.",
                    seconds_of_today_left(),
                )
        return self.tx

    def checkpoint(self) -> None:
        """Commit what was done so far, whatever the answer will be, and go on in the same workspace."""
        self.tx.connection.commit()
        enter(self.tx.connection, self.tx.tenant_id)

    @contextmanager
    def without_connection(self) -> Iterator[None]:
        """Commit, and hold neither a lock nor a connection while storage is asked, which may be slow or need one."""
        self.tx.connection.commit()
        self.tx.connection.close()
        with admission.outside():
            yield
        g.connection = self.tx.connection = context().require_database().connect(None)
        enter(self.tx.connection, self.tx.tenant_id)

    def enqueue(self, kind: str, **content: Any) -> None:
        """Write a background job down, and hand it to the queue with this transaction."""
        job_id, around = jobs.add(self.tx, kind, **content), context().require_adapters()
        message = json.dumps({"tenant": self.tx.tenant_id, "job": job_id})
        queue = around.mail_queue if kind == "mail" else around.queue
        left = queue.put(message, self.tx.connection, self.tx.tenant_id)
        if left is not None:
            self.after.append(left)

    def mail(self, recipient: str, letter: Letter) -> None:
        """Let a mail be sent once the transaction is committed."""
        self.enqueue("mail", mail=usage.write_mail(self.tx, recipient, letter.subject, letter.body))

    def foresee(self, size: int) -> None:
        """See that an attachment of so many bytes may fit the plan. Raises LimitReached."""
        usage.foresee(self.workspace.plan, self.workspace.usage, size)

    def enforce(self) -> None:
        """See that what was added stays within the plan. Raises LimitReached."""
        usage.enforce(self.tx, self.workspace.plan, self.workspace.usage)


def public(view: View) -> View:
    """A page for whoever is not signed in."""
    view.public = True  # type: ignore[attr-defined]
    return view


def request_context() -> RequestContext:
    """What the running request knows of its workspace, and its transaction."""
    found: RequestContext = g.request_context
    return found


def install(flask: Flask) -> None:
    """Give every request its context."""
    flask.before_request(_arrive)
    flask.after_request(_leave)
    flask.teardown_request(_tidy)
    admission.install(flask)


def _arrive() -> Response | None:
    slug = address().slug
    g.began = time.perf_counter()
    workspace, member = _meet(slug)
    admission.admit(_caller(workspace, member), _give_back)
    if request.content_length or request.headers.get("Transfer-Encoding"):
        _give_back()
        _receive()
    if g.connection is None:  # what was found may have changed meanwhile
        workspace, member = _meet(slug)
    tx = Tx(g.connection, workspace.tenant_id, member.id if member else "", member.name if member else "")
    g.request_context = RequestContext(workspace, member, tx)
    if not request.path.startswith(API):
        guard.require_same_origin()
    return None if member or _is_public() else _ask_to_sign_in()


def _meet(slug: str) -> tuple[Workspace, Member | None]:
    """The workspace and who is there, in a transaction of it. Raises NotFound."""
    g.connection = context().require_database().at(slug)
    found = _find(g.connection, slug)
    if found is None:
        raise NotFound("No workspace has this address.")
    return found


def _caller(workspace: Workspace, member: Member | None) -> Caller:
    """Members count together; strangers by address, apart from them."""
    return Caller(workspace.tenant_id) if member else stranger(workspace.tenant_id)


def _give_back() -> None:
    """Hold no connection to the database while a request waits, for its turn or for its client."""
    if g.connection is not None:
        g.connection.close()
        g.connection = None


def _receive() -> None:
    """Read what the request sends to its end. Whoever is not admitted has nothing read: forms take time to parse."""
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        request.form  # noqa: B018 - parsed at the first use, and kept
    else:
        request.max_content_length = LARGEST_JSON
        request.get_data()


def _find(connection: Connection, slug: str) -> tuple[Workspace, Member | None] | None:
    if not request.path.startswith(API):
        return entry.by_session(connection, slug, digest(cookies.token()))
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return entry.by_token(connection, slug, digest(token.strip() if scheme.lower() == "bearer" else ""))


def _is_public() -> bool:
    view = current_app.view_functions.get(request.endpoint or "")
    return getattr(view, "public", False)


def _only_reads() -> bool:
    """Whether a request changes nothing. Links in mails are opened by GET: those pages are public, and not meant."""
    return request.method in ("GET", "HEAD") and not _is_public()


def _ask_to_sign_in() -> Response:
    if request.path.startswith(API):
        raise Unauthenticated("Send an API token of this workspace: Authorization: Bearer aespo_…")
    if isinstance(request.routing_exception, HTTPException):
        raise request.routing_exception
    return redirect("/login" if request.path == "/" else f"/login?next={quote(request.path)}", 303)  # type: ignore[return-value]


def _leave(answer: Response) -> Response:
    """Commit what was done, and count the request with it; what failed is undone."""
    connection: Connection | None = g.get("connection")
    if connection is None:
        return answer
    found: RequestContext | None = g.get("request_context")
    if found is None or answer.status_code >= 400 or connection.closed:
        _undo(connection, found)
        return answer
    found.on_rollback.clear()  # a commit without an answer may have been one
    if found.member is not None and found.member.unused_token:
        people.note_use(found.tx, found.member.unused_token)
    if found.gone:
        connection.commit()
    else:
        commit_with(connection, *usage.metering(found.workspace.tenant_id, reads=_only_reads()))
        found.after.append(lambda: context().metrics.request(found.workspace.slug, taken))
    taken = (time.perf_counter() - g.began) * 1000
    connection.close()
    g.connection = None
    _do_each(found.after)
    return answer


def _undo(connection: Connection, found: RequestContext | None) -> None:
    if not connection.closed:
        connection.rollback()
        connection.close()
    g.connection = None
    _do_each(found.on_rollback if found else [])


def _do_each(acts: list[Callable[[], object]]) -> None:
    """Do what follows a transaction. It is over: that this failed is written down, and does not change the answer."""
    for act in acts:
        try:
            act()
        except Exception:
            logger.exception("After a transaction")


def _tidy(_: BaseException | None) -> None:
    connection: Connection | None = g.pop("connection", None)
    if connection is not None and not connection.closed:
        connection.close()
