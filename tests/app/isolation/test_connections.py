"""Connections are shared by all workspaces, one after another: none carries anything over, whatever went wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from workspaces import signed_up

from aespo.db.engine import BY_ID, Database
from aespo.development import Urls
from aespo.web import Aespo

FOR_THE_SESSION = BY_ID.replace("true", "false")
"""The mutant: the workspace stays set on the connection."""
THREADS, TENANTS, ROUNDS = 16, 50, 60
WAYS = pytest.mark.parametrize(
    ("statement", "leaks"), [(BY_ID, False), (FOR_THE_SESSION, True)], ids=["as it is", "for the session"]
)


class Broken(Exception):
    """A defect in the middle of a request."""


def goes_well(_: Connection) -> None:
    pass


def defect(_: Connection) -> None:
    raise Broken


def bad_statement(connection: Connection) -> None:
    connection.execute(text("SELECT 1 / 0"))


def too_slow(connection: Connection) -> None:
    connection.execute(text("SET LOCAL statement_timeout = 1"))
    connection.execute(text("SELECT pg_sleep(1)"))


def cancelled(connection: Connection) -> None:
    connection.execute(text("SELECT pg_cancel_backend(pg_backend_pid()), pg_sleep(1)"))


def cut_off(connection: Connection) -> None:
    connection.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


FAULTS: tuple[Callable[[Connection], None], ...] = (goes_well, defect, bad_statement, too_slow, cancelled, cut_off)


def run(database: Database, statement: str, tenant_id: int, fault: Callable[[Connection], None]) -> set[int]:
    """A transaction of a workspace that sees what it sees and then has its fault; the workspaces that it saw."""
    seen: set[int] = set()
    try:
        with database.connect((statement, (str(tenant_id),))) as connection, connection.begin():
            seen = set(connection.scalars(text("SELECT DISTINCT tenant_id FROM notes")))
            fault(connection)
    except (Broken, DBAPIError):
        pass
    return seen


@pytest.mark.parametrize("fault", FAULTS)
@WAYS
def test_a_connection_forgets_whose_it_was(
    urls: Urls, site: Aespo, statement: str, leaks: bool, fault: Callable[[Connection], None]
) -> None:
    mine = signed_up(site).tenant_id
    database = Database(urls.app, pool_size=1)
    try:
        assert run(database, statement, mine, fault) == {mine}
        with database.without_tenant() as connection:
            seen = set(connection.scalars(text("SELECT DISTINCT tenant_id FROM notes")))
    finally:
        database.close()
    # A rollback undoes what a session's setting said in it, and a connection that is cut off is gone with it.
    assert seen == ({mine} if leaks and fault is goes_well else set())


@dataclass
class Crowd:
    """Threads that act for many workspaces on few connections, with faults."""

    database: Database
    tenants: list[int]
    statement: str
    foreign: Counter[str] = field(default_factory=Counter)
    """Transactions that saw another workspace, or that were nobody's and saw one."""

    def act(self, seed: int) -> int:
        choice = random.Random(seed)
        for _ in range(ROUNDS):
            if choice.random() < 0.2:
                with self.database.without_tenant() as connection:
                    if set(connection.scalars(text("SELECT DISTINCT tenant_id FROM notes"))):
                        self.foreign["nobody"] += 1
                continue
            tenant_id = choice.choice(self.tenants)
            fault = choice.choices(FAULTS, weights=(70, 8, 8, 4, 4, 3))[0]
            if not run(self.database, self.statement, tenant_id, fault) <= {tenant_id}:
                self.foreign["other"] += 1
        return ROUNDS


@WAYS
def test_sixteen_threads_of_fifty_workspaces_with_faults_see_their_own(
    urls: Urls, site: Aespo, statement: str, leaks: bool
) -> None:
    tenants = [signed_up(site).tenant_id for _ in range(TENANTS)]
    database = Database(urls.app, pool_size=5)
    crowd = Crowd(database, tenants, statement)
    try:
        with ThreadPoolExecutor(THREADS) as pool:
            assert sum(pool.map(crowd.act, range(THREADS))) == THREADS * ROUNDS
    finally:
        database.close()
    assert bool(crowd.foreign["nobody"]) is leaks
    assert crowd.foreign["other"] == 0
