"""The session's cookie. It belongs to one host: no sibling's page gets it, none can set it where __Host- is."""

from __future__ import annotations

from datetime import timedelta

from flask import request
from werkzeug.wrappers import Response

from aespo.db.queries.people import DEVICE, SESSION
from aespo.web.context import context


def token() -> str:
    """The session token that came along; empty: none."""
    return request.cookies.get(_name(), "")


def keep(answer: Response, value: str) -> Response:
    """Let the browser keep a session."""
    _set(answer, _name(), value, SESSION)
    return answer


def device() -> str:
    """The token of a browser that a member has signed in with before; empty: none."""
    return request.cookies.get(_name("-device"), "")


def keep_device(answer: Response, value: str) -> Response:
    """Let the browser be known; it stays so when the session ends."""
    _set(answer, _name("-device"), value, DEVICE)
    return answer


def drop(answer: Response) -> Response:
    """Let the browser forget it."""
    answer.delete_cookie(_name(), path="/", httponly=True, samesite="Lax", secure=context().settings.secure)
    return answer


def _set(answer: Response, name: str, value: str, lifetime: timedelta) -> None:
    seconds, secure = int(lifetime.total_seconds()), context().settings.secure
    answer.set_cookie(name, value, max_age=seconds, path="/", httponly=True, samesite="Lax", secure=secure)


def _name(what: str = "") -> str:
    return f"{'__Host-' if context().settings.secure else ''}aespo{what}"
