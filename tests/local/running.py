"""Local Beanstalks of the tests' own, and small bundles to run on them."""

from __future__ import annotations

import io
import json
import os
import subprocess
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote_plus

import boto3
import forked
import urllib3
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from local_server import serving

from ebcd_local.health_check import HealthCheck
from ebcd_local.instance import Instance

ROOT = Path(__file__).resolve().parents[2]
REGION = "eu-central-1"
BUCKET = f"elasticbeanstalk-{REGION}-123456789012"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.1"

SERVER = """
import os, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    def do_GET(self):
        if self.path == "/die":
            os._exit(7)
        body = f"{TEXT} {os.environ.get('COLOR', '')} {sorted(n for n in os.environ if n.startswith('AWS_'))}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *_):
        pass

print("starting", flush=True)
ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


def bundle(text: str = "one", **files: str) -> bytes:
    """A source bundle that answers every request with a text."""
    contents = {"server.py": f"TEXT = {text!r}\n{SERVER}", "Procfile": "web: python server.py\n"}
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in (contents | files).items():
            archive.writestr(name, content)
    return buffer.getvalue()


@dataclass(frozen=True)
class Local:
    """A local Beanstalk that runs, and clients for it."""

    environ: dict[str, str]
    home: Path
    clients: list[Any] = field(default_factory=list)
    """Every client that was made, to be closed at the end."""

    @property
    def told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self.home / "local" / "server.json").read_text())
        return found

    @property
    def keys(self) -> dict[str, str]:
        """The server's own key, as boto3 takes it."""
        told = self.told
        return {"aws_access_key_id": told["access_key_id"], "aws_secret_access_key": told["secret_access_key"]}

    def signed(
        self, path: str, method: str = "GET", body: bytes = b"", service: str = "elasticbeanstalk", **headers: str
    ) -> dict[str, str]:
        """The headers of a request, with a signature by the server's own key."""
        told, (place, _, query) = self.told, path.partition("?")
        pairs = [pair.partition("=") for pair in query.split("&") if pair]
        asked = AWSRequest(
            method=method,
            url=told["endpoint_url"] + place,
            params=[(unquote_plus(name), unquote_plus(value)) for name, _, value in pairs],
            data=body,
            headers=headers,
        )
        signer = S3SigV4Auth if service == "s3" else SigV4Auth
        signer(Credentials(told["access_key_id"], told["secret_access_key"]), service, REGION).add_auth(asked)
        return dict(asked.headers.items())

    def client(self, service: str, config: Config | None = None) -> Any:
        given = {"endpoint_url": self.told["endpoint_url"], "region_name": REGION, "config": config}
        self.clients.append(boto3.client(service, **given, **self.keys))
        return self.clients[-1]

    def run(self, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
        return forked.run("ebcd_local", *arguments, env=self.environ | environ, timeout=90)

    def publish(self, application: str, label: str, content: bytes) -> str:
        """Make a version of an application, which is made too; its status."""
        eb, s3 = self.client("elasticbeanstalk"), self.client("s3")
        eb.create_storage_location()
        s3.put_object(Bucket=BUCKET, Key=f"{application}/{label}.zip", Body=content)
        eb.create_application_version(
            ApplicationName=application,
            VersionLabel=label,
            SourceBundle={"S3Bucket": BUCKET, "S3Key": f"{application}/{label}.zip"},
            AutoCreateApplication=True,
            Process=True,
        )
        found = eb.describe_application_versions(ApplicationName=application, VersionLabels=[label])
        return str(found["ApplicationVersions"][0]["Status"])

    def launch(
        self, application: str, name: str, label: str, prefix: str | None = None, health: str = "Green", **options: str
    ) -> None:
        """Create an environment and wait until it is Ready and its health is as expected."""
        request: dict[str, Any] = {"CNAMEPrefix": prefix} if prefix else {}
        settings = [
            dict(zip(("Namespace", "OptionName", "Value"), (*key.split("|"), value), strict=True))
            for key, value in options.items()
        ]
        self.client("elasticbeanstalk").create_environment(
            ApplicationName=application,
            EnvironmentName=name,
            VersionLabel=label,
            PlatformArn=PLATFORM,
            OptionSettings=settings,
            **request,
        )
        self.until(name, lambda item: item["Status"] == "Ready" and item["Health"] == health)

    def describe(self, name: str) -> dict[str, Any]:
        found = self.client("elasticbeanstalk").describe_environments(EnvironmentNames=[name])["Environments"]
        return dict(found[-1])

    def instances(self, name: str) -> list[dict[str, Any]]:
        """An environment's instances, as a report tells of them that was made after this was called."""
        eb, since = self.client("elasticbeanstalk"), datetime.now(UTC)
        found: dict[str, Any] = {}

        def reported() -> bool:
            found.update(eb.describe_instances_health(EnvironmentName=name, AttributeNames=["All"]))
            return "RefreshedAt" in found and found["RefreshedAt"] > since

        self.wait(reported)
        return list(found["InstanceHealthList"])

    def control(self, call: str, method: str = "POST", **content: Any) -> dict[str, Any]:
        """A control call; its answer."""
        told, body = self.told, json.dumps(content).encode() if content else None
        answer = urllib3.request(
            method,
            f"{told['endpoint_url']}/_ebcd/{call}",
            body=body,
            retries=False,
            timeout=10,
            headers={"X-Ebcd-Token": told["token"]},
        )
        assert answer.status == 200, answer.data
        found: dict[str, Any] = answer.json()
        return found

    def wait(self, done: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until something is so."""
        deadline = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def log_tail(self, name: str) -> str:
        """The log tails of an environment's instances, as a client gets them."""
        eb = self.client("elasticbeanstalk")
        eb.request_environment_info(EnvironmentName=name, InfoType="tail")
        told = eb.retrieve_environment_info(EnvironmentName=name, InfoType="tail")["EnvironmentInfo"]
        return "".join(urllib3.request("GET", item["Message"]).data.decode() for item in told)

    def until(self, name: str, wanted: Callable[[dict[str, Any]], bool], seconds: float = 30) -> dict[str, Any]:
        """Wait until an environment is as wanted."""
        deadline = time.monotonic() + seconds
        while not wanted(found := self.describe(name)):
            assert time.monotonic() < deadline, found
            time.sleep(0.1)
        return found


def _variables(home: Path, path: Path | None) -> dict[str, str]:
    """What the server and the commands that tell it something are started with."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EBCD_"))}
    python_path = os.pathsep.join(map(str, filter(None, (ROOT, path))))
    return kept | {"EBCD_HOME": str(home), "PYTHONPATH": python_path, "AWS_SECRET_OF_THE_SERVER": "hidden"}


def healthy(instance: Instance) -> bool:
    """Whether an instance answers now."""
    return HealthCheck().ask(instance.port).healthy


def processes_of(folder: Path) -> list[str]:
    """Command lines of processes that run below a folder, were started from it, or serve it."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            where, command = (path / "cwd").readlink(), (path / "cmdline").read_text()
            environ = (path / "environ").read_bytes()
        except OSError:
            continue
        serves = f"EBCD_HOME={folder}\0".encode() in environ
        if serves or where.is_relative_to(folder) or f"{folder}/" in command:
            found.append(command.replace("\0", " "))
    return found


@contextmanager
def brought_up() -> Iterator[Local]:
    """A server in a folder of its own that `ebcd local up` has started, for tests that are about that."""
    with TemporaryDirectory(prefix="eb-", dir="/tmp") as folder:
        home = Path(folder)
        local = Local(_variables(home, None), home)
        done = local.run("up", "--json", "--port", "0", "--lb-port", "0", "--speed", "4")
        assert done.returncode == 0, done.stderr + done.stdout
        try:
            yield local
        finally:
            for client in local.clients:
                client.close()
            done = local.run("down")
        assert done.returncode == 0, done.stderr
        assert processes_of(home) == []


@contextmanager
def running(*words: str, path: Path | None = None) -> Iterator[Local]:
    """A server in a folder of its own, which leaves no process behind; four times as fast unless the words say else.

    path: where Python looks for packages first.
    """
    with TemporaryDirectory(prefix="eb-", dir="/tmp") as folder:
        home = Path(folder)
        environ = _variables(home, path)
        with serving(home, "--speed", "4", *words, env=environ):
            local = Local(environ, home)
            try:
                yield local
            finally:
                for client in local.clients:
                    client.close()
        assert processes_of(home) == []
