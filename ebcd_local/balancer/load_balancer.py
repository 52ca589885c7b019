"""The load balancer itself: listeners, environments, routes.

A route is chosen when a request arrives, so a swap is one assignment: requests under way end where they began and
client connections stay open.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from aiohttp import web

from ebcd_local.balancer import names, screening
from ebcd_local.balancer.exchange import Bytes
from ebcd_local.balancer.forwarding import TargetGroup, forward
from ebcd_local.balancer.limits import Limits
from ebcd_local.balancer.listening import Handler, listen, refuse
from ebcd_local.balancer.traffic import Second, Traffic
from ebcd_local.balancer.upstream import Upstreams

T = TypeVar("T")

CALL_DEADLINE = 10.0
CLIENT_HEADER = "X-Ebcd-Client"
"""Tells clients on one address apart, where answers of DNS are remembered."""

_UNROUTED = "No environment has this CNAME. `ebcd local status` shows those that there are.\n"


class LoadBalancer:
    """aiohttp in a thread of its own, on 127.0.0.1 only. dns_ttl: seconds that clients remember where a name led."""

    def __init__(self, port: int = 0, dns_ttl: float = 0.0, limits: Limits = Limits()) -> None:  # noqa: B008 - frozen
        self.port = port
        self._limits = limits
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="balancer", daemon=True)
        self._environments: dict[str, TargetGroup] = {}
        self._routes: Mapping[str, str] = {}
        self._answers = names.Answers(dns_ttl)
        self._held: WeakKeyDictionary[asyncio.Transport, dict[str, str]] = WeakKeyDictionary()
        """Connection → name → environment: a connection stays with the load balancer that it was made to."""
        self._bare: Handler | None = None
        self._upstreams: Upstreams | None = None
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

    @contextmanager
    def counted(self, environment_id: str, instance_id: str) -> Iterator[Callable[[int, float], None]]:
        """A request that came to an instance by another way: under way until the block ends. What is yielded tells its
        status and its seconds.
        """
        environment = self._environments.get(environment_id) or TargetGroup()

        def begun(change: int) -> None:
            environment.under_way[instance_id] += change

        def done(status: int, seconds: float) -> None:
            self._loop.call_soon_threadsafe(environment.record.add, time.monotonic(), instance_id, status, seconds)

        self._loop.call_soon_threadsafe(begun, 1)
        try:
            yield done
        finally:
            self._loop.call_soon_threadsafe(begun, -1)

    def set_static(self, environment_id: str, instance_id: str, folders: Mapping[str, Path]) -> None:
        """Folders that are served without asking the instance: path prefix → folder."""
        if environment := self._environments.get(environment_id):
            environment.static = environment.static | {instance_id: dict(folders)}

    def set_largest_body(self, environment_id: str, largest: int) -> None:
        """Bytes that a request's body may have for an environment's instances; 0: any number."""
        if environment := self._environments.get(environment_id):
            environment.largest_body = largest

    def set_proxies(self, environment_id: str, proxies: int) -> None:
        """How many proxies append to X-Forwarded-For before an environment's instances: 2, or 1 for that of the
        instance alone.
        """
        if environment := self._environments.get(environment_id):
            environment.proxies = proxies

    def set_routes(self, routes: Mapping[str, str]) -> None:
        """The whole table of CNAME → environment id, replaced at once."""
        self._routes = {name.lower(): environment for name, environment in routes.items()}

    def set_bare(self, handler: Handler) -> None:
        """Who answers, on the shared port, a request whose Host is no environment's."""
        self._bare = handler

    def traffic(
        self, environment_id: str, seconds: float = 10, instance_id: str | None = None, *, checks: bool = True
    ) -> Traffic:
        """An environment's requests of the last seconds, or those of one instance, as its instances' proxies count
        them; without `checks` as the load balancer does, which leaves out health checks.
        """
        group, start = self._group(environment_id), time.monotonic() - seconds
        found = [*group.record.since(start, instance_id), *(group.checks.since(start, instance_id) if checks else ())]
        return Traffic.of(found, seconds)

    def served(self, environment_id: str) -> int:
        """How many requests an environment's clients have sent since its load balancer is there."""
        return self._group(environment_id).record.total

    def passed(self, environment_id: str, instance_id: str) -> Bytes:
        """The bytes that an instance has exchanged with clients so far."""
        return self._group(environment_id).passed.get(instance_id, Bytes())

    def count_check(self, environment_id: str, instance_id: str, status: int, seconds: float) -> None:
        """Count a health check that an instance has answered."""

        def count() -> None:
            self._group(environment_id).checks.add(time.monotonic(), instance_id, status, seconds)

        self._loop.call_soon_threadsafe(count)

    def series(self, environment_id: str, seconds: int = 60) -> list[Second]:
        """Clients' requests in an environment's last whole seconds, oldest first."""
        return self._group(environment_id).record.series(time.monotonic(), seconds)

    def _group(self, environment_id: str) -> TargetGroup:
        """An environment's targets; of one that is gone there are none."""
        return self._environments.get(environment_id) or TargetGroup()

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(CALL_DEADLINE)

    async def _start(self) -> None:
        self._upstreams = Upstreams.open(self._limits)
        self._runner, self.port = await listen(self._route, self.port, self._limits)

    async def _stop(self) -> None:
        closing = [self._close(environment_id) for environment_id in list(self._environments)]
        if self._runner is not None:
            closing.append(self._runner.cleanup())
        await asyncio.gather(*closing)
        if self._upstreams is not None:
            await self._upstreams.close()
            await asyncio.sleep(0.05)  # its sockets are closed in the loop's next turns

    async def _open(self, environment_id: str, port: int) -> int:
        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if status := screening.refusal(request, self._limits):
                return refuse(status)
            return await self._forward(request, environment_id)

        environment = self._environments.setdefault(environment_id, TargetGroup())
        environment.runner, port = await listen(handle, port, self._limits)
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
        if status := screening.refusal(request, self._limits):
            return refuse(status)
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
        assert self._upstreams is not None
        return await forward(self._upstreams, request, self._environments.get(environment_id), self._limits)
