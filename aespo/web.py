"""The Flask application: one page for the site, one for each workspace, and what machines ask of the process."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from flask import Flask, Response, abort, current_app, g, jsonify, make_response, render_template, request
from werkzeug.exceptions import HTTPException, InternalServerError

from aespo import hosts, island, release, tenants

OPERATIONS = frozenset({"healthz", "version"})
"""Endpoints that answer at any Host: load balancers and probes come with an IP address."""

# The stylesheet is part of the page. During a swap a page and a file it refers to may come from two releases.
STYLESHEET = Path(__file__).with_name("templates").joinpath("aespo.css").read_text(encoding="utf-8")

_HEADERS = {
    "Content-Security-Policy": "; ".join(
        (
            "default-src 'none'",
            f"style-src 'sha256-{b64encode(sha256(STYLESHEET.encode()).digest()).decode()}'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",  # after a swap nobody is to see the earlier release
}


@dataclass(frozen=True, slots=True)
class Site:
    """What one process serves."""

    release: release.Release
    tenants: tenants.Tenants
    bases: tuple[str, ...]


def create_application(environ: Mapping[str, str], root: Path) -> Flask:
    """The WSGI application, from the environment properties and the files in `root`."""
    application = Flask("aespo", static_folder=None)
    application.extensions["aespo"] = Site(
        release=release.read(root),
        tenants=tenants.InMemoryTenants.parse(environ.get("AESPO_TENANTS") or tenants.EXAMPLES),
        bases=hosts.bases(environ.get("AESPO_BASE_HOST", "")),
    )
    application.jinja_env.globals.update(stylesheet=STYLESHEET, contours=island.contours, site=_site)
    application.jinja_env.filters["day"] = _day
    application.add_url_rule("/healthz", view_func=healthz)
    application.add_url_rule("/version", view_func=version)
    application.add_url_rule("/", view_func=front)
    application.before_request(find_workspace)
    application.register_error_handler(HTTPException, show_error)
    application.after_request(add_headers)
    return application


def healthz() -> Response:
    """The process is alive. Says nothing of what it depends on."""
    return Response("ok\n", content_type="text/plain; charset=utf-8")


def version() -> Response:
    """The release names itself."""
    return jsonify(asdict(_site().release))


def front() -> str:
    """The site's own page, or the workspace's."""
    return render_template("landing.html" if g.tenant is None else "workspace.html")


def find_workspace() -> None:
    """Set `g.address` and `g.tenant` from the Host header, or end the request."""
    if request.endpoint in OPERATIONS:
        return
    try:
        g.address = hosts.parse(request.environ.get("HTTP_HOST"), _site().bases)
    except hosts.InvalidHost:
        abort(400, "The request names no host, or one that cannot exist.")
    except hosts.UnknownHost:
        abort(404, "No workspace has this address.")
    g.tenant = _site().tenants.find(g.address.slug) if g.address.slug else None
    if g.address.slug and g.tenant is None:
        abort(404, "No workspace has this address.")


def show_error(error: HTTPException) -> Response:
    """The error as a page, or for a client that asks for JSON as RFC 9457 has it."""
    code, title = error.code or 500, error.name
    detail = error.description if isinstance(error.description, str) else ""
    if isinstance(error, InternalServerError):
        detail = "Something went wrong here. It is written down, and trying again may help."
    if request.accept_mimetypes.best_match(["text/html", "application/json"]) == "application/json":
        answer = jsonify(type="about:blank", title=title, status=code, detail=detail)
        answer.content_type = "application/problem+json"
    else:
        answer = make_response(render_template("error.html", code=code, title=title, detail=detail))
    answer.status_code = code
    answer.headers.extend((k, v) for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length"))
    answer.vary.add("Accept")
    return answer


def add_headers(answer: Response) -> Response:
    """What every answer carries."""
    for name, value in _HEADERS.items():
        answer.headers.setdefault(name, value)
    return answer


def _site() -> Site:
    site: Site = current_app.extensions["aespo"]
    return site


def _day(time: str) -> str:
    """A date and time for people."""
    return f"{datetime.fromisoformat(time):%-d %B %Y, %H:%M %Z}"
