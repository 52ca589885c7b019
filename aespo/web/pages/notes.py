"""Notes: the list, the search, one note, writing, and what happens when two write at once."""

from __future__ import annotations

import io

from flask import Blueprint, Response, render_template, request

from aespo import inputs, markup
from aespo.adapters import objects
from aespo.db.queries import notes
from aespo.inputs import whole
from aespo.markup import EXCERPTED
from aespo.problems import Invalid
from aespo.tokens import new_id
from aespo.web.context import context
from aespo.web.pages.data import send
from aespo.web.pages.forms import Page, again, to, version
from aespo.web.removal import remove_file, remove_note
from aespo.web.request_context import request_context

blueprint = Blueprint("notes", __name__, url_prefix="/notes")
LARGEST_FILE = 10_000_000


@blueprint.get("")
def index() -> str:
    """All notes, or those with the words that are searched."""
    words = request.args.get("q", "").strip()[:200].replace("\0", "")
    if words:
        return render_template(
            "workspace/notes.html", words=words, notes=notes.search(request_context().tx, words, shown=0), next=""
        )
    page = notes.latest(request_context().tx, request.args.get("after", ""), shown=EXCERPTED)
    return render_template("workspace/notes.html", words="", notes=page.items, next=page.next)


@blueprint.get("/new")
def new() -> str:
    """An empty form."""
    request_context().writes()
    return render_template("workspace/note_form.html", note=None, values={}, problems={})


@blueprint.post("")
def create() -> Page:
    """Write a note."""
    tx = request_context().writes()
    try:
        note_id = notes.add(tx, inputs.read(inputs.Note, request.form))
    except Invalid as error:
        return again("workspace/note_form.html", error, note=None)
    request_context().enforce()
    return to(f"/notes/{note_id}")


@blueprint.get("/<note_id>")
def show(note_id: str) -> str:
    """One note."""
    return _shown(note_id, "")


def _shown(note_id: str, problem: str, *, stale: bool = False) -> str:
    tx = request_context().tx
    note, files = notes.one(tx, note_id), notes.files_of(tx, note_id)
    return render_template("workspace/note.html", note=note, files=files, problem=problem, stale=stale)


@blueprint.get("/<note_id>/edit")
def edit(note_id: str) -> str:
    """The form with what the note says now."""
    note = notes.one(request_context().writes(), note_id)
    return render_template("workspace/note_form.html", note=note, values=note._mapping, problems={})


@blueprint.post("/<note_id>")
def change(note_id: str) -> Page:
    """Change a note, unless somebody else did meanwhile: then show both."""
    tx = request_context().writes()
    note = notes.one(tx, note_id)
    try:
        told, read = inputs.read(inputs.Note, request.form), version()
    except Invalid as error:
        return again("workspace/note_form.html", error, note=note)
    if not notes.change(tx, note_id, read, told):
        theirs = notes.one(tx, note_id)
        return render_template("workspace/note_conflict.html", mine=told, theirs=theirs), 409
    request_context().enforce()
    return to(f"/notes/{note_id}")


@blueprint.post("/<note_id>/tick")
def tick(note_id: str) -> Page:
    """Tick an item of a note's list or reopen it, unless somebody changed the note meanwhile: then show it."""
    tx, read = request_context().writes(), version()
    note = notes.one(tx, note_id)
    line, _, state = request.form.get("tick", "").partition(":")
    number = whole(line, 0, inputs.LARGEST_NOTE)
    body = markup.ticked(note.body, number, done=state == "done") if number is not None else None
    if body is None or (body != note.body and note.version != read):
        return _shown(note_id, "", stale=True), 409
    if body != note.body:
        notes.change(tx, note_id, read, inputs.Note(note.title, body))
        request_context().enforce()
    return to(f"/notes/{note_id}#line-{number}")


@blueprint.post("/<note_id>/delete")
def delete(note_id: str) -> Page:
    """Delete a note and its files."""
    remove_note(note_id)
    return to("/notes")


@blueprint.post("/<note_id>/files")
def attach(note_id: str) -> Page:
    """Attach a file to a note."""
    here = request_context()
    tx, file = here.writes(), request.files.get("file")
    content = file.read(LARGEST_FILE + 1) if file else b""
    if file is None or not content or len(content) > LARGEST_FILE:
        problem = "Choose a file that is not empty." if not content else "A file has at most 10 MB."
        return _shown(note_id, problem), 422
    name = "".join(letter for letter in (file.filename or "file") if letter.isprintable())[-120:]
    here.foresee(len(content))  # storing it to find out costs others the disk
    notes.attach(tx, note_id, _stored(note_id, content), name, file.mimetype[:100], len(content))
    here.enforce()
    return to(f"/notes/{note_id}#files")


def _stored(note_id: str, content: bytes) -> str:
    """Put a file into storage, before its row locks the totals; its id. It goes again if that is refused."""
    here, store, file_id = request_context(), context().require_adapters().objects, new_id()
    notes.one(here.tx, note_id)
    key = objects.note_key(here.tx.tenant_id, note_id, file_id)
    here.on_rollback.append(lambda: store.delete_below(key))
    with here.without_connection():
        store.put(key, io.BytesIO(content))
    return file_id


@blueprint.get("/<note_id>/files/<file_id>")
def download(note_id: str, file_id: str) -> Response:
    """A file, to keep."""
    tx = request_context().tx
    file = notes.file(tx, note_id, file_id)
    return send(objects.note_key(tx.tenant_id, note_id, file_id), file.name)


@blueprint.post("/<note_id>/files/<file_id>/delete")
def detach(note_id: str, file_id: str) -> Page:
    """Delete a file."""
    remove_file(note_id, file_id)
    return to(f"/notes/{note_id}#files")
