"""Everything of a workspace as one ZIP: JSON for programs, Markdown for people, the files as they are."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Callable
from typing import Any

from sqlalchemy import LargeBinary, Table

from aespo.db import schema
from aespo.db.queries import jobs, notes
from aespo.db.tx import Tx

_SECRETS = {"password_hash", "search"}
_TABLES = ("tenants", "members", "notes", "tasks", "attachments", "audit", "usage_days")


def build(tx: Tx, read_file: Callable[[str, str], bytes | None]) -> bytes:
    """The ZIP. read_file: the content of a note's file, by the ids of both; None: it is gone."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("README.md", _ABOUT)
        for name in _TABLES:
            archive.writestr(f"data/{name}.json", _json(tx, schema.metadata.tables[name]))
        for note in jobs.everything(tx, schema.notes):
            archive.writestr(f"notes/{_file_name(note.title, note.id)}.md", f"# {note.title}\n\n{note.body}\n")
        archive.writestr("tasks.md", _tasks(tx))
        for file in notes.files_of(tx):
            content = read_file(file.note_id, file.id)
            if content is not None:
                archive.writestr(f"files/{file.id}-{_file_name(file.name)}", content)
    return made.getvalue()


_ABOUT = """# Your workspace

- `notes/` has each note as Markdown, `tasks.md` all tasks, `files/` what was attached.
- `data/` has everything as JSON, with ids, times and who did what. Passwords and tokens are left out.
"""


def _json(tx: Tx, table: Table) -> str:
    names = [c.name for c in table.c if c.name not in _SECRETS and not isinstance(c.type, LargeBinary)]
    rows = [{name: row._mapping[name] for name in names} for row in jobs.everything(tx, table)]
    return json.dumps(rows, indent=1, ensure_ascii=False, default=lambda value: value.isoformat())


def _tasks(tx: Tx) -> str:
    names: dict[Any, str] = {row.id: row.name for row in jobs.everything(tx, schema.members)}
    lines = ["# Tasks", ""]
    for task in jobs.everything(tx, schema.tasks):
        told = [names.get(task.assignee_id), f"until {task.due_on}" if task.due_on else None]
        more = ", ".join(item for item in told if item)
        lines.append(f"- [{'x' if task.state == 'done' else ' '}] {task.title}{f' ({more})' if more else ''}")
    return "\n".join([*lines, ""])


def _file_name(title: str, unique: str = "") -> str:
    """A name that no system trips over, and no path."""
    plain = re.sub(r"[^\w.-]+", "-", title).strip("-.")[:80] or "untitled"
    return f"{plain}-{unique}" if unique else plain
