"""The contract of a load balancer, in front of small servers that behave and misbehave."""

from __future__ import annotations

import http.client
import socket
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from balancing import HOST, Load, Server, ask, dead_port, dial, read_to_end

from ebcd_local.balancer import LoadBalancer, Traffic

UPGRADE = f"GET /ws HTTP/1.1\r\nHost: {HOST}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".encode()


@pytest.fixture
def servers() -> Iterator[tuple[Server, Server]]:
    both = Server(b"one"), Server(b"two")
    yield both
    for server in both:
        server.close()


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


def counted(balancer: LoadBalancer, requests: int, environment: str = "e-1") -> Traffic:
    """The traffic, when so many are counted: a client may see an answer a moment before it is counted."""
    deadline = time.monotonic() + 5
    while (seen := balancer.traffic(environment)).requests < requests and time.monotonic() < deadline:
        time.sleep(0.01)
    return seen


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
        ("[::1]:8156", 404, None),
    ],
)
def test_it_routes_by_cname_and_subdomain(balancer: LoadBalancer, host: str, status: int, body: bytes | None) -> None:
    found = ask(balancer.port, host=host)
    assert found[0] == status
    assert body in (None, found[2])


def test_answers_pass_unchanged(balancer: LoadBalancer) -> None:
    assert ask(balancer.port, "/chunked")[2] == b"onetwo"
    assert ask(balancer.port, "/until-closed")[2] == b"to the end"
    assert ask(balancer.port, "/path/a%2Fb/../%41?q=%20x+y&z")[2] == b"/path/a%2Fb/../%41?q=%20x+y&z"
    for status in (200, 204, 304, 404, 503):
        found = ask(balancer.port, f"/status/{status}")
        assert (found[0], found[1]["etag"], found[2]) == (status, '"x"', b"")
    head = ask(balancer.port, "/large", method="HEAD")
    assert (head[0], head[1]["content-length"], head[2]) == (200, "20000000", b"")


