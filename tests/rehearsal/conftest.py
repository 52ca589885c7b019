"""A local Beanstalk of the tests' own, small products to ship to it, and clients that watch what users get."""

from __future__ import annotations

import http.client
import itertools
import json
import math
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import pytest

ROOT = Path(__file__).resolve().parents[2]

APPLICATION = '''
import json, os, pathlib, resource, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

MODE = pathlib.Path("mode").read_text().strip()
MANIFEST = json.loads(pathlib.Path(".ebcd/manifest.json").read_text())
seen = []

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 200
        if MODE == "smoke-500" and self.path == "/smoke":
            status = 500
        if MODE == "turns-bad" and self.path == "/smoke" and live(self):
            seen.append(1)
            status = 200 if len(seen) == 1 else 500
        if MODE == "leaks" and self.path == "/" and live(self):
            leak()
        if MODE == "unhealthy" and self.path == "/healthz":
            status = 503
        if MODE == "slow" and self.path == "/version" and live(self):
            time.sleep(0.4)
        if MODE == "fails-some" and self.path.startswith("/some"):
            status = 500
        host = self.headers.get("Host", "")
        if host.startswith("nobody."):
            status = 404
        if MODE == "fails-one-tenant" and host.startswith("globex."):
            status = 500
        if MODE == "fails-one-tenant-live" and host.startswith("globex.") and live(self):
            status = 500
        if MODE == "tenant-turns-bad" and host.startswith("globex.") and live(self):
            seen.append(1)
            status = 200 if len(seen) == 1 else 500
        if MODE == "takes-any-tenant" and host.startswith("nobody."):
            status = 200
        if MODE == "fails-live" and self.path == "/smoke" and live(self):
            status = 500
        body = json.dumps(MANIFEST).encode()
        if self.path == "/tenants":
            body = json.dumps(["acme." + os.environ["CNAME"], "globex." + os.environ["CNAME"]]).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

def live(handler):
    """Whether the request came through the live URL: by then the environment's own listener is another port."""
    return handler.headers.get("X-Forwarded-Port") == os.environ.get("LIVE_PORT")

def leak():
    """Keep 16 MB more; the process ends when it has no memory left, as the kernel ends one."""
    try:
        seen.append(bytearray(16 << 20))
    except MemoryError:
        os._exit(137)

if MODE == "leaks":
    pages = int(pathlib.Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + (400 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
if MODE == "crash":
    print("the database password is missing", flush=True)
    sys.exit(3)
ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
'''

CONFIGURATION = """
application = "{application}"
region = "eu-central-1"
default_stage = "local"
[stages.local]
target = "local"
stable = "1s"
timeout = "20s"
bake = "1s"
keep = "0s"
[stages.local.smoke]
path = "/smoke"
attempts = 2
[stages.local.proof]
path = "/version"
[stages.local.options."aws:elasticbeanstalk:application"]
"Application Healthcheck URL" = "/healthz"
[stages.local.env]
LIVE_PORT = "{live_port}"
"""

ROLLING = """
[stages.local.options."aws:autoscaling:asg"]
MinSize = 2
[stages.local.options."aws:elasticbeanstalk:command"]
DeploymentPolicy = "Rolling"
BatchSizeType = "Fixed"
BatchSize = 1
"""
"""Option settings by which an update in place loses no request."""

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Cloud:
    """A local Beanstalk."""

    environ: dict[str, str]
    endpoint_url: str
    proxy_url: str
    home: Path

    @property
    def live_port(self) -> str:
        return self.proxy_url.rpartition(":")[2]

    def control(self, method: str, call: str, **content: Any) -> dict[str, Any]:
        """A control call of the local Beanstalk."""
        token = json.loads((self.home / "local" / "server.json").read_text())["token"]
        connection = http.client.HTTPConnection(self.endpoint_url.removeprefix("http://"), timeout=10)
        connection.request(method, f"/_ebcd/{call}", json.dumps(content) if content else None, {"X-Ebcd-Token": token})
        answer = connection.getresponse()
        found: dict[str, Any] = json.load(answer)
        connection.close()
        assert answer.status == 200, found
        return found

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """The calls of AWS operations behind the after-th."""
        return list(self.control("GET", f"calls?after={after}")["calls"])


