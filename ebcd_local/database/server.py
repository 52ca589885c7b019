"""One PostgreSQL server: made once, started when it is needed, started again when it dies, stopped whole.

{folder}/data              what it stores
{folder}/postgres.log      what it says
{folder}/server.json       its port and its superuser's password, for the user alone
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from ebcd_local import home
from ebcd_local.database import accounts
from ebcd_local.database.installation import Installation
from ebcd_local.database.unavailable import DatabaseUnavailable
from ebcd_local.processes import MARK, marked, sweep

log = logging.getLogger(__name__)

SUPERUSER = "postgres"
START_DEADLINE, STOP_DEADLINE = 60.0, 20.0
LOG_LIMIT = 5_000_000
"""Bytes of its log before it is turned over."""
BACKOFF = (0.2, 1.0, 5.0)
"""Seconds before each start in a row of a server that died."""
STEADY = 30.0
"""Seconds after which a start counts as a good one."""
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a socket's path is limited to 107 bytes, and a jail would have to let it in
    "max_connections": "200",
    "shared_buffers": "32MB",
    "recovery_init_sync_method": "syncfs",  # after a kill it is back at once, not when each of its files was synced
}


class Server:
    """A server whose data lie in a folder. Every method may be called from any thread."""

    def __init__(self, folder: Path, installation: Installation) -> None:
        self._folder = folder
        self._installation = installation
        self._lock = threading.RLock()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = threading.Event()
        self._port = 0

    @property
    def port(self) -> int:
        """Its port; 0 before the first start."""
        return self._port

    @property
    def version(self) -> int:
        """PostgreSQL's major version."""
        return self._installation.version

    def start(self) -> int:
        """Start it unless it runs; its port, once it takes connections. Raises DatabaseUnavailable."""
        with self._lock:
            if self._process is not None:
                self._revive()
                return self._port
            self._stopping.clear()
            end_orphan(self._folder)
            self._make()
            self._port = self._free_port()
            self._process = self._spawn()
            threading.Thread(target=self._watch, name="postgres", daemon=True).start()
            return self._port

    def stop(self) -> None:
        """End it and all of its processes; what it stores stays."""
        self._stopping.set()
        with self._lock:
            process, self._process = self._process, None
            if process is not None:
                _end(process.pid, lambda: process.poll() is not None)
            sweep(self._folder)

    def execute(self, script: str, database: str = SUPERUSER) -> str:
        """Run a script of psql's as the superuser; what it said. Raises DatabaseUnavailable."""
        environ = {"PGPASSWORD": self._told()["password"], "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C.UTF-8"}
        where = ["-h", "127.0.0.1", "-p", str(self._port), "-U", SUPERUSER, "-d", database]
        return self._installation.run(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", *where, "-f", "-", given=script, environ=environ
        )

    def _watch(self) -> None:
        """Start it again when it dies, until it is stopped."""
        failures = 0
        while process := self._process:
            started = time.monotonic()
            code = process.wait()
            failures = 0 if time.monotonic() - started > STEADY else failures
            if self._stopping.wait(BACKOFF[min(failures, len(BACKOFF) - 1)]):
                return
            failures += 1
            log.warning("PostgreSQL ended with code %s and is started again", code)
            try:
                self._revive()
            except DatabaseUnavailable as error:  # the next round tries again
                log.warning("%s", error)

    def _revive(self) -> None:
        """Start it again if it has died. Raises DatabaseUnavailable."""
        with self._lock:
            if self._process is None or self._process.poll() is None:
                return
            sweep(self._folder)  # its children may outlive it by a moment, and hold its memory
            self._process = self._spawn()

    def _make(self) -> None:
        """Make the data, whole or not at all."""
        data, draft = self._folder / "data", self._folder / "data.draft"
        if data.exists():
            made = (data / "PG_VERSION").read_text().strip()
            if made != str(self.version):
                why = f"The databases were made by PostgreSQL {made}, and {self.version} is installed"
                raise DatabaseUnavailable(f"{why}: ebcd local reset forgets them")
            accounts.hand_over(data, accounts.server(self._folder))
            return
        shutil.rmtree(draft, ignore_errors=True)
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft.mkdir(mode=0o700)
        accounts.hand_over(draft, accounts.maker())
        password = secrets.token_urlsafe(24)
        home.write_private(self._folder / "server.json", {"schema": 1, "port": 0, "password": password})
        word = self._folder / "password"
        word.touch(mode=0o600)
        try:
            word.write_text(password + "\n")
            self._installation.run(
                "initdb",
                "-D",
                str(draft),
                "-U",
                SUPERUSER,
                f"--pwfile={word}",
                "--encoding=UTF8",
                "--auth=scram-sha-256",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--no-instructions",
                environ={"LC_ALL": "C", "PATH": os.defpath},
                account=accounts.maker(),
            )
        finally:
            word.unlink()
        accounts.hand_over(draft, accounts.server(self._folder))
        draft.rename(data)

    def _spawn(self) -> subprocess.Popen[bytes]:
        """Start it and wait until it takes connections. Raises DatabaseUnavailable."""
        settings = [
            word
            for name, value in (_SETTINGS | {"port": str(self._port)}).items()
            for word in ("-c", f"{name}={value}")
        ]
        path = self._folder / "postgres.log"
        if path.exists() and path.stat().st_size > LOG_LIMIT:
            path.replace(path.with_suffix(".1.log"))
        environ = {"LC_ALL": "C", "PATH": os.defpath, MARK: f"{self._folder}/"}
        words = ["-D", str(self._folder / "data"), *settings]
        command = self._installation.command("postgres", *words, account=accounts.server(self._folder))
        try:
            with open(path, "ab", opener=_private) as output:
                process = subprocess.Popen(
                    command,
                    cwd="/",
                    env=environ,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                )
        except OSError as error:
            raise DatabaseUnavailable(f"PostgreSQL cannot run on this machine: {error}") from error
        self._await_ready(process)
        return process

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + START_DEADLINE
        while time.monotonic() < deadline and process.poll() is None:
            told = postmaster(self._folder)
            if told and told[0] == str(process.pid) and told[-1].strip() == "ready":
                return
            time.sleep(0.02)
        _end(process.pid, lambda: process.poll() is not None)
        raise DatabaseUnavailable(f"PostgreSQL did not start: {self._last_words()}")

    def _last_words(self) -> str:
        path = self._folder / "postgres.log"
        said = path.read_bytes()[-2000:].decode(errors="replace").strip().splitlines() if path.exists() else []
        return f"{said[-1] if said else 'it said nothing'} (its log: {path})"

    def _free_port(self) -> int:
        """Last time's port, so that what knows it stays right; another one where that is taken."""
        told = self._told()
        port = told["port"]
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                probe.bind(("127.0.0.1", 0))
            port = int(probe.getsockname()[1])
        home.write_private(self._folder / "server.json", told | {"port": port})
        return port

    def _told(self) -> dict[str, Any]:
        """Raises DatabaseUnavailable where the password is gone."""
        try:
            found: dict[str, Any] = json.loads((self._folder / "server.json").read_text())
            return {"schema": 1, "port": int(found["port"]), "password": str(found["password"])}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DatabaseUnavailable(
                f"{self._folder / 'server.json'} cannot be read, so the databases cannot be "
                f"reached ({error}): ebcd local reset forgets them"
            ) from error


def postmaster(folder: Path) -> list[str]:
    """The lines of a running server's postmaster.pid, its process id first; none where there is no such file."""
    try:
        return (folder / "data" / "postmaster.pid").read_text().splitlines()
    except OSError:
        return []


def end_orphan(folder: Path) -> None:
    """End the server that an earlier life of the local Beanstalk left running, in order if it can be."""
    told = postmaster(folder)
    if told and told[0].isdigit() and marked(int(told[0]), folder):
        pid = int(told[0])
        _end(pid, lambda: not marked(pid, folder))
    sweep(folder)


def _end(pid: int, ended: Callable[[], bool]) -> None:
    """A fast shutdown (clients are cut off, everything is written), then a hard one."""
    for number, seconds in ((signal.SIGINT, STOP_DEADLINE), (signal.SIGKILL, 5.0)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if ended():
                return
            time.sleep(0.02)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
