"""The load balancer beyond plain requests: websockets, static files, and DNS that remembers."""

from __future__ import annotations

import asyncio
import http.client
import time
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from test_balancer import Server

from ebcd_local.balancer import LoadBalancer

HOST = "one.example.localhost"


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(b"one"), Server(b"two")
    yield both
    for server in both:
        server.shutdown()
        server.server_close()


def started(servers: tuple[Server, Server], dns_ttl: float = 0.0) -> LoadBalancer:
    made = LoadBalancer(dns_ttl=dns_ttl)
    made.start()
    for name, server in zip(("e-1", "e-2"), servers, strict=True):
        made.open(name)
        made.set_upstreams(name, {f"i-{name}": server.server_port})
    made.set_routes({HOST: "e-1"})
    return made


def get(port: int, path: str = "/", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request("GET", path, headers={"Host": HOST, **headers})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def test_a_client_reaches_the_earlier_environment_until_its_answer_expires(servers: tuple[Server, Server]) -> None:
    balancer = started(servers, dns_ttl=1.0)
    try:
        assert get(balancer.port, **{"X-Ebcd-Client": "a"}) == (200, b"one")
        balancer.set_routes({HOST: "e-2"})
        assert get(balancer.port, **{"X-Ebcd-Client": "a"}) == (200, b"one"), "it remembers"
        assert get(balancer.port, **{"X-Ebcd-Client": "b"}) == (200, b"two"), "it never asked before"
        time.sleep(1.05)
        assert get(balancer.port, **{"X-Ebcd-Client": "a"}) == (200, b"two")
    finally:
        balancer.stop()


def test_a_connection_stays_where_it_is_and_a_remembered_load_balancer_that_is_gone_answers_nothing(
    servers: tuple[Server, Server],
) -> None:
    balancer = started(servers, dns_ttl=0.5)
    try:
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=5)
        for swapped in (False, True):
            connection.request("GET", "/", headers={"Host": HOST})
            assert connection.getresponse().read() == b"one"
            if not swapped:
                balancer.set_routes({HOST: "e-2"})
                time.sleep(0.6)
        connection.close()
        assert get(balancer.port, **{"X-Ebcd-Client": "late"}) == (200, b"two")
        balancer.set_routes({HOST: "e-1"})
        balancer.close("e-2")
        with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
            get(balancer.port, **{"X-Ebcd-Client": "late"})
        time.sleep(0.6)
        assert get(balancer.port, **{"X-Ebcd-Client": "late"}) == (200, b"one")
    finally:
        balancer.stop()


def test_static_files_are_served_without_an_instance(servers: tuple[Server, Server], tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "a.css").write_text("a {}")
    (tmp_path / "secret").write_text("secret")
    (tmp_path / "public" / "link").symlink_to(tmp_path / "secret")
    balancer = started(servers)
    try:
        balancer.set_static("e-1", {"/static": tmp_path / "public"})
        assert get(balancer.port, "/static/a.css") == (200, b"a {}")
        for path in ("/static/none", "/static/../secret", "/static/%2e%2e/secret", "/static/link", "/static"):
            assert get(balancer.port, path)[0] == 404, path
        assert get(balancer.port, "/statically") == (200, b"one"), "another path"
        assert balancer.traffic("e-1").status_4xx == 5
    finally:
        balancer.stop()


def test_websockets_pass_both_ways(servers: tuple[Server, Server]) -> None:
    async def echo(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("chat",), max_msg_size=0)
        await socket.prepare(request)
        await socket.send_str(request.headers["X-Forwarded-Proto"])
        async for message in socket:
            if message.data == "bye":
                await socket.close(code=4001)
            elif message.type is aiohttp.WSMsgType.TEXT:
                await socket.send_str(message.data.upper())
            else:
                await socket.send_bytes(message.data)
        return socket

    async def talk(port: int) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(
                f"http://127.0.0.1:{port}/chat", headers={"Host": HOST}, protocols=("chat",), max_msg_size=0
            ) as socket,
        ):
            assert socket.protocol == "chat"
            assert await socket.receive_str(timeout=5) == "http"
            await socket.send_str("hello")
            assert await socket.receive_str(timeout=5) == "HELLO"
            await socket.send_bytes(b"x" * 6_000_000)
            assert len(await socket.receive_bytes(timeout=5)) == 6_000_000
            await socket.send_str("bye")
            assert (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4001
        with pytest.raises(aiohttp.WSServerHandshakeError):
            async with aiohttp.ClientSession() as session:
                await session.ws_connect(f"http://127.0.0.1:{port}/none", headers={"Host": "two.example.localhost"})

    async def both(balancer: LoadBalancer) -> None:
        application = web.Application(client_max_size=10**8)
        application.router.add_get("/chat", echo)
        runner = web.AppRunner(application)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        balancer.set_upstreams("e-1", {"i-1": runner.addresses[0][1]})
        try:
            await asyncio.wait_for(talk(balancer.port), 20)
        finally:
            await runner.cleanup()

    balancer = started(servers)
    try:
        asyncio.run(both(balancer))
    finally:
        balancer.stop()
