"""Notes and the files attached to them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, delete, func, select

from aespo import inputs, paging
from aespo.db.schema import attachments, members, notes
from aespo.db.tx import Tx
from aespo.markup import MARK_END, MARK_START
from aespo.problems import NotFound
from aespo.tokens import new_id

PAGE = 30
_HEADLINE = f"StartSel={MARK_START},StopSel={MARK_END},MaxWords=28,MinWords=12,MaxFragments=1"


_SEARCHED = 20_000
"""Characters of a note that an excerpt of a search is made of: to make one reads the whole text."""
LARGEST_PAGE = 2_000_000
"""Bytes of text from which on a page of notes takes no more of them."""


def _select(tx: Tx, *more: Any, shown: int | None = None) -> Select[Any]:
    """Notes with who changed them. shown: characters of the text; None: all of it."""
    by = members.c.name.label("updated_by_name")
    source = notes.join(members, (members.c.tenant_id == notes.c.tenant_id) & (members.c.id == notes.c.updated_by))
    body = notes.c.body if shown is None else func.left(notes.c.body, shown).label("body")
    columns = [column for column in notes.c if column.name not in ("tenant_id", "search", "body")]
    return select(*columns, body, by, *more).select_from(source).where(tx.mine(notes))


def latest(tx: Tx, after: str = "", size: int = PAGE, shown: int | None = None) -> paging.Page[Row[Any]]:
    """Notes, the last changed first. shown: characters of each text; None: all, and fewer notes where they are long."""
    place = paging.Place.read(after)
    if shown is None:
        ends = paging.ordered(select(notes.c.bytes).where(tx.mine(notes)), notes, "updated_at", place, size)
        size = _fitting([row.bytes for row in tx.rows(ends)], size)
    rows = tx.rows(paging.ordered(_select(tx, shown=shown), notes, "updated_at", place, size))
    return paging.Page(*paging.cut(rows, "updated_at", size))


def _fitting(sizes: Sequence[int], most: int) -> int:
    """How many of some texts make a page, at least one."""
    total = 0
    for count, size in enumerate(sizes[:most]):
        total += size
        if total > LARGEST_PAGE:
            return max(1, count)
    return most


def search(tx: Tx, words: str, size: int = PAGE, shown: int | None = None) -> Sequence[Row[Any]]:
    """Notes that have the words, the best first, each with an excerpt. shown: characters of each text; None: all.

    No index could help: `@@` may tell of rows by its errors, so that PostgreSQL lets the policy choose first.
    """
    query = func.websearch_to_tsquery("english", words)
    headline = func.ts_headline("english", func.left(notes.c.body, _SEARCHED), query, _HEADLINE).label("headline")
    statement = _select(tx, headline, shown=shown).where(notes.c.search.op("@@")(query))
    return tx.rows(statement.order_by(func.ts_rank(notes.c.search, query).desc(), notes.c.id).limit(size))


def one(tx: Tx, note_id: str) -> Row[Any]:
    """A note. Raises NotFound."""
    row = tx.first(_select(tx).where(notes.c.id == note_id))
    if row is None:
        raise NotFound
    return row


def add(tx: Tx, note: inputs.Note) -> str:
    """Write a note; its id."""
    note_id = new_id()
    tx.insert(notes, id=note_id, title=note.title, body=note.body, created_by=tx.actor_id, updated_by=tx.actor_id)
    tx.audit("wrote", f"note “{note.title}”")
    return note_id


def change(tx: Tx, note_id: str, version: int, note: inputs.Note) -> bool:
    """Change a note of which this version was read; False: somebody else changed it meanwhile. Raises NotFound."""
    statement = tx.update(notes).where(notes.c.id == note_id, notes.c.version == version)
    values = {"title": note.title, "body": note.body, "version": version + 1, "updated_by": tx.actor_id}
    if tx.changed(statement.values(**values, updated_at=func.clock_timestamp())):
        tx.audit("changed", f"note “{note.title}”")
        return True
    one(tx, note_id)
    return False


def remove(tx: Tx, note_id: str, version: int | None = None) -> bool:
    """Delete a note; False: it is another version than this one. Raises NotFound."""
    title = one(tx, note_id).title
    statement = delete(notes).where(tx.mine(notes), notes.c.id == note_id)
    if not tx.changed(statement if version is None else statement.where(notes.c.version == version)):
        return False
    tx.audit("deleted", f"note “{title}”")
    return True


def files_of(tx: Tx, note_id: str | None = None) -> Sequence[Row[Any]]:
    """Attachments, of one note or of all."""
    statement = select(attachments).where(tx.mine(attachments))
    if note_id is not None:
        statement = statement.where(attachments.c.note_id == note_id)
    return tx.rows(statement.order_by(attachments.c.created_at, attachments.c.id))


def file(tx: Tx, note_id: str, file_id: str) -> Row[Any]:
    """An attachment of a note. Raises NotFound."""
    statement = select(attachments).where(tx.mine(attachments), attachments.c.note_id == note_id)
    row = tx.first(statement.where(attachments.c.id == file_id))
    if row is None:
        raise NotFound
    return row


def attach(tx: Tx, note_id: str, file_id: str, name: str, content_type: str, size: int) -> None:
    """Note a file that is in storage. Raises NotFound."""
    title = one(tx, note_id).title
    values = {"name": name, "content_type": content_type, "bytes": size, "created_by": tx.actor_id}
    tx.insert(attachments, id=file_id, note_id=note_id, **values)
    tx.audit("attached", f"file “{name}” to “{title}”")


def detach(tx: Tx, note_id: str, file_id: str) -> None:
    """Forget a file. Raises NotFound."""
    name = file(tx, note_id, file_id).name
    tx.changed(delete(attachments).where(tx.mine(attachments), attachments.c.id == file_id))
    tx.audit("deleted", f"file “{name}”")
