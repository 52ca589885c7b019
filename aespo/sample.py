"""What a new workspace begins with: something to read, to change and to throw away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import insert

from aespo.db.schema import notes, tasks
from aespo.db.tx import Tx
from aespo.tokens import new_id

_NOTES = (
    (
        "Welcome to your island",
        "Everything here is **yours alone**: the workspace, its address and its data.\n\n"
        "- Write notes in [Markdown](https://commonmark.org/help/), and find them again by any word.\n"
        "- Keep track of what is to do under **Tasks**.\n"
        "- Ask your team in under **Team**: one link each.\n\n"
        "This note is an example. Change it, or delete it when you have seen enough.\n",
    ),
    (
        "Weekly meeting",
        "## Agenda\n\n1. What went well\n2. What is in the way\n3. Who does what until next week\n\n"
        "## Decisions\n\n| what | who | until |\n|---|---|---|\n| Write down how we work | everybody | Friday |\n",
    ),
)
_TASKS = (
    ("Look around, and change the welcome note", "open", 0),
    ("Invite somebody to the team", "open", 2),
    ("Sign up", "done", None),
)


def write(tx: Tx) -> None:
    """Write the sample content, as its founder; two statements."""
    now = datetime.now(UTC)
    common = {"tenant_id": tx.tenant_id, "created_by": tx.actor_id, "updated_by": tx.actor_id}
    tx.connection.execute(
        insert(notes).values(
            [
                {**common, "id": new_id(), "title": title, "body": body, "updated_at": now - timedelta(seconds=number)}
                for number, (title, body) in enumerate(_NOTES)
            ]
        )
    )
    tx.connection.execute(
        insert(tasks).values(
            [
                {
                    **common,
                    "id": new_id(),
                    "title": title,
                    "state": state,
                    "assignee_id": tx.actor_id,
                    "detail": "",
                    "due_on": None if days is None else now.date() + timedelta(days=days),
                }
                for title, state, days in _TASKS
            ]
        )
    )
