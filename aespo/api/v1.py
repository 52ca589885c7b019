"""What a program can ask of a workspace."""

from __future__ import annotations

from flask import Blueprint, Response, request

from aespo import inputs
from aespo.api import openapi, represent
from aespo.db.queries import notes, people, tasks
from aespo.plans import measures
from aespo.problems import Invalid, Stale
from aespo.web.removal import remove_note
from aespo.web.request_context import public, request_context

blueprint = Blueprint("api", __name__, url_prefix="/api/v1")
_CHANGED = "Somebody else changed it since you read it: read it again, and decide anew."


@blueprint.get("/openapi.json")
@public
def description() -> Response:
    """The OpenAPI document."""
    return Response(openapi.document(), content_type="application/json")


@blueprint.get("/notes")
def list_notes() -> Response:
    """A page of notes, or those that a search finds."""
    words, size = request.args.get("q", "").strip(), represent.page_size()
    if "\0" in words or len(words) > 200:
        raise Invalid({"q": "At most 200 characters, none of them NUL."})
    if words:
        found = [represent.note(row) for row in notes.search(request_context().tx, words, size)]
        return represent.answer(represent.NotePage(found, None))
    return represent.answer(represent.notes(notes.latest(request_context().tx, request.args.get("after", ""), size)))


@blueprint.post("/notes")
def add_note() -> Response:
    """Write a note."""
    tx = request_context().writes()
    note_id = notes.add(tx, inputs.read(inputs.Note, represent.content(), strict=True))
    request_context().enforce()
    return represent.answer(represent.note(notes.one(tx, note_id)), 201, f"/api/v1/notes/{note_id}")


@blueprint.get("/notes/<note_id>")
def get_note(note_id: str) -> Response:
    """One note."""
    return represent.answer(represent.note(notes.one(request_context().tx, note_id)))


@blueprint.put("/notes/<note_id>")
def put_note(note_id: str) -> Response:
    """Change a note of which the If-Match names the version."""
    tx = request_context().writes()
    notes.one(tx, note_id)
    told, version = inputs.read(inputs.Note, represent.content(), strict=True), represent.required_version()
    if not notes.change(tx, note_id, version, told):
        raise Stale(_CHANGED)
    request_context().enforce()
    return represent.answer(represent.note(notes.one(tx, note_id)))


@blueprint.delete("/notes/<note_id>")
def delete_note(note_id: str) -> Response:
    """Delete a note of which the If-Match names the version."""
    notes.one(request_context().writes(always=True), note_id)
    if not remove_note(note_id, represent.required_version()):
        raise Stale(_CHANGED)
    return Response(status=204)


@blueprint.get("/tasks")
def list_tasks() -> Response:
    """A page of tasks, of one state where the request names one."""
    state = request.args.get("state")
    if state is not None and state not in ("open", "doing", "done"):
        raise Invalid({"state": "One of open, doing, done."})
    page = tasks.latest(request_context().tx, request.args.get("after", ""), state, represent.page_size())
    return represent.answer(represent.tasks(page))


@blueprint.post("/tasks")
def add_task() -> Response:
    """Add a task."""
    tx = request_context().writes()
    task_id = tasks.add(tx, inputs.read(inputs.Task, represent.content(), strict=True))
    request_context().enforce()
    return represent.answer(represent.task(tasks.one(tx, task_id)), 201, f"/api/v1/tasks/{task_id}")


@blueprint.get("/tasks/<task_id>")
def get_task(task_id: str) -> Response:
    """One task."""
    return represent.answer(represent.task(tasks.one(request_context().tx, task_id)))


@blueprint.put("/tasks/<task_id>")
def put_task(task_id: str) -> Response:
    """Change a task of which the If-Match names the version."""
    tx = request_context().writes()
    tasks.one(tx, task_id)
    told, version = inputs.read(inputs.Task, represent.content(), strict=True), represent.required_version()
    if not tasks.change(tx, task_id, version, told):
        raise Stale(_CHANGED)
    request_context().enforce()
    return represent.answer(represent.task(tasks.one(tx, task_id)))


@blueprint.delete("/tasks/<task_id>")
def delete_task(task_id: str) -> Response:
    """Delete a task of which the If-Match names the version."""
    tx = request_context().writes(always=True)
    tasks.one(tx, task_id)
    if not tasks.remove(tx, task_id, represent.required_version()):
        raise Stale(_CHANGED)
    return Response(status=204)


@blueprint.get("/members")
def list_members() -> Response:
    """All members."""
    found = [represent.member(row) for row in people.all_members(request_context().tx)]
    return represent.answer(represent.MemberList(found))


@blueprint.get("/usage")
def get_usage() -> Response:
    """What is used, and what the plan allows."""
    here = request_context().workspace
    limits = {item.key: represent.MeasureView(item.used, item.limit) for item in measures(here.plan, here.usage)}
    return represent.answer(represent.UsageView(here.plan.key, here.days_left, limits))
