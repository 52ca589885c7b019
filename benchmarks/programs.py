"""The programs that are compared, in environments of their own below `.bench`: ebcd as users install it, and peers."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from timing import ROOT

HERE = ROOT / ".bench"
PEERS = ROOT / "tests" / "clients" / "requirements.txt"
SERVER = """
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
CONFIGURATION = """
application = "shop"
region = "eu-central-1"
default_stage = "local"
[stages.local]
target = "local"
cname = "shop"
stable = "0s"
bake = "0s"
"""


def ebcd() -> Path:
    """The folder with `ebcd`, installed from this checkout and not editable: an editable one starts more slowly."""
    folder = HERE / "ebcd"
    _environment(folder)
    _uv(
        "pip",
        "install",
        "--python",
        folder / "bin" / "python",
        "--compile-bytecode",
        "--reinstall-package",
        "ebcd",
        ROOT,
    )
    return folder / "bin"


def peers() -> Path:
    """The folder with `eb` and `aws`."""
    digest = hashlib.sha256(PEERS.read_bytes() + sys.version.encode()).hexdigest()[:12]
    folder = HERE / f"peers-{digest}"
    if not (folder / ".complete").exists():
        _environment(folder)
        _uv("pip", "install", "--python", folder / "bin" / "python", "--compile-bytecode", "-r", PEERS)
        (folder / ".complete").touch()
    return folder / "bin"


def _environment(folder: Path) -> None:
    if not (folder / "bin" / "python").exists():
        _uv("venv", "--python", sys.executable, folder)


def _uv(*words: str | Path) -> None:
    command = [sys.executable, "-m", "uv", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{done.stderr}")


@dataclass(frozen=True)
class Local:
    """A local Beanstalk of the benchmark's own."""

    environ: dict[str, str]
    told: dict[str, Any]

    def calls(self, after: int) -> list[dict[str, Any]]:
        """The calls behind the n-th, as the server counts them."""
        return list(self._told(f"calls?after={after}")["calls"])

    def last(self) -> int:
        """The number of the last call."""
        return int(self._told("calls")["last"])

    def _told(self, path: str) -> Any:
        request = urllib.request.Request(
            f"{self.told['endpoint_url']}/_ebcd/{path}", headers={"X-Ebcd-Token": self.told["token"]}
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    @property
    def keys(self) -> dict[str, str]:
        """What eb and aws need to reach it."""
        told = self.told
        keys = {"AWS_ACCESS_KEY_ID": told["access_key_id"], "AWS_SECRET_ACCESS_KEY": told["secret_access_key"]}
        return keys | {"AWS_ENDPOINT_URL": told["endpoint_url"], "AWS_PAGER": "", "AWS_DEFAULT_REGION": "eu-central-1"}


@contextmanager
def local_beanstalk() -> Iterator[Local]:
    """A server in a temporary folder, fast where it only pretends to wait."""
    with TemporaryDirectory(prefix="ebcd-bench-", dir="/tmp") as folder:
        environ = {"EBCD_HOME": f"{folder}/home", "XDG_CACHE_HOME": f"{folder}/cache", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "ebcd_local"]
        run([*command, "up", "--json", "--port", "0", "--lb-port", "0", "--speed", "10"], Path(folder), environ)
        told = json.loads(Path(folder, "home", "local", "server.json").read_text())
        try:
            yield Local({"EBCD_HOME": environ["EBCD_HOME"], "XDG_CACHE_HOME": environ["XDG_CACHE_HOME"]}, told)
        finally:
            run([*command, "down"], Path(folder), environ)


def run(command: list[str | Path], cwd: Path, environ: Mapping[str, str]) -> str:
    """Run a program; what it said."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, env=os.environ | dict(environ), capture_output=True, text=True, check=False
    )
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def product(folder: Path) -> None:
    """A small application and its ebcd.toml."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "server.py").write_text(SERVER)
    (folder / "Procfile").write_text("web: python server.py\n")
    (folder / "ebcd.toml").write_text(CONFIGURATION)
