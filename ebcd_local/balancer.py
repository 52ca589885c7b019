"""The load balancer: routes by Host on one shared port, and gives each environment a port of its own.

A route is chosen when a request arrives, so a swap is one assignment: requests under way end where they began and
client connections stay open.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import threading
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import aiohttp
from aiohttp import web

from ebcd_local.dns_memory import DnsMemory

T = TypeVar("T")

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade"}
)  # fmt: skip
REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
REMEMBERED = 20_000
"""Requests that an environment's traffic is told from."""
CONNECT_TIMEOUT, READ_TIMEOUT = 5.0, 60.0
START_DEADLINE = 10.0
PERCENTILES = {"P10": 0.1, "P50": 0.5, "P75": 0.75, "P85": 0.85, "P90": 0.9, "P95": 0.95, "P99": 0.99, "P999": 0.999}

_UNROUTED = "No environment has this CNAME. `ebcd local status` shows those that there are.\n"


@dataclass(frozen=True, slots=True)
class Traffic:
    """Requests of the last seconds."""

    requests: int
    duration: float
    """Seconds that they were counted over."""
    status_2xx: int
    status_3xx: int
    status_4xx: int
    status_5xx: int
    latencies: dict[str, float]
    """Seconds by percentile: P10 … P999; empty without requests."""


@dataclass(slots=True)
class _Environment:
    upstreams: dict[str, int] = field(default_factory=dict)
    static: Mapping[str, Path] = field(default_factory=dict)
    """Path prefix → folder of what is served without an instance."""
    weights: Mapping[str, int] = field(default_factory=dict)
    """By instance; empty: all take the same share."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Requests by instance."""
    turn: itertools.count[int] = field(default_factory=itertools.count)
    requests: deque[tuple[float, str, int, float]] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    """When, instance, status, seconds."""
    site: web.TCPSite | None = None
    runner: web.AppRunner | None = None


