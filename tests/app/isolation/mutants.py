"""The application with a layer of its isolation taken away, to show that the suite would see it."""

from __future__ import annotations

from typing import Any

import psycopg
from flask import g
from sqlalchemy import ColumnElement, Table, true

from aespo import adapters, settings
from aespo.admission import Admission
from aespo.db.engine import Database
from aespo.db.schema import TENANT_TABLES
from aespo.db.tx import Tx
from aespo.development import Urls
from aespo.metrics import Metrics, writer
from aespo.release import Release
from aespo.web import Aespo
from aespo.web.context import Context


class Trusting(Database):
    """A database that is served with as it is."""

    def verify(self) -> None:
        self._verified = True


class Forgetful(Tx):
    """A transaction whose queries forget to ask for the workspace's rows alone."""

    def mine(self, table: Table) -> ColumnElement[bool]:
        return true()


def open_policies(urls: Urls) -> None:
    """Let the policies of all tables hide nothing."""
    with psycopg.connect(urls.owner, autocommit=True) as connection:
        for table in TENANT_TABLES:
            connection.execute(f"ALTER POLICY own_workspace ON {table.name} USING (true) WITH CHECK (true)")


def site_without(urls: Urls, *, filters: bool) -> Aespo:
    """The application on a database that it does not verify; without filters where the queries are to forget them."""
    told = settings.read({"DATABASE_URL": urls.app, "AESPO_METRICS": ""})
    database = Trusting(urls.app)
    around, admission = adapters.connect(told, database), Admission(1000, 1000)
    site = Aespo(Context(Release(), told, database, Metrics(writer("")), around, admission))
    if not filters:
        site.workspace.before_request(_forget)
    return site


def _forget() -> Any:
    if "request_context" in g:
        tx = g.request_context.tx
        g.request_context.tx = Forgetful(tx.connection, tx.tenant_id, tx.actor_id, tx.actor)
