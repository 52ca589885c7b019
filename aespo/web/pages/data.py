"""The workspace as a whole: take it along, or delete it."""

from __future__ import annotations

import hashlib
import json
import logging

from flask import Blueprint, Response, redirect, render_template, request

from aespo.adapters import objects
from aespo.db.queries import jobs, people, site
from aespo.problems import NotFound
from aespo.tokens import password_is
from aespo.web import cookies
from aespo.web.context import context
from aespo.web.pages.forms import Page, to
from aespo.web.request_context import request_context

logger = logging.getLogger("aespo")
blueprint = Blueprint("data", __name__)


@blueprint.get("/settings")
def settings() -> str:
    """What can be done with the workspace as a whole."""
    return _settings({})


def _settings(problems: dict[str, str]) -> str:
    return render_template(
        "workspace/settings.html", exports=jobs.latest(request_context().tx, "export"), problems=problems
    )


@blueprint.post("/export")
def export() -> Page:
    """Ask for an export; a worker builds it. Always allowed, to every member: all of it can be read anyway."""
    here = request_context()
    if not jobs.export_waits(here.tx):  # one at a time, however often it is asked for
        here.enqueue("export")
        here.tx.audit("asked for", "an export")
    return to("/settings#export")


@blueprint.post("/exports/<job_id>/delete")
def delete_export(job_id: str) -> Page:
    """Delete an export that was built: it counts as storage as long as it is kept."""
    here = request_context()
    if job_id not in jobs.built_exports(here.tx):
        raise NotFound
    with here.without_connection():  # the file first: while the row is left, it is found again
        context().require_adapters().objects.delete_below(objects.export_key(here.tx.tenant_id, job_id))
    if jobs.forget_exports(here.tx, [job_id]):
        here.tx.audit("deleted", "an export")
    return to("/settings#export")


@blueprint.get("/exports/<job_id>")
def download(job_id: str) -> Response:
    """An export that was built."""
    here = request_context()
    if job_id not in jobs.built_exports(here.tx):
        raise NotFound
    return send(objects.export_key(here.tx.tenant_id, job_id), f"{here.workspace.slug}-export.zip")


def send(key: str, name: str) -> Response:
    """An object as a file to keep. It is never shown in place: what people upload could be a page."""
    store = context().require_adapters().objects
    if link := store.link(key, name):
        return redirect(link, 303)  # type: ignore[return-value]
    try:
        with request_context().without_connection():
            content = store.get(key)
    except FileNotFoundError:
        raise NotFound from None
    answer = Response(content, content_type="application/octet-stream")
    answer.headers.set("Content-Disposition", "attachment", filename=name.encode("ascii", "replace").decode())
    return answer


@blueprint.post("/settings/delete")
def delete() -> Page:
    """Delete the workspace, its address and its files; show the proof."""
    here = request_context()
    here.writes(owner=True, always=True)
    member = people.by_email(here.tx, here.who.email)
    problems = {}
    if request.form.get("slug", "").strip() != here.workspace.slug:
        problems["slug"] = f"Type {here.workspace.slug} to say that you mean it."
    if member is None or not password_is(request.form.get("password", ""), member.password_hash):
        problems["password"] = "This is not your password."  # noqa: S105
    if problems:
        return _settings(problems), 422
    receipt = _deleted()
    answer = Response(render_template("workspace/deleted.html", receipt=receipt, proof=_digest(receipt)))
    return cookies.drop(answer)


def _deleted() -> dict[str, object]:
    """Delete all rows with this transaction, all files after it; the receipt, which is kept.

    A message in the same transaction lets a worker see to the files until none is left: storage may fail just now.
    """
    here = request_context()
    told = jobs.delete_everything(here.tx)
    site.keep_receipt(here.tx.connection, here.workspace.slug, told)
    around = context().require_adapters()
    prefix, store = objects.key(here.tx.tenant_id), around.objects
    message = json.dumps({"files_of": here.tx.tenant_id})
    left = around.queue.put(message, here.tx.connection, here.tx.tenant_id)

    def delete_files() -> None:
        logger.info("Workspace %d: %d files deleted", here.tx.tenant_id, store.delete_below(prefix))

    here.gone = True
    here.after += [act for act in (left, delete_files) if act is not None]
    return {"workspace": here.workspace.slug, **told}


def _digest(receipt: dict[str, object]) -> str:
    return hashlib.sha256(json.dumps(receipt, sort_keys=True).encode()).hexdigest()
