"""Connections and transactions. A transaction is one workspace's, or nobody's: then it sees no workspace's rows.

The workspace is set with `set_config(…, true)`, which ends with the transaction: a pooled connection carries nothing
over. It travels in the same round trip as BEGIN and the first query, through the driver's pipeline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg_pool import ConnectionPool
from sqlalchemy import Connection, Engine, create_engine
from sqlalchemy.pool import NullPool

from aespo.db import safety

BY_ID = "SELECT set_config('app.tenant_id', %s, true)"
BY_SLUG = (
    "SELECT set_config('app.tenant_id', coalesce((SELECT tenant_id::text FROM directory WHERE slug = %s), ''), true)"
)

# A request that waits longer has lost its reader. A transaction that idles holds locks and a connection.
_LIMITS = "-c statement_timeout=8000 -c lock_timeout=4000 -c idle_in_transaction_session_timeout=20000"
_POOL_PATIENCE = 5.0

Statement = tuple[str, Sequence[Any]]
_spent = threading.local()


def seconds_spent() -> float:
    """Seconds that this thread has waited for answers of the database, since it began."""
    found: float = getattr(_spent, "seconds", 0.0)
    return found


@contextmanager
def _counted() -> Iterator[None]:
    """Count the time that a statement takes."""
    start = time.perf_counter()
    try:
        yield
    finally:
        _spent.seconds = seconds_spent() + time.perf_counter() - start


class _Connection(psycopg.Connection[Any]):
    """A connection that remembers what is to be said before the next statement."""

    before: Statement | None = None

    def close(self) -> None:
        """Back to the pool, also what the server has cut off: psycopg keeps quiet about it, and the pool would wait
        for a connection that never comes back.
        """
        pool = getattr(self, "_pool", None)
        if self.closed and pool is not None:
            pool.putconn(self)
        else:
            super().close()


class _Cursor(psycopg.Cursor[Any]):
    """A cursor that says it, in one round trip with the statement."""

    def execute(self, query: Any, params: Any = None, **options: Any) -> _Cursor:
        with _counted():
            return self._execute(query, params, **options)

    def _execute(self, query: Any, params: Any, **options: Any) -> _Cursor:
        connection = self.connection
        assert isinstance(connection, _Connection)
        before, connection.before = connection.before, None
        if before is None:
            super().execute(query, params, **options)
            return self
        with connection.pipeline():
            psycopg.Cursor(connection).execute(*before)
            super().execute(query, params, **options)
        return self

    def executemany(self, query: Any, params_seq: Any, **options: Any) -> None:
        connection = self.connection
        assert isinstance(connection, _Connection)
        before, connection.before = connection.before, None
        if before is not None:
            psycopg.Cursor(connection).execute(*before)
        super().executemany(query, params_seq, **options)


class Database:
    """The database as the app role sees it. Opened at the first use, so that a process may fork before."""

    def __init__(self, url: str, pool_size: int = 8) -> None:
        self._url = url
        self._lock = threading.Lock()
        self._verified = False
        self._pool = ConnectionPool(
            url,
            connection_class=_Connection,
            kwargs={"cursor_factory": _Cursor, "options": _LIMITS, "application_name": "aespo"},
            min_size=1,
            max_size=pool_size,
            timeout=_POOL_PATIENCE,
            open=False,
            close_returns=True,
        )
        self._engine: Engine = create_engine(
            "postgresql+psycopg://",
            creator=self._pool.getconn,
            poolclass=NullPool,
            use_native_hstore=False,
            hide_parameters=True,
        )

    def verify(self) -> None:
        """See that the role and the tables are safe. Raises safety.Unsafe, or psycopg.OperationalError: unreachable."""
        with psycopg.connect(self._url, connect_timeout=5, application_name="aespo-check") as connection:
            safety.check(connection)
        self._verified = True

    @contextmanager
    def tenant(self, tenant_id: int) -> Iterator[Connection]:
        """A transaction of one workspace: committed at the end, rolled back on an error."""
        with self.connect((BY_ID, (str(tenant_id),))) as connection, connection.begin():
            yield connection

    @contextmanager
    def without_tenant(self) -> Iterator[Connection]:
        """A transaction outside all workspaces."""
        with self.connect(None) as connection, connection.begin():
            yield connection

    def at(self, slug: str) -> Connection:
        """A connection whose transaction is that of the workspace at a slug; the caller commits and closes it."""
        return self.connect((BY_SLUG, (slug,)))

    def connect(self, before: Statement | None) -> Connection:
        """A connection from the pool whose first statement follows another one."""
        self._open()
        connection = self._engine.connect()
        _driver(connection).before = before
        return connection

    def close(self) -> None:
        """Close all connections."""
        self._pool.close()

    def _open(self) -> None:
        if self._verified and not self._pool.closed:
            return
        with self._lock:
            if not self._verified:
                self.verify()
            if self._pool.closed:
                self._pool.open()


def enter(connection: Connection, tenant_id: int) -> None:
    """Let the running transaction be a workspace's: for the one that creates it."""
    connection.exec_driver_sql(BY_ID, (str(tenant_id),))


def commit_with(connection: Connection, *statements: Statement) -> None:
    """Run the last statements and commit, in one round trip."""
    with _counted(), _driver(connection).pipeline():
        for statement in statements:
            psycopg.Cursor(_driver(connection)).execute(*statement)
        connection.commit()


def _driver(connection: Connection) -> _Connection:
    driver = connection.connection.driver_connection
    assert isinstance(driver, _Connection)
    return driver
