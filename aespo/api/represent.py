"""How things look as JSON, and the ETags that name their versions."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import msgspec
from flask import Response, request

from aespo.inputs import LARGEST_VERSION, whole
from aespo.paging import Page
from aespo.problems import Invalid, PreconditionRequired, Stale


class NoteView(msgspec.Struct):
    """A note."""

    id: str
    title: str
    body: str
    version: int
    created_at: datetime
    updated_at: datetime
    updated_by: str


class TaskView(msgspec.Struct):
    """A task."""

    id: str
    title: str
    detail: str
    state: str
    assignee: str | None
    due: date | None
    version: int
    created_at: datetime
    updated_at: datetime


class MemberView(msgspec.Struct):
    """A member."""

    id: str
    name: str
    email: str
    role: str


class NotePage(msgspec.Struct):
    """Notes, the last changed first; `next` is the `after` of the page behind, or null."""

    items: list[NoteView]
    next: str | None


class TaskPage(msgspec.Struct):
    """Tasks, the last changed first; `next` is the `after` of the page behind, or null."""

    items: list[TaskView]
    next: str | None


class MemberList(msgspec.Struct):
    """All members."""

    items: list[MemberView]


class MeasureView(msgspec.Struct):
    """One limit of the plan, and what of it is used."""

    used: int
    limit: int


class UsageView(msgspec.Struct):
    """What the workspace uses, and how long it may."""

    plan: str
    trial_days_left: int | None
    limits: dict[str, MeasureView]


def note(row: Any) -> NoteView:
    """A row of notes."""
    return NoteView(row.id, row.title, row.body, row.version, row.created_at, row.updated_at, row.updated_by_name)


def task(row: Any) -> TaskView:
    """A row of tasks."""
    return TaskView(
        row.id,
        row.title,
        row.detail,
        row.state,
        row.assignee_id,
        row.due_on,
        row.version,
        row.created_at,
        row.updated_at,
    )


def member(row: Any) -> MemberView:
    """A row of members."""
    return MemberView(row.id, row.name, row.email, row.role)


def notes(page: Page[Any]) -> NotePage:
    """A page of notes."""
    return NotePage([note(row) for row in page.items], page.next or None)


def tasks(page: Page[Any]) -> TaskPage:
    """A page of tasks."""
    return TaskPage([task(row) for row in page.items], page.next or None)


def answer(view: msgspec.Struct, status: int = 200, location: str = "") -> Response:
    """A view as JSON, with its ETag; 304 where the client has it already."""
    body = msgspec.json.encode(view)
    made = Response(body, status, content_type="application/json")
    version = getattr(view, "version", None)
    if version is not None:
        made.set_etag(_etag(version))
    else:
        made.add_etag(weak=True)
    if location:
        made.headers["Location"] = location
    return made.make_conditional(request) if request.method == "GET" else made  # type: ignore[return-value]


def required_version() -> int:
    """The version that the request's If-Match names: no change without one.

    Raises PreconditionRequired where there is none, Stale for what can be no version of ours.
    """
    if not request.headers.get("If-Match"):
        raise PreconditionRequired(
            "Send If-Match with the ETag that you read: somebody else may have changed it since."
        )
    told = [whole(tag[1:], 0, LARGEST_VERSION) for tag in request.if_match.as_set() if tag.startswith("v")]
    versions = [version for version in told if version is not None]
    if len(versions) != 1:
        raise Stale("If-Match names no version that there ever was.")
    return versions[0]


def content() -> dict[str, Any]:
    """The request's JSON object. Raises Invalid."""
    try:
        told = msgspec.json.decode(request.get_data())
    except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
        raise Invalid({"body": f"This is no JSON: {error}"}) from None
    if not isinstance(told, dict):
        raise Invalid({"body": "Send one JSON object."})
    return told


def page_size() -> int:
    """How many items the request wants. Raises Invalid."""
    size = whole(request.args.get("limit", "30"), 1, 100)
    if size is None:
        raise Invalid({"limit": "Between 1 and 100."})
    return size


def _etag(version: int) -> str:
    return f"v{version}"
