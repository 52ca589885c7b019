"""Connections of clients: who waits too long, and what cannot be read."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from http.client import responses
from typing import TypeAlias

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from ebcd_local.balancer.limits import Limits

Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
DRAIN = 1.0
"""Seconds that requests under way have to end when a listener closes; idle connections close at once."""
_LINGER = 2.0
"""Seconds in which a client may go on sending a body that was refused, so that it can read why."""

logger = logging.getLogger(__name__)


class _Connection(RequestHandler):
    """One client's connection. What it sent and cannot be read is answered, and written nowhere."""

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - quotes what the client sent
    ) -> web.StreamResponse:
        """The answer to a request that could not be read, or whose handling failed."""
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            logger.error("A request could not be passed on", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("The answer has begun.")
        return refuse(status)


class _Server(web.Server):
    def __init__(self, handler: Handler, limits: Limits) -> None:
        super().__init__(handler)
        self._limits = limits

    def __call__(self) -> RequestHandler:
        limits = self._limits
        return _Connection(
            self,
            loop=self._loop,
            keepalive_timeout=limits.idle,  # of a connection whose request's head is not there yet, too
            lingering_time=_LINGER,
            max_line_size=limits.field,
            max_field_size=limits.field,
            access_log=None,  # type: ignore[arg-type]  # aiohttp's own way to have none
        )


def refuse(status: int) -> web.Response:
    """An answer of the load balancer's own, after which the connection ends."""
    response = web.Response(status=status, text=f"{responses.get(status, status)}\n")
    response.force_close()
    return response


async def listen(handler: Handler, port: int, limits: Limits) -> tuple[web.ServerRunner, int]:
    """A listener on 127.0.0.1 and its port. Raises OSError when the port is taken."""
    runner = web.ServerRunner(_Server(handler, limits), shutdown_timeout=DRAIN)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])