@dataclass(frozen=True)
class Product:
    """A repository with an application, and ebcd to ship it."""

    name: str
    folder: Path
    cloud: Cloud

    @property
    def host(self) -> str:
        return f"{self.name}.eu-central-1.elasticbeanstalk.localhost"

    def ebcd(self, *arguments: str, folder: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
        return run_ebcd(*arguments, folder=folder or self.folder, environ=self.cloud.environ | environ)

    def json(self, *arguments: str, folder: Path | None = None, **environ: str) -> dict[str, Any]:
        done = self.ebcd(*arguments, "--json", folder=folder, **environ)
        result = json.loads(done.stdout)
        assert result["exit_code"] == done.returncode, done.stderr
        return result

    def commit(self, text: str = "", mode: str = "ok", **files: str) -> str:
        """Commit a change; the SHA."""
        (self.folder / "mode").write_text(mode)
        (self.folder / "text").write_text(text)
        for name, content in files.items():
            (self.folder / name).write_text(content)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", f"Change {text or mode}")
        return self.git("rev-parse", "HEAD").strip()

    @contextmanager
    def by_hand(self) -> Iterator[Any]:
        """A client of somebody who changes things beside ebcd."""
        keys = {"aws_access_key_id": "LOCAL", "aws_secret_access_key": "LOCAL", "region_name": "eu-central-1"}
        client = boto3.client("elasticbeanstalk", endpoint_url=self.cloud.endpoint_url, **keys)
        yield client
        client.close()

    def terminate_all(self) -> None:
        """Begin to end all of its environments."""
        standing = [item["id"] for item in self.cloud.control("GET", "status")["environments"]
                    if item["application"] == self.name and item["status"] in {"Ready", "Launching"}]  # fmt: skip
        if standing:
            with self.by_hand() as client:
                for name in standing:
                    client.terminate_environment(EnvironmentId=name)

    def set_option(self, environment: str, option: dict[str, str]) -> None:
        """Change an option setting of an environment, and wait until it is Ready again."""
        with self.by_hand() as client:
            client.update_environment(EnvironmentName=environment, OptionSettings=[option])
            deadline = time.monotonic() + 30
            while client.describe_environments(EnvironmentNames=[environment])["Environments"][0]["Status"] != "Ready":
                assert time.monotonic() < deadline
                time.sleep(0.1)

    def configure(self, **values: str) -> None:
        """Change durations of the stage in ebcd.toml."""
        path = self.folder / "ebcd.toml"
        text = path.read_text()
        for name, value in values.items():
            text = re.sub(rf'^{name} = ".*"$', f'{name} = "{value}"', text, flags=re.MULTILINE)
        path.write_text(text)

    def configuration(self) -> str:
        """The text of ebcd.toml."""
        return (self.folder / "ebcd.toml").read_text()

    def choose(self, strategy: str) -> None:
        """Give the stage a strategy; in place with what keeps requests whole: two instances, updated one by one."""
        text = self.configuration().replace('target = "local"', f'target = "local"\nstrategy = "{strategy}"')
        (self.folder / "ebcd.toml").write_text(text + (ROLLING if strategy == "in-place" else ""))

    def git(self, *arguments: str) -> str:
        command = ["git", "-c", "user.name=T", "-c", "user.email=t@example.com", *arguments]
        return subprocess.run(command, cwd=self.folder, check=True, capture_output=True, text=True).stdout

    def get(self, path: str) -> tuple[int, bytes]:
        """One request to the live URL."""
        connection = http.client.HTTPConnection("127.0.0.1", int(self.cloud.live_port), timeout=10)
        try:
            connection.request("GET", path, headers={"Host": self.host})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def serving(self) -> str:
        """The SHA that the live URL answers with."""
        status, body = self.get("/version")
        assert status == 200, body
        return str(json.loads(body)["sha"])


def run_ebcd(*arguments: str, folder: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ebcd", *arguments]
    return subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, timeout=120, check=False)


def start_ship(product: Product, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "ebcd", "ship", *options]
    return subprocess.Popen(
        command,
        cwd=product.folder,
        env=product.cloud.environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
    )


def read_until(process: subprocess.Popen[str], text: str) -> None:
    """Read a run's progress until a line has a text."""
    assert process.stderr is not None
    deadline = time.monotonic() + 60
    for line in process.stderr:
        if text in line:
            return
        assert time.monotonic() < deadline
    raise AssertionError(f"ended without {text!r}")


@contextmanager
def running_cloud(*options: str) -> Iterator[Cloud]:
    """A local Beanstalk that is there for a block. options: of `ebcd local up`."""
    with TemporaryDirectory(prefix="ebcd-", dir="/tmp") as folder:
        kept = {name: value for name, value in os.environ.items()
                if not name.startswith(("AWS_", "EBCD_", "GIT_", "GITHUB_"))}  # fmt: skip
        environ = kept | {"EBCD_HOME": folder, "EBCD_LOCAL_PORT": "0", "EBCD_LOCAL_LB_PORT": "0",
                          "PYTHONPATH": str(ROOT), "HOME": folder}  # fmt: skip
        done = run_ebcd("local", "up", "--json", "--speed", "10", *options, folder=Path(folder), environ=environ)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        yield Cloud(environ, told["endpoint_url"], told["proxy_url"], Path(folder))
        done = run_ebcd("local", "down", folder=Path(folder), environ=environ)
        assert done.returncode == 0, done.stderr
        assert processes_below(folder) == []


def make_product(cloud: Cloud, below: Path) -> Product:
    """A new application's repository."""
    number = next(_numbers)
    folder = below / f"repository-{number}"
    folder.mkdir()
    made = Product(f"shop{os.getpid()}-{number}", folder, cloud)
    made.git("init", "-q", "-b", "main")
    (folder / "server.py").write_text(APPLICATION)
    (folder / "Procfile").write_text("web: python server.py\n")
    (folder / "requirements.txt").write_text("")
    (folder / "ebcd.toml").write_text(CONFIGURATION.format(application=made.name, live_port=cloud.live_port))
    return made


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    with running_cloud() as found:
        yield found


@pytest.fixture
def products(cloud: Cloud, tmp_path: Path) -> Iterator[Callable[[], Product]]:
    """Makes products, each an application of its own. What they ran is ended: it would slow the tests that follow."""
    everything: list[Product] = []

    def make() -> Product:
        everything.append(make_product(cloud, tmp_path))
        return everything[-1]

    yield make
    for made in everything:
        made.terminate_all()


@pytest.fixture
def product(products: Callable[[], Product]) -> Product:
    return products()


def processes_below(folder: str) -> list[str]:
    """Command lines of processes that run in a folder or were started from it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            where, command = (path / "cwd").readlink(), (path / "cmdline").read_text()
        except OSError:
            continue
        if str(where).startswith(folder) or f"{folder}/" in command:
            found.append(command.replace("\0", " "))
    return found


@dataclass
class Clients:
    """Users who ask all the time: half keep their connection, half make a new one for each request."""

    product: Product
    count: int = 8
    connected: float = math.inf
    """Seconds after which even those who keep their connection make a new one."""
    apart: float = 0.0
    """Seconds between the first requests of two of them."""
    seen: list[list[str]] = field(default_factory=list)
    """For each client the SHAs that it was answered with, in order, repeats left out."""
    failures: list[str] = field(default_factory=list)
    requests: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Clients:
        for number in range(self.count):
            self.seen.append([])
            thread = threading.Thread(target=self._ask, args=(number, number % 2 == 0))
            self._threads.append(thread)
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(15)

    def _ask(self, number: int, keep_alive: bool) -> None:
        port = int(self.product.cloud.live_port)
        self._stop.wait(number * self.apart)
        connection, since = http.client.HTTPConnection("127.0.0.1", port, timeout=10), time.monotonic()
        headers = {"Host": self.product.host, "X-Ebcd-Client": str(number)}  # each has a resolver of its own
        while not self._stop.is_set():
            try:
                connection.request("GET", "/version", headers=headers)
                answer = connection.getresponse()
                body = answer.read()
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(f"{type(error).__name__} {error}")
                connection.close()
                continue
            self.requests += 1
            if answer.status != 200:
                self.failures.append(f"{answer.status} {body[:80]!r}")
            else:
                sha = str(json.loads(body)["sha"])
                if self.seen[number][-1:] != [sha]:
                    self.seen[number].append(sha)
            if not keep_alive or time.monotonic() - since > self.connected:
                connection.close()
                since = time.monotonic()
            time.sleep(0.005)
        connection.close()
