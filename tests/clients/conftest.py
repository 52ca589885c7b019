"""The real programs, in a virtual environment of their own, and a local Beanstalk for them."""

from __future__ import annotations

import fcntl
import hashlib
import http.client
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
CACHE = ROOT / ".clients"
"""Where the programs are kept from run to run, by the digest of what they are made from."""
REGION = "eu-central-1"
PLATFORM = "Python 3.11 running on 64bit Amazon Linux 2023"
INSTALL_DEADLINE = 600
APPLICATION = """
import os
from flask import Flask

application = Flask(__name__)

@application.get("/")
def index():
    return f"{TEXT} {os.environ.get('COLOR', '')}"

TEXT = "one"
"""


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
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True,
                          timeout=INSTALL_DEADLINE, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr or done.stdout


@pytest.fixture(scope="session")
def programs() -> Path:
    """The folder with `eb` and `aws`."""

    def build(folder: Path) -> None:
        _run(sys.executable, "-m", "venv", folder)
        _run(folder / "bin" / "pip", "install", "-q", "--disable-pip-version-check", "-r", HERE / "requirements.txt")

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


@dataclass(frozen=True)
class Client:
    """Somebody at a shell, with keys, a home of their own and a local Beanstalk."""

    home: Path
    programs: Path
    endpoint_url: str
    proxy_url: str
    server: dict[str, str]
    """The server's environment."""

    def run(self, *command: str, cwd: Path | None = None, ok: bool = True, answer: str = "") -> str:
        """Run a program, with an answer to what it asks; what it said."""
        done = subprocess.run(
            command,
            cwd=cwd or self.home,
            env=self.environ,
            input=answer,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode == 0) is ok, f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
        return done.stdout

    def aws(self, *words: str, ok: bool = True) -> Any:
        """`aws … --output json`; its answer, or what it said when it was to fail."""
        said = self.run("aws", *words, "--region", REGION, "--output", "json", ok=ok)
        return json.loads(said) if ok and said.strip().startswith(("{", "[")) else said

    def repository(self, name: str, **files: str) -> Path:
        """A git repository with a Flask application without a Procfile."""
        folder = self.home / name
        folder.mkdir()
        contents = {
            "application.py": APPLICATION,
            "requirements.txt": "flask>=3\n",
            ".gitignore": ".elasticbeanstalk\n",
        }
        for path, content in (contents | files).items():
            (folder / path).write_text(content)
        self.git(folder, "init", "-q", "-b", "main")
        self.commit(folder, "one")
        return folder

    def commit(self, folder: Path, text: str) -> None:
        """Commit the application with a text that it answers."""
        source = folder / "application.py"
        if 'TEXT = "' in source.read_text():
            source.write_text(APPLICATION.replace('"one"', f'"{text}"'))
        self.git(folder, "add", "-A")
        self.git(folder, "commit", "-q", "--allow-empty", "-m", text)

    def git(self, folder: Path, *words: str) -> None:
        self.run("git", "-c", "user.name=T", "-c", "user.email=t@example.com", *words, cwd=folder)

    def get(self, cname: str, path: str = "/") -> tuple[int, str]:
        """One request to a CNAME."""
        connection = http.client.HTTPConnection(self.proxy_url.removeprefix("http://"), timeout=10)
        connection.request("GET", path, headers={"Host": f"{cname}.{REGION}.elasticbeanstalk.localhost"})
        answer = connection.getresponse()
        body = answer.read().decode()
        connection.close()
        return answer.status, body

    def until(self, check: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not check():
            assert time.monotonic() < deadline
            time.sleep(0.2)

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EBCD_", "GIT_"))}
        return kept | {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            "AWS_ACCESS_KEY_ID": "ANYKEY",
            "AWS_SECRET_ACCESS_KEY": "any secret",
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_PAGER": "",
        }


@pytest.fixture(scope="session")
def client(programs: Path) -> Iterator[Client]:
    with TemporaryDirectory(prefix="clients-", dir="/tmp") as folder:
        home = Path(folder) / "home"
        home.mkdir()
        server = os.environ | {"EBCD_HOME": f"{folder}/ebcd", "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-m", "ebcd_local"]
        up = [*command, "up", "--json", "--port", "0", "--lb-port", "0", "--speed", "4"]
        done = subprocess.run(up, env=server, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        told = json.loads(done.stdout)
        yield Client(home, programs, told["endpoint_url"], told["proxy_url"], server)
        subprocess.run([*command, "down"], env=server, check=True, capture_output=True, timeout=60)
