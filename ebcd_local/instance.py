"""An instance: a folder of its own in which a source bundle is unpacked, installed and run."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ebcd_local import ebextensions, hooks, instance_facts, procfile, python_environment
from ebcd_local.archive import BadArchive, unpack
from ebcd_local.jail import LOGS, Jail, available
from ebcd_local.platform_tree import Platform, is_bash
from ebcd_local.processes import MARK, Supervised, sweep
from ebcd_local.python_environment import InstallFailed, environment
from ebcd_local.tail import tail
from ebcd_local.worker import cron
from ebcd_local.workflow import DeploymentFailed, Workflow

STATIC_FILES = "aws:elasticbeanstalk:environment:proxy:staticfiles"
START_DEADLINE = 60.0
"""Seconds that the web process has to listen on its port."""
RECENT = 60.0
"""Seconds that a death of a process is a cause of bad health."""
INHERITED = frozenset({"LANG", "LC_ALL", "LC_CTYPE", "TZ"})
"""What an application sees of the server's environment: nothing that could be a secret."""


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
    timeout: float = 600.0
    """Seconds that all of it may take on an instance."""
    environment_name: str = ""
    worker: bool = False
    """Whether its periodic tasks are to be run."""
    database: Mapping[str, str] = field(default_factory=dict)
    """The environment properties of a database that is coupled to the environment, which are properties too."""
    known: Mapping[str, str] = field(default_factory=dict)
    """What pseudo parameters and the service's own resources stand for, in `files`."""
    resources: Mapping[str, str] = field(default_factory=dict)
    """What the environment's own stack says of other functions there, as JSON → value."""


