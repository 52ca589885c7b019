"""The load balancer alone, in front of small servers that behave and misbehave."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from ebcd_local.balancer import LoadBalancer


class Upstream(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        if self.path.startswith("/status/"):
            self.send_response(int(self.path.rpartition("/")[2]))
            self.send_header("ETag", '"x"')
            if not self.path.endswith(("/204", "/304")):
                self.send_header("Content-Length", "0")
            self.end_headers()
        elif self.path == "/chunked":
            self.send_response(200)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            for piece in (b"one", b"two", b""):
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        elif self.path == "/headers":
            self.answer("\n".join(f"{name}: {value}" for name, value in self.headers.items()).encode())
        elif self.path == "/large":
            self.answer(b"x" * 20_000_000)
        else:
            self.answer(self.server.name)

    do_HEAD = do_GET

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(b"%d %d" % (len(body), sum(body) % 251))

    def answer(self, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, name: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Upstream)
        self.name = name
        threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True).start()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(b"one"), Server(b"two")
    yield both
    for server in both:
        server.shutdown()
        server.server_close()


@pytest.fixture
def balancer(servers: tuple[Server, Server]) -> Iterator[LoadBalancer]:
    made = LoadBalancer()
    made.start()
    for name, server in zip(("e-1", "e-2"), servers, strict=True):
        made.open(name)
        made.set_upstreams(name, {f"i-{name}": server.server_port})
    made.set_routes({"One.example.localhost": "e-1", "two.example.localhost": "e-2"})
    yield made
    made.stop()


def ask(port: int, path: str = "/", host: str = "one.example.localhost", method: str = "GET", body: bytes | None = None,
        **headers: str) -> tuple[int, dict[str, str], bytes]:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    connection.request(method, path, body=body, headers={"Host": host, **headers})
    answer = connection.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()
    connection.close()
    return found


@pytest.mark.parametrize(
    ("host", "status", "body"),
    [
        ("one.example.localhost", 200, b"one"),
        ("ONE.example.localhost:8156", 200, b"one"),
        ("one.example.localhost.", 200, b"one"),
        ("acme.two.example.localhost", 200, b"two"),
        ("example.localhost", 404, None),
        ("xone.example.localhost", 404, None),
        ("one.example.localhost.evil.com", 404, None),
        ("127.0.0.1", 404, None),
    ],
)
def test_it_routes_by_cname_and_subdomain(balancer: LoadBalancer, host: str, status: int, body: bytes | None) -> None:
    found = ask(balancer.port, host=host)
    assert found[0] == status
    assert body in (None, found[2])


def test_answers_pass_unchanged(balancer: LoadBalancer) -> None:
    assert ask(balancer.port, "/chunked")[2] == b"onetwo"
    for status in (200, 204, 304):
        found = ask(balancer.port, f"/status/{status}")
        assert (found[0], found[1]["etag"], found[2]) == (status, '"x"', b"")
    head = ask(balancer.port, "/large", method="HEAD")
    assert (head[0], head[1]["content-length"], head[2]) == (200, "20000000", b"")


def test_large_bodies_pass_both_ways(balancer: LoadBalancer) -> None:
    body = bytes(range(256)) * 80_000
    assert ask(balancer.port, "/", method="POST", body=body)[2] == b"%d %d" % (len(body), sum(body) % 251)
    assert len(ask(balancer.port, "/large")[2]) == 20_000_000


def test_a_client_cannot_forge_what_a_load_balancer_says(balancer: LoadBalancer) -> None:
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}
    told = ask(balancer.port, "/headers", **forged)[2].decode().splitlines()
    assert "Host: one.example.localhost" in told
    assert "X-Forwarded-For: 1.2.3.4, 127.0.0.1" in told
    assert "X-Forwarded-Proto: http" in told
    assert f"X-Forwarded-Port: {balancer.port}" in told


def test_an_environment_s_own_port_takes_any_host(balancer: LoadBalancer) -> None:
    port = balancer.open("e-3")
    balancer.set_upstreams("e-3", {"i": balancer.open("e-4")})
    assert ask(port, host="anything.example.com")[0] == 503  # e-4 has no instance
    balancer.close("e-3")
    with pytest.raises(OSError, match="refused"):
        ask(port)


def test_without_an_instance_it_is_503_and_with_a_dead_one_502(balancer: LoadBalancer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = probe.getsockname()[1]
    balancer.set_upstreams("e-1", {"i-dead": dead})
    assert ask(balancer.port)[0] == 502
    balancer.set_upstreams("e-1", {})
    assert ask(balancer.port)[0] == 503


def test_a_living_instance_answers_for_a_dead_one(balancer: LoadBalancer, servers: tuple[Server, Server]) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = probe.getsockname()[1]
    balancer.set_upstreams("e-1", {"i-dead": dead, "i-1": servers[0].server_port})
    assert [ask(balancer.port)[0] for _ in range(6)] == [200] * 6


def test_requests_are_counted_by_what_happened(balancer: LoadBalancer) -> None:
    for path in ("/", "/", "/status/304", "/status/404", "/status/500"):
        ask(balancer.port, path)
    # A request is counted when its answer has gone out, which the client may see a moment before.
    deadline = time.monotonic() + 5
    while (seen := balancer.traffic("e-1")).requests < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert (seen.requests, seen.status_2xx, seen.status_3xx, seen.status_4xx, seen.status_5xx) == (5, 2, 1, 1, 1)
    assert 0 < seen.latencies["P50"] <= seen.latencies["P99"]
    assert balancer.traffic("e-1", instance_id="i-other").requests == 0


def test_swaps_under_traffic_lose_no_request(balancer: LoadBalancer) -> None:
    stop, failures, counts = threading.Event(), [], [0]

    def client(keep_alive: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
        while not stop.is_set():
            try:
                connection.request("GET", "/", headers={"Host": "one.example.localhost"})
                answer = connection.getresponse()
                if answer.status != 200 or answer.read() not in {b"one", b"two"}:
                    failures.append(str(answer.status))
                counts[0] += 1
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection.close()
            if not keep_alive:
                connection.close()
        connection.close()

    threads = [threading.Thread(target=client, args=(number % 2 == 0,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for number in range(40):
        first, second = ("e-1", "e-2") if number % 2 else ("e-2", "e-1")
        balancer.set_routes({"one.example.localhost": first, "two.example.localhost": second})
        time.sleep(0.03)
    stop.set()
    for thread in threads:
        thread.join(15)
    assert failures == []
    assert counts[0] > 200


def test_a_port_that_is_taken_is_an_error(balancer: LoadBalancer) -> None:
    with pytest.raises(OSError, match="in use"):
        LoadBalancer(balancer.port).start()
