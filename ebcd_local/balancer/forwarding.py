"""A request's way to an instance, and its answer's way back."""

from __future__ import annotations

import asyncio
import itertools
import random
import time
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from ebcd_local.balancer import static_files
from ebcd_local.balancer.exchange import Bytes, exchange, expect_continue, is_upgrade
from ebcd_local.balancer.traffic import CLIENT_GONE, Record

REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})


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
    session: aiohttp.ClientSession, request: web.BaseRequest, group: TargetGroup | None
) -> web.StreamResponse:
    """The answer of an environment's instance; a refusal where it has none. None: the environment is gone."""
    if request.method == "CONNECT":
        return web.Response(status=405)
    upstreams = _in_order(group) if group else []
    if group is None or not upstreams:
        return web.Response(status=503, text="No instance takes requests.\n")
    start = time.monotonic()
    task = asyncio.current_task()
    if is_upgrade(request) and task is not None:
        group.tunnels.add(task)
    status, instance = 502, ""
    try:
        instance, response = await _try(session, request, group, upstreams)
        status = response.status
        return response
    finally:
        if task is not None:
            group.tunnels.discard(task)
        if status >= 500 and (request.transport is None or request.transport.is_closing()):
            status = CLIENT_GONE
        group.record.add(time.monotonic(), instance, status, time.monotonic() - start)


async def _try(
    session: aiohttp.ClientSession, request: web.BaseRequest, group: TargetGroup, upstreams: list[tuple[str, int]]
) -> tuple[str, web.StreamResponse]:
    """The answer of the instance whose turn it is, or of the next one where nothing was lost yet."""
    instance = ""
    expect_continue(request)
    for instance, port in [*upstreams, upstreams[0]]:
        if found := static_files.find(group.static.get(instance, {}), request.raw_path.partition("?")[0]):
            return instance, await static_files.answer(request, *found, group.passed[instance])
        group.under_way[instance] += 1
        try:
            return instance, await exchange(session, request, port, group.passed[instance])
        except aiohttp.ClientConnectorError:
            continue  # nothing was sent: another instance may take it
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
            if request.method not in REPEATABLE or request.can_read_body:
                break
        except (aiohttp.ClientError, TimeoutError):
            break
        finally:
            group.under_way[instance] -= 1
    return instance, web.Response(status=502, text="The instance did not answer.\n")


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