class Instance:
    """One instance. root: its folder. cache: where virtual environments are shared."""

    def __init__(self, instance_id: str, root: Path, cache: Path, port: int = 0) -> None:
        self.id = instance_id
        self.port = port or _free_port()
        self.log_dir = root / LOGS
        self.alive = True
        self._root = root
        self._cache = cache
        self._jail = Jail(root, hidden=cache.parent, readable=(cache,))
        self._platform = Platform(root, jailed=available())
        self._processes: list[Supervised] = []

    def deploy(self, deployment: Deployment) -> None:
        """Provision, unpack, install, run the commands and hooks, start. Raises DeploymentFailed.

        Until the new processes start, the earlier ones run on; a deployment that fails before that leaves them.
        """
        staging = self._root / "staging"
        shutil.rmtree(staging, ignore_errors=True)
        workflow = self._workflow(deployment.timeout)
        workflow.log(f"Deploying the application version {deployment.version_label}.")
        extensions = ebextensions.read(deployment.bundle)
        for problem in extensions.problems:
            workflow.log(problem)
        if not is_bash():
            workflow.log("bash is not installed: commands run under /bin/sh, which the platform's sh is not")
        self._equip(workflow, deployment, self._bare_venv() if extensions.commands else None)
        workflow.provision(ebextensions.with_references(extensions, deployment.known, deployment.resources))
        try:
            unpack(deployment.bundle, staging)
            hooks.prepare(staging, self._platform.located)
            if (staging / ".platform" / "hooks" / "prebuild").exists():
                self._platform.place(self._bare_venv())
            workflow.hooks(staging, "hooks", "prebuild")
            if (staging / ".platform" / "nginx").exists():
                workflow.log("of .platform/nginx only client_max_body_size is read: the load balancer is no nginx")
            venv = environment(staging, self._cache)
            commands = self._commands(staging, deployment)
            if deployment.worker and (tasks := cron.of_application(staging)):
                workflow.log(f"Successfully loaded {len(tasks)} scheduled tasks from {cron.FILE}.")
        except (BadArchive, cron.BadCron, procfile.BadProcfile, InstallFailed, OSError) as error:
            workflow.log(str(error))
            raise DeploymentFailed(str(error), str(error)) from error
        self._equip(workflow, deployment, venv)
        for command in extensions.container_commands:
            if deployment.leader or not command.leader_only:
                workflow.command("container_command", command, staging, staging)
        workflow.hooks(staging, "hooks", "predeploy")
        self._switch(staging)
        self._start(commands, workflow)
        workflow.hooks(self._current, "hooks", "postdeploy")
        workflow.log("The deployment has ended.")

    def configure(self, deployment: Deployment) -> None:
        """Follow changed option settings: the configuration hooks, and the processes anew. Raises DeploymentFailed."""
        workflow = self._workflow(deployment.timeout)
        self._equip(workflow, deployment, None)
        workflow.hooks(self._current, "confighooks", "prebuild")
        commands = self._prepared(workflow, deployment)
        workflow.hooks(self._current, "confighooks", "predeploy")
        self.stop()
        self._start(commands, workflow)
        workflow.hooks(self._current, "confighooks", "postdeploy")

    def static_files(self, options: Mapping[tuple[str, str], str]) -> dict[str, Path]:
        """Path prefix → folder of what the platform's proxy serves itself; a folder outside the application's is left
        out.

        Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-cfg-staticfiles.html
        """
        found, current = {}, self._root.resolve() / "current"
        for (space, name), value in options.items():
            folder = (current / value.strip("/")).resolve()
            if space == STATIC_FILES and folder.is_relative_to(current):
                found["/" + name.strip("/")] = folder
        return found

    def boot(self, deployment: Deployment) -> None:
        """Start what was deployed before, as after a reboot; where nothing was, deploy. Raises DeploymentFailed."""
        if not self._current.exists():
            self.deploy(deployment)
            return
        workflow = self._workflow(START_DEADLINE)
        self._start(self._prepared(workflow, deployment), workflow)

    @property
    def application(self) -> Path:
        """The folder of the application that is deployed."""
        return self._current

    def stop(self, timeout: float = 10) -> None:
        """End its processes."""
        for process in self._processes:
            process.stop(timeout)
        self._processes = []

    def kill(self) -> None:
        """End it as a machine dies: nothing is stopped in order, nothing starts again."""
        self.alive = False
        self.stop(0)
        sweep(self._root)

    def destroy(self) -> None:
        """End its processes and remove its folder."""
        self.stop()
        sweep(self._root)
        shutil.rmtree(self._root, ignore_errors=True)

    def pids(self) -> list[int]:
        """The ids of its processes, not of what those have started."""
        return [process.pid for process in self._processes]

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
        paths = sorted(self.log_dir.glob("*.log"))
        return "\n".join(f"----- {path.name} -----\n{tail(path, lines)}" for path in paths)

    def _equip(self, workflow: Workflow, deployment: Deployment, venv: Path | None) -> None:
        """Give what runs on the instance the platform's files and variables. venv: None: it stays what it was."""
        self._platform.place(venv)
        variables = self._variables(deployment, venv)
        told = {name: variables[name] for name in ("PYTHONPATH", "PORT", *deployment.properties)}
        self._platform.answer(
            instance_facts.answers(
                self.id, deployment.environment_name, told, dict(deployment.options), deployment.database
            )
        )
        workflow.application_variables = variables
        workflow.variables = {**variables, "EB_IS_COMMAND_LEADER": str(deployment.leader).lower()}

    def _bare_venv(self) -> Path | None:
        """The virtual environment before anything is installed; None where there is one of an earlier deployment."""
        if self._current.exists():
            return None
        with suppress(InstallFailed, OSError):
            return python_environment.bare(self._cache)
        return None

    def _variables(self, deployment: Deployment, venv: Path | None) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
        programs = [str(self._platform.shell.parent), *([str(venv / "bin")] if venv else [])]
        properties = {name: self._platform.located(value) for name, value in deployment.properties.items()}
        return {
            **inherited,
            "HOME": str(self._root),
            "TMPDIR": str(self._root / "tmp"),
            "PATH": ":".join([*programs, "/usr/local/bin", "/usr/bin", "/bin"]),
            **({"VIRTUAL_ENV": str(venv)} if venv else {}),
            "PYTHONPATH": self._platform.venv_bin,
            "PYTHONUNBUFFERED": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            **properties,
            # gunicorn takes PORT for 0.0.0.0:PORT where no --bind says else; a local instance is on loopback only.
            "GUNICORN_CMD_ARGS": procfile.gunicorn_arguments(properties.get("GUNICORN_CMD_ARGS", ""), self.port),
            "PORT": str(self.port),
            MARK: f"{self._root}/",
        }

    @property
    def _current(self) -> Path:
        return self._root / "current"

    def _workflow(self, timeout: float) -> Workflow:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        (self._root / "tmp").mkdir(exist_ok=True)
        return Workflow(self._root, self.log_dir, self._jail, self._platform, time.monotonic() + timeout)

    def _commands(self, application: Path, deployment: Deployment) -> dict[str, str]:
        """Process name → command. Raises BadProcfile."""
        path = application / "Procfile"
        if not path.exists():
            return procfile.default_processes(deployment.options)
        ports = frozenset({procfile.PORT, deployment.properties.get("PORT", "")})
        found = procfile.processes(path.read_text(errors="replace"))
        return {
            name: procfile.on_loopback(self._platform.located(command), self.port, ports)
            for name, command in found.items()
        }

    def _prepared(self, workflow: Workflow, deployment: Deployment) -> dict[str, str]:
        """Processes of what is deployed already, and their environment. Raises DeploymentFailed."""
        try:
            self._equip(workflow, deployment, environment(self._current, self._cache))
            return self._commands(self._current, deployment)
        except (procfile.BadProcfile, InstallFailed, OSError) as error:
            raise DeploymentFailed(str(error), str(error)) from error

    def _switch(self, staging: Path) -> None:
        """Put the staged application in the place of the current one; its processes end here."""
        current, earlier = self._current, self._root / "earlier"
        self.stop()
        shutil.rmtree(earlier, ignore_errors=True)
        if current.exists():
            current.rename(earlier)
        staging.rename(current)

    def _start(self, commands: dict[str, str], workflow: Workflow) -> None:
        jail, shell, variables = self._jail.words(), str(self._platform.shell), workflow.application_variables
        for name, command in commands.items():
            log = self.log_dir / f"{name}.stdout.log"
            self._processes.append(Supervised(name, command, self._current, variables, log, jail, shell))
        web = next((process for process in self._processes if process.name == "web"), None)
        timeout = min(START_DEADLINE, workflow.deadline - time.monotonic())
        problem = _await_listening(web, self.port, timeout) if web else ""
        for process in self._processes:
            process.supervise()
        if problem:
            raise DeploymentFailed(problem, self.log_tail(30))


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
    return (
        f"The web process did not listen on port {port} within {timeout:.0f} s. Each instance here has a port of its "
        "own, and PORT tells it: the server must read PORT."
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
