"""How soon the local Beanstalk is there, and what many environments cost it.

    python benchmarks/local_beanstalk.py [--runs 5] [--environments 20]

Starts servers of its own in temporary folders: `up` to ready; the first environment of a small Flask application with
an empty wheel cache and with a warm one; how soon a killed instance is out of rotation, and another one in its place;
many environments of two instances at once, and the server's memory then.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import psutil
import urllib3

ROOT = Path(__file__).resolve().parents[1]
REGION = "eu-central-1"
BUCKET = f"elasticbeanstalk-{REGION}-123456789012"
PLATFORM = f"arn:aws:elasticbeanstalk:{REGION}::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.1"
APPLICATION = "from flask import Flask\napplication = Flask(__name__)\napplication.get('/')(lambda: 'ok')\n"
LIMITS = {
    "up to ready": 1.0,
    "first environment, cold": 8.0,
    "first environment, warm": 3.0,
    "killed: out of rotation": 1.5,
    "killed: replaced": 10.0,
}
"""Seconds that each should take at most. A killed instance is to be out within a health interval, 1 s, which begins at
any time, and the look that ends it."""
MEMORY = 150
"""Megabytes that the server should stay below."""


def main() -> int:
    """Measure and tell; 1 when a target was missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--environments", type=int, default=20)
    given = parser.parse_args()
    found: dict[str, list[float]] = {name: [] for name in LIMITS}
    for _ in range(given.runs):
        with _server(found["up to ready"]):
            pass
        for kind in ("cold", "warm"):
            with TemporaryDirectory() as empty:
                if kind == "cold":
                    os.environ["UV_CACHE_DIR"] = empty
                else:
                    os.environ.pop("UV_CACHE_DIR", None)
                with _server([]) as eb:
                    found[f"first environment, {kind}"].append(_launch(eb, 1))
    with _server([]) as client:
        _launch(client, 1, size=2)
        for _ in range(given.runs):
            for name, spent in zip(("killed: out of rotation", "killed: replaced"), _kill(client), strict=True):
                found[name].append(spent)
    missed = [name for name, limit in LIMITS.items() if _tell(name, found[name], limit)]
    with _server([]) as eb:
        spent = _launch(eb, given.environments, size=2)
        memory = psutil.Process(eb.pid).memory_info().rss / 1e6
    print(f"{given.environments} environments of 2 instances    {spent:6.1f} s    server {memory:.0f} MB")
    return 1 if missed or memory > MEMORY else 0


def _kill(client: _Client) -> tuple[float, float]:
    """Seconds until a killed instance is gone, and until there are two healthy ones again."""

    def instances() -> list[str]:
        health = client.eb.describe_instances_health(EnvironmentName="bench-0", AttributeNames=["All"])
        return [item["InstanceId"] for item in health["InstanceHealthList"] if item["Color"] == "Green"]

    killed, start = client.kill("bench-0"), time.monotonic()
    gone = _seconds(start, lambda: killed not in instances())
    return gone, _seconds(start, lambda: len(instances()) == 2)


def _seconds(start: float, done: Callable[[], bool]) -> float:
    while not done():
        assert time.monotonic() - start < 60
        time.sleep(0.02)
    return time.monotonic() - start


class _Client:
    """Clients of one server, and its process id."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._endpoint, self._folder = told["endpoint_url"], Path(told["state_dir"])
        own = self._told()
        keys = {
            "aws_access_key_id": own["access_key_id"],
            "aws_secret_access_key": own["secret_access_key"],
            "region_name": REGION,
            "endpoint_url": self._endpoint,
        }
        self.eb, self.s3, self.pid = boto3.client("elasticbeanstalk", **keys), boto3.client("s3", **keys), told["pid"]

    def _told(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._folder / "server.json").read_text())
        return found

    def kill(self, environment: str) -> str:
        """Kill the oldest instance of an environment; its id."""
        token = self._told()["token"]
        answer = urllib3.request(
            "POST", f"{self._endpoint}/_ebcd/kill", json={"environment": environment}, headers={"X-Ebcd-Token": token}
        )
        return str(answer.json()["killed"])


@contextmanager
def _server(spent: list[float]) -> Iterator[_Client]:
    with TemporaryDirectory(prefix="bench-", dir="/tmp") as folder:
        environ = os.environ | {"EBCD_HOME": folder, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "ebcd_local"]
        start = time.monotonic()
        up = subprocess.run(
            [*command, "up", "--json", "--port", "0", "--lb-port", "0"],
            env=environ,
            check=True,
            capture_output=True,
            text=True,
        )
        spent.append(time.monotonic() - start)
        try:
            yield _Client(json.loads(up.stdout))
        finally:
            subprocess.run([*command, "down"], env=environ, check=True, capture_output=True)


def _launch(client: _Client, count: int, size: int = 1) -> float:
    """Seconds until so many environments are Ready and Green."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("application.py", APPLICATION)
        archive.writestr("requirements.txt", "flask>=3\n")
    client.eb.create_storage_location()
    client.s3.put_object(Bucket=BUCKET, Key="a.zip", Body=buffer.getvalue())
    client.eb.create_application_version(
        ApplicationName="bench",
        VersionLabel="v1",
        AutoCreateApplication=True,
        SourceBundle={"S3Bucket": BUCKET, "S3Key": "a.zip"},
        Process=True,
    )
    start = time.monotonic()
    options = [{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": str(size)}]
    for number in range(count):
        client.eb.create_environment(
            ApplicationName="bench",
            EnvironmentName=f"bench-{number}",
            VersionLabel="v1",
            PlatformArn=PLATFORM,
            OptionSettings=options,
        )
    while True:
        found = client.eb.describe_environments(ApplicationName="bench")["Environments"]
        if all((item["Status"], item["Health"]) == ("Ready", "Green") for item in found):
            return time.monotonic() - start
        assert time.monotonic() - start < 300, found
        time.sleep(0.1)


def _tell(name: str, seconds: list[float], limit: float) -> bool:
    """Print a line; whether the target was missed."""
    median = statistics.median(seconds)
    verdict = "reached" if median <= limit else "MISSED"
    print(
        f"{name:28}{median:6.2f} s   ({min(seconds):.2f} to {max(seconds):.2f}, {len(seconds)} runs)   "
        f"target {limit:g} s: {verdict}"
    )
    return median > limit


if __name__ == "__main__":
    sys.exit(main())
