"""The local twin of a bucket: a table of the database, which every instance and every release sees alike."""

from __future__ import annotations

import re
from typing import BinaryIO

from sqlalchemy import delete, or_, select

from aespo.db.engine import Database
from aespo.db.schema import objects
from aespo.db.tx import Tx

PART = 1_000_000
"""Bytes of one row."""
_OWNER = re.compile(r"tenants/([0-9]{1,18})(?:/.+)?")


class TableObjects:
    """Objects as rows of the workspace that their key begins with, behind the same policy as its other rows."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, key: str, content: BinaryIO) -> None:
        """Keep an object: whole, or not at all."""
        with self._database.tenant(_owner(key)) as connection:
            tx = Tx(connection, _owner(key))
            tx.changed(delete(objects).where(tx.mine(objects), objects.c.key == key))
            piece, part = content.read(PART), 0
            while piece or part == 0:  # an empty object has a row, too
                tx.insert(objects, key=key, part=part, content=piece)
                piece, part = content.read(PART), part + 1

    def get(self, key: str) -> bytes:
        """An object's content. Raises FileNotFoundError."""
        with self._database.tenant(_owner(key)) as connection:
            tx = Tx(connection, _owner(key))
            statement = select(objects.c.content).where(tx.mine(objects), objects.c.key == key)
            rows = tx.rows(statement.order_by(objects.c.part))
        if not rows:
            raise FileNotFoundError(key)
        return b"".join(row.content for row in rows)

    def delete_below(self, prefix: str) -> int:
        """Delete the object of this key and all below it; how many there were."""
        with self._database.tenant(_owner(prefix)) as connection:
            tx = Tx(connection, _owner(prefix))
            below = or_(objects.c.key == prefix, objects.c.key.startswith(f"{prefix}/", autoescape=True))
            rows = tx.rows(delete(objects).where(tx.mine(objects), below).returning(objects.c.part))
        return sum(row.part == 0 for row in rows)

    def link(self, key: str, name: str) -> str:
        """None: the application serves the file."""
        del key, name
        return ""


def _owner(key: str) -> int:
    """The workspace whose object it is. Raises FileNotFoundError where a key is nobody's."""
    match = _OWNER.fullmatch(key)
    if match is None:
        raise FileNotFoundError(key)
    return int(match[1])
