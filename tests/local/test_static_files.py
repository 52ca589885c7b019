"""Static folders, served in front of the application."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from balancing import Server, ask

from ebcd_local.balancer import LoadBalancer
from ebcd_local.balancer.static_files import find, resolve


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "public"
    (folder / "css").mkdir(parents=True)
    (folder / "css" / "a b.css").write_text("body {}")
    (folder / "large.bin").write_bytes(bytes(3_000_000))
    (folder / "out.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to(tmp_path)
    (folder / "loop").symlink_to(folder / "loop")
    return folder


@pytest.fixture
def balancer(site: Path) -> Iterator[LoadBalancer]:
    server, made = Server(b"one"), LoadBalancer()
    made.start()
    made.open("e-1")
    made.set_upstreams("e-1", {"i-1": server.server_port})
    made.set_static("e-1", "i-1", {"/static": site, "/static/deep/": site / "css"})
    made.set_routes({"one.example.localhost": "e-1"})
    yield made
    made.stop()
    server.close()


def test_a_file_is_served_with_its_type_and_counted(balancer: LoadBalancer) -> None:
    status, headers, body = ask(balancer.port, "/static/css/a%20b.css?v=1")
    assert (status, headers["content-type"], body) == (200, "text/css", b"body {}")
    assert len(ask(balancer.port, "/static/large.bin")[2]) == 3_000_000
    assert ask(balancer.port, "/static/large.bin", Range="bytes=0-9")[0] == 206
    assert ask(balancer.port, "/static/css/a%20b.css", **{"If-None-Match": headers["etag"]})[0] == 304
    head = ask(balancer.port, "/static/large.bin", method="HEAD")
    assert (head[1]["content-length"], head[2]) == ("3000000", b"")
    deadline = time.monotonic() + 5
    while balancer.traffic("e-1", instance_id="i-1").requests < 5 and time.monotonic() < deadline:
        time.sleep(0.01)
    assert balancer.traffic("e-1", instance_id="i-1").requests == 5


@pytest.mark.parametrize(
    "path",
    [
        "/static/../secret.txt",
        "/static/%2e%2e/secret.txt",
        "/static/..%2fsecret.txt",
        "/static/out.txt",
        "/static/up/secret.txt",
        "/static/loop",
        "/static/%00",
        "/static//etc/passwd",
        "/static/missing",
        "/static/css",
        "/static",
        "/static/",
    ],
)
def test_nothing_else_is_served(balancer: LoadBalancer, path: str) -> None:
    status, _, body = ask(balancer.port, path)
    assert status == 404
    assert b"secret" not in body


def test_what_is_not_below_the_prefix_reaches_the_application(balancer: LoadBalancer) -> None:
    assert ask(balancer.port, "/")[2] == b"one"
    assert ask(balancer.port, "/staticky")[2] == b"one"
    assert ask(balancer.port, "/static/large.bin", method="POST", body=b"")[0] == 405


def test_the_longest_prefix_counts(tmp_path: Path) -> None:
    folders = {"/": tmp_path, "/a": tmp_path / "a", "/a/b/": tmp_path / "b"}
    assert find(folders, "/a/b/c") == (tmp_path / "b", "c")
    assert find(folders, "/ab") == (tmp_path, "ab")
    assert find({}, "/a") is None
    assert resolve(tmp_path / "not-there", "x") is None
