"""What a load balancer waits for and takes, as AWS documents it, in front of servers that misbehave."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from balancing import HOST, Server, ask, dead_port, dial, read_to_end

from ebcd_local.balancer import Limits, LoadBalancer, largest_body
from ebcd_local.balancer.limits import LARGEST_BODY
from ebcd_local.balancer.spool import Spool

IDLE = 0.5


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(b"one")
    yield made
    made.close()


@pytest.fixture
def balancer(server: Server) -> Iterator[LoadBalancer]:
    made = LoadBalancer(limits=Limits(idle=IDLE, connect=IDLE))
    made.start()
    made.open("e-1")
    made.set_upstreams("e-1", {"i-1": server.server_port})
    made.set_routes({HOST: "e-1"})
    yield made
    made.stop()


def head(method: str = "POST", path: str = "/", **headers: str) -> bytes:
    """A request's head; `_` in a name is a hyphen."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_head_that_does_not_end_is_not_waited_for(balancer: LoadBalancer, server: Server) -> None:
    with dial(balancer.port, b"GET / HTTP/1.1\r\nHost: x") as connection:
        start = time.monotonic()
        with pytest.raises(OSError, match=r"reset|Broken"):  # noqa: PT012 - the kernel tells of it at the second send
            while time.monotonic() - start < 10:
                connection.sendall(b"a")
                time.sleep(0.05)
        assert time.monotonic() - start < 8
    assert server.connections == 0


def test_a_body_that_stops_is_408_and_no_instance_is_asked(balancer: LoadBalancer, server: Server) -> None:
    with dial(balancer.port, head(Content_Length="10") + b"abc") as connection:
        assert status(read_to_end(connection)) == 408
    assert server.connections == 0
    assert balancer.traffic("e-1").status_4xx == 1


def test_a_body_that_comes_slowly_holds_no_instance(balancer: LoadBalancer, server: Server) -> None:
    with dial(balancer.port, head(Content_Length="6")) as connection:
        for byte in b"abcde":
            connection.sendall(bytes([byte]))
            time.sleep(IDLE / 4)
        assert (server.connections, balancer.under_way("e-1", "i-1")) == (0, 0)
        connection.sendall(b"f")
        assert connection.recv(1000).startswith(b"HTTP/1.1 200")
    assert server.connections == 1


def test_a_client_who_leaves_before_the_end_of_its_body_reaches_nobody(balancer: LoadBalancer, server: Server) -> None:
    with dial(balancer.port, head(Content_Length="10") + b"abc"):
        pass
    with dial(balancer.port, head(Transfer_Encoding="chunked") + b"3\r\nabc\r\n"):
        pass
    time.sleep(0.2)
    assert server.connections == 0
    assert ask(balancer.port)[2] == b"one"


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_what_nginx_takes_is_413(balancer: LoadBalancer, server: Server, chunked: bool) -> None:
    large = b"x" * (LARGEST_BODY + 1)
    if chunked:
        message = head(Transfer_Encoding="chunked") + b"%x\r\n%s\r\n0\r\n\r\n" % (len(large), large)
    else:
        message = head(Content_Length=str(len(large)), Expect="100-continue")  # it is refused before it is sent
    with dial(balancer.port, message) as connection:
        assert status(read_to_end(connection)) == 413
    assert server.connections == 0
    assert ask(balancer.port, "/", method="POST", body=b"x" * LARGEST_BODY)[0] == 200
    balancer.set_largest_body("e-1", 0)
    assert ask(balancer.port, "/", method="POST", body=large)[2].startswith(b"%d " % len(large))


