"""What went wrong, as a page, or for a client that asks for JSON as RFC 9457 has it."""

from __future__ import annotations

import logging
from typing import Any

import psycopg
from flask import Flask, Response, g, jsonify, make_response, render_template, request
from psycopg_pool import PoolTimeout
from sqlalchemy.exc import DBAPIError
from werkzeug.exceptions import HTTPException, InternalServerError

from aespo import logs
from aespo.db.safety import Unsafe
from aespo.problems import Conflict, NoDatabase, Problem

logger = logging.getLogger("aespo")
API = "/api/"


def install(flask: Flask) -> None:
    """Let every error be answered in the same two ways."""
    flask.register_error_handler(HTTPException, answer)
    for kind in (DBAPIError, psycopg.OperationalError, PoolTimeout, Unsafe):
        flask.register_error_handler(kind, _database_error)


def answer(error: HTTPException) -> Response:
    """The error for whoever asked."""
    code, title = error.code or 500, getattr(error, "title", "") or error.name
    detail = error.description if isinstance(error.description, str) else ""
    if isinstance(error, InternalServerError):
        detail = "Something went wrong here. It is written down, and trying again may help."
    made = _json(error, code, title, detail) if wants_json() else _page(error, code, title, detail)
    made.status_code = code
    made.headers.extend((k, v) for k, v in error.get_headers() if k not in ("Content-Type", "Content-Length"))
    made.vary.add("Accept")
    return made


def wants_json() -> bool:
    """Whether the client is a program."""
    accepted = request.accept_mimetypes
    return request.path.startswith(API) or accepted.best_match(["text/html", "application/json"]) == "application/json"


def _json(error: HTTPException, code: int, title: str, detail: str) -> Response:
    more: dict[str, Any] = error.more if isinstance(error, Problem) else {}
    made = jsonify(type=getattr(error, "type", "about:blank"), title=title, status=code, detail=detail, **more)
    made.content_type = "application/problem+json"
    return made


def _page(error: HTTPException, code: int, title: str, detail: str) -> Response:
    if error.response is not None:
        return make_response(error.response)
    template = "workspace/error.html" if g.get("request_context") else "site/error.html"
    return make_response(render_template(template, code=code, title=title, detail=detail, error=error))


def _database_error(error: Exception) -> Response:
    """The database did not answer, or not in time: the caller may try again. Anything else of it is a defect."""
    original = getattr(error, "orig", error)
    if isinstance(original, psycopg.errors.UniqueViolation):
        logger.info("Two requests wanted the same at once: %s", logs.describe(original))
        return answer(Conflict("Somebody did the same at this moment. Look at what is there now, and try again."))
    if not isinstance(original, (psycopg.OperationalError, PoolTimeout, Unsafe)):
        logger.error("A statement failed", exc_info=error)
        return answer(InternalServerError(original_exception=error))
    logger.error("The database did not answer: %s", logs.describe(original))
    return answer(NoDatabase("The database does not answer right now. Nothing was changed: try again in a moment."))