def test_headers_may_repeat_and_an_encoded_body_stays_encoded(balancer: LoadBalancer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
    connection.request("GET", "/cookies", headers={"Host": HOST})
    answer = connection.getresponse()
    assert answer.headers.get_all("Set-Cookie") == ["a=1", "b=2"]
    assert (answer.headers["Content-Encoding"], answer.read()) == ("gzip", b"raw")
    connection.close()


def test_large_bodies_pass_both_ways(balancer: LoadBalancer) -> None:
    balancer.set_largest_body("e-1", 0)
    body = bytes(range(256)) * 80_000
    told = b"%d %d" % (len(body), sum(body) % 251)
    assert ask(balancer.port, "/", method="POST", body=body)[2] == told
    assert len(ask(balancer.port, "/large")[2]) == 20_000_000


def test_a_chunked_request_passes(balancer: LoadBalancer) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
    connection.request("POST", "/", body=iter([b"abc", b"d" * 100_000]), headers={"Host": HOST}, encode_chunked=True)
    assert connection.getresponse().read() == b"100003 %d" % (sum(b"abc" + b"d" * 100_000) % 251)
    connection.close()


def test_a_request_never_leaves_for_another_host(balancer: LoadBalancer, servers: tuple[Server, Server]) -> None:
    for target, status in (
        (f"http://127.0.0.1:{servers[1].server_port}/x?y", 400),
        ("http://evil.example", 400),
        ("//evil.example/x", 200),
        (f"http://{HOST}/x", 200),
    ):
        with dial(balancer.port, f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()) as to:
            assert read_to_end(to).startswith(b"HTTP/1.1 %d" % status)
    with dial(balancer.port, f"CONNECT 127.0.0.1:22 HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()) as connection:
        assert connection.recv(1000).startswith((b"HTTP/1.1 405", b"HTTP/1.1 400"))
    assert servers[1].connections == 0


def test_a_slow_client_keeps_nobody_waiting(balancer: LoadBalancer) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 4\r\n\r\n".encode()
    with dial(balancer.port) as connection:
        for byte in head + b"ab":
            connection.sendall(bytes([byte]))
        assert ask(balancer.port)[2] == b"one"
        connection.sendall(b"cd")
        assert b"200 OK" in connection.recv(1000)


def test_a_client_that_waits_to_be_told_to_go_on_is_told(balancer: LoadBalancer) -> None:
    head = f"POST / HTTP/1.1\r\nHost: {HOST}\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n".encode()
    with dial(balancer.port, head) as connection:
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(b"abc")
        assert b"200 OK" in connection.recv(1000)


def test_connections_are_kept_on_both_sides_but_for_what_had_a_body(
    balancer: LoadBalancer, servers: tuple[Server, Server]
) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", balancer.port, timeout=10)
    connection.connect()
    first = connection.sock
    for method, body in [("GET", None), ("POST", b"abc"), ("GET", None), ("HEAD", None), ("POST", b"x" * 900_000)]:
        connection.request(method, "/", body=body, headers={"Host": HOST})
        assert connection.getresponse().read() is not None
        assert connection.sock is first
    connection.close()
    assert servers[0].connections == 3


def test_requests_may_be_sent_before_the_answer(balancer: LoadBalancer) -> None:
    last = f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode()
    with dial(balancer.port, f"GET /chunked HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode() + last) as connection:
        said = read_to_end(connection)
    assert said.count(b"200 OK") == 2
    assert said.endswith(b"one")


def test_an_old_client_gets_an_answer_that_ends(balancer: LoadBalancer) -> None:
    with dial(balancer.port, f"GET /chunked HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode()) as connection:
        assert read_to_end(connection).endswith(b"\r\n\r\nonetwo")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: %s\r\nBad Header: x\r\n\r\n" % HOST.encode(),
        b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: x\r\n\r\n" % HOST.encode(),
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: %s\r\nX: %s\r\n\r\n" % (HOST.encode(), b"x" * 100_000),
    ],
)
def test_a_malformed_request_is_refused_and_reaches_nobody(
    balancer: LoadBalancer, servers: tuple[Server, Server], request_bytes: bytes
) -> None:
    with dial(balancer.port, request_bytes) as connection:
        assert connection.recv(1000).startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert servers[0].connections == 0
    assert ask(balancer.port)[2] == b"one"


@pytest.mark.parametrize("path", ["/cut-length", "/cut-chunked"])
def test_an_answer_that_breaks_off_is_seen_to_break_off(balancer: LoadBalancer, path: str) -> None:
    with pytest.raises(http.client.IncompleteRead) as broken:
        ask(balancer.port, path)
    assert broken.value.partial.endswith(b"half")


def test_an_upstream_that_says_nothing_or_nonsense_is_502(
    balancer: LoadBalancer, servers: tuple[Server, Server]
) -> None:
    assert ask(balancer.port, "/garbage")[0] == 502
    assert ask(balancer.port, "/nothing")[0] == 502
    servers[0].seen = 0
    assert ask(balancer.port, "/nothing", method="POST", body=b"x")[0] == 502
    assert servers[0].seen == 1  # what may have had an effect is not repeated
    assert ask(balancer.port)[2] == b"one"


def test_a_client_cannot_forge_what_a_load_balancer_says(balancer: LoadBalancer) -> None:
    forged = {"X-Forwarded-For": "1.2.3.4", "X-Forwarded-Proto": "https", "X-Forwarded-Port": "443"}
    told = ask(balancer.port, "/headers", **forged, **{"X-Real-IP": "1.2.3.4"})[2].decode().splitlines()
    assert "Host: one.example.localhost" in told
    assert "X-Forwarded-For: 1.2.3.4, 127.0.0.1, 127.0.0.1" in told
    assert [line for line in told if line.startswith("X-Real-IP")] == ["X-Real-IP: 127.0.0.1"]
    assert "X-Forwarded-Proto: http" in told
    assert f"X-Forwarded-Port: {balancer.port}" in told


def test_every_line_of_forwarders_is_kept_and_a_single_instance_has_one_proxy(balancer: LoadBalancer) -> None:
    request = f"GET /headers HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: a\r\nX-Forwarded-For: b, c\r\n"

    def told() -> bytes:
        with dial(balancer.port, f"{request}Connection: close\r\n\r\n".encode()) as connection:
            return read_to_end(connection)

    assert b"X-Forwarded-For: a, b, c, 127.0.0.1, 127.0.0.1\n" in told()
    balancer.set_proxies("e-1", 1)
    assert b"X-Forwarded-For: a, b, c, 127.0.0.1\n" in told()


def test_an_environment_s_own_port_takes_any_host(balancer: LoadBalancer) -> None:
    port = balancer.open("e-3")
    balancer.set_upstreams("e-3", {"i": balancer.open("e-4")})
    assert ask(port, host="anything.example.com")[0] == 503  # e-4 has no instance
    balancer.close("e-3")
    with pytest.raises(OSError, match="refused"):
        ask(port)


def test_without_an_instance_it_is_503_and_with_a_dead_one_502(balancer: LoadBalancer) -> None:
    balancer.set_upstreams("e-1", {"i-dead": dead_port()})
    assert ask(balancer.port)[0] == 502
    balancer.set_upstreams("e-1", {})
    assert ask(balancer.port)[0] == 503


def test_a_living_instance_answers_for_a_dead_one(balancer: LoadBalancer, servers: tuple[Server, Server]) -> None:
    balancer.set_upstreams("e-1", {"i-dead": dead_port(), "i-1": servers[0].server_port})
    assert [ask(balancer.port)[0] for _ in range(6)] == [200] * 6
    assert [ask(balancer.port, method="POST", body=b"abc")[2] for _ in range(4)] == [b"3 %d" % (294 % 251)] * 4
    assert counted(balancer, 10).requests == balancer.traffic("e-1", instance_id="i-1").requests == 10


def test_requests_are_counted_by_what_happened(balancer: LoadBalancer) -> None:
    for path in ("/", "/", "/status/304", "/status/404", "/status/500"):
        ask(balancer.port, path)
    seen = counted(balancer, 5)
    assert (seen.requests, seen.status_2xx, seen.status_3xx, seen.status_4xx, seen.status_5xx) == (5, 2, 1, 1, 1)
    assert 0 < seen.latencies["P50"] <= seen.latencies["P99"]
    assert balancer.traffic("e-1", instance_id="i-other").requests == 0
    time.sleep(1.1)
    series = balancer.series("e-1", 10)
    assert len(series) == 10
    assert (sum(second.requests for second in series), sum(second.failed for second in series)) == (5, 1)
    assert max(second.p99 for second in series) > 0


def test_health_checks_are_an_instance_s_requests_and_no_client_s(balancer: LoadBalancer) -> None:
    ask(balancer.port)
    counted(balancer, 1)
    balancer.count_check("e-1", "i-e-1", 404, 0.001)
    seen = counted(balancer, 2)
    assert (seen.requests, seen.status_2xx, seen.status_4xx) == (2, 1, 1)
    assert balancer.traffic("e-1", instance_id="i-e-1").requests == 2
    assert (balancer.traffic("e-1", checks=False).requests, balancer.served("e-1")) == (1, 1)


def test_the_bytes_of_bodies_are_counted_by_instance(balancer: LoadBalancer) -> None:
    assert balancer.passed("e-1", "i-e-1").sent == 0
    assert len(ask(balancer.port, "/large")[2]) == 20_000_000
    counted(balancer, 1)
    sent = balancer.passed("e-1", "i-e-1").sent
    assert sent == 20_000_000
    answer = ask(balancer.port, method="POST", body=b"abc")[2]
    counted(balancer, 2)
    passed = balancer.passed("e-1", "i-e-1")
    assert (passed.sent, passed.received) == (sent + len(answer), 3)
    assert balancer.passed("e-2", "i-e-2").sent == 0


def test_a_websocket_passes_both_ways(balancer: LoadBalancer) -> None:
    with dial(balancer.port, UPGRADE + b"early") as connection:
        stream = connection.makefile("rb")
        head = [line.strip().lower() for line in iter(stream.readline, b"\r\n")]
        assert head[0].startswith(b"http/1.1 101")
        assert {b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-accept: accepted"} <= set(head)
        assert stream.read(5) == b"early"
        data = bytes(range(256)) * 4000
        sender = threading.Thread(target=connection.sendall, args=(data,))
        sender.start()
        assert stream.read(len(data)) == data
        sender.join()
        passed = balancer.passed("e-1", "i-e-1")
        assert (passed.sent, passed.received) == (len(data) + 5, len(data) + 5), "counted while it lasts"
        balancer.set_routes({HOST: "e-2"})
        connection.sendall(b"still there")
        assert stream.read(11) == b"still there"
        connection.sendall(b"bye")
        assert stream.read() == b""
        stream.close()
    assert counted(balancer, 1).requests == 1


def test_a_websocket_that_is_refused_is_an_answer_like_others(balancer: LoadBalancer) -> None:
    with dial(balancer.port, UPGRADE.replace(b"/ws", b"/status/403")) as connection:
        assert connection.recv(1000).startswith(b"HTTP/1.1 403")
        connection.sendall(f"GET / HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        assert read_to_end(connection).endswith(b"one")


def test_a_websocket_ends_with_its_client(balancer: LoadBalancer) -> None:
    with dial(balancer.port, UPGRADE) as connection:
        assert b"101" in connection.recv(1000)
    assert counted(balancer, 1).requests == 1


def _seconds(work: Callable[[], object]) -> float:
    start = time.monotonic()
    work()
    return time.monotonic() - start


def test_idle_connections_and_websockets_do_not_hold_a_listener(balancer: LoadBalancer) -> None:
    port = balancer.open("e-3")
    balancer.set_upstreams("e-3", dict(balancer._environments["e-1"].upstreams))
    partial = [socket.create_connection(("127.0.0.1", port)) for _ in range(20)]
    for connection in partial[10:]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x")
    with dial(port, b"GET / HTTP/1.1\r\nHost: x\r\n\r\n") as kept, dial(port, UPGRADE) as socket_:
        assert b"200" in kept.recv(1000)
        assert b"101" in socket_.recv(1000)
        assert _seconds(lambda: balancer.close("e-3")) < 0.5
        assert read_to_end(socket_) == b""
    for connection in partial:
        connection.close()


def test_a_request_under_way_may_end_within_a_bound(balancer: LoadBalancer, servers: tuple[Server, Server]) -> None:
    found: list[bytes] = []
    client = threading.Thread(target=lambda: found.append(ask(balancer.port, "/slow", host="two.example.localhost")[2]))
    own = balancer.open("e-3")
    balancer.set_upstreams("e-3", {"i": servers[0].server_port, "j": servers[0].server_port})
    client.start()
    with dial(own, b"GET /slow HTTP/1.1\r\nHost: x\r\n\r\n"):
        time.sleep(0.1)
        threading.Timer(0.2, servers[1].pause.set).start()
        assert 0.5 < _seconds(lambda: balancer.close("e-3")) < 3  # e-3's hangs: it is cut off
    client.join(5)
    assert found == [b"two"]


@pytest.mark.parametrize("keep_alive", [True, False], ids=["kept", "new"])
@pytest.mark.parametrize(
    ("swaps", "pause"), [(20, 0.02), pytest.param(200, 0.05, marks=pytest.mark.long)], ids=["quick", "full"]
)
def test_swaps_under_full_load_lose_no_request(
    balancer: LoadBalancer, swaps: int, pause: float, keep_alive: bool
) -> None:
    load = Load(balancer.port, 64, keep_alive=keep_alive)
    for number in range(swaps):
        first, second = ("e-1", "e-2") if number % 2 else ("e-2", "e-1")
        balancer.set_routes({"one.example.localhost": first, "two.example.localhost": second})
        time.sleep(pause)
    load.stop()
    assert load.failures == []
    assert load.answers.keys() == {b"one", b"two"}
    assert len(load.counts) == 64, "each client was answered"
    assert load.answers.total() > 2 * swaps
    assert load.connections == 64 if keep_alive else load.connections >= load.answers.total()


def test_a_port_that_is_taken_is_an_error(balancer: LoadBalancer) -> None:
    with pytest.raises(OSError, match="in use"):
        LoadBalancer(balancer.port).start()
