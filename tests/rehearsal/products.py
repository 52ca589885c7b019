"""A local Beanstalk of the tests' own, and small products to ship to it."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import forked
from local_server import serving
from shop import APPLICATION, CONFIGURATION, ROLLING

ROOT = Path(__file__).resolve().parents[2]

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

    @property
    def told(self) -> dict[str, Any]:
        """What the server tells of itself."""
        found: dict[str, Any] = json.loads((self.home / "local" / "server.json").read_text())
        return found

    def keys(self, region: str = "eu-central-1") -> dict[str, str]:
        """The server's own key and a region, as boto3 takes them."""
        told = self.told
        return {
            "aws_access_key_id": told["access_key_id"],
            "aws_secret_access_key": told["secret_access_key"],
            "region_name": region,
        }

    @property
    def variables(self) -> dict[str, str]:
        """The server's own key as environment variables."""
        return {name.upper(): value for name, value in self.keys().items() if name != "region_name"}

    def control(self, method: str, call: str, **content: Any) -> dict[str, Any]:
        """A control call of the local Beanstalk."""
        token = self.told["token"]
        connection = http.client.HTTPConnection(self.endpoint_url.removeprefix("http://"), timeout=10)
        connection.request(method, f"/_ebcd/{call}", json.dumps(content) if content else None, {"X-Ebcd-Token": token})
        answer = connection.getresponse()
        found: dict[str, Any] = json.load(answer)
        connection.close()
        assert answer.status == 200, found
        return found

    def calls(self, after: int) -> list[dict[str, Any]]:
        """The calls of AWS operations behind the after-th."""
        return list(self.control("GET", f"calls?after={after}")["calls"])

    def last_call(self) -> int:
        """The number of the newest of them."""
        return int(self.control("GET", "calls")["last"])


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

    def command(self, name: str) -> str:
        """A command as ebcd prints it, to be run from any folder."""
        return shlex.join(["ebcd", name, "-a", self.name, "-s", "local", "--config", str(self.folder / "ebcd.toml")])

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
    def by_hand(self, region: str = "eu-central-1") -> Iterator[Any]:
        """A client of somebody who changes things beside ebcd."""
        keys = self.cloud.keys(region)
        client = boto3.client("elasticbeanstalk", endpoint_url=self.cloud.endpoint_url, **keys)
        yield client
        client.close()

    def remove(self) -> None:
        """Begin to end all of its environments, and take the application out: an account has 75 at most."""
        with self.by_hand() as client:
            if client.describe_applications(ApplicationNames=[self.name])["Applications"]:
                client.delete_application(ApplicationName=self.name, TerminateEnvByForce=True)

    def set_option(self, environment: str, option: dict[str, str]) -> None:
        """Change an option setting of an environment, and wait until it is Ready again."""
        self.update(environment, OptionSettings=[option])

    def deploy(self, environment: str, label: str) -> None:
        """Deploy a version onto an environment, and wait until it is Ready again."""
        self.update(environment, VersionLabel=label)

    def update(self, environment: str, **changes: Any) -> None:
        """Change an environment, and wait until it is Ready again."""
        with self.by_hand() as client:
            client.update_environment(EnvironmentName=environment, **changes)
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
    return forked.run("ebcd", *arguments, cwd=folder, env=environ, timeout=120)


def start_ship(product: Product, *options: str) -> subprocess.Popen[str]:
    streams = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    return forked.start("ebcd", "ship", *options, cwd=product.folder, env=product.cloud.environ, **streams)


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
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "EBCD_", "GIT_", "GITHUB_"))
        }
        environ = kept | {
            "EBCD_HOME": folder,
            "EBCD_LOCAL_PORT": "0",
            "EBCD_LOCAL_LB_PORT": "0",
            "PYTHONPATH": str(ROOT),
            "HOME": folder,
        }
        home = Path(folder)
        with serving(home, "--speed", "10", *options, env=environ):
            told = json.loads((home / "local" / "server.json").read_text())
            yield Cloud(environ, told["endpoint_url"], told["proxy_url"], home)
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
