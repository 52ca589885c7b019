"""The session's cookie. It belongs to one host: no sibling's page gets it, none can set it where __Host- is."""

from __future__ import annotations

from flask import request
from werkzeug.wrappers import Response

from aespo.db.queries.people import SESSION
from aespo.web.context import context


def token() -> str:
    """The session token that came along; empty: none."""
    return request.cookies.get(_name(), "")


def keep(answer: Response, value: str) -> Response:
    """Let the browser keep a session."""
    answer.set_cookie(_name(), value, max_age=int(SESSION.total_seconds()), path="/", httponly=True, samesite="Lax",
                      secure=context().settings.secure)  # fmt: skip
    return answer


def drop(answer: Response) -> Response:
    """Let the browser forget it."""
    answer.delete_cookie(_name(), path="/", httponly=True, samesite="Lax", secure=context().settings.secure)
    return answer


def _name() -> str:
    return "__Host-aespo" if context().settings.secure else "aespo"
