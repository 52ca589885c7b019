"""What operators may ask and do, below /internal of the site's own host, with their token."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
from flask import Blueprint, Response, abort, jsonify, request
from sqlalchemy import func

from aespo import slugs
from aespo.db.queries import entry, site
from aespo.db.schema import tenants
from aespo.db.tx import Tx
from aespo.inputs import whole
from aespo.plans import PLANS, measures
from aespo.problems import Invalid, NotFound, Unauthenticated
from aespo.web.context import address, context

blueprint = Blueprint("operators", __name__, url_prefix="/internal")
_PAGE = 50
_LARGEST_SAMPLE = 200


@blueprint.before_request
def _authenticate() -> None:
    """Let operators in, a tenant gate where it asks for a sample, and nobody else. Without tokens there is nothing."""
    settings = context().settings
    asks_sample = request.endpoint == f"{blueprint.name}.tenants_list" and "sample" in request.args
    known = [token for token in (settings.operator_token, settings.sample_token if asks_sample else "") if token]
    if not known:
        abort(404)
    if not any(brings(expected) for expected in known):
        raise Unauthenticated("Send the operators' token: Authorization: Bearer …")


def brings(expected: str) -> bool:
    """Whether the request brings this token; nobody brings one that is not set."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    given = token.strip().encode() if scheme.lower() == "bearer" else b""
    return bool(expected) and hmac.compare_digest(given, expected.encode())


@blueprint.get("/tenants")
def tenants_list() -> Response:
    """Workspaces by id with their usage, a page at a time; `?sample=N`: some workspaces' hosts, for a tenant gate."""
    if "sample" in request.args:
        return jsonify([address().to(slug).name for slug in _sample(_number("sample", 1, _LARGEST_SAMPLE))])
    database = context().require_database()
    with database.without_tenant() as connection:
        page = site.page_of_directory(connection, _number("after", 0, 2**62), _PAGE)
    found = []
    for tenant_id, _ in page:
        with database.tenant(tenant_id) as connection:
            workspace = entry.by_id(connection, tenant_id)
        if workspace is not None:
            found.append(_described(workspace))
    return jsonify(items=found, next=page[-1][0] if len(page) == _PAGE else None)


@blueprint.get("/tenants/<slug>")
def tenant(slug: str) -> Response:
    """One workspace and its usage."""
    return jsonify(_changed(slug, "", {}))


@blueprint.post("/tenants/<slug>/suspend")
def suspend(slug: str) -> Response:
    """Let nothing be changed in a workspace; it can still be read and exported."""
    return jsonify(_changed(slug, "suspended", {"suspended_at": func.now()}))


@blueprint.post("/tenants/<slug>/resume")
def resume(slug: str) -> Response:
    """End a suspension."""
    return jsonify(_changed(slug, "resumed", {"suspended_at": None}))


@blueprint.post("/tenants/<slug>/plan")
def set_plan(slug: str) -> Response:
    """Give a workspace another plan, `{"plan": "team"}`; it is no trial any more."""
    try:
        told = msgspec.json.decode(request.get_data(), type=dict[str, str])
    except (msgspec.MsgspecError, UnicodeError):
        told = {}
    if told.get("plan") not in PLANS:
        raise Invalid({"plan": f"One of {', '.join(PLANS)}."})
    return jsonify(_changed(slug, "gave", {"plan": told["plan"], "trial_ends_at": None}))


def _sample(count: int) -> list[str]:
    with context().require_database().without_tenant() as connection:
        return site.sample_slugs(connection, count)


def _changed(slug: str, action: str, values: dict[str, Any]) -> dict[str, Any]:
    """Change a workspace and tell how it is then. Raises NotFound."""
    database = context().require_database()
    with database.without_tenant() as connection:
        tenant_id = site.find_tenant(connection, slug) if slugs.PATTERN.fullmatch(slug) else None
    if tenant_id is None:
        raise NotFound("There is no such workspace.")
    with database.tenant(tenant_id) as connection:
        tx = Tx(connection, tenant_id, actor="Operator")
        if values:
            tx.changed(tx.update(tenants).values(**values))
            tx.audit(action, "the workspace", str(values.get("plan", "")))
        workspace = entry.by_id(connection, tenant_id)
    if workspace is None:
        raise NotFound("There is no such workspace.")
    return _described(workspace)


def _described(workspace: entry.Workspace) -> dict[str, Any]:
    return {
        "id": workspace.tenant_id,
        "slug": workspace.slug,
        "host": address().to(workspace.slug).name,
        "name": workspace.name,
        "plan": workspace.plan.key,
        "trial_days_left": workspace.days_left,
        "suspended": workspace.suspended_at is not None,
        "usage": {
            item.key: {"used": item.used, "limit": item.limit} for item in measures(workspace.plan, workspace.usage)
        },
    }


def _number(name: str, least: int, most: int) -> int:
    number = whole(request.args.get(name, str(least)), least, most)
    if number is None:
        raise Invalid({name: f"A number between {least} and {most}."})
    return number
