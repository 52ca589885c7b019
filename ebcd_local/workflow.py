"""What the platform does on an instance around a deployment: provision, hooks, container commands. All of it below the
instance's root: what would change the machine itself is told in eb-engine.log and not done.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.workflow.html
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import time
import urllib.request
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from ebcd_local import hooks
from ebcd_local.archive import BadArchive, unpack
from ebcd_local.ebextensions import Command, Extensions, File
from ebcd_local.jail import Jail
from ebcd_local.platform_tree import Platform
from ebcd_local.processes import UMASK
from ebcd_local.tail import tail

ENGINE_LOG = "eb-engine.log"
SOURCE_LIMIT = 500_000_000
"""Bytes of an archive or a file that is fetched."""
FETCH_DEADLINE, KILL_DEADLINE = 60.0, 5.0


class DeploymentFailed(Exception):
    """The bundle could not be deployed."""

    def __init__(self, cause: str, log_tail: str = "") -> None:
        super().__init__(cause)
        self.cause = cause
        self.log_tail = log_tail
        self.instances: list[str] = []
        """Those that it failed on; none where it came to no instance."""


@dataclass(slots=True)
class Workflow:
    """One deployment on one instance."""

    root: Path
    log_dir: Path
    jail: Jail
    platform: Platform
    deadline: float
    """Monotonic seconds by which it must be done."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """The environment of commands and hooks."""
    application_variables: Mapping[str, str] = field(default_factory=dict)
    """That of the application's processes."""

    @property
    def system(self) -> Path:
        """What stands for the machine's own file system: `files`, `sources` and `commands` are at home here."""
        return self.root / "system"

    def provision(self, extensions: Extensions) -> None:
        """packages, groups, users, sources, files, commands, services, in cfn-init's order. Raises DeploymentFailed.

        Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-init.html
        """
        if self.system.is_symlink():
            raise DeploymentFailed(
                f"{self.system.name} in the instance's root is a link: its application has put it there."
            )
        self.system.mkdir(parents=True, exist_ok=True)
        for told in extensions.reported:
            self.log(f"skipped, for it would change the machine: {told}")
        for folder, url in extensions.sources:
            self._source(folder, url)
        for file in extensions.files:
            self._file(file)
        for command in extensions.commands:
            self.command("command", command, self.system, self.system)

    def command(self, kind: str, command: Command, base: Path, boundary: Path) -> None:
        """Run a command unless its test says no. Raises DeploymentFailed when it fails and that counts."""
        cwd = self._inside(base, command.cwd, boundary)
        if kind == "command" and not self.jail.words():
            self.log(f"skipped, for nothing keeps it from changing the machine: command {command.name}")
            return
        if command.test and not command.leader_only and self.run(command.test, cwd, command.env) != 0:
            self.log(f"skipped, as its test says: {kind} {command.name}")
            return
        code = self.run(command.command, cwd, command.env)
        if code and not command.ignore_errors:
            raise DeploymentFailed(f"{kind} {command.name} failed with exit code {code}.", self.tail(20))

    def hooks(self, folder: Path, kind: str, name: str) -> None:
        """Run `.platform/{kind}/{name}/*`, by name. Raises DeploymentFailed when one fails."""
        for hook in sorted((folder / ".platform" / kind / name).glob("*")):
            if not hook.is_file():
                continue
            what = f"The {name} {'hook' if kind == 'hooks' else 'configuration hook'} {hook.name}"
            try:
                code = self.run(hooks.words(hook, self.platform.shell), folder)
            except OSError as error:
                raise DeploymentFailed(f"{what} cannot be run: {error}.") from error
            if code:
                raise DeploymentFailed(f"{what} failed with exit code {code}.", self.tail(20))

    def run(self, command: str | list[str], cwd: Path, extra: Mapping[str, str] | None = None) -> int:
        """Run one command to its end, its output in eb-engine.log; its exit code. Raises DeploymentFailed."""
        words = [self.platform.located(word) for word in ([command] if isinstance(command, str) else command)]
        words = [str(self.platform.shell), "-c", *words] if isinstance(command, str) else words
        with (self.log_dir / ENGINE_LOG).open("ab") as log:
            try:
                process = subprocess.Popen(
                    [*self.jail.words(), *words],
                    cwd=cwd,
                    env={**self.variables, **(extra or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                    umask=UMASK,
                )
            except (OSError, ValueError) as error:
                self.log(str(error))
                return 126
        try:
            return process.wait(max(0.1, self.deadline - time.monotonic()))
        except subprocess.TimeoutExpired as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it has started, too
            process.wait(KILL_DEADLINE)
            raise DeploymentFailed(f"A command took too long: {command!r}.", self.tail(20)) from error

    def log(self, text: str) -> None:
        """Write into eb-engine.log."""
        with (self.log_dir / ENGINE_LOG).open("a", errors="replace") as log:
            log.write(text.rstrip() + "\n")

    def tail(self, lines: int) -> str:
        """The last lines of eb-engine.log."""
        return tail(self.log_dir / ENGINE_LOG, lines)

    def _file(self, file: File) -> None:
        path = self._inside(self.system, file.path, self.system, itself=False)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_symlink() or path.exists():
            path.replace(path.with_name(f"{path.name}.bak"))
        if file.target:
            path.symlink_to(file.target)
            return
        if file.content is None:
            path.write_bytes(self._fetch(file.source))
        else:
            path.write_bytes(file.content.encode() if isinstance(file.content, str) else file.content)
        path.chmod(file.mode & 0o777)

    def _source(self, folder: str, url: str) -> None:
        """Unpack an archive. Raises DeploymentFailed."""
        target = self._inside(self.system, folder, self.system)
        with tempfile.TemporaryDirectory(dir=self.root) as workshop:
            archive, unpacked = Path(workshop) / "archive", Path(workshop) / "unpacked"
            archive.write_bytes(self._fetch(url))
            try:
                if tarfile.is_tarfile(archive):
                    with tarfile.open(archive) as tar:
                        tar.extractall(unpacked, filter="data")
                else:
                    unpack(archive, unpacked)
            except (BadArchive, tarfile.TarError) as error:
                raise DeploymentFailed(f"The source {url} cannot be unpacked: {error}", self.tail(20)) from error
            _lay(unpacked, target.resolve())

    def _fetch(self, url: str) -> bytes:
        if not url.startswith(("http://", "https://")):
            raise DeploymentFailed(f"{url!r} cannot be fetched: only http and https can.")
        try:
            with urllib.request.urlopen(url, timeout=FETCH_DEADLINE) as answer:  # noqa: S310 - checked above
                content: bytes = answer.read(SOURCE_LIMIT + 1)
        except (OSError, ValueError) as error:
            raise DeploymentFailed(f"{url} cannot be fetched: {error}.") from error
        if len(content) > SOURCE_LIMIT:
            raise DeploymentFailed(f"{url} has more than {SOURCE_LIMIT:,} bytes.")
        return content

    def _inside(self, base: Path, path: str, boundary: Path, *, itself: bool = True) -> Path:
        """A path below `base`, an absolute one too. Raises DeploymentFailed for one that leaves `boundary`.

        itself: whether it is followed where it is a link, and not only what leads there.
        """
        found = base / path.lstrip("/")
        landed = found.resolve() if itself else found.parent.resolve() / found.name
        if ".." in Path(path).parts or not landed.is_relative_to(boundary.resolve()):
            raise DeploymentFailed(f"{path!r} leaves the instance's root.")
        return found


def _lay(source: Path, target: Path) -> None:
    """Copy a tree over another one, and through no link that is there."""
    if target.is_symlink() or not target.is_dir():
        target.unlink(missing_ok=True)
        target.mkdir(parents=True)
    for item in source.iterdir():
        place = target / item.name
        if item.is_dir() and not item.is_symlink():
            _lay(item, place)
            continue
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
        shutil.copy2(item, place, follow_symlinks=False)
