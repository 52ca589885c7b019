"""An instance: a folder of its own in which a source bundle is unpacked, installed and run."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ebcd_local import ebextensions, procfile
from ebcd_local.archive import BadArchive, unpack
from ebcd_local.ebextensions import ContainerCommand
from ebcd_local.processes import ProcessRecord, Supervised
from ebcd_local.python_environment import InstallFailed, environment

START_DEADLINE = 60.0
"""Seconds that the web process has to listen on its port."""
RECENT = 60.0
"""Seconds that a death of a process is a cause of bad health."""
INHERITED = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "TMPDIR", "TZ"})
"""What an application sees of the server's environment: nothing that could be a secret."""


class DeploymentFailed(Exception):
    """The bundle could not be deployed."""

    def __init__(self, cause: str, log_tail: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.log_tail = log_tail


@dataclass(frozen=True, slots=True)
class Deployment:
    """What is deployed."""

    bundle: Path
    version_label: str
    properties: Mapping[str, str]
    """Environment properties. Their values are never logged."""
    options: Mapping[tuple[str, str], str]
    leader: bool
    """Whether commands that are `leader_only` run here."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """What a health check saw."""

    healthy: bool
    status: int | None
    seconds: float
    error: str = ""


class Instance:
    """One instance. root: its folder. cache: where virtual environments are shared."""

    def __init__(self, instance_id: str, root: Path, cache: Path, port: int = 0) -> None:
        self.id = instance_id
        self.port = port or _free_port()
        self.log_dir = root / "log"
        self._root = root
        self._cache = cache
        self._processes: list[Supervised] = []
        self.alive = True

    def deploy(self, deployment: Deployment, timeout: float = 600) -> None:
        """Unpack, install, run the commands and hooks, start. Raises DeploymentFailed.

        Until the new processes start, the earlier ones run on; a deployment that fails before that leaves them.
        """
        staging = self._root / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        self.log_dir.mkdir(parents=True, exist_ok=True)
        try:
            unpack(deployment.bundle, staging)
            venv = environment(staging / "requirements.txt", self._cache)
            commands = _commands(staging, deployment.options)
        except (BadArchive, procfile.BadProcfile, InstallFailed) as error:
            self._log("eb-engine", str(error))
            raise DeploymentFailed(str(error), str(error)) from error
        variables = self._variables(deployment, venv)
        deadline = time.monotonic() + timeout
        for command in ebextensions.read(deployment.bundle).container_commands:
            self._container_command(command, staging, variables, deployment.leader, deadline)
        self._hooks(staging, "prebuild", variables, deadline)
        self._hooks(staging, "predeploy", variables, deadline)
        self._switch(staging)
        self._start(commands, variables, min(START_DEADLINE, deadline - time.monotonic()))
        self._hooks(self._root / "current", "postdeploy", variables, deadline)

    def boot(self, deployment: Deployment) -> None:
        """Start what was deployed before, as after a reboot; where nothing was, deploy. Raises DeploymentFailed."""
        current = self._root / "current"
        if not current.exists():
            self.deploy(deployment)
            return
        try:
            venv = environment(current / "requirements.txt", self._cache)
            commands = _commands(current, deployment.options)
        except (procfile.BadProcfile, InstallFailed) as error:
            raise DeploymentFailed(str(error), str(error)) from error
        self._start(commands, self._variables(deployment, venv), START_DEADLINE)

    def stop(self, timeout: float = 10) -> None:
        """End its processes."""
        for process in self._processes:
            process.stop(timeout)
        self._processes = []

    def kill(self) -> None:
        """End it as a machine dies: nothing is stopped in order, nothing starts again."""
        self.alive = False
        self.stop(0)

    def destroy(self) -> None:
        """End its processes and remove its folder."""
        self.stop()
        shutil.rmtree(self._root, ignore_errors=True)

    def processes(self) -> list[ProcessRecord]:
        """What finds its processes again after the server was killed."""
        return [record for process in self._processes if (record := process.record())]

    def probe(self, path: str, timeout: float = 5) -> ProbeResult:
        """A health check as a load balancer sends it: its own address as Host, 200 is healthy."""
        start = time.monotonic()
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request("GET", path, headers={"User-Agent": "ELB-HealthChecker/2.0", "Connection": "close"})
            status = connection.getresponse().status
            return ProbeResult(status == 200, status, time.monotonic() - start)
        except (OSError, http.client.HTTPException) as error:
            return ProbeResult(False, None, time.monotonic() - start, str(error) or type(error).__name__)
        finally:
            connection.close()

    def causes(self) -> list[str]:
        """What is wrong with its processes."""
        found = []
        for process in self._processes:
            recent = [code for at, code in process.exits if time.monotonic() - at < RECENT]
            if recent:
                found.append(f"Process {process.name} exited with code {recent[-1]} and was restarted "
                             f"({len(recent)} times in the last minute).")  # fmt: skip
        return found

    def log_tail(self, lines: int = 100) -> str:
        """The last lines of each of its logs."""
        parts = []
        for path in sorted(self.log_dir.glob("*.log")):
            text = path.read_bytes()[-200_000:].decode(errors="replace").splitlines()[-lines:]
            parts.append(f"----- {path.name} -----\n" + "\n".join(text))
        return "\n".join(parts)

    def _variables(self, deployment: Deployment, venv: Path) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
        return {
            **inherited,
            "HOME": str(self._root),
            "PATH": f"{venv / 'bin'}:/usr/local/bin:/usr/bin:/bin",
            "VIRTUAL_ENV": str(venv),
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            # gunicorn takes PORT for 0.0.0.0:PORT where no --bind says else; a local instance is on loopback only.
            "GUNICORN_CMD_ARGS": f"--bind 127.0.0.1:{self.port}",
            **deployment.properties,
            "PORT": str(self.port),
        }

    def _container_command(
        self, command: ContainerCommand, staging: Path, variables: dict[str, str], leader: bool, deadline: float
    ) -> None:
        if command.leader_only and not leader:
            return
        cwd = staging / command.cwd
        if command.test and not command.leader_only and self._run(command.test, cwd, variables, deadline) != 0:
            return
        code = self._run(command.command, cwd, variables | command.env, deadline)
        if code and not command.ignore_errors:
            raise DeploymentFailed(f"container_command {command.name} failed with exit code {code}.", self.log_tail(20))

    def _hooks(self, folder: Path, name: str, variables: dict[str, str], deadline: float) -> None:
        for hook in sorted((folder / ".platform" / "hooks" / name).glob("*")):
            code = self._run([str(hook)], folder, variables, deadline)
            if code:
                raise DeploymentFailed(f"The {name} hook {hook.name} failed with exit code {code}.", self.log_tail(20))

    def _run(self, command: str | list[str], cwd: Path, variables: dict[str, str], deadline: float) -> int:
        """Run one command to its end, its output in eb-engine.log; its exit code."""
        with (self.log_dir / "eb-engine.log").open("ab") as log:
            try:
                return subprocess.run(
                    ["/bin/sh", "-c", command] if isinstance(command, str) else command,
                    cwd=cwd,
                    env=variables,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    timeout=max(0.1, deadline - time.monotonic()),
                    check=False,
                ).returncode
            except OSError as error:
                self._log("eb-engine", str(error))
                return 126
            except subprocess.TimeoutExpired as error:
                raise DeploymentFailed(f"A command took too long: {command!r}.", self.log_tail(20)) from error

    def _switch(self, staging: Path) -> None:
        """Put the staged application in the place of the current one; its processes end here."""
        current, earlier = self._root / "current", self._root / "earlier"
        self.stop()
        shutil.rmtree(earlier, ignore_errors=True)
        if current.exists():
            current.rename(earlier)
        staging.rename(current)

    def _start(self, commands: dict[str, str], variables: dict[str, str], timeout: float) -> None:
        current = self._root / "current"
        for name, command in commands.items():
            self._processes.append(Supervised(name, command, current, variables, self.log_dir / f"{name}.stdout.log"))
        web = next((process for process in self._processes if process.name == "web"), None)
        problem = _await_listening(web, self.port, timeout) if web else ""
        for process in self._processes:
            process.supervise()
        if problem:
            raise DeploymentFailed(problem, self.log_tail(30))

    def _log(self, name: str, text: str) -> None:
        with (self.log_dir / f"{name}.log").open("a") as log:
            log.write(text.rstrip() + "\n")


def _commands(staging: Path, options: Mapping[tuple[str, str], str]) -> dict[str, str]:
    path = staging / "Procfile"
    if path.exists():
        return procfile.processes(path.read_text(errors="replace"))
    return procfile.default_processes(options)


def _await_listening(web: Supervised, port: int, timeout: float) -> str:
    """Wait until the web process listens; what is wrong when it does not."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        code = web.exit_code()
        if code is not None:
            return f"The web process exited with code {code}."
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return ""
        except OSError:
            time.sleep(0.05)
    return f"The web process did not listen on port {port} within {timeout:.0f} s."


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
