"""The server as a daemon: started once, found again, stopped with all that it runs."""

from __future__ import annotations

import fcntl
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ebcd_local import home
from ebcd_local.database.coupled import end_orphans
from ebcd_local.processes import MARK, alive, sweep
from ebcd_local.simulation import Simulation
from ebcd_local.tail import tail

DEFAULT_PORT, DEFAULT_LB_PORT = 8155, 8156
START_DEADLINE, STOP_DEADLINE, KILL_DEADLINE = 30.0, 30.0, 5.0
ANSWER_DEADLINE = 15.0
"""Seconds that a server has to answer before it is stopped and another one started: together less than a minute, which
is what `ebcd` waits for.
"""
_SOON = 0.01
"""Seconds between two looks for whether a server that starts is ready: a start takes about one."""
LOG, DATABASES = "server.log", "postgres"


class DaemonError(Exception):
    """Something a person must act on: what happened, why, the next command."""

    def __init__(self, code: str, what: str, why: str, hint: str) -> None:
        super().__init__(what)
        self.code = code
        self.what = what
        self.why = why
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Ports:
    """The ports that were asked for; None: not asked."""

    endpoint: int | None = None
    balancer: int | None = None


def running(folder: Path) -> home.Server | None:
    """The server that runs, as it told; None when none does."""
    server = home.read(folder)
    return server if server and alive(server.pid, server.start_time) else None


def live(folder: Path) -> home.Server:
    """The server that runs. Raises DaemonError where none does."""
    if server := running(folder):
        return server
    raise DaemonError(
        "not-running",
        "The local Beanstalk is not running.",
        "Only a running one can be told or asked.",
        "ebcd local up",
    )


def up(folder: Path, ports: Ports, simulation: Simulation, domain: str = "", *, any_key: bool = False) -> home.Server:
    """Start the server unless it runs. Two at once give one server. Raises DaemonError."""
    with _exclusive(folder):
        if there := _answering(folder):
            _refuse_another(there, simulation, domain, any_key=any_key)
            return there
        return _start(folder, command(folder, ports, simulation, domain, any_key=any_key))


def _refuse_another(server: home.Server, simulation: Simulation, domain: str, *, any_key: bool) -> None:
    """Raises DaemonError where the server that runs has another speed, takes other keys, or gives another domain, than
    was asked for.
    """
    if simulation.speed not in (1.0, server.speed):
        raise DaemonError(
            "another-speed",
            f"The local Beanstalk runs already, at the speed {server.speed:g}.",
            "A server that runs keeps its speed.",
            f"ebcd local down && ebcd local up --speed {simulation.speed:g}",
        )
    if any_key and not server.open:
        raise DaemonError(
            "not-open",
            "The local Beanstalk runs already, and takes its own key only.",
            "A server that runs stays as it was started.",
            "ebcd local down && ebcd local up --open",
        )
    if domain and domain != server.domain:
        raise DaemonError(
            "another-domain",
            f"The local Beanstalk runs already, under {server.domain}.",
            "A server that runs keeps its domain, and environments keep the CNAMEs that they have.",
            f"ebcd local down && ebcd local up --domain {domain}",
        )


def refuse_second(folder: Path) -> None:
    """Raises DaemonError where a server has the state folder."""
    if home.holder(folder):
        raise runs_already(folder)


def runs_already(folder: Path) -> DaemonError:
    """What to tell who starts a second server on a state folder."""
    pid, _ = home.holder(folder) or ("unknown", 0)
    return DaemonError(
        "already-runs",
        "No second local Beanstalk can be started here.",
        f"Process {pid} has the state in {folder}.",
        "ebcd local down   (or another EBCD_HOME)",
    )


def command(
    folder: Path, ports: Ports, simulation: Simulation, domain: str = "", *, any_key: bool = False
) -> list[str]:
    """The command that serves in the foreground, on the ports and under the domain asked for, else on last time's, else
    the default ones.
    """
    last = home.read(folder)
    endpoint = _choose(ports.endpoint, last.endpoint_url if last else "", DEFAULT_PORT, "endpoint", "--port")
    balancer = _choose(ports.balancer, last.proxy_url if last else "", DEFAULT_LB_PORT, "load balancer", "--lb-port")
    chosen = {"--like-aws": simulation.like_aws, "--enforce-iam": simulation.enforce_iam, "--open": any_key}
    flags = [flag for flag, is_set in chosen.items() if is_set]
    return [
        sys.executable,
        "-m",
        "ebcd_local",
        "serve",
        "--port",
        str(endpoint),
        "--lb-port",
        str(balancer),
        "--speed",
        str(simulation.speed),
        "--dns-ttl",
        str(simulation.dns_ttl),
        "--domain",
        domain or (last.domain if last else home.DOMAIN),
        *flags,
    ]


def down(folder: Path) -> bool:
    """Stop the server and every process that it runs; whether it ran. Raises DaemonError."""
    if not folder.exists():
        return False
    with _exclusive(folder):
        return _down(folder)


