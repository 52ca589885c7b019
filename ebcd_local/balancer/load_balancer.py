"""The load balancer itself: listeners, environments, routes.

A route is chosen when a request arrives, so a swap is one assignment: requests under way end where they began and
client connections stay open.
"""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp import web

from ebcd_local.balancer import names, static_files
from ebcd_local.balancer.exchange import exchange, expect_continue, is_upgrade
from ebcd_local.balancer.traffic import CLIENT_GONE, Record, Second, Traffic

T = TypeVar("T")
Handler: TypeAlias = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 60.0
CALL_DEADLINE = 10.0
DRAIN = 1.0
"""Seconds that requests under way have to end when a listener closes; idle connections close at once."""
CLIENT_HEADER = "X-Ebcd-Client"
"""Tells clients on one address apart, where answers of DNS are remembered."""

_UNROUTED = "No environment has this CNAME. `ebcd local status` shows those that there are.\n"


@dataclass(slots=True)
class _Environment:
    upstreams: dict[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    """By instance; empty: all take the same share."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Requests by instance."""
    static: dict[str, dict[str, Path]] = field(default_factory=dict)
    """Instance → prefix → folder."""
    turn: itertools.count[int] = field(default_factory=itertools.count)
    record: Record = field(default_factory=Record)
    tunnels: set[asyncio.Task[Any]] = field(default_factory=set)
    runner: web.ServerRunner | None = None


class LoadBalancer:
    """aiohttp in a thread of its own, on 127.0.0.1 only. dns_ttl: seconds that clients remember where a name led."""

    def __init__(self, port: int = 0, dns_ttl: float = 0.0) -> None:
        self.port = port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._environments: dict[str, _Environment] = {}
        self._routes: Mapping[str, str] = {}
        self._answers = names.Answers(dns_ttl)
        self._held: WeakKeyDictionary[asyncio.Transport, dict[str, str]] = WeakKeyDictionary()
        """Connection → name → environment: a connection stays with the load balancer that it was made to."""
        self._bare: Handler | None = None
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.ServerRunner | None = None

    def start(self) -> None:
        """Listen. Raises OSError when the port is taken."""
        self._thread.start()
        try:
            self._call(self._start())
        except OSError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop listening and end."""
        self._call(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CALL_DEADLINE)
        self._loop.close()

    def open(self, environment_id: str, port: int = 0) -> int:
        """Give an environment a listener of its own that takes any Host; its port."""
        return self._call(self._open(environment_id, port))

    def close(self, environment_id: str) -> None:
        """Take an environment's listener away; requests under way may end, for DRAIN seconds."""
        self._call(self._close(environment_id))

    def set_upstreams(
        self, environment_id: str, upstreams: Mapping[str, int], weights: Mapping[str, int] | None = None
    ) -> None:
        """The instances that take requests: id → port on 127.0.0.1. A closed environment takes none.

        weights: each instance's share of the requests; without, they take turns.
        """
        if environment := self._environments.get(environment_id):
            environment.upstreams, environment.weights = dict(upstreams), weights or {}

    def under_way(self, environment_id: str, instance_id: str) -> int:
        """How many requests an instance has that are not answered yet."""
        environment = self._environments.get(environment_id)
        return environment.under_way[instance_id] if environment else 0

    def set_static(self, environment_id: str, instance_id: str, folders: Mapping[str, Path]) -> None:
        """Folders that are served without asking the instance: path prefix → folder."""
        if environment := self._environments.get(environment_id):
            environment.static = environment.static | {instance_id: dict(folders)}

    def set_routes(self, routes: Mapping[str, str]) -> None:
        """The whole table of CNAME → environment id, replaced at once."""
        self._routes = {name.lower(): environment for name, environment in routes.items()}

    def set_bare(self, handler: Handler) -> None:
        """Who answers, on the shared port, a request whose Host is no environment's."""
        self._bare = handler

    def traffic(self, environment_id: str, seconds: float = 10, instance_id: str | None = None) -> Traffic:
        """An environment's requests of the last seconds, or those of one instance."""
        return self._record(environment_id).traffic(time.monotonic(), seconds, instance_id)

    def series(self, environment_id: str, seconds: int = 60) -> list[Second]:
        """An environment's last whole seconds, oldest first."""
        return self._record(environment_id).series(time.monotonic(), seconds)

    def _record(self, environment_id: str) -> Record:
        environment = self._environments.get(environment_id)
        return environment.record if environment else Record()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_DEADLINE)

    async def _start(self) -> None:
        # Shorter than gunicorn's keep-alive of 2 s: a connection that its server is about to close is not reused.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1.0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._runner, self.port = await _listen(self._route, self.port)

    async def _stop(self) -> None:
        closing = [self._close(environment_id) for environment_id in list(self._environments)]
        if self._runner is not None:
            closing.append(self._runner.cleanup())
        await asyncio.gather(*closing)
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0.05)  # its sockets are closed in the loop's next turns

    async def _open(self, environment_id: str, port: int) -> int:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._forward(request, environment_id)

        environment = self._environments.setdefault(environment_id, _Environment())
        environment.runner, port = await _listen(handle, port)
        return port

    async def _close(self, environment_id: str) -> None:
        environment = self._environments.pop(environment_id, None)
        if environment is None:
            return
        for tunnel in environment.tunnels:
            tunnel.cancel()
        if environment.runner is not None:
            await environment.runner.cleanup()

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        name = names.host_name(request.headers.get("Host", ""))
        current = names.find(self._routes, name)
        environment_id = self._resolve(request, name, current) if self._answers.ttl else current
        if environment_id is None:
            return await self._bare(request) if self._bare else web.Response(status=404, text=_UNROUTED)
        if environment_id not in self._environments and request.transport is not None:
            request.transport.close()  # that load balancer is gone: nobody answers
        return await self._forward(request, environment_id)

    def _resolve(self, request: web.BaseRequest, name: str, current: str | None) -> str | None:
        """The environment that a client's connection holds on to, else what its resolver remembers."""
        assert request.transport is not None
        held = self._held.setdefault(request.transport, {})
        if name not in held:
            client = f"{request.remote} {request.headers.get(CLIENT_HEADER, '')}"
            found = self._answers.ask(client, name, current, time.monotonic())
            if found is None:
                return None
            held[name] = found
        return held[name]

    async def _forward(self, request: web.BaseRequest, environment_id: str) -> web.StreamResponse:
        if request.method == "CONNECT":
            return web.Response(status=405)
        environment = self._environments.get(environment_id)
        upstreams = _in_order(environment) if environment else []
        if environment is None or not upstreams:
            return web.Response(status=503, text="No instance takes requests.\n")
        start = time.monotonic()
        task = asyncio.current_task()
        if is_upgrade(request) and task is not None:
            environment.tunnels.add(task)
        status, instance = 502, ""
        try:
            instance, response = await self._try(request, environment, upstreams)
            status = response.status
            return response
        finally:
            if task is not None:
                environment.tunnels.discard(task)
            if status >= 500 and (request.transport is None or request.transport.is_closing()):
                status = CLIENT_GONE
            environment.record.add(time.monotonic(), instance, status, time.monotonic() - start)

    async def _try(
        self, request: web.BaseRequest, environment: _Environment, upstreams: list[tuple[str, int]]
    ) -> tuple[str, web.StreamResponse]:
        """The answer of the instance whose turn it is, or of the next one where nothing was lost yet."""
        assert self._session is not None
        instance = ""
        expect_continue(request)
        for instance, port in [*upstreams, upstreams[0]]:
            if found := static_files.find(environment.static.get(instance, {}), request.raw_path.partition("?")[0]):
                return instance, await static_files.answer(request, *found)
            environment.under_way[instance] += 1
            try:
                return instance, await exchange(self._session, request, port)
            except aiohttp.ClientConnectorError:
                continue  # nothing was sent: another instance may take it
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if request.method not in REPEATABLE or request.can_read_body:
                    break
            except (aiohttp.ClientError, TimeoutError):
                break
            finally:
                environment.under_way[instance] -= 1
        return instance, web.Response(status=502, text="The instance did not answer.\n")


def _in_order(environment: _Environment) -> list[tuple[str, int]]:
    """The instances, the one whose turn it is first."""
    upstreams = list(environment.upstreams.items())
    if len(upstreams) < 2:
        return upstreams
    if environment.weights:
        weights = [environment.weights.get(name, 1) for name, _ in upstreams]
        first = random.choices(range(len(upstreams)), weights)[0]  # noqa: S311 - a share of requests, no secret
    else:
        first = next(environment.turn) % len(upstreams)
    return upstreams[first:] + upstreams[:first]


async def _listen(handler: Handler, port: int) -> tuple[web.ServerRunner, int]:
    """A listener and its port. Raises OSError when the port is taken."""
    runner = web.ServerRunner(web.Server(handler, access_log=None), shutdown_timeout=DRAIN)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
    try:
        await site.start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, int(runner.addresses[0][1])
