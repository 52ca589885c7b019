"""DNS that remembers: a client keeps reaching the environment that a name led to, until its answer expires.

A client is told apart by the header `X-Ebcd-Client`, else by its address. A connection stays with its load balancer for
as long as it lives.
"""

from __future__ import annotations

import time
from asyncio import Transport
from collections.abc import Callable
from weakref import WeakKeyDictionary

from aiohttp import web

CLIENT = "X-Ebcd-Client"


class DnsMemory:
    """What clients remember. ttl: seconds; 0: nothing."""

    def __init__(self, ttl: float) -> None:
        self.ttl = ttl
        self._answers: dict[tuple[str, str], tuple[str, float]] = {}
        self._connections: WeakKeyDictionary[Transport, tuple[str, str]] = WeakKeyDictionary()

    def recall(self, request: web.BaseRequest, ask: Callable[[str], str | None]) -> str | None:
        """The environment that a request's client believes its Host to be; `ask` tells where it leads now."""
        host = request.headers.get("Host", "")
        if not self.ttl or request.transport is None:
            return ask(host)
        held = self._connections.get(request.transport)
        if held and held[0] == host:
            return held[1]
        found = self._resolve(request.headers.get(CLIENT) or request.remote or "", host, ask)
        if found:
            self._connections[request.transport] = (host, found)
        return found

    def _resolve(self, client: str, host: str, ask: Callable[[str], str | None]) -> str | None:
        now = time.monotonic()
        answer = self._answers.get((client, host))
        if answer and answer[1] > now:
            return answer[0]
        found = ask(host)
        if found:
            self._answers = {key: known for key, known in self._answers.items() if known[1] > now}
            self._answers[client, host] = (found, now + self.ttl)
        return found
