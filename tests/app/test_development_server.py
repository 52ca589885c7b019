"""`python application.py`: a server for whoever develops the application, which ends when it is asked to."""

from __future__ import annotations

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from test_gunicorn import free_port

ROOT = Path(__file__).resolve().parents[2]


def answer(port: int, path: str) -> int:
    """The status of a page, once the server listens."""
    deadline = time.monotonic() + 60
    while True:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        try:
            connection.request("GET", path, headers={"Host": "localhost"})
            return connection.getresponse().status
        except ConnectionRefusedError:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        finally:
            connection.close()


def test_it_serves_and_ends_with_its_database_when_it_is_asked_to() -> None:
    number = free_port()
    with TemporaryDirectory(prefix="aespo-", dir="/tmp") as folder:  # a socket's path is short
        kept = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environ = kept | {"PORT": str(number), "XDG_STATE_HOME": folder, "TMPDIR": folder}
        process = subprocess.Popen(
            [sys.executable, "application.py"], cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True
        )
        try:
            assert answer(number, "/signup") == 200
            process.send_signal(signal.SIGTERM)
            _, said = process.communicate(timeout=60)
        finally:
            process.kill()
            process.wait()
        assert process.returncode == 0, said
        assert not list(Path(folder).rglob("postmaster.pid"))
