"""Tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, case, delete, func, select

from aespo import inputs, paging
from aespo.db.schema import members, tasks
from aespo.db.tx import Tx
from aespo.problems import Invalid, NotFound
from aespo.tokens import new_id

PAGE = 30
_MOST = 200
_DONE_SHOWN = 20


def _select(tx: Tx) -> Select[Any]:
    assignee = members.c.name.label("assignee_name")
    source = tasks.outerjoin(
        members, (members.c.tenant_id == tasks.c.tenant_id) & (members.c.id == tasks.c.assignee_id)
    )
    columns = [column for column in tasks.c if column.name != "tenant_id"]
    return select(*columns, assignee).select_from(source).where(tx.mine(tasks))


def latest(tx: Tx, after: str = "", state: str | None = None, size: int = PAGE) -> paging.Page[Row[Any]]:
    """Tasks, the last changed first."""
    statement = _select(tx) if state is None else _select(tx).where(tasks.c.state == state)
    rows = tx.rows(paging.ordered(statement, tasks, "updated_at", paging.Place.read(after), size))
    return paging.Page(*paging.cut(rows, "updated_at", size))


def board(tx: Tx, assignee: str | None = None) -> Sequence[Row[Any]]:
    """What is open and under way, the most urgent first, and what was done last."""
    undone = _select(tx).where(tasks.c.state != "done")
    done = _select(tx).where(tasks.c.state == "done")
    if assignee is not None:
        undone, done = undone.where(tasks.c.assignee_id == assignee), done.where(tasks.c.assignee_id == assignee)
    order = (
        case((tasks.c.state == "doing", 0), else_=1),
        tasks.c.due_on.asc().nulls_last(),
        tasks.c.created_at,
        tasks.c.id,
    )
    rows = list(tx.rows(undone.order_by(*order).limit(_MOST)))
    return rows + list(tx.rows(done.order_by(tasks.c.updated_at.desc(), tasks.c.id).limit(_DONE_SHOWN)))


def mine(tx: Tx, member_id: str, size: int = 6) -> Sequence[Row[Any]]:
    """A member's tasks that are not done, the most urgent first."""
    statement = _select(tx).where(tasks.c.state != "done", tasks.c.assignee_id == member_id)
    return tx.rows(statement.order_by(tasks.c.due_on.asc().nulls_last(), tasks.c.created_at, tasks.c.id).limit(size))


def one(tx: Tx, task_id: str) -> Row[Any]:
    """A task. Raises NotFound."""
    row = tx.first(_select(tx).where(tasks.c.id == task_id))
    if row is None:
        raise NotFound
    return row


def add(tx: Tx, task: inputs.Task) -> str:
    """Write a task down; its id. Raises Invalid for an assignee who is no member."""
    task_id = new_id()
    tx.insert(tasks, id=task_id, created_by=tx.actor_id, updated_by=tx.actor_id, **_values(tx, task))
    tx.audit("added", f"task “{task.title}”")
    return task_id


def change(tx: Tx, task_id: str, version: int, task: inputs.Task) -> bool:
    """Change a task of which this version was read; False: somebody else did meanwhile. Raises NotFound, Invalid."""
    statement = tx.update(tasks).where(tasks.c.id == task_id, tasks.c.version == version)
    values = {"version": version + 1, "updated_by": tx.actor_id, "updated_at": func.clock_timestamp()}
    if tx.changed(statement.values(**values, **_values(tx, task))):
        tx.audit("changed", f"task “{task.title}”")
        return True
    one(tx, task_id)
    return False


def move(tx: Tx, task_id: str, version: int, state: str) -> bool:
    """Give a task another state; False: somebody else changed it meanwhile. Raises NotFound."""
    statement = tx.update(tasks).where(tasks.c.id == task_id, tasks.c.version == version)
    values = {"state": state, "version": version + 1, "updated_by": tx.actor_id}
    row = one(tx, task_id)
    if not tx.changed(statement.values(**values, updated_at=func.clock_timestamp())):
        return False
    tx.audit({"done": "finished", "doing": "started"}.get(state, "reopened"), f"task “{row.title}”")
    return True


def remove(tx: Tx, task_id: str, version: int | None = None) -> bool:
    """Delete a task; False: it is another version than this one. Raises NotFound."""
    title = one(tx, task_id).title
    statement = delete(tasks).where(tx.mine(tasks), tasks.c.id == task_id)
    if not tx.changed(statement if version is None else statement.where(tasks.c.version == version)):
        return False
    tx.audit("deleted", f"task “{title}”")
    return True


def _values(tx: Tx, task: inputs.Task) -> dict[str, Any]:
    if task.assignee is not None:
        known = select(members.c.id).where(
            tx.mine(members), members.c.id == task.assignee, members.c.removed_at.is_(None)
        )
        if tx.first(known) is None:
            raise Invalid({"assignee": "There is no such member."})
    return {
        "title": task.title,
        "detail": task.detail,
        "state": task.state,
        "assignee_id": task.assignee,
        "due_on": task.due,
    }
