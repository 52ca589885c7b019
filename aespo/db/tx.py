"""One workspace's transaction, as queries use it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Executable, Insert, Row, Table, Update, insert, update
from sqlalchemy.sql.dml import Delete

from aespo.db import schema
from aespo.tokens import new_id


@dataclass(slots=True)
class Tx:
    """A transaction of one workspace and of who acts in it. The database sees to the isolation; `mine` and `insert` say
    the workspace once more, so that the one does not depend on the other.
    """

    connection: Connection
    tenant_id: int
    actor_id: str = ""
    actor: str = ""
    """The name that the audit trail keeps."""

    def mine(self, table: Table) -> ColumnElement[bool]:
        """The condition that rows are this workspace's."""
        return table.c.tenant_id == self.tenant_id

    def rows(self, statement: Executable) -> Sequence[Row[Any]]:
        """All rows of an answer."""
        return self.connection.execute(statement).all()

    def first(self, statement: Executable) -> Row[Any] | None:
        """The first row of an answer."""
        return self.connection.execute(statement).first()

    def changed(self, statement: Update | Delete | Insert) -> int:
        """How many rows a statement changed."""
        return self.connection.execute(statement).rowcount

    def insert(self, table: Table, **values: Any) -> None:
        """Add a row."""
        self.connection.execute(insert(table).values(tenant_id=self.tenant_id, **values))

    def update(self, table: Table) -> Update:
        """A change of this workspace's rows."""
        return update(table).where(self.mine(table))

    def audit(self, action: str, subject: str, detail: str = "") -> None:
        """Write down who did what. A part of the same transaction: what did not happen is not told."""
        self.insert(schema.audit, id=new_id(), actor=self.actor, action=action, subject=subject, detail=detail[:200])
