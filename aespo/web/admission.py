"""A request is admitted with its caller, and what it took is counted when it ends."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask, g, json, request
from werkzeug.wrappers import Response

from aespo.admission import Caller, Turn
from aespo.db.engine import seconds_spent
from aespo.problems import TooManyRequests
from aespo.web.context import ADDRESS, Context, context
from aespo.web.errors import API

LARGEST_REQUEST = 12_000_000
"""Bytes. `.platform/nginx` lets them through."""
_PIECE = 65_536


def install(flask: Flask) -> None:
    """Let each admitted request be counted at its end."""
    flask.teardown_request(_dismiss)


def admit(caller: Caller, before_waiting: Callable[[], object] = lambda: None) -> None:
    """Let the running request begin for a caller, when it is its turn. Raises TooManyRequests."""
    context().known.note(_credentials(request.environ), caller)
    g.turn, g.taken = Turn(caller), _taken()
    context().admission.enter(g.turn, before_waiting)


@contextmanager
def outside() -> Iterator[None]:
    """Let the caller's next request have its turn while the running one waits for storage."""
    with context().admission.outside(g.turn):
        yield


def refusal(context: Context, environ: dict[str, Any]) -> Response | None:
    """The answer to a caller who is known and would be refused anyway: made of nothing that takes time."""
    caller = context.known.find(_credentials(environ))
    if caller is None:
        return None
    try:
        context.admission.check(caller)
    except TooManyRequests as error:
        return _plain(error, environ["PATH_INFO"])
    return None


def receive_rest(environ: dict[str, Any]) -> None:
    """Read what of a request's body nobody has read. Closing a connection before would take the answer away with it."""
    left = LARGEST_REQUEST if environ.get("wsgi.input_terminated") else 0  # else reading would not end
    while left > 0 and (piece := environ["wsgi.input"].read(min(_PIECE, left))):
        left -= len(piece)


def _plain(error: TooManyRequests, path: str) -> Response:
    headers = [("Retry-After", str(error.retry_after)), ("Cache-Control", "no-store")]
    headers.append(("X-Content-Type-Options", "nosniff"))
    if not path.startswith(API):
        return Response(f"{error.description}\n", error.code, headers, mimetype="text/plain")
    told = json.dumps({"type": error.type, "title": error.title, "status": error.code, "detail": error.description})
    return Response(told, error.code, headers, mimetype="application/problem+json")


def _credentials(environ: dict[str, Any]) -> Hashable:
    """What a request says of who sends it, at which host: the same caller, as long as nothing of it changes."""
    names = ("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_X_FORWARDED_FOR", "REMOTE_ADDR")
    return hash((str(environ[ADDRESS]), *(environ.get(name) for name in names)))


def _dismiss(_: BaseException | None) -> None:
    turn = g.pop("turn", None)
    if turn is not None:
        context().admission.leave(turn, _taken() - g.pop("taken", 0.0))


def _taken() -> float:
    """Seconds of the processor and of the database that this thread has had."""
    return time.thread_time() + seconds_spent()
