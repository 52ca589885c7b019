"""One request to one instance, and its answer.

The request's body is there, whole, before the instance is asked, and the answer is taken from it as fast as it comes:
neither a client that sends slowly nor one that reads slowly holds an instance. The platform's nginx does the same
(proxy_request_buffering, proxy_buffering).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from http import HTTPStatus

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter
from yarl import URL

from ebcd_local.balancer import screening
from ebcd_local.balancer.limits import Limits
from ebcd_local.balancer.spool import Spool
from ebcd_local.balancer.tunnel import RawReader, pump

_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_AT_ONCE = 32 * 1024
"""Bytes that an empty send buffer takes without waiting: half of where asyncio pauses its writer."""


@dataclass(slots=True)
class Bytes:
    """Bytes of bodies that an instance has exchanged with clients."""

    sent: int = 0
    received: int = 0


@dataclass(frozen=True, slots=True)
class Forwarded:
    """A request as an instance gets it."""

    port: int
    headers: list[tuple[str, str]]
    body: Spool | None


class BodyRefused(Exception):
    """A request's body did not come, or is none. status: what the client is answered."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


async def receive(request: web.BaseRequest, body: Spool, largest: int, limits: Limits) -> None:
    """Read a request's body to its end. largest: bytes that it may have; 0: any number. Raises BodyRefused."""
    if largest and (request.content_length or 0) > largest:
        raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(_CONTINUE)
    while data := await _next(request, limits):
        await body.store(data)
        if largest and body.size > largest:
            raise BodyRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)


async def _next(request: web.BaseRequest, limits: Limits) -> bytes:
    try:
        async with asyncio.timeout(limits.idle):
            return await request.content.readany()
    except TimeoutError:
        raise BodyRefused(HTTPStatus.REQUEST_TIMEOUT) from None
    except (aiohttp.ClientError, web.RequestPayloadError, aiohttp.http.HttpProcessingError, OSError):
        raise BodyRefused(HTTPStatus.BAD_REQUEST) from None


async def exchange(
    session: aiohttp.ClientSession,
    request: web.BaseRequest,
    passed: Forwarded,
    count: Bytes,
    limits: Limits,
) -> web.StreamResponse:
    """Pass a request on and its answer back; the answer, sent. Raises aiohttp.ClientError, TimeoutError before it.

    count: where the bytes of both bodies are added, as they pass.
    """
    async with session.request(
        request.method,
        URL(f"http://127.0.0.1:{passed.port}{screening.path(request)}", encoded=True),
        headers=passed.headers,
        data=passed.body.pieces() if passed.body else None,
        allow_redirects=False,
        skip_auto_headers=_AUTOMATIC,
    ) as answer:
        count.received += passed.body.size if passed.body else 0
        response = _begun(request, answer)
        if answer.status == HTTPStatus.SWITCHING_PROTOCOLS:
            return await _upgrade(request, answer, response, count)
        return await _pass_back(request, answer, response, count, limits)


def _begun(request: web.BaseRequest, answer: aiohttp.ClientResponse) -> web.StreamResponse:
    """The answer's head. Raises aiohttp.ClientError for one that was not asked for."""
    if answer.status < HTTPStatus.OK and not screening.is_upgrade(request):
        raise aiohttp.ClientPayloadError(f"unexpected {answer.status}")
    response = web.StreamResponse(status=answer.status, reason=answer.reason)
    chunked = "Transfer-Encoding" in answer.headers  # which counts, should there be a length beside it
    for name, value in answer.headers.items():
        if name.lower() not in screening.HOP_BY_HOP and not (chunked and name.lower() == "content-length"):
            response.headers.add(name, value)
    if screening.is_ambiguous(request):
        response.force_close()
    return response


async def _pass_back(
    request: web.BaseRequest,
    answer: aiohttp.ClientResponse,
    response: web.StreamResponse,
    count: Bytes,
    limits: Limits,
) -> web.StreamResponse:
    await response.prepare(request)
    outgoing = _Outgoing(request, response, limits)
    try:
        async for piece in answer.content.iter_any():
            count.sent += len(piece)
            await outgoing.send(piece)
        await outgoing.end()
    except (aiohttp.ClientError, TimeoutError, OSError):
        # The answer has begun: a cut connection is the only truth that is left to tell.
        if request.transport is not None:
            request.transport.abort() if outgoing.stalled else request.transport.close()
    finally:
        outgoing.close()
    return response


class _Outgoing:
    """An answer on its way to a client, who may be slower than the instance."""

    def __init__(self, request: web.BaseRequest, response: web.StreamResponse, limits: Limits) -> None:
        self._request, self._response, self._limits = request, response, limits
        self._unread = Spool(limits.memory)
        self._sender: asyncio.Task[None] | None = None
        self._progress = asyncio.Event()
        self.stalled = False
        """The client has not taken a byte for too long."""

    async def send(self, piece: bytes) -> None:
        """Send a piece, or let it wait for those before it. Waits itself where too much does."""
        if len(piece) <= _AT_ONCE and not self._unread.waiting and self._is_idle():
            await self._response.write(piece)
            return
        self._unread.put(piece)
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._drain())
        while self._unread.waiting > self._limits.unread and not self._sender.done():
            self._progress.clear()
            await self._progress.wait()
        if self._sender.done():
            self._sender.result()

    async def end(self) -> None:
        """Send what waits, and the end."""
        if self._sender is not None:
            await self._sender
        await self._response.write_eof()

    def close(self) -> None:
        """Give up what was not sent."""
        if self._sender is not None:
            self._sender.cancel()
        self._unread.close()

    def _is_idle(self) -> bool:
        done = self._sender is None or self._sender.done()
        transport = self._request.transport
        return done and (transport is None or transport.get_write_buffer_size() == 0)

    async def _drain(self) -> None:
        try:
            while self._unread.waiting:
                async with asyncio.timeout(self._limits.idle):
                    await self._response.write(self._unread.take())
                self._progress.set()
        except TimeoutError:
            self.stalled = True
            raise
        finally:
            self._progress.set()


async def _upgrade(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, response: web.StreamResponse, count: Bytes
) -> web.StreamResponse:
    """Pass bytes both ways as they are, until one side ends."""
    response.headers.update({"Connection": "Upgrade", "Upgrade": "websocket"})
    response.force_close()
    to_client = await response.prepare(request)
    connection = answer.connection
    assert to_client is not None
    assert connection is not None
    assert connection.protocol is not None
    connection.protocol.read_timeout = None  # a websocket may be silent
    from_upstream, from_client = RawReader(connection.protocol), RawReader(request.protocol)
    connection.protocol.set_parser(from_upstream, None)
    request.protocol.set_parser(from_client)  # type: ignore[arg-type]  # declared for aiohttp's own reader only
    to_upstream = StreamWriter(connection.protocol, asyncio.get_running_loop())

    def sent(size: int) -> None:
        count.sent += size

    def received(size: int) -> None:
        count.received += size

    await pump((from_upstream.stream, to_client, sent), (from_client.stream, to_upstream, received))
    answer.close()
    return response
