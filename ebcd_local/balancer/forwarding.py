"""A request's way to an instance, and its answer's way back."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ebcd_local.balancer import screening, static_files
from ebcd_local.balancer.exchange import BodyRefused, Bytes, Forwarded, exchange, receive
from ebcd_local.balancer.limits import LARGEST_BODY, Limits
from ebcd_local.balancer.listening import refuse
from ebcd_local.balancer.spool import Spool
from ebcd_local.balancer.traffic import CLIENT_GONE, Record
from ebcd_local.balancer.upstream import Upstreams


@dataclass(slots=True)
class TargetGroup:
    """The instances of an environment that take requests, and what they have under way."""

    upstreams: dict[str, int] = field(default_factory=dict)
    weights: Mapping[str, int] = field(default_factory=dict)
    """By instance; empty: all take the same share."""
    under_way: Counter[str] = field(default_factory=Counter)
    """Requests by instance."""
    static: dict[str, dict[str, Path]] = field(default_factory=dict)
    """Instance → prefix → folder."""
    largest_body: int = LARGEST_BODY
    """Bytes that a request's body may have, as the instances' proxy is configured; 0: any number."""
    proxies: int = 2
    """Who appends to X-Forwarded-For: the load balancer and the instance's proxy, or the proxy alone."""
    turn: itertools.count[int] = field(default_factory=itertools.count)
    record: Record = field(default_factory=Record)
    """Clients' requests."""
    checks: Record = field(default_factory=Record)
    """Health checks, which an instance's proxy counts like any request, and the load balancer does not."""
    passed: defaultdict[str, Bytes] = field(default_factory=lambda: defaultdict(Bytes))
    """By instance."""
    tunnels: set[asyncio.Task[Any]] = field(default_factory=set)
    runner: web.ServerRunner | None = None


async def forward(
    upstreams: Upstreams, request: web.BaseRequest, group: TargetGroup | None, limits: Limits
) -> web.StreamResponse:
    """The answer of an environment's instance; a refusal where it has none. None: the environment is gone."""
    if group is None or not group.upstreams:
        return web.Response(status=503, text="No instance takes requests.\n")
    start = time.monotonic()
    task = asyncio.current_task()
    if screening.is_upgrade(request) and task is not None:
        group.tunnels.add(task)
    status, instance = 502, ""
    try:
        instance, response = await _answer(upstreams, request, group, limits)
        status = response.status
        return response
    finally:
        if task is not None:
            group.tunnels.discard(task)
        if status >= 500 and (request.transport is None or request.transport.is_closing()):
            status = CLIENT_GONE
        group.record.add(time.monotonic(), instance, status, time.monotonic() - start)


async def _answer(
    upstreams: Upstreams, request: web.BaseRequest, group: TargetGroup, limits: Limits
) -> tuple[str, web.StreamResponse]:
    """The instance that answered and its answer, once the request is there to its end."""
    if not request.can_read_body:
        return await _try(upstreams, request, None, group, limits)
    body = Spool(limits.memory)
    try:
        await receive(request, body, group.largest_body, limits)
        return await _try(upstreams, request, body, group, limits)
    except BodyRefused as error:
        return "", refuse(error.status)
    finally:
        body.close()


async def _try(
    upstreams: Upstreams, request: web.BaseRequest, body: Spool | None, group: TargetGroup, limits: Limits
) -> tuple[str, web.StreamResponse]:
    """The answer of the instance whose turn it is; of the next one only where that one took no connection."""
    instance, status = "", HTTPStatus.BAD_GATEWAY
    headers = screening.upstream_headers(request, None if body is None else body.size, group.proxies)
    for instance, port in _in_order(group):
        if found := static_files.find(group.static.get(instance, {}), screening.path(request).partition("?")[0]):
            return instance, await static_files.answer(request, *found, group.passed[instance])
        group.under_way[instance] += 1
        try:
            passed = Forwarded(port, headers, body)
            return instance, await _ask(upstreams, request, passed, group.passed[instance], limits)
        except aiohttp.ConnectionTimeoutError:
            status = HTTPStatus.GATEWAY_TIMEOUT
        except aiohttp.ClientConnectorError:
            status = HTTPStatus.BAD_GATEWAY
        except TimeoutError:
            status = HTTPStatus.GATEWAY_TIMEOUT
            break
        except aiohttp.ClientError:
            status = HTTPStatus.BAD_GATEWAY
            break
        finally:
            group.under_way[instance] -= 1
    return instance, web.Response(status=status, text="The instance did not answer.\n")


async def _ask(
    upstreams: Upstreams, request: web.BaseRequest, passed: Forwarded, count: Bytes, limits: Limits
) -> web.StreamResponse:
    """The answer of one instance. Raises what `exchange` raises."""
    *before, last = upstreams.ways(request)
    for session in before:
        with suppress(aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            return await exchange(session, request, passed, count, limits)
    return await exchange(last, request, passed, count, limits)


def _in_order(group: TargetGroup) -> list[tuple[str, int]]:
    """The instances, the one whose turn it is first."""
    upstreams = list(group.upstreams.items())
    if len(upstreams) < 2:
        return upstreams
    if group.weights:
        weights = [group.weights.get(name, 1) for name, _ in upstreams]
        first = random.choices(range(len(upstreams)), weights)[0]  # noqa: S311 - a share of requests, no secret
    else:
        first = next(group.turn) % len(upstreams)
    return upstreams[first:] + upstreams[:first]
