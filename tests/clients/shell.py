"""Somebody at a shell who runs the real programs against a local Beanstalk."""

from __future__ import annotations

import http.client
import json
import os
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).parent
REGION = "eu-central-1"
PLATFORM = "Python 3.11 running on 64bit Amazon Linux 2023"
APPLICATION = """
import os
from flask import Flask

application = Flask(__name__)

@application.get("/")
def index():
    return f"{TEXT} {os.environ.get('COLOR', '')}"

TEXT = "one"
"""


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
            timeout=240,
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
    def keys(self) -> dict[str, str]:
        """The server's own key, as boto3 takes it."""
        told = json.loads((Path(self.server["EBCD_HOME"]) / "local" / "server.json").read_text())
        return {"aws_access_key_id": told["access_key_id"], "aws_secret_access_key": told["secret_access_key"]}

    @property
    def environ(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "EBCD_", "GIT_"))}
        return kept | {
            "PATH": f"{self.programs}:{os.environ['PATH']}",
            "HOME": str(self.home),
            **{name.upper(): value for name, value in self.keys.items()},
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_PAGER": "",
            "PYTHONPATH": str(HERE / "quick"),
        }