class LoadBalancer:
    """aiohttp in a thread of its own, on 127.0.0.1 only.

    port: of the shared listener; 0 takes a free one. dns_ttl: seconds that a client remembers which environment a
    CNAME led to, as resolvers do.
    """

    def __init__(self, port: int = 0, dns_ttl: float = 0.0) -> None:
        self.port = port
        self._memory = DnsMemory(dns_ttl)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._environments: dict[str, _Environment] = {}
        self._routes: Mapping[str, str] = {}
        self._session: aiohttp.ClientSession | None = None
        self._runner: web.AppRunner | None = None

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
        self._thread.join(START_DEADLINE)
        self._loop.close()

    def open(self, environment_id: str, port: int = 0) -> int:
        """Give an environment a listener of its own that takes any Host; its port."""
        return self._call(self._open(environment_id, port))

    def close(self, environment_id: str) -> None:
        """Take an environment's listener away; requests under way may end."""
        self._call(self._close(environment_id))

    def set_upstreams(
        self, environment_id: str, upstreams: Mapping[str, int], weights: Mapping[str, int] | None = None
    ) -> None:
        """The instances that take requests: id → port on 127.0.0.1. A closed environment takes none.

        weights: each instance's share of the requests; without, they take turns."""
        if environment := self._environments.get(environment_id):
            environment.upstreams, environment.weights = dict(upstreams), weights or {}

    def set_static(self, environment_id: str, folders: Mapping[str, Path]) -> None:
        """What an environment's proxy serves itself: path prefix → folder."""
        if environment := self._environments.get(environment_id):
            environment.static = dict(folders)

    def under_way(self, environment_id: str, instance_id: str) -> int:
        """How many requests an instance has that are not answered yet."""
        environment = self._environments.get(environment_id)
        return environment.under_way[instance_id] if environment else 0

    def set_routes(self, routes: Mapping[str, str]) -> None:
        """The whole table of CNAME → environment id, replaced at once."""
        self._routes = {name.lower(): environment for name, environment in routes.items()}

    def traffic(self, environment_id: str, seconds: float = 10, instance_id: str | None = None) -> Traffic:
        """An environment's requests of the last seconds, or those of one instance."""
        environment = self._environments.get(environment_id)
        since = time.monotonic() - seconds
        found = [
            (status, spent)
            for at, instance, status, spent in (tuple(environment.requests) if environment else ())
            if at >= since and instance_id in (None, instance)
        ]
        spent = sorted(seconds for _, seconds in found)
        ok, redirected, refused, failed = (sum(status // 100 == kind for status, _ in found) for kind in (2, 3, 4, 5))
        latencies = {name: spent[int((len(spent) - 1) * share)] for name, share in PERCENTILES.items() if spent}
        return Traffic(len(found), seconds, ok, redirected, refused, failed, latencies)

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(START_DEADLINE)

    async def _start(self) -> None:
        # Shorter than gunicorn's keep-alive of 2 s: a connection that its server is about to close is not reused.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=1.0)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_TIMEOUT, sock_read=READ_TIMEOUT)
        self._session = aiohttp.ClientSession(
            connector=connector, timeout=timeout, auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()
        )
        self._runner, site = await self._listen(self._route, self.port)
        self.port = _port(site)

    async def _stop(self) -> None:
        for environment_id in list(self._environments):
            await self._close(environment_id)
        if self._runner is not None:
            await self._runner.cleanup()
        if self._session is not None:
            await self._session.close()
            await asyncio.sleep(0.05)  # its sockets are closed in the loop's next turns

    async def _open(self, environment_id: str, port: int) -> int:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            return await self._forward(request, environment_id)

        environment = self._environments.setdefault(environment_id, _Environment())
        environment.runner, environment.site = await self._listen(handle, port)
        return _port(environment.site)

    async def _close(self, environment_id: str) -> None:
        environment = self._environments.pop(environment_id, None)
        if environment is not None and environment.runner is not None:
            await environment.runner.cleanup()

    @staticmethod
    async def _listen(
        handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]], port: int
    ) -> tuple[web.AppRunner, web.TCPSite]:
        server = web.Server(handler, access_log=None)
        runner = web.ServerRunner(server, shutdown_timeout=2.0)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", port, backlog=1024)
        try:
            await site.start()
        except OSError:
            await runner.cleanup()
            raise
        return runner, site  # type: ignore[return-value]

    async def _route(self, request: web.BaseRequest) -> web.StreamResponse:
        environment_id = self._memory.recall(request, self._find)
        if environment_id is None:
            return web.Response(status=404, text=_UNROUTED)
        if environment_id not in self._environments and self._memory.ttl:
            # The load balancer that this client remembers is gone: no answer comes from there.
            assert request.transport is not None
            request.transport.abort()
        return await self._forward(request, environment_id)

    def _find(self, host: str) -> str | None:
        """The environment of a CNAME or of any subdomain of it."""
        if not host.isascii():
            return None
        name = host.lower().partition(":")[0].rstrip(".")
        routes = self._routes
        while name:
            if name in routes:
                return routes[name]
            name = name.partition(".")[2]
        return None

    async def _forward(self, request: web.BaseRequest, environment_id: str) -> web.StreamResponse:
        environment = self._environments.get(environment_id)
        if environment and (path := _static_file(environment.static, request.path)):
            return await self._serve_file(environment, path)
        upstreams = _in_order(environment) if environment else []
        if environment is None or not upstreams:
            return web.Response(status=503, text="No instance takes requests.\n")
        start = time.monotonic()
        status, instance = 502, ""
        try:
            for instance, port in [*upstreams, upstreams[0]]:
                try:
                    environment.under_way[instance] += 1
                    try:
                        response = await self._exchange(request, port)
                    finally:
                        environment.under_way[instance] -= 1
                except aiohttp.ClientConnectorError:
                    continue  # nothing was sent: another instance may take it
                except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                    if request.method in REPEATABLE and not request.can_read_body:
                        continue
                    break
                except (aiohttp.ClientError, TimeoutError):
                    break
                status = response.status
                return response
            return web.Response(status=502, text="The instance did not answer.\n")
        finally:
            environment.requests.append((time.monotonic(), instance, status, time.monotonic() - start))

    @staticmethod
    async def _serve_file(environment: _Environment, path: Path) -> web.StreamResponse:
        status = 200 if path.is_file() else 404
        environment.requests.append((time.monotonic(), "", status, 0.0))
        return web.FileResponse(path) if status == 200 else web.Response(status=404, text="404: Not Found\n")

    async def _exchange(self, request: web.BaseRequest, port: int) -> web.StreamResponse:
        assert self._session is not None
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await _bridge(self._session, request, port)
        async with self._session.request(
            request.method,
            f"http://127.0.0.1:{port}{request.raw_path}" if request.raw_path.startswith("/") else request.raw_path,
            headers=_upstream_headers(request),
            data=request.content if request.can_read_body else None,
            allow_redirects=False,
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
        ) as answer:
            response = web.StreamResponse(status=answer.status, reason=answer.reason)
            for name, value in answer.headers.items():
                if name.lower() not in HOP_BY_HOP:
                    response.headers.add(name, value)
            await response.prepare(request)
            try:
                async for piece in answer.content.iter_any():
                    await response.write(piece)
                await response.write_eof()
            except (aiohttp.ClientError, TimeoutError):
                # The answer has begun: a cut connection is the only truth that is left to tell.
                if request.transport is not None:
                    request.transport.close()
            return response


