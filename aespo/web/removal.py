"""Deleting notes and files, whoever asks: what is in storage goes with what the database says of it."""

from __future__ import annotations

from aespo.adapters import objects
from aespo.db.queries import notes
from aespo.web.context import context
from aespo.web.request_context import request_context


def remove_note(note_id: str, version: int | None = None) -> bool:
    """Delete a note and its files; False: it is another version than this one. Raises NotFound."""
    tx = request_context().writes(always=True)
    files = notes.files_of(tx, note_id)
    if not notes.remove(tx, note_id, version):
        return False
    if files:
        _forget(note_id)
    return True


def remove_file(note_id: str, file_id: str) -> None:
    """Delete a file of a note. Raises NotFound."""
    notes.detach(request_context().writes(always=True), note_id, file_id)
    _forget(note_id, file_id)


def _forget(note_id: str, file_id: str = "") -> None:
    """Let storage forget files after the commit; a job of the same transaction tries until it has."""
    here, store = request_context(), context().require_adapters().objects
    here.enqueue("files", note=note_id, file=file_id)
    here.after.append(lambda: store.delete_below(objects.note_key(here.tx.tenant_id, note_id, file_id)))
