"""A virtual environment with a bundle's requirements, built once for each set of them and shared by the instances."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from contextlib import suppress
from pathlib import Path
from typing import Any

BUILD_DEADLINE = 600.0
_NO_INDEX = re.compile(r"^\s*--no-index\b", re.MULTILINE)
_INCLUDES = re.compile(r"^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.|file:)", re.MULTILINE)


class InstallFailed(Exception):
    """The requirements could not be installed; the message is the installer's last words."""


def environment(application: Path, cache: Path) -> Path:
    """The folder of a virtual environment with an application's requirements and gunicorn. Raises InstallFailed.

    Found again by the interpreter and the requirements' text. Where they include other files, the text does not tell
    whether those changed: then the application's folder is part of the key.
    """
    text = requirements(application)
    place = str(application) if _INCLUDES.search(text) else ""
    key = hashlib.sha256("\0".join((sys.version, text, place)).encode()).hexdigest()[:24]
    cache.mkdir(parents=True, exist_ok=True)
    built = cache / key
    with (cache / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # instances of one deployment ask at once: one builds, the others find it
        if not (built / ".complete").exists():
            shutil.rmtree(built, ignore_errors=True)
            _build(built, text, application)
            (built / ".complete").touch()
    return built


def requirements(application: Path) -> str:
    """What is to be installed, as pip reads it: of requirements.txt, else Pipfile.lock, else Pipfile, as the platform
    chooses. Raises InstallFailed.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-requirements.html
    """
    for name, read in (("requirements.txt", str), ("Pipfile.lock", _of_lock), ("Pipfile", _of_pipfile)):
        path = application / name
        if path.exists():
            try:
                return read(path.read_text())
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise InstallFailed(f"{name} cannot be read: {error}") from error
    return ""


def _of_lock(text: str) -> str:
    """Requirements with hashes, of Pipfile.lock's default packages."""
    packages = json.loads(text)["default"]
    return "\n".join(_requirement(name, item) for name, item in sorted(packages.items()))


def _of_pipfile(text: str) -> str:
    packages = tomllib.loads(text).get("packages", {})
    return "\n".join(_requirement(name, item) for name, item in sorted(packages.items()))


def _requirement(name: str, item: Any) -> str:
    """One line of requirements.txt for a package as pipenv writes it: a version, or a table."""
    if isinstance(item, str):
        item = {"version": item}
    version = item.get("version", "*")
    line = name + (f"[{','.join(item['extras'])}]" if item.get("extras") else "") + ("" if version == "*" else version)
    line += f" ; {item['markers']}" if item.get("markers") else ""
    return " ".join([line, *(f"--hash={digest}" for digest in item.get("hashes", []))])


def _build(folder: Path, text: str, application: Path) -> None:
    uv = _uv()
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if text.strip():
        given = application / "requirements.txt"
        if not given.exists():
            given = folder / "requirements.txt"
            given.write_text(text + "\n")
        _run([*install, "-r", str(given)], cwd=application)
    if not (folder / "bin" / "gunicorn").exists():
        _bring_gunicorn(install, offline=_NO_INDEX.search(text) is not None)


def _bring_gunicorn(install: list[str], *, offline: bool) -> None:
    """Install what the platform brings. offline: the bundle asks for no index, so nobody counts on one: gunicorn is
    there if this machine has it, and a Procfile that runs another server does not care.
    """
    if not offline:
        _run([*install, "gunicorn"])
        return
    with suppress(InstallFailed):
        _run([*install, "--offline" if "--python" in install else "--no-index", "gunicorn"])


def _uv() -> str | None:
    beside = Path(sys.executable).parent / "uv"
    return str(beside) if beside.exists() else shutil.which("uv")


def _run(command: list[str], cwd: Path | None = None) -> None:
    try:
        done = subprocess.run(
            command, cwd=cwd, env=_clean(), capture_output=True, text=True, timeout=BUILD_DEADLINE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise InstallFailed(f"The installation took longer than {BUILD_DEADLINE:g} s.") from error
    if done.returncode:
        said = (done.stderr or done.stdout).strip().splitlines()[-15:]
        raise InstallFailed("\n".join((*said, f"(This Beanstalk runs Python {platform.python_version()}.)")))


def _clean() -> dict[str, str]:
    """The server's environment without what would point an installer at the server's own virtual environment."""
    return {name: value for name, value in os.environ.items()
            if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}  # fmt: skip
