"""Notes: the list, the search, one note, writing, and what happens when two write at once."""

from __future__ import annotations

from flask import Blueprint, render_template, request

from aespo import inputs
from aespo.db.queries import notes
from aespo.problems import Invalid
from aespo.web.pages.forms import Page, again, to, version
from aespo.web.visit import visit

blueprint = Blueprint("notes", __name__, url_prefix="/notes")


@blueprint.get("")
def index() -> str:
    """All notes, or those with the words that are searched."""
    words = request.args.get("q", "").strip()[:200].replace("\0", "")
    if words:
        return render_template("workspace/notes.html", words=words, notes=notes.search(visit().tx, words), next="")
    page = notes.latest(visit().tx, request.args.get("after", ""))
    return render_template("workspace/notes.html", words="", notes=page.items, next=page.next)


@blueprint.get("/new")
def new() -> str:
    """An empty form."""
    visit().writes()
    return render_template("workspace/note_form.html", note=None, values={}, problems={})


@blueprint.post("")
def create() -> Page:
    """Write a note."""
    tx = visit().writes()
    try:
        note_id = notes.add(tx, inputs.read(inputs.Note, request.form))
    except Invalid as error:
        return again("workspace/note_form.html", error, note=None)
    visit().enforce()
    return to(f"/notes/{note_id}")


@blueprint.get("/<note_id>")
def show(note_id: str) -> str:
    """One note."""
    tx = visit().tx
    return render_template("workspace/note.html", note=notes.one(tx, note_id), files=notes.files_of(tx, note_id))


@blueprint.get("/<note_id>/edit")
def edit(note_id: str) -> str:
    """The form with what the note says now."""
    note = notes.one(visit().writes(), note_id)
    return render_template("workspace/note_form.html", note=note, values=note._mapping, problems={})


@blueprint.post("/<note_id>")
def change(note_id: str) -> Page:
    """Change a note, unless somebody else did meanwhile: then show both."""
    tx = visit().writes()
    note = notes.one(tx, note_id)
    try:
        told, read = inputs.read(inputs.Note, request.form), version()
    except Invalid as error:
        return again("workspace/note_form.html", error, note=note)
    if not notes.change(tx, note_id, read, told):
        theirs = notes.one(tx, note_id)
        return render_template("workspace/note_conflict.html", mine=told, theirs=theirs), 409
    visit().enforce()
    return to(f"/notes/{note_id}")


@blueprint.post("/<note_id>/delete")
def delete(note_id: str) -> Page:
    """Delete a note."""
    notes.remove(visit().writes(always=True), note_id)
    return to("/notes")
