"""Requests that two servers could read in two ways, at the local load balancer and at the application's gunicorn.

Whatever is sent, the instance gets whole requests with one meaning, or none; and no client gets another's answer.
"""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest

from ebcd_local.balancer import LoadBalancer

HOST = b"one.example.localhost"
GET, POST = (b"%s / HTTP/1.1\r\nHost: %s\r\n" % (method, HOST) for method in (b"GET", b"POST"))
CHUNKED = b"Transfer-Encoding: chunked\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n"
REFUSED = {
    "both lengths": POST + b"Content-Length: 4\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "both, the other way": POST + CHUNKED + b"Content-Length: 4\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: 40\r\n\r\n" + SMUGGLED,
    "the same length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "a sign": POST + b"Content-Length: +3\r\n\r\nabc",
    "a negative length": POST + b"Content-Length: -3\r\n\r\nabc",
    "a hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "an underscore in a length": POST + b"Content-Length: 1_0\r\n\r\nabc",
    "an empty length": POST + b"Content-Length: \r\n\r\nabc",
    "a length beyond 64 bits": POST + b"Content-Length: 18446744073709551619\r\n\r\nabc",
    "an unknown coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "two codings": POST + CHUNKED + b"Transfer-Encoding: identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a list of codings": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunked twice": POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a vertical tab before a coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before a colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded coding": POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a folded header": GET + b"X: a\r\n b\r\n\r\n",
    "a coding in HTTP/1.0": POST.replace(b"1.1", b"1.0") + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "a chunk's size with 0x": POST + CHUNKED + b"\r\n0x3\r\nabc\r\n0\r\n\r\n",
    "a chunk's size with a sign": POST + CHUNKED + b"\r\n+3\r\nabc\r\n0\r\n\r\n",
    "bare LF after a chunk's size": POST + CHUNKED + b"\r\n3\nabc\r\n0\r\n\r\n",
    "bare LF in a chunk's extension": POST + CHUNKED + b"\r\n3;a\nb\r\nabc\r\n0\r\n\r\n",
    "a chunk longer than its size": POST + CHUNKED + b"\r\n3\r\nabcd\r\n0\r\n\r\n",
    "a length in the trailer": POST + CHUNKED + b"\r\n0\r\nContent-Length: 9\r\n\r\n",
    "bare LF between headers": GET + b"X: a\nY: b\r\n\r\n",
    "bare LF everywhere": b"GET / HTTP/1.1\nHost: " + HOST + b"\n\n",
    "bare CR in a header": GET + b"X: a\rTransfer-Encoding: chunked\r\n\r\n",
    "NUL in a value": GET + b"X: a\0b\r\n\r\n",
    "NUL in a name": GET + b"X\0: a\r\n\r\n",
    "NUL in a path": b"GET /a\0b HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "a space in a path": b"GET /a b HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "tabs in a request line": b"GET\t/\tHTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "a name with a space": GET + b"X Y: a\r\n\r\n",
    "a name that is empty": GET + b": a\r\n\r\n",
    "a header before the first one, folded": b"GET / HTTP/1.1\r\n X: a\r\nHost: " + HOST + b"\r\n\r\n",
    "no colon": GET + b"abc\r\n\r\n",
    "two hosts": GET + b"Host: other.example.localhost\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "another host in the target": b"GET http://other.example.localhost/ HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "a user in the target": b"GET http://a@" + HOST + b"/ HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "a version that nobody has": GET.replace(b"1.1", b"1.2") + b"\r\n",
    "HTTP/2 in text": GET.replace(b"1.1", b"2.0") + b"\r\n",
    "HTTP/0.9": b"GET /\r\n\r\n",
    "TRACE": GET.replace(b"GET", b"TRACE") + b"\r\n",
    "CONNECT": b"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: " + HOST + b"\r\n\r\n",
    "too many forwarders": GET + b"X-Forwarded-For: " + b", ".join([b"10.0.0.1"] * 31) + b"\r\n\r\n",
    "headers beyond 64 K": GET + b"".join(b"X-%d: %s\r\n" % (n, b"x" * 8000) for n in range(9)) + b"\r\n",
}
TAKEN = {
    "chunks": (POST + b"Transfer-Encoding: CHUNKED\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    "a chunk's extension": (POST + CHUNKED + b"\r\n3;a=b\r\nabc\r\n0\r\n\r\n", b"abc"),
    "a trailer": (POST + CHUNKED + b"\r\n3\r\nabc\r\n0\r\nX-Secret: y\r\n\r\n", b"abc"),
    "a body in GET": (GET + b"Content-Length: 3\r\n\r\nabc", b"abc"),
    "a request in a body": (POST + b"Content-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED, SMUGGLED),
    "an underscore for a hyphen": (POST + b"Transfer_Encoding: chunked\r\nContent-Length: 3\r\n\r\nabc", b"abc"),
    "h2c": (GET + b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n", b""),
    "a websocket with a body": (
        POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\nContent-Length: 3\r\n\r\nabc",
        b"abc",
    ),
    "its own host in the target": (b"GET http://%s/ HTTP/1.1\r\nHost: %s\r\n\r\n" % (HOST, HOST), b""),
}


class Instance(socketserver.ThreadingTCPServer):
    """Keeps what each connection sends, byte by byte, and answers."""

    daemon_threads = allow_reuse_address = True

    def __init__(self) -> None:
        self.got: list[bytes] = []
        super().__init__(("127.0.0.1", 0), _Connection)
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


class _Connection(socketserver.BaseRequestHandler):
    server: Instance

    def handle(self) -> None:
        self.request.settimeout(0.2)
        data = b""
        try:
            while piece := self.request.recv(65536):
                data += piece
        except TimeoutError:
            pass
        self.server.got.append(data)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")


@pytest.fixture
def instance() -> Iterator[Instance]:
    with Instance() as made:
        yield made
        made.shutdown()


@pytest.fixture
def port(instance: Instance) -> Iterator[int]:
    balancer = LoadBalancer()
    balancer.start()
    own = balancer.open("e-1")
    balancer.set_upstreams("e-1", {"i-1": instance.server_address[1]})
    yield own
    balancer.stop()


def send(port: int, message: bytes) -> bytes:
    """What is answered to some bytes, until the other side closes or is silent."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(message)
        answer = b""
        try:
            answer = connection.recv(65536)
            connection.settimeout(0.3)
            while piece := connection.recv(65536):
                answer += piece
        except (TimeoutError, ConnectionResetError):
            pass
    return answer


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_in_two_ways_reaches_no_instance(port: int, instance: Instance, name: str) -> None:
    answer = send(port, REFUSED[name])
    assert int(answer.split(b" ", 2)[1]) in (400, 405, 463, 501, 505)
    assert answer.count(b"HTTP/") == 1, "and nothing that follows on the connection is read"
    time.sleep(0.05)
    assert instance.got == []


@pytest.mark.parametrize("name", TAKEN)
def test_what_is_passed_on_has_one_meaning(port: int, instance: Instance, name: str) -> None:
    message, body = TAKEN[name]
    assert send(port, message).startswith(b"HTTP/1.1 200")
    (got,) = instance.got
    head, _, rest = got.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    assert rest == body
    assert lines[0].split(b" ")[1:] == [b"/", b"http/1.1"]
    assert [line for line in lines if line.startswith(b"content-length")] == (
        [b"content-length: %d" % len(body)] if body else []
    )
    for absent in (b"transfer-encoding", b"transfer_encoding", b"upgrade", b"http2-settings", b"trailer", b"x-secret"):
        assert absent not in head.lower()


def test_a_connection_that_carried_a_body_is_not_used_again(port: int, instance: Instance) -> None:
    for _ in range(3):
        assert send(port, POST + b"Content-Length: 3\r\n\r\nabc").startswith(b"HTTP/1.1 200")
    assert len(instance.got) == 3


class _Hasty(socketserver.StreamRequestHandler):
    """Answers a request before its body, and reads no more of it: what is left would be the next request."""

    def handle(self) -> None:
        while line := self.rfile.readline():
            path = line.split(b" ")[1]
            while self.rfile.readline() not in (b"\r\n", b""):
                pass
            status = b"403 Forbidden" if path == b"/refused" else b"200 OK"
            self.wfile.write(b"HTTP/1.1 %s\r\nContent-Length: %d\r\n\r\n%s" % (status, len(path), path))


def test_nobody_gets_the_answer_to_what_another_one_s_body_says() -> None:
    body = b"GET /poison HTTP/1.1\r\nHost: x\r\n\r\n" * 2_000
    poison = b"POST /refused HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    balancer, server = LoadBalancer(), socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Hasty)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    balancer.start()
    try:
        port = balancer.open("e-1")
        balancer.set_upstreams("e-1", {"i-1": server.server_address[1]})
        for _ in range(20):
            send_quickly(port, poison)
            answer = send(port, b"GET /mine HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            assert answer.startswith(b"HTTP/1.1 200")
            assert answer.endswith(b"/mine")
    finally:
        balancer.stop()
        server.shutdown()
        server.server_close()


def send_quickly(port: int, message: bytes) -> bytes:
    """The answer's first bytes."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(message)
        return connection.recv(65536)


ONE_MEANING_AT_GUNICORN = {
    "a list of codings",
    "a length beyond 64 bits",
    "another host in the target",
    "a user in the target",
    "no host",
    "a version that nobody has",
    "TRACE",
    "CONNECT",
    "too many forwarders",
    "headers beyond 64 K",
}
"""What gunicorn takes and the load balancer does not; it is one request all the same."""


@pytest.mark.parametrize("name", sorted(REFUSED.keys() - ONE_MEANING_AT_GUNICORN))
def test_the_application_s_own_server_refuses_it_too(gunicorn_port: int, name: str) -> None:
    answer = send(gunicorn_port, REFUSED[name].replace(b" / HTTP", b" /healthz HTTP"))
    assert int(answer.split(b" ", 2)[1]) in (400, 501)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"HTTP/1.1 200" not in answer
