"""Two layers keep workspaces apart: the database's policies and the queries' own filters. Either alone lets nothing
through; without both the suite sees it in every way that it looks.
"""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest
from mutants import open_policies, site_without
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sweep import CANARY, LISTS, exported, leaks, routes, victim
from workspaces import signed_up

from aespo.db.schema import TENANT_TABLES
from aespo.development import Urls
from aespo.web import Aespo


@pytest.fixture
def site_of(fresh: Urls, request: pytest.FixtureRequest) -> Iterator[Aespo]:
    policies, filters = request.param
    if not policies:
        open_policies(fresh)
    site = site_without(fresh, filters=filters)
    yield site
    site.close()


@pytest.mark.parametrize(
    "site_of",
    [(True, True), (True, False), (False, True)],
    indirect=True,
    ids=["both", "policies alone", "filters alone"],
)
def test_nothing_of_another_workspace_can_be_seen(site_of: Aespo) -> None:
    prey, intruder = victim(site_of), signed_up(site_of)
    assert len(list(routes(site_of))) > 30
    assert leaks(site_of, prey, intruder) == set()
    assert CANARY.encode() not in exported(intruder)
    note = prey.founded.owner.get(f"/notes/{prey.ids['note_id']}").text
    assert f"A {CANARY} sings." in note, "and nothing of it was changed"


@pytest.mark.parametrize("site_of", [(False, False)], indirect=True, ids=["neither"])
def test_the_suite_sees_it_when_both_layers_are_gone(site_of: Aespo) -> None:
    prey, intruder = victim(site_of), signed_up(site_of)
    found = leaks(site_of, prey, intruder)
    assert {"search", "search of the API", "paging", "lists of the API"} <= found
    assert {f"list {path}" for path in LISTS} - found <= {"list /", "list /usage", "list /settings"}
    assert {"GET /notes/{note_id}", "GET /api/v1/notes/{note_id}", "GET /api/v1/tasks/{task_id}"} <= found
    assert {"GET /tasks/{task_id}", "POST /team/invites/{invite_id}/withdraw"} <= found


@pytest.mark.parametrize("table", [table.name for table in TENANT_TABLES])
@pytest.mark.parametrize("defended", [True, False], ids=["with the policy", "without"])
def test_a_forgotten_filter_reads_and_changes_no_other_row(urls: Urls, site: Aespo, table: str, defended: bool) -> None:
    """Each table, as the app role, with the plainest statements there are."""
    mine, theirs = signed_up(site).tenant_id, signed_up(site).tenant_id
    with psycopg.connect(urls.superuser) as connection:
        if not defended:
            connection.execute(f"ALTER POLICY own_workspace ON {table} USING (true) WITH CHECK (true)")
        connection.execute("SET LOCAL ROLE aespo_app")
        connection.execute("SELECT set_config('app.tenant_id', %s, true)", (str(mine),))
        seen = {row[0] for row in connection.execute(f"SELECT tenant_id FROM {table}")}
        if defended:
            assert seen <= {mine}
            assert changed(connection, f"UPDATE {table} SET tenant_id = %s WHERE tenant_id = %s", (mine, theirs)) == 0
            assert changed(connection, f"DELETE FROM {table} WHERE tenant_id = %s", (theirs,)) == 0
        elif table in ("tenants", "members", "notes", "tasks", "audit", "usage_totals", "usage_days", "sessions"):
            assert theirs in seen
        connection.rollback()


def changed(connection: psycopg.Connection[object], statement: str, values: tuple[int, ...]) -> int:
    """How many rows a statement changes; none where the role may not."""
    try:
        with connection.transaction():
            return connection.execute(statement, values).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0


@pytest.mark.parametrize("statement", ["INSERT", "UPDATE"])
def test_no_row_can_be_written_into_another_workspace(site: Aespo, statement: str) -> None:
    mine, theirs = signed_up(site).tenant_id, signed_up(site).tenant_id
    database = site.context.require_database()
    told = {
        "INSERT": "INSERT INTO mails (tenant_id, id, recipient, subject, body) VALUES (:theirs, 'x', 'x', 'x', 'x')",
        "UPDATE": "UPDATE notes SET tenant_id = :theirs",
    }[statement]
    with pytest.raises(ProgrammingError, match="row-level security"), database.tenant(mine) as connection:
        connection.execute(text(told), {"theirs": theirs})


def test_outside_of_a_workspace_nothing_is_seen(site: Aespo) -> None:
    signed_up(site)
    with site.context.require_database().without_tenant() as connection:
        for table in TENANT_TABLES:
            assert connection.scalar(text(f"SELECT count(*) FROM {table.name}")) == 0
