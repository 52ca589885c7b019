"""What a browser may do with our pages, and whose forms are taken."""

from __future__ import annotations

from flask import Flask, Response, request

from aespo.problems import Forbidden
from aespo.web.context import STYLE_DIGEST, context

_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


def install(flask: Flask) -> None:
    """Let every answer carry the headers."""
    flask.after_request(_add_headers)


def require_same_origin() -> None:
    """Take a form only from a page of the same host. Raises Forbidden.

    Workspaces are each other's siblings: a SameSite cookie comes along from any of them, so the origin is what decides.
    """
    if request.method in _SAFE or request.routing_exception is not None:
        return
    origin, fetch_site = request.headers.get("Origin"), request.headers.get("Sec-Fetch-Site")
    own = f"{context().settings.scheme}://{request.environ.get('HTTP_HOST', '')}".lower()
    if (fetch_site or "same-origin") == "same-origin" and (origin or "").lower() == own:
        return
    raise Forbidden("This form was not sent by a page of this site. Go back, load the page again and retry.")


def _add_headers(answer: Response) -> Response:
    for name, value in _headers().items():
        answer.headers.setdefault(name, value)
    return answer


def _headers() -> dict[str, str]:
    policy = (
        "default-src 'none'",
        f"style-src 'sha256-{STYLE_DIGEST}'",
        "img-src 'self' data:",
        "base-uri 'none'",
        f"form-action {_form_targets()}",
        "frame-ancestors 'none'",
    )
    headers = {
        "Content-Security-Policy": "; ".join(policy),
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Content-Type-Options": "nosniff",
        "Cache-Control": "no-store",  # after a swap nobody is to see the earlier release; nor a signed-out page
    }
    if context().settings.secure:
        headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
    return headers


def _form_targets() -> str:
    """Forms go to their own host; those of the site also lead on to a workspace's."""
    address = request.environ.get("aespo.address")
    if getattr(address, "slug", None) != "":
        return "'self'"
    assert address is not None
    return f"'self' {context().settings.scheme}://*.{address.apex}{address.port and f':{address.port}'}"
