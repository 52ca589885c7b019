"""What machines ask of the process. Answered at any Host: load balancers and probes come with an IP address."""

from __future__ import annotations

from dataclasses import asdict

from flask import Blueprint, Response, jsonify

from aespo.db import schema
from aespo.web import operators
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
    database = context().database
    if database is None:
        return jsonify(ready=False, reason="no database: DATABASE_URL is not set", schema=known), 503
    seen = context().readiness.of(database)
    if seen.revision is None:
        detail = {"detail": seen.detail} if operators.brings(context().settings.operator_token) else {}
        return jsonify(ready=False, reason=seen.reason, **detail, schema=known), 503
    return jsonify(ready=True, schema={**known, "revision": seen.revision}), 200
