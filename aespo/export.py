"""Everything of a workspace as one ZIP: JSON for programs, Markdown for people, the files as they are."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from typing import Any

from sqlalchemy import LargeBinary, Table

from aespo.db import schema
from aespo.db.queries import jobs
from aespo.db.tx import Tx

_SECRETS = {"password_hash", "search"}
_TABLES = ("tenants", "members", "notes", "tasks", "attachments", "audit", "usage_days")


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that belongs into the ZIP."""

    note_id: str
    id: str
    name: str


def write_rows(archive: zipfile.ZipFile, tx: Tx) -> list[Attached]:
    """Write all rows, some at a time; the files that are to follow, once the transaction is over."""
    archive.writestr("README.md", _ABOUT)
    for name in _TABLES:
        _write_json(archive, tx, schema.metadata.tables[name])
    for note in jobs.everything(tx, schema.notes):
        archive.writestr(f"notes/{_file_name(note.title, note.id)}.md", f"# {note.title}\n\n{note.body}\n")
    _write_tasks(archive, tx)
    return [Attached(row.note_id, row.id, row.name) for row in jobs.everything(tx, schema.attachments)]


def write_file(archive: zipfile.ZipFile, file: Attached, content: bytes | None) -> None:
    """Write a file; None: it is gone."""
    if content is not None:
        archive.writestr(f"files/{file.id}-{_file_name(file.name)}", content)


_ABOUT = """# Your workspace

- `notes/` has each note as Markdown, `tasks.md` all tasks, `files/` what was attached.
- `data/` has everything as JSON, with ids, times and who did what. Passwords and tokens are left out.
"""


def _write_json(archive: zipfile.ZipFile, tx: Tx, table: Table) -> None:
    names = [c.name for c in table.c if c.name not in _SECRETS and not isinstance(c.type, LargeBinary)]
    with archive.open(f"data/{table.name}.json", "w", force_zip64=True) as file:
        before = "[\n"
        for row in jobs.everything(tx, table):
            file.write(f"{before}{_json({name: row._mapping[name] for name in names})}".encode())
            before = ",\n"
        file.write(b"[]\n" if before == "[\n" else b"\n]\n")


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, indent=1, ensure_ascii=False, default=lambda value: value.isoformat())


def _write_tasks(archive: zipfile.ZipFile, tx: Tx) -> None:
    names: dict[Any, str] = {row.id: row.name for row in jobs.everything(tx, schema.members)}
    with archive.open("tasks.md", "w", force_zip64=True) as file:
        file.write(b"# Tasks\n\n")
        for task in jobs.everything(tx, schema.tasks):
            told = [names.get(task.assignee_id), f"until {task.due_on}" if task.due_on else None]
            more = ", ".join(item for item in told if item)
            line = f"- [{'x' if task.state == 'done' else ' '}] {task.title}{f' ({more})' if more else ''}\n"
            file.write(line.encode())


def _file_name(title: str, unique: str = "") -> str:
    """A name that no system trips over, and no path."""
    plain = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "untitled"
    return f"{plain}-{unique}" if unique else plain
