"""One request to one instance, and its answer, streamed both ways: bodies are never held whole."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from aiohttp.http import StreamWriter
from yarl import URL

from ebcd_local.balancer.tunnel import RawReader, pump

HOP_BY_HOP = frozenset(
    {"connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer", "transfer-encoding",
     "upgrade"}
)  # fmt: skip
_REPLACED = HOP_BY_HOP | {"x-forwarded-proto", "x-forwarded-port", "x-forwarded-for", "expect"}
_AUTOMATIC = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@dataclass(slots=True)
class Bytes:
    """Bytes of bodies that an instance has exchanged with clients."""

    sent: int = 0
    received: int = 0


async def exchange(
    session: aiohttp.ClientSession, request: web.BaseRequest, port: int, count: Bytes
) -> web.StreamResponse:
    """Pass a request on and its answer back; the answer, sent. Raises aiohttp.ClientError, TimeoutError before it.

    count: where the bytes of both bodies are added, as they pass.
    """
    async with session.request(
        request.method,
        _target(request, port),
        headers=upstream_headers(request),
        data=request.content if request.can_read_body else None,
        allow_redirects=False,
        skip_auto_headers=_AUTOMATIC,
    ) as answer:
        response = web.StreamResponse(status=answer.status, reason=answer.reason)
        for name, value in answer.headers.items():
            if name.lower() not in HOP_BY_HOP:
                response.headers.add(name, value)
        if answer.status == 101:
            return await _upgrade(request, answer, response, count)
        count.received += request.content.total_bytes
        return await _stream(request, answer, response, count)


def expect_continue(request: web.BaseRequest) -> None:
    """Tell a client that waits for it that its body is wanted."""
    if request.headers.get("Expect", "").lower() == "100-continue" and request.transport is not None:
        request.transport.write(_CONTINUE)


def upstream_headers(request: web.BaseRequest) -> list[tuple[str, str]]:
    """The request's headers as an ELB passes them on."""
    headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _REPLACED]
    seen = request.headers.get("X-Forwarded-For")
    client = request.remote or ""
    sockname = request.transport.get_extra_info("sockname") if request.transport else None
    headers.append(("X-Forwarded-For", f"{seen}, {client}" if seen else client))
    headers.append(("X-Forwarded-Proto", "http"))
    headers.append(("X-Forwarded-Port", str(sockname[1]) if sockname else ""))
    if is_upgrade(request):
        headers += [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    return headers


def is_upgrade(request: web.BaseRequest) -> bool:
    """Whether a client asks for a websocket."""
    asked = {token.strip().lower() for token in request.headers.get("Connection", "").split(",")}
    return "upgrade" in asked and request.headers.get("Upgrade", "").lower() == "websocket"


def _target(request: web.BaseRequest, port: int) -> URL:
    """Where the request goes: always to the instance, its path as the client wrote it."""
    path = request.raw_path
    if not path.startswith("/"):  # the absolute form: whatever host it names, only its path counts
        path = f"/{path.partition('://')[2].partition('/')[2]}"
    return URL(f"http://127.0.0.1:{port}{path}", encoded=True)


async def _stream(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, response: web.StreamResponse, count: Bytes
) -> web.StreamResponse:
    await response.prepare(request)
    try:
        async for piece in answer.content.iter_any():
            count.sent += len(piece)
            await response.write(piece)
        await response.write_eof()
    except (aiohttp.ClientError, TimeoutError):
        # The answer has begun: a cut connection is the only truth that is left to tell.
        if request.transport is not None:
            request.transport.close()
    return response


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