async def _bridge(session: aiohttp.ClientSession, request: web.BaseRequest, port: int) -> web.StreamResponse:
    """A websocket, its messages passed on both ways until one side closes. Raises aiohttp.ClientError before it is
    open."""
    names = request.headers.get("Sec-WebSocket-Protocol", "")
    protocols = [name.strip() for name in names.split(",") if name.strip()]
    headers = [(name, value) for name, value in _upstream_headers(request)
               if not name.lower().startswith("sec-websocket")]  # fmt: skip
    upstream = await session.ws_connect(f"http://127.0.0.1:{port}{request.raw_path}", headers=headers,
                                        protocols=protocols, max_msg_size=0)  # fmt: skip
    client = web.WebSocketResponse(protocols=[upstream.protocol] if upstream.protocol else (), max_msg_size=0)
    await client.prepare(request)
    tasks = [asyncio.create_task(_pump(client, upstream)), asyncio.create_task(_pump(upstream, client))]
    await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for side, other in ((client, upstream), (upstream, client)):
        await other.close(code=side.close_code or aiohttp.WSCloseCode.GOING_AWAY)
    await asyncio.wait(tasks)
    return client


Socket: TypeAlias = web.WebSocketResponse | aiohttp.ClientWebSocketResponse


async def _pump(source: Socket, target: Socket) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in source:
            if message.type is aiohttp.WSMsgType.TEXT:
                await target.send_str(message.data)
            elif message.type is aiohttp.WSMsgType.BINARY:
                await target.send_bytes(message.data)


def _static_file(folders: Mapping[str, Path], path: str) -> Path | None:
    """The file that a path means below one of the folders; None when it is none's. What would leave the folder is
    the folder, which is no file."""
    for prefix, folder in folders.items():
        if path == prefix or path.startswith(f"{prefix}/"):
            found = (folder / path[len(prefix) :].lstrip("/")).resolve()
            return found if found.is_relative_to(folder.resolve()) else folder
    return None


def _in_order(environment: _Environment) -> list[tuple[str, int]]:
    """The instances, the one whose turn it is first."""
    upstreams = list(environment.upstreams.items())
    if not upstreams:
        return []
    if environment.weights:
        weights = [environment.weights.get(name, 1) for name, _ in upstreams]
        first = random.choices(range(len(upstreams)), weights)[0]  # noqa: S311 - a share of requests, no secret
    else:
        first = next(environment.turn) % len(upstreams)
    return upstreams[first:] + upstreams[:first]


def _upstream_headers(request: web.BaseRequest) -> list[tuple[str, str]]:
    """The request's headers as an ELB passes them on."""
    dropped = HOP_BY_HOP | {"x-forwarded-proto", "x-forwarded-port", "x-forwarded-for"}
    kept = [(name, value) for name, value in request.headers.items() if name.lower() not in dropped]
    seen = request.headers.get("X-Forwarded-For")
    client = request.remote or ""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    port = str(sockname[1]) if sockname else ""
    return [*kept, ("X-Forwarded-For", f"{seen}, {client}" if seen else client), ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Port", port)]  # fmt: skip


def _port(site: web.TCPSite) -> int:
    server = site._server
    assert isinstance(server, asyncio.Server)
    return int(server.sockets[0].getsockname()[1])