def reset(folder: Path) -> None:
    """Stop the server and forget everything."""
    if not folder.exists():
        return
    with _exclusive(folder):  # all along: no server may come up on what is being deleted
        _down(folder)
        shutil.rmtree(folder, ignore_errors=True)


def _down(folder: Path) -> bool:
    process = home.holder(folder)
    if process is not None:
        _stop(*process)
    end_orphans(folder / DATABASES)  # what a server that was killed left running
    sweep(folder)
    return process is not None


def status(folder: Path) -> dict[str, Any]:
    """What runs, as JSON has it."""
    server = running(folder)
    if server is None or not _answers(server):
        return {
            "endpoint_url": None,
            "proxy_url": None,
            "pid": None,
            "state_dir": str(folder),
            "environments": [],
            "database": None,
            "domain": None,
            "open": None,
        }
    answer = _ask(server, "GET", "status")
    return {
        "endpoint_url": server.endpoint_url,
        "proxy_url": server.proxy_url,
        "pid": server.pid,
        "state_dir": server.state_dir,
        "like_aws": server.like_aws,
        "speed": server.speed,
        "dns_ttl": server.dns_ttl,
        "environments": answer["environments"],
        "unjailed": answer["unjailed"],
        "database": answer["database"],
        "domain": server.domain,
        "open": server.open,
    }


def control(folder: Path, method: str, call: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    """A control call of the server that runs (the module `control` lists them); its answer. Raises DaemonError."""
    server = live(folder)
    try:
        return _ask(server, method, call, content)
    except ValueError as error:
        raise DaemonError("refused", "The local Beanstalk refused.", str(error), "ebcd local status") from error
    except (OSError, http.client.HTTPException) as error:
        raise DaemonError("no-answer", "The local Beanstalk does not answer.", str(error), "ebcd local logs") from error


@contextmanager
def _exclusive(folder: Path) -> Iterator[None]:
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _choose(asked: int | None, last_url: str, default: int, what: str, flag: str) -> int:
    """The port to listen on. Last time's is taken where nothing else was asked, so that live URLs stay the same."""
    last = urlsplit(last_url).port if last_url else None
    if last and asked in (None, 0, last) and _free(last):
        return last
    port = default if asked is None else asked
    if port and not _free(port):
        variable = "EBCD_LOCAL_PORT" if flag == "--port" else "EBCD_LOCAL_LB_PORT"
        raise DaemonError(
            "port-taken",
            "The local Beanstalk cannot be started.",
            f"Port {port}, for its {what}, is taken by another program.",
            f"Choose another: ebcd local up {flag} 0   (0 takes a free one), or {variable}=0",
        )
    return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _answering(folder: Path) -> home.Server | None:
    """The server that runs, waited for while it starts; None where none does, and one that never answers is stopped."""
    deadline = time.monotonic() + ANSWER_DEADLINE
    while process := home.holder(folder):
        found = running(folder)
        if found is not None and found.pid == process[0] and _answers(found):
            return found
        if time.monotonic() > deadline:
            _stop(*process)
            return None
        time.sleep(0.05)
    return None


def _start(folder: Path, arguments: list[str]) -> home.Server:
    with (folder / LOG).open("ab") as log:
        process = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd="/",
            env=_environ(folder),
            start_new_session=True,
        )
    deadline = time.monotonic() + START_DEADLINE
    while time.monotonic() < deadline and process.poll() is None:
        server = home.read(folder)
        if server is not None and server.pid == process.pid and _answers(server):
            return server
        time.sleep(_SOON)
    if process.poll() is None:
        process.kill()
        process.wait(5)
    said = tail(folder / LOG, 1)
    raise DaemonError(
        "not-started",
        "The local Beanstalk did not start.",
        said or "Its log is empty.",
        f"Read its log: {folder / LOG}",
    )


def _environ(folder: Path) -> dict[str, str]:
    """The server's environment: it finds this package from another folder, and is no part of the instance of another
    server that may have started it.
    """
    path = [str(Path(__file__).parent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    kept = {name: value for name, value in os.environ.items() if name != MARK}
    return kept | {"EBCD_HOME": str(folder.parent), "PYTHONPATH": os.pathsep.join(path)}


def _stop(pid: int, started: int) -> None:
    for number, seconds in ((signal.SIGTERM, STOP_DEADLINE), (signal.SIGKILL, KILL_DEADLINE)):
        with suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + seconds
        while alive(pid, started):
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        else:
            return


def _answers(server: home.Server) -> bool:
    try:
        _ask(server, "GET", "status")
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def _ask(server: home.Server, method: str, call: str, content: dict[str, Any] | None = None) -> dict[str, Any]:
    connection = http.client.HTTPConnection(urlsplit(server.endpoint_url).netloc, timeout=5)
    body = json.dumps(content) if content is not None else None
    try:
        connection.request(method, f"/_ebcd/{call}", body, headers={"X-Ebcd-Token": server.token})
        answer = connection.getresponse()
        found: dict[str, Any] = json.load(answer) if answer.status in {200, 400} else {}
        if answer.status != 200:
            raise ValueError(found.get("error") or f"{call} answered {answer.status}")
        return found
    finally:
        connection.close()
