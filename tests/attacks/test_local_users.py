"""Another user of the machine gets nothing of a local Beanstalk: no call, no property, no file, no database."""

from __future__ import annotations

import json
import os
import pwd
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from running import BUCKET, Local, bundle, running
from stranger import KINDS

from ebcd_local.protocol import model

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
PROPERTY = "hunter2-of-the-environment"
SHOP = {
    "aws:elasticbeanstalk:application:environment|PASSWORD": PROPERTY,
    "ebcd:local:database|DBEngine": "postgres",
}


@dataclass
class Machine:
    """What runs on it, as root knows."""

    local: Local
    seen: set[str]
    """Command lines of all processes, while the environment was launched."""

    def there(self) -> dict[str, Any]:
        """All that a stranger could know, guess or find."""
        state, told = self.local.home / "local", self.local.told
        pids = self.pids()
        server = json.loads((state / "postgres" / "server.json").read_text())
        databases = json.loads((state / "postgres" / "databases.json").read_text())["databases"].values()
        secrets = [told["token"], told["secret_access_key"], server["password"], PROPERTY]
        secrets += [item[name] for item in databases for name in ("owner_password", "app_password")]
        return {
            "endpoint_url": told["endpoint_url"],
            "proxy_url": told["proxy_url"],
            "token": told["token"],
            "day": f"{datetime.now(UTC):%Y%m%d}",
            "operations": list(model().operation_names),
            "bucket": BUCKET,
            "key": "shop/v1.zip",
            "files": [str(path) for path in (state, *state.rglob("*"))],
            "pids": pids,
            "secrets": secrets,
            "database_port": server["port"],
            "databases": [item["name"] for item in databases],
            "roles": [f"{item['name']}_{role}" for item in databases for role in ("owner", "app")],
        }

    def pids(self) -> list[int]:
        """The server's, its instances' and PostgreSQL's."""
        found, marks = [], (f"EBCD_HOME={self.local.home}\0".encode(), f"{self.local.home}/local".encode())
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                environ = (entry / "environ").read_bytes()
            except OSError:
                continue
            if any(mark in environ for mark in marks):
                found.append(int(entry.name))
        return found

    def tries(self, *kinds: str, nobody: bool = True) -> dict[str, list[str]]:
        """What somebody could do, by kind of attempt."""
        given = {**self.there(), "nobody": nobody, "kinds": kinds}
        command = [sys.executable, str(Path(__file__).with_name("stranger.py"))]
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "PG", "EBCD_"))}
        done = subprocess.run(
            command, input=json.dumps(given), capture_output=True, text=True, timeout=240, env=kept, check=False
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, list[str]] = json.loads(done.stdout)
        return found


def command_lines() -> Iterator[str]:
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            yield (entry / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    seen, ended = set[str](), threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            seen.update(command_lines())

    with running() as local:
        looking = threading.Thread(target=look)
        looking.start()
        local.publish("shop", "v1", bundle())
        local.launch("shop", "shop-one", "v1", "shop-one", **SHOP)
        ended.set()
        looking.join()
        yield Machine(local, seen)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in {"control", "files", "processes"}])
def test_nobody_else_is_answered(machine: Machine, kind: str) -> None:
    assert machine.tries(kind) == {kind: []}


@pytest.mark.parametrize("kind", ["control", "files", "processes"])
def test_what_root_can_do_nobody_else_can(machine: Machine, kind: str) -> None:
    """That root can shows that there is something to be found."""
    assert machine.tries(kind, nobody=False)[kind]
    assert machine.tries(kind) == {kind: []}


def test_no_secret_was_in_a_command_line(machine: Machine) -> None:
    assert any("initdb" in line for line in machine.seen), "somebody looked"
    secrets = machine.there()["secrets"]
    assert [line for line in machine.seen for secret in secrets if secret in line] == []


def test_postgresql_has_a_user_id_of_its_own(machine: Machine) -> None:
    uids = {Path(f"/proc/{pid}").stat().st_uid for pid in machine.pids()}
    (own,) = uids - {0}
    with pytest.raises(KeyError):
        pwd.getpwuid(own)
    data = machine.local.home / "local" / "postgres" / "data"
    assert {path.stat().st_uid for path in (data, *data.rglob("*"))} == {own}


def test_everything_of_the_state_is_closed(machine: Machine) -> None:
    state = machine.local.home / "local"
    assert state.stat().st_mode & 0o777 == 0o700
    open_ones = [path for path in state.iterdir() if path.stat().st_mode & 0o077]
    assert open_ones == []


def test_its_own_user_is_answered(machine: Machine) -> None:
    assert machine.local.client("sts").get_caller_identity()["Account"] == "123456789012"
    assert machine.local.control("status", "GET")["environments"][0]["name"] == "shop-one"
