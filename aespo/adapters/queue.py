"""The queue of background jobs. A message says where a job is written down, and nothing else: what it is about stays in
its workspace, behind the same isolation as all the rest. Or it says which deleted workspace has files left.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

from sqlalchemy import Connection, delete, func, insert, select, text, update

from aespo.db.engine import Database
from aespo.db.schema import queue

FAST, SLOW = "fast", "slow"
"""Lanes: mail, which is sent at once; exports and deletions, which take their time."""
HIDDEN = 60
"""Seconds that a message is hidden from other workers once one has taken it; then it is theirs to try."""
_MOST = 10


@dataclass(frozen=True, slots=True)
class Message:
    """A message that was taken."""

    body: str
    receipt: str


class Queue(Protocol):
    """A queue that delivers at least once."""

    def put(self, body: str, connection: Connection, tenant_id: int) -> Callable[[], None] | None:
        """Hand a workspace's message over with a transaction; what is left to do once it is committed."""

    def take(self, wait: float) -> Sequence[Message]:
        """Some messages; none after `wait` seconds without any."""

    def done(self, message: Message) -> None:
        """Let a message not come again."""


class TableQueue:
    """The local twin: a table of the database. A message is there exactly if its transaction was committed."""

    def __init__(self, database: Database, lane: str = SLOW) -> None:
        self._database = database
        self._lane = lane
        self._most = _MOST if lane == FAST else 1  # a slow one must not hide the others behind it from other workers

    def put(self, body: str, connection: Connection, tenant_id: int) -> None:
        """Write the message down in the transaction itself."""
        values = {"message": body, "lane": self._lane, "workspace": tenant_id, "visible_at": func.now()}
        connection.execute(insert(queue).values(**values))

    def take(self, wait: float) -> Sequence[Message]:
        """Messages that nobody else has taken; the caller waits, this does not.

        Whose message comes next is drawn among the workspaces: none waits for all that another one wants.
        """
        del wait
        turn = func.row_number().over(partition_by=queue.c.workspace, order_by=queue.c.id).label("turn")
        visible = (
            select(queue.c.id, turn).where(queue.c.visible_at <= func.now(), queue.c.lane == self._lane).subquery()
        )
        chosen = select(visible.c.id).order_by(visible.c.turn, func.random()).limit(self._most)
        free = select(queue.c.id).where(queue.c.id.in_(chosen), queue.c.visible_at <= func.now())
        statement = update(queue).where(queue.c.id.in_(free.with_for_update(skip_locked=True)))
        hidden = {"visible_at": func.now() + text(f"interval '{HIDDEN} seconds'"), "attempts": queue.c.attempts + 1}
        with self._database.without_tenant() as connection:
            rows = connection.execute(statement.values(**hidden).returning(queue.c.id, queue.c.message)).all()
        return [Message(row.message, str(row.id)) for row in rows]

    def done(self, message: Message) -> None:
        """Take the message off the table."""
        with self._database.without_tenant() as connection:
            connection.execute(delete(queue).where(queue.c.id == int(message.receipt)))


class SqsQueue:
    """SQS. The queue's own redrive policy takes away what fails again and again.

    A message is written into the table with its transaction and moved on from there: a process that is killed after the
    commit loses none. One that is killed while it moves a message sends it twice.
    """

    def __init__(self, url: str, database: Database, client: Any = None) -> None:
        self._url = url
        self._written = TableQueue(database, SLOW)
        self._given = client

    @cached_property
    def _client(self) -> Any:
        import boto3

        return self._given or boto3.client("sqs")

    def put(self, body: str, connection: Connection, tenant_id: int) -> Callable[[], None]:
        """Write the message down. It is sent once the transaction is committed: before, a worker would find no job."""
        self._written.put(body, connection, tenant_id)
        return self._move

    def take(self, wait: float) -> Sequence[Message]:
        """Messages, by long polling; first those are sent that others have left."""
        self._move()
        told = self._client.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=1, VisibilityTimeout=HIDDEN, WaitTimeSeconds=min(20, int(wait))
        )
        return [Message(item["Body"], item["ReceiptHandle"]) for item in told.get("Messages", ())]

    def done(self, message: Message) -> None:
        """Delete the message."""
        self._client.delete_message(QueueUrl=self._url, ReceiptHandle=message.receipt)

    def _move(self) -> None:
        for message in self._written.take(0):
            self._client.send_message(QueueUrl=self._url, MessageBody=message.body)
            self._written.done(message)
