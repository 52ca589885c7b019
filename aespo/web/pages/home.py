"""The workspace's first page: what waits for whoever looks, and what to do next."""

from __future__ import annotations

from flask import Blueprint, render_template

from aespo.db.queries import notes, people, tasks
from aespo.markup import EXCERPTED
from aespo.web.request_context import request_context

blueprint = Blueprint("home", __name__)


@blueprint.get("/")
def home() -> str:
    """Own tasks, latest notes, next steps."""
    here = request_context()
    return render_template(
        "workspace/home.html",
        tasks=tasks.mine(here.tx, here.who.id),
        notes=notes.latest(here.tx, size=4, shown=EXCERPTED).items,
        alone=here.workspace.usage.members == 1 and not people.all_invites(here.tx),
    )
