"""Requests per second through the local load balancer, next to nginx and to no proxy at all, in one alternating run;
then swaps under the same load, and how many requests they lost.

    python benchmarks/balancer.py [--runs 5] [--seconds 4] [--connections 32] [--swaps 200]

It needs nginx and wrk (Debian: apt-get install nginx-light wrk) and gunicorn. Compare ratios only: absolute numbers
are the machine's.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

ROOT = Path(__file__).resolve().parents[1]
HOST = "shop.eu-central-1.elasticbeanstalk.localhost"
TARGET = 0.5
"""The local load balancer's share of nginx's requests per second."""
INSTALL = "apt-get install nginx-light wrk"

APPLICATION = """
def application(environ, start_response):
    body = b"x" * 1000
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "1000")])
    return [body]
"""
BALANCER = f"""
import itertools, signal, sys
from ebcd_local.balancer import LoadBalancer
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGUSR1])  # in every thread
balancer = LoadBalancer(int(sys.argv[1]))
balancer.start()
for name, port in zip(("e-1", "e-2"), sys.argv[2:]):
    balancer.open(name)
    balancer.set_upstreams(name, {{"i-1": int(port)}})
for one, other in itertools.cycle([("e-1", "e-2"), ("e-2", "e-1")]):
    balancer.set_routes({{"{HOST}": one, "other.localhost": other}})
    if signal.sigwait([signal.SIGTERM, signal.SIGUSR1]) == signal.SIGTERM:
        break
"""
NGINX = """
daemon off; worker_processes 1; pid {folder}/pid; error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  upstream application {{ server 127.0.0.1:{upstream}; keepalive 64; }}
  server {{
    listen 127.0.0.1:{port};
    keepalive_requests 1000000;
    location / {{
      proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $host; proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    }}
  }}
}}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure and print; 0 when the target is reached."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--swaps", type=int, default=200)
    given = parser.parse_args(arguments)
    missing = [name for name in ("nginx", "wrk") if not shutil.which(name)]
    if missing:
        print(f"Not measured: {' and '.join(missing)} cannot be found on PATH.\n  → {INSTALL}", file=sys.stderr)
        return 2
    with TemporaryDirectory() as folder, ExitStack() as stack:
        servers = {name: stack.enter_context(run) for name, run in _servers(Path(folder)).items()}
        ports = {name: server.port for name, server in servers.items() if name != "the other release"}
        rates = _alternate(ports, given.runs, given.seconds, given.connections)
        lost = [
            _swap(servers["behind ebcd_local"], given.swaps, header) for header in ([], ["-H", "Connection: close"])
        ]
    return _tell(rates) or int(sum(lost) > 0)


@dataclass(frozen=True)
class Server:
    """A server that listens."""

    port: int
    pid: int


def _swap(server: Server, swaps: int, header: list[str]) -> int:
    """Swap under 64 connections, every 50 ms; print and give back how many requests were lost."""
    load = subprocess.Popen(
        [
            "wrk",
            "-t1",
            "-c64",
            f"-d{swaps // 20 + 2}s",
            "-H",
            f"Host: {HOST}",
            *header,
            f"http://127.0.0.1:{server.port}/",
        ],
        stdout=subprocess.PIPE,
        text=True,
    )
    time.sleep(1)
    for _ in range(swaps):
        os.kill(server.pid, signal.SIGUSR1)
        time.sleep(0.05)
    said = load.communicate(timeout=60)[0]
    requests = re.search(r"(\d+) requests in", said)
    assert requests, said
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", said)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    lost = sum(int(number) for found in (errors, refused) if found for number in found.groups())
    print(f"{swaps} swaps, {'new' if header else 'kept'} connections: {int(requests[1]):,} requests, {lost} lost")
    return lost


def _servers(folder: Path) -> dict[str, AbstractContextManager[Server]]:
    upstream, other, nginx, balancer = _free_port(), _free_port(), _free_port(), _free_port()
    (folder / "measured.py").write_text(APPLICATION)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, upstream=upstream, port=nginx))

    def gunicorn(port: int) -> AbstractContextManager[Server]:
        words = ["--workers", "1", "--threads", "15", "--bind", f"127.0.0.1:{port}", "--chdir", str(folder)]
        return _running([sys.executable, "-m", "gunicorn", *words, "--log-level", "error", "measured"], port)

    return {
        "gunicorn alone": gunicorn(upstream),
        "the other release": gunicorn(other),
        "behind nginx": _running(["nginx", "-p", str(folder), "-c", str(folder / "nginx.conf")], nginx),
        "behind ebcd_local": _running(
            [sys.executable, "-c", BALANCER, str(balancer), str(upstream), str(other)], balancer
        ),
    }


def _alternate(ports: dict[str, int], runs: int, seconds: int, connections: int) -> dict[str, list[float]]:
    """Requests per second of each run. They alternate, so that the machine's moods meet all alike."""
    rates: dict[str, list[float]] = {name: [] for name in ports}
    for port in ports.values():
        _load(port, 1, connections)
    for number in range(runs):
        for name, port in ports.items():
            rates[name].append(_load(port, seconds, connections))
        print(f"run {number + 1}: " + "   ".join(f"{name} {found[-1]:,.0f}/s" for name, found in rates.items()))
    return rates


def _load(port: int, seconds: int, connections: int) -> float:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-H", f"Host: {HOST}", f"http://127.0.0.1:{port}/"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise SystemExit(f"Requests failed on port {port}:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found, said
    return float(found[1])


def _tell(rates: dict[str, list[float]]) -> int:
    middle = {name: statistics.median(found) for name, found in rates.items()}
    print(f"\n{'median':24}{'requests/s':>12}{'of direct':>12}{'of nginx':>12}")
    for name, rate in middle.items():
        print(f"{name:24}{rate:>12,.0f}{rate / middle['gunicorn alone']:>12.2f}{rate / middle['behind nginx']:>12.2f}")
    ratio = middle["behind ebcd_local"] / middle["behind nginx"]
    print(f"\nTarget: at least {TARGET:.2f} of nginx. {'Reached' if ratio >= TARGET else 'Missed'}: {ratio:.2f}.")
    return 0 if ratio >= TARGET else 1


@contextmanager
def _running(command: list[str], port: int) -> Iterator[Server]:
    """A server that listens on a port, until the end."""
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        deadline = time.monotonic() + 15
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit(f"It does not listen: {' '.join(command)}")
            time.sleep(0.05)
        yield Server(port, process.pid)
    finally:
        process.terminate()
        process.wait(10)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