@pytest.mark.parametrize(
    ("files", "largest"),
    [
        ({}, LARGEST_BODY),
        ({"conf.d/a.conf": "client_max_body_size 12m;"}, 12 * 1024**2),
        ({"conf.d/a.conf": "# client_max_body_size 12m;\n"}, LARGEST_BODY),
        ({"conf.d/a.conf": "client_max_body_size 2G; # large\n", "conf.d/b.conf": "gzip on;"}, 2 * 1024**3),
        ({"nginx.conf": "http { client_max_body_size 3k; }", "conf.d/elasticbeanstalk/a.conf": "x"}, 3 * 1024),
        ({"conf.d/a.conf": "client_max_body_size 3k;", "conf.d/elasticbeanstalk/a.conf": "client_max_body_size 0;"}, 0),
        ({"conf.d/a.txt": "client_max_body_size 3k;", "conf.d/b.conf": "client_max_body_size large;"}, LARGEST_BODY),
    ],
)
def test_an_application_says_how_large_a_body_may_be(tmp_path: Path, files: dict[str, str], largest: int) -> None:
    for name, text in files.items():
        path = tmp_path / ".platform" / "nginx" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / ".platform" / "nginx" / "conf.d").mkdir(parents=True, exist_ok=True)
    (tmp_path / ".platform" / "nginx" / "conf.d" / "z.conf").symlink_to("/etc/passwd")
    assert largest_body(tmp_path) == largest


def test_an_answer_that_is_not_read_holds_no_instance(balancer: LoadBalancer, server: Server) -> None:
    with dial(balancer.port, head("GET", "/large")):
        deadline = time.monotonic() + 10
        while balancer.passed("e-1", "i-1").sent < 20_000_000 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert balancer.passed("e-1", "i-1").sent == 20_000_000, "taken from the instance to its end"
        assert ask(balancer.port)[2] == b"one"
        time.sleep(IDLE)
    deadline = time.monotonic() + 10
    while balancer.under_way("e-1", "i-1") and time.monotonic() < deadline:
        time.sleep(0.05)
    assert balancer.under_way("e-1", "i-1") == 0, "its client took nothing for too long"


def test_an_unread_answer_beyond_the_bound_holds_the_instance_back(server: Server) -> None:
    balancer = LoadBalancer(limits=Limits(unread=1_000_000))
    balancer.start()
    try:
        port = balancer.open("e-1")
        balancer.set_upstreams("e-1", {"i-1": server.server_port})
        with dial(port, head("GET", "/endless")):
            time.sleep(1)
            before = server.sent
            time.sleep(0.3)
            assert server.sent == before < 100_000_000
    finally:
        balancer.stop()


def test_an_answer_that_is_read_slowly_is_whole(balancer: LoadBalancer) -> None:
    with dial(balancer.port, head("GET", "/large", Connection="close")) as connection:
        time.sleep(IDLE / 2)
        assert read_to_end(connection).endswith(b"\r\n\r\n" + b"x" * 20_000_000)


def test_an_instance_that_does_not_answer_is_504_and_one_that_is_not_there_502(
    balancer: LoadBalancer, server: Server
) -> None:
    assert ask(balancer.port, "/slow")[0] == 504
    server.pause.set()
    balancer.set_upstreams("e-1", {"i-1": dead_port()})
    assert ask(balancer.port)[0] == 502
    with socket.socket() as full:  # nobody accepts, and its backlog is full
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        balancer.set_upstreams("e-1", {"i-1": full.getsockname()[1]})
        assert ask(balancer.port)[0] == 504
        for filler in fillers:
            filler.close()


@pytest.mark.parametrize(
    ("method", "body", "times"),
    [("GET", None, 2), ("PUT", b"x", 1), ("POST", b"x", 1), ("POST", None, 1), ("DELETE", None, 1)],
)
def test_only_what_has_no_effect_is_sent_again(
    balancer: LoadBalancer, server: Server, method: str, body: bytes | None, times: int
) -> None:
    assert ask(balancer.port, "/nothing", method=method, body=body)[0] == 502
    assert server.seen == times


def test_a_spool_gives_back_what_was_put_in() -> None:
    spool, taken = Spool(100), b""
    for number in range(50):
        spool.put(bytes([number]) * 37)
        if number % 3 == 0:
            taken += spool.take()
    while data := spool.take():
        taken += data
    assert taken == b"".join(bytes([number]) * 37 for number in range(50))
    assert spool.waiting == 0
    spool.close()
