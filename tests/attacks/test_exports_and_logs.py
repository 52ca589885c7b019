"""Exports: one at a time, counted, fair. Logs: nothing that people wrote, whatever goes wrong."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import IntegrityError
from workspaces import PASSWORD, Founded, exported, signed_up, work

from aespo import logs
from aespo.db.engine import Database
from aespo.web import Aespo


def scalar(founded: Founded, statement: str) -> int:
    with founded.owner.site.context.require_database().tenant(founded.tenant_id) as connection:
        return int(connection.scalar(text(statement)) or 0)


def test_a_workspace_has_one_pending_export_however_often_it_asks(acme: Founded) -> None:
    work(acme.owner.site)
    with ThreadPoolExecutor(4) as together:
        list(together.map(lambda _: acme.owner.post("/export"), range(12)))
    assert scalar(acme, "SELECT count(*) FROM jobs WHERE kind = 'export'") == 1
    assert "An export is being built" in acme.owner.get("/settings").text


def test_an_export_counts_as_storage_until_it_is_replaced_deleted_or_expired(acme: Founded) -> None:
    acme.note(body="Its text. " * 100)
    work(acme.owner.site)
    before = scalar(acme, "SELECT bytes FROM usage_totals")
    size = len(exported(acme).fp.getvalue())  # type: ignore[union-attr]
    assert scalar(acme, "SELECT bytes FROM usage_totals") == before + size
    second = exported(acme)
    assert scalar(acme, "SELECT count(*) FROM jobs WHERE kind = 'export'") == 1, "the one before is gone"
    assert scalar(acme, "SELECT bytes FROM usage_totals") == before + len(second.fp.getvalue())  # type: ignore[union-attr]
    path = re.search(r"/exports/\w+", acme.owner.get("/settings").text)[0]  # type: ignore[index]
    assert acme.owner.post(f"{path}/delete").status_code == 303
    assert acme.owner.get(path).status_code == 404
    assert acme.owner.post(f"{path}/delete").status_code == 404
    assert scalar(acme, "SELECT bytes FROM usage_totals") == before


def test_no_workspace_waits_for_all_that_another_one_wants(make_site: Callable[..., Aespo]) -> None:
    site = make_site()
    work(site)
    noisy, quiet = signed_up(site), signed_up(site)
    queue, database = site.context.require_adapters().queue, site.context.require_database()
    with database.without_tenant() as connection:
        for _ in range(400):
            queue.put("noisy", connection, noisy.tenant_id)
        queue.put("quiet", connection, quiet.tenant_id)
    order = []
    while "quiet" not in order:  # each time one of two is drawn: the 64th is one in 2 to the 64
        (message,) = queue.take(0)
        queue.done(message)
        order.append(message.body)
    assert len(order) < 64
    while left := queue.take(0):
        queue.done(left[0])


SECRET = "zebra-and-violin"
"""A word that people wrote: it must not be in any log."""


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """What the application's log writes, as its formatter writes it."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logs.DiscreetFormatter("%(levelname)s %(name)s %(message)s"))
    logging.getLogger("aespo").addHandler(handler)
    yield stream
    logging.getLogger("aespo").removeHandler(handler)


class Failing:
    """Lets the n-th statement of a database fail with an error that tells of its values, as PostgreSQL's do."""

    def __init__(self, database: Database) -> None:
        self._engine = database._engine
        self.at = -1
        self.seen = 0
        event.listen(self._engine, "before_cursor_execute", self._before)

    def __call__(self, at: int) -> None:
        self.at, self.seen = at, 0

    def stop(self) -> None:
        event.remove(self._engine, "before_cursor_execute", self._before)

    def _before(self, connection: object, cursor: object, statement: str, parameters: object, *_: object) -> None:
        self.seen += 1
        if self.seen == self.at + 1:
            original = psycopg.errors.CheckViolation(f"DETAIL: Failing row contains ({parameters}) {SECRET}")
            raise IntegrityError(statement, parameters, original)


def test_no_statement_that_fails_writes_what_people_wrote(
    make_site: Callable[..., Aespo], written: io.StringIO
) -> None:
    site = make_site()
    acme = signed_up(site, workspace=f"{SECRET} works")
    note, bearer = acme.note(title=SECRET, body=SECRET), f"Bearer {acme.token()}"
    failing = Failing(site.context.require_database())
    asks = [
        lambda: acme.owner.post("/notes", title=SECRET, body=SECRET),
        lambda: acme.owner.post(f"/notes/{note}", title=SECRET, body=SECRET, version="1"),
        lambda: acme.owner.get(f"/notes?q={SECRET}"),
        lambda: acme.owner.post("/tasks", title=SECRET),
        lambda: acme.owner.post("/team/invites", email=f"{SECRET}@example.com", role="member"),
        lambda: acme.owner.post("/tokens", name=SECRET, scope="read"),
        lambda: acme.owner.new().post("/login", email=f"{SECRET}@example.com", password=SECRET),
        lambda: acme.owner.new().post("/forgot", email=acme.email),
        lambda: acme.owner.new().get("/api/v1/notes", Authorization=bearer),
        lambda: acme.owner.post("/export"),
        lambda: acme.owner.post("/settings/delete", slug=acme.slug, password=f"{SECRET} {PASSWORD}"),
    ]
    failed = 0
    for ask in asks:
        failing(-2)
        for at in range(12):
            failing(at)
            answer = ask()
            if failing.seen <= at:
                break
            failed += 1
            assert answer.status_code in (500, 303, 422), answer.status_code
    failing.stop()
    assert failed > 30
    said = written.getvalue()
    assert said.count("state 23514") >= failed - 5
    assert SECRET not in said
    assert acme.email not in said


def test_two_who_want_the_same_at_once_are_told_so(acme: Founded) -> None:
    """A unique key is broken behind a query that saw nothing: 409, no defect."""
    database = acme.owner.site.context.require_database()

    statement_of_other = (
        "INSERT INTO members (tenant_id, id, email, name, role, password_hash) "
        f"VALUES ({acme.tenant_id}, 'other', 'dee@example.com', 'Dee', 'member', '')"
    )
    came: list[bool] = []

    def insert_first(connection: object, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith("INSERT INTO members") and not came:
            came.append(True)
            with database.tenant(acme.tenant_id) as other:
                other.execute(text(statement_of_other))

    page = acme.owner.post("/team/invites", email="dee@example.com", role="member").text
    token = re.search(r"/join\?token=([\w-]+)", page)[1]  # type: ignore[index]
    event.listen(database._engine, "before_cursor_execute", insert_first)
    answer = acme.owner.new().post("/join", token=token, name="Dee", password=PASSWORD)
    event.remove(database._engine, "before_cursor_execute", insert_first)
    assert answer.status_code == 409


def test_of_an_error_type_place_and_codes_are_told() -> None:
    try:
        raise psycopg.errors.UniqueViolation(f"DETAIL: Key (email)=({SECRET}) already exists.")
    except psycopg.Error as error:
        told = logs.DiscreetFormatter().formatException((type(error), error, error.__traceback__))
    assert "psycopg.errors.UniqueViolation (state 23505)" in told
    assert "test_exports_and_logs.py" in told
    assert SECRET not in told
