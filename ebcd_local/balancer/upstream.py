"""Connections to instances.

One that carried a body is never used again: should the instance answer before it has read that body to its end, what is
left of it would be read as the next request, and somebody else's. A request without a body and without an effect may
take a connection that is kept, and is sent a second time, on a new one, where the kept one was closed before anything
of an answer came. Nothing else is ever sent twice.
"""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp
from aiohttp import web

from ebcd_local.balancer.limits import Limits

_WITHOUT_EFFECT = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT = 1.0
"""Seconds that a connection is kept: less than the two that gunicorn's keep-alive has."""


@dataclass(frozen=True, slots=True)
class Upstreams:
    """Where requests are sent from."""

    kept: aiohttp.ClientSession
    fresh: aiohttp.ClientSession
    """A new connection for each request."""

    @classmethod
    def open(cls, limits: Limits) -> Upstreams:
        """In the running loop. `close` must follow."""
        return cls(
            _session(aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEPT), limits),
            _session(aiohttp.TCPConnector(limit=0, force_close=True), limits),
        )

    def ways(self, request: web.BaseRequest) -> tuple[aiohttp.ClientSession, ...]:
        """What a request is sent over; the next one where the one before was lost without an answer."""
        repeatable = request.method in _WITHOUT_EFFECT and not request.can_read_body
        return (self.kept, self.fresh) if repeatable else (self.fresh,)

    async def close(self) -> None:
        """Close all connections."""
        await self.kept.close()
        await self.fresh.close()


def _session(connector: aiohttp.TCPConnector, limits: Limits) -> aiohttp.ClientSession:
    timeout = aiohttp.ClientTimeout(total=None, sock_connect=limits.connect, sock_read=limits.idle)
    jar = aiohttp.DummyCookieJar()
    session = aiohttp.ClientSession(connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=jar)
    session._retry_connection = False  # aiohttp would send a PUT again whose body is used up; no argument says it
    return session
