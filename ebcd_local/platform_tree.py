"""What the platform brings onto an instance: a shell that is bash, /var/app and /opt/elasticbeanstalk.

    {root}/platform/usr/bin/sh                             bash, where it is installed: `sh` is bash on Amazon Linux
    {root}/platform/var/app/{current,staging}              the application, as links
    {root}/platform/var/app/venv/staging-LQM1lest          its virtual environment, a link too
    {root}/platform/opt/elasticbeanstalk/bin/get-config    what scripts ask about their environment
    {root}/platform/opt/elasticbeanstalk/deployment/       what get-config answers, and `env`: NAME=VALUE lines

In a jail these folders are bound to their places, /var/app and /opt/elasticbeanstalk. Without a jail the machine's own
paths cannot be touched: what runs is told the folders' real paths in the place of the platform's (`Platform.located`).
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.html
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ebcd_local import get_config

FOLDER = "platform"
"""In an instance's root; what runs there reads it and does not write it."""
APPLICATION, TOOLS = Path("/var/app"), Path("/opt/elasticbeanstalk")
"""Where the platform has them."""
VENV = "staging-LQM1lest"
"""The name of the virtual environment's folder, on every instance."""
_PATHS = re.compile(rf"(?<![\w./-])(?:{APPLICATION}|{TOOLS})(?![\w.-])")


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform's part of one instance. root: the instance's own folder."""

    root: Path
    jailed: bool

    @property
    def folder(self) -> Path:
        """All of it."""
        return self.root / FOLDER

    @property
    def shell(self) -> Path:
        """What runs commands."""
        return self.folder / "usr" / "bin" / "sh"

    @property
    def venv_bin(self) -> str:
        """PYTHONPATH, as the platform sets it: the virtual environment's programs."""
        return self.located(f"{APPLICATION}/venv/{VENV}/bin")

    def place(self, venv: Path | None) -> None:
        """Make all but get-config's answers. venv: the virtual environment; None: as it was."""
        if self.folder.is_symlink():  # an application has put it there
            self.folder.unlink()
        application = _below(self.folder, APPLICATION)
        (application / "venv").mkdir(parents=True, exist_ok=True)
        for name in ("current", "staging"):
            _link(application / name, self.root / name)
        if venv is not None:
            _link(application / "venv" / VENV, venv)
        self.shell.parent.mkdir(parents=True, exist_ok=True)
        _link(self.shell, shell())
        tools = _below(self.folder, TOOLS)
        (tools / "bin").mkdir(parents=True, exist_ok=True)
        (tools / "deployment").mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(get_config.__file__, tools / "bin" / "get-config.py")
        program = tools / "bin" / "get-config"
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(_python())} -IS "$(dirname "$0")/get-config.py" "$@"\n')
        program.chmod(0o755)

    def answer(self, configuration: Mapping[str, Any]) -> None:
        """Write what get-config answers: a mapping for each of its commands."""
        tools = _below(self.folder, TOOLS)
        _write_private(tools / get_config.CONFIGURATION, self.located(json.dumps(configuration)))
        lines = [f"{name}={value}\n" for name, value in sorted(configuration["environment"].items())]
        _write_private(tools / "deployment" / "env", self.located("".join(lines)))

    def located(self, text: str) -> str:
        """A text with the platform's paths where they are on this machine."""
        return text if self.jailed else _PATHS.sub(lambda found: f"{self.folder}{found[0]}", text)


@cache
def shell() -> str:
    """The program that `sh` is: bash, where it is installed."""
    return shutil.which("bash") or "/bin/sh"


def is_bash() -> bool:
    """Whether commands are run by bash, as they are on the platform."""
    return Path(shell()).name == "bash"


def _python() -> str:
    """A Python that a jail sees: not that of a virtual environment, which may lie in the user's home."""
    return str(getattr(sys, "_base_executable", "") or sys.executable)


def _below(folder: Path, path: Path) -> Path:
    return folder / path.relative_to("/")


def _link(place: Path, target: Path | str) -> None:
    """Let a link lead to a target, at once: what runs meanwhile finds the earlier or the new one."""
    if place.is_symlink() and place.readlink() == Path(target):
        return
    draft = place.with_name(f".{place.name}")
    draft.unlink(missing_ok=True)
    draft.symlink_to(target)
    draft.replace(place)


def _write_private(path: Path, text: str) -> None:
    with open(path, "w", opener=lambda name, flags: os.open(name, flags, 0o600)) as stream:
        stream.write(text)
