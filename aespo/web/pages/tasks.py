"""Tasks: what is to do, by whom and until when."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from flask import Blueprint, render_template, request

from aespo import inputs
from aespo.db.queries import people, tasks
from aespo.problems import Invalid
from aespo.web.pages.forms import Page, to, version
from aespo.web.request_context import request_context

blueprint = Blueprint("tasks", __name__, url_prefix="/tasks")
STATES = {"doing": "Under way", "open": "To do", "done": "Done"}


@blueprint.get("")
def index() -> str:
    """The board."""
    return _board({}, {})


def _board(values: Any, problems: dict[str, str]) -> str:
    here = request_context()
    only_mine = request.args.get("mine") == "1"
    rows = tasks.board(here.tx, here.who.id if only_mine else None)
    columns = {state: list(group) for state, group in groupby(rows, key=lambda row: row.state)}
    return render_template(
        "workspace/tasks.html",
        columns=columns,
        states=STATES,
        only_mine=only_mine,
        values=values,
        problems=problems,
        members=people.all_members(here.tx),
    )


@blueprint.post("")
def create() -> Page:
    """Add a task."""
    tx = request_context().writes()
    try:
        tasks.add(tx, inputs.read(inputs.Task, request.form))
    except Invalid as error:
        return _board(request.form, error.fields), 422
    request_context().enforce()
    return to("/tasks")


@blueprint.get("/<task_id>")
def show(task_id: str) -> str:
    """One task, and the form that changes it."""
    tx = request_context().tx
    task = tasks.one(tx, task_id)
    values = {**task._mapping, "assignee": task.assignee_id or "", "due": task.due_on or ""}
    return _form(task, values, {})


def _form(task: Any, values: Any, problems: dict[str, str]) -> str:
    members = people.all_members(request_context().tx)
    return render_template(
        "workspace/task.html", task=task, values=values, problems=problems, states=STATES, members=members
    )


@blueprint.post("/<task_id>")
def change(task_id: str) -> Page:
    """Change a task, unless somebody else did meanwhile: then show both."""
    tx = request_context().writes()
    task = tasks.one(tx, task_id)
    try:
        told, read = inputs.read(inputs.Task, request.form), version()
        done = tasks.change(tx, task_id, read, told)
    except Invalid as error:
        return _form(task, request.form, error.fields), 422
    if not done:
        members = people.all_members(tx)
        page = render_template(
            "workspace/task_conflict.html",
            mine=told,
            theirs=tasks.one(tx, task_id),
            states=STATES,
            members={member.id: member.name for member in members},
        )
        return page, 409
    request_context().enforce()
    return to("/tasks")


@blueprint.post("/<task_id>/state")
def move(task_id: str) -> Page:
    """Give a task another state, from the board."""
    tx = request_context().writes()
    state = request.form.get("state", "")
    if state not in STATES:
        raise Invalid({"state": "Choose one of the values offered."})
    if not tasks.move(tx, task_id, version(), state):
        task = tasks.one(tx, task_id)
        told = inputs.Task(task.title, task.detail, state, task.assignee_id, task.due_on)  # type: ignore[arg-type]
        names = {member.id: member.name for member in people.all_members(tx)}
        return render_template(
            "workspace/task_conflict.html", mine=told, theirs=task, states=STATES, members=names
        ), 409
    return to(request.form.get("back") if request.form.get("back") in ("/", "/tasks?mine=1") else "/tasks")  # type: ignore[arg-type]


@blueprint.post("/<task_id>/delete")
def delete(task_id: str) -> Page:
    """Delete a task."""
    tasks.remove(request_context().writes(always=True), task_id)
    return to("/tasks")
