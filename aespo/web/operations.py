"""What machines ask of the process. Answered at any Host: load balancers and probes come with an IP address."""

from __future__ import annotations

from dataclasses import asdict

import psycopg
from flask import Blueprint, Response, jsonify
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import SQLAlchemyError

from aespo.db import safety, schema
from aespo.db.queries import site
from aespo.web.context import context

PATHS = frozenset({"/healthz", "/readyz", "/version"})
blueprint = Blueprint("operations", __name__)


@blueprint.get("/healthz")
def healthz() -> Response:
    """The process is alive. Says nothing of what it depends on."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


@blueprint.get("/version")
def version() -> Response:
    """The release names itself."""
    return jsonify(asdict(context().release))


@blueprint.get("/readyz")
def readyz() -> tuple[Response, int]:
    """Whether it can serve workspaces: the database answers, its schema is one for this release, and it isolates."""
    known = {"oldest": schema.OLDEST, "known": schema.KNOWN}
    if context().database is None:
        return jsonify(ready=False, reason="no database: DATABASE_URL is not set", schema=known), 503
    try:
        database = context().require_database()
        database.verify()
        with database.nobody() as connection:
            revision = site.schema_revision(connection)
    except safety.Unsafe as error:
        return jsonify(ready=False, reason=str(error), schema=known), 503
    except (psycopg.OperationalError, PoolTimeout, SQLAlchemyError):
        return jsonify(ready=False, reason="the database cannot be reached", schema=known), 503
    return jsonify(ready=True, schema={**known, "revision": revision}), 200
