"""The application as Beanstalk runs it: the Procfile's command, one real process, raw HTTP."""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from workspaces import Founded

from aespo.development import Urls

ROOT = Path(__file__).parents[2]
BUNDLED = ("aespo", "application.py", "gunicorn.conf.py", "Procfile")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def command() -> list[str]:
    lines = dict(line.split(":", 1) for line in ROOT.joinpath("Procfile").read_text().splitlines())
    return shlex.split(lines["web"])


def start(root: Path, port: int, **more: str) -> subprocess.Popen[bytes]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, "PORT": str(port), "HOME": str(root), **more}
    return subprocess.Popen(command(), cwd=root, env=environ, stderr=subprocess.PIPE)


def wait_until_listening(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()[1].decode()
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise AssertionError("gunicorn did not listen within 20 s")


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("bundle")
    for name in BUNDLED:
        source = ROOT / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, root / name)
    return root


@pytest.fixture(scope="module")
def port(bundle: Path, urls: Urls) -> Iterator[int]:
    number = free_port()
    process = start(bundle, number, DATABASE_URL=urls.app)
    try:
        wait_until_listening(process, number)
        yield number
    finally:
        process.terminate()
        process.communicate(timeout=30)


def ask(port: int, *lines: str) -> tuple[int, str]:
    """Send a request exactly as written; the answer's status and text."""
    request = "\r\n".join((*lines, "Connection: close", "", ""))
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request.encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(answer.split(" ", 2)[1]), answer


@pytest.mark.parametrize(
    ("lines", "status"),
    [
        (("GET /login HTTP/1.1",), 400),
        (("GET /login HTTP/1.1", "Host:"), 400),
        (("GET /login HTTP/1.1", "Host: {slug}.localhost, other.localhost"), 400),
        (("GET /login HTTP/1.1", "Host: {slug}.localhost", "Host: other.localhost"), 400),
        (("GET /login HTTP/1.1", "Host: other.localhost", "Host: {slug}.localhost"), 400),
        (("GET /login HTTP/1.1", "Host: {slug} x.localhost"), 400),
        (("GET /login HTTP/1.1", "Host: \u212aelvin.localhost"), 400),
        (("GET /login HTTP/1.1", f"Host: {'a' * 5000}.localhost"), 400),
        (("GET /login HTTP/1.1", "Host: 127.0.0.1"), 404),
        (("GET /login HTTP/1.1", "Host: nobody.localhost"), 404),
        (("GET /login HTTP/1.1", "Host: x.{slug}.localhost"), 404),
        (("GET /login HTTP/1.1", "Host: xn--{slug}.localhost"), 404),
        (("GET /login HTTP/1.1", "Host: nobody.localhost", "X-Forwarded-Host: {slug}.localhost"), 404),
        (("GET /login HTTP/1.1", "Host: nobody.localhost", "Forwarded: host={slug}.localhost"), 404),
        (("GET http://{slug}.localhost/login HTTP/1.1", "Host: nobody.localhost"), 404),
        (("GET /other HTTP/1.1", "Host: {slug}.localhost", "PATH_INFO: /healthz"), 404),
        (("GET /login HTTP/1.1", "Host: {SLUG}.localhost.:80"), 200),
        (("HEAD /login HTTP/1.1", "Host: {slug}.localhost"), 200),
        (("GET /healthz HTTP/1.1",), 200),
        (("GET /healthz HTTP/1.0",), 200),
        (("GET /healthz HTTP/1.1", "Host: 10.0.0.7"), 200),
    ],
)
def test_hosts_on_the_wire(port: int, acme: Founded, lines: tuple[str, ...], status: int) -> None:
    named = [line.replace("{slug}", acme.slug).replace("{SLUG}", acme.slug.upper()) for line in lines]
    assert ask(port, *named)[0] == status


def test_it_listens_on_loopback_only_and_serves_a_workspace(port: int, acme: Founded) -> None:
    assert "<h1>Acme</h1>" in ask(port, "GET /login HTTP/1.1", f"Host: {acme.host}")[1]
    with socket.socket() as other:
        assert other.connect_ex(("127.0.0.2", port)) != 0


def test_without_a_database_it_serves_and_says_so(bundle: Path) -> None:
    number = free_port()
    process = start(bundle, number)
    try:
        wait_until_listening(process, number)
        assert ask(number, "GET /healthz HTTP/1.1", "Host: 10.0.0.7")[0] == 200
        assert ask(number, "GET /readyz HTTP/1.1", "Host: 10.0.0.7")[0] == 503
    finally:
        process.terminate()
        process.communicate(timeout=30)


@pytest.mark.parametrize("role", ["owner", "superuser"])
def test_it_does_not_start_as_a_role_that_sees_everything(bundle: Path, urls: Urls, role: str) -> None:
    process = start(bundle, free_port(), DATABASE_URL=getattr(urls, role))
    log = process.communicate(timeout=30)[1].decode()
    assert process.returncode != 0
    assert "The database is not safe to serve with" in log


def test_a_connection_is_kept_for_the_balancer(port: int) -> None:
    request = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while not answer.endswith(b"\r\n\r\nok\n"):
                answer += (received := connection.recv(65536))
                assert received, answer
            assert answer.startswith(b"HTTP/1.1 200 OK\r\n")


def test_a_release_that_cannot_start_ends_at_once(bundle: Path, tmp_path: Path) -> None:
    broken = Path(shutil.copytree(bundle, tmp_path / "broken"))
    broken.joinpath(".ebcd").mkdir()
    broken.joinpath(".ebcd", "manifest.json").write_text("{}")
    process = start(broken, free_port())
    log = process.communicate(timeout=30)[1].decode()
    assert process.returncode != 0
    assert "is not a manifest of ebcd" in log


def test_a_stop_ends_it_cleanly(bundle: Path) -> None:
    number = free_port()
    process = start(bundle, number)
    wait_until_listening(process, number)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    assert process.returncode == 0
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", number)) != 0


def test_metrics_of_the_last_minute_are_written_at_a_stop(
    bundle: Path, urls: Urls, acme: Founded, tmp_path: Path
) -> None:
    number, metrics = free_port(), tmp_path / "metrics"
    process = start(bundle, number, DATABASE_URL=urls.app, AESPO_METRICS=str(metrics))
    wait_until_listening(process, number)
    assert ask(number, "GET /login HTTP/1.1", f"Host: {acme.host}")[0] == 200
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=30)
    told = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [(item["Workspace"], item["Requests"]) for item in told] == [(acme.slug, 1)]


def test_version_is_one_json_object(port: int) -> None:
    body = ask(port, "GET /version HTTP/1.1", "Host: 127.0.0.1")[1].partition("\r\n\r\n")[2]
    assert json.loads(body)["version_label"] == "development"
