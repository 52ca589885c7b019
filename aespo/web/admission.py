"""A request is admitted with its caller, and what it took is counted when it ends."""

from __future__ import annotations

import time
from collections.abc import Hashable

from flask import Flask, g

from aespo.db.engine import seconds_spent
from aespo.web.context import context


def install(flask: Flask) -> None:
    """Let each admitted request be counted at its end."""
    flask.teardown_request(_dismiss)


def admit(caller: Hashable) -> None:
    """Let the running request begin for a caller. Raises TooManyRequests."""
    context().admission.enter(caller)
    g.admitted = caller, _taken()


def _dismiss(_: BaseException | None) -> None:
    caller, before = g.pop("admitted", (None, 0.0))
    if caller is not None:
        context().admission.leave(caller, _taken() - before)


def _taken() -> float:
    """Seconds of the processor and of the database that this thread has had."""
    return time.thread_time() + seconds_spent()
