"""The real programs, in a virtual environment of their own, and a local Beanstalk for them."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from local_server import serving
from shell import HERE, ROOT, Client

CACHE = ROOT / ".clients"
"""Where the programs are kept from run to run, by the digest of what they are made from."""
INSTALL_DEADLINE = 600


def _built(kind: str, source: Path, build: Callable[[Path], None]) -> Path:
    """A folder that is built once from a file, whoever asks first."""
    digest = hashlib.sha256(source.read_bytes() + sys.version.encode()).hexdigest()[:16]
    folder = CACHE / f"{kind}-{digest}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / f"{kind}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / ".complete").exists():
            shutil.rmtree(folder, ignore_errors=True)
            build(folder)
            (folder / ".complete").touch()
    return folder


def _run(*command: str | Path, cwd: Path | None = None) -> None:
    done = subprocess.run(
        [str(word) for word in command], cwd=cwd, capture_output=True, text=True, timeout=INSTALL_DEADLINE, check=False
    )
    assert done.returncode == 0, done.stderr or done.stdout


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with `eb` and `aws`."""

    def build(folder: Path) -> None:
        uv, python = Path(sys.executable).with_name("uv"), folder / "bin" / "python"
        _run(uv, "venv", "--quiet", "--python", sys.executable, folder)
        _run(uv, "pip", "install", "--quiet", "--python", python, "--requirement", HERE / "requirements.txt")

    return _built("python", HERE / "requirements.txt", build) / "bin"


@pytest.fixture(scope="session")
def modules() -> Path:
    """A folder whose node_modules has the AWS SDK for JavaScript."""
    if not shutil.which("npm"):
        pytest.skip("needs node and npm on PATH")

    def build(folder: Path) -> None:
        folder.mkdir()
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder)
        _run("npm", "ci", "--silent", "--no-audit", "--no-fund", cwd=folder)

    return _built("node", HERE / "package-lock.json", build)


@pytest.fixture(scope="session")
def client(programs: Path) -> Iterator[Client]:
    with TemporaryDirectory(prefix="clients-", dir="/tmp") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        server = os.environ | {"EBCD_HOME": f"{folder}/ebcd", "PYTHONPATH": str(ROOT)}
        with serving(Path(server["EBCD_HOME"]), "--speed", "4", env=server):
            told = json.loads(Path(folder, "ebcd", "local", "server.json").read_text())
            yield Client(home, programs, told["endpoint_url"], told["proxy_url"], server)
