"""A virtual environment with a bundle's requirements, built once for each set of them and shared by the instances."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

BUILD_DEADLINE = 600.0
_INCLUDES = re.compile(rb"^\s*(-r|-c|-e|--requirement|--constraint|--editable|\.|file:)", re.MULTILINE)


class InstallFailed(Exception):
    """The requirements could not be installed; the message is the installer's last words."""


def environment(requirements: Path, cache: Path) -> Path:
    """The folder of a virtual environment with the requirements and gunicorn. Raises InstallFailed.

    Found again by the interpreter and the requirements' bytes. What includes other files is built anew each time they
    change only if their text does: so it is refused the cache and keyed by its folder's path.
    """
    text = requirements.read_bytes() if requirements.exists() else b""
    place = str(requirements.parent).encode() if _INCLUDES.search(text) else b""
    key = hashlib.sha256(b"\0".join((sys.version.encode(), text, place))).hexdigest()[:24]
    cache.mkdir(parents=True, exist_ok=True)
    built = cache / key
    with (cache / f"{key}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # instances of one deployment ask at once: one builds, the others find it
        if not (built / ".complete").exists():
            shutil.rmtree(built, ignore_errors=True)
            _build(built, requirements)
            (built / ".complete").touch()
    return built


def _build(folder: Path, requirements: Path) -> None:
    uv = _uv()
    if uv:
        _run([uv, "venv", "--quiet", "--python", sys.executable, str(folder)])
        install = [uv, "pip", "install", "--quiet", "--python", str(folder / "bin" / "python")]
    else:
        _run([sys.executable, "-m", "venv", str(folder)])
        install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    if requirements.exists():
        _run([*install, "-r", str(requirements)], cwd=requirements.parent)
    if not (folder / "bin" / "gunicorn").exists():
        _run([*install, "gunicorn"])  # the platform brings it


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
        raise InstallFailed("\n".join((done.stderr or done.stdout).strip().splitlines()[-15:]))


def _clean() -> dict[str, str]:
    """The server's environment without what would point an installer at the server's own virtual environment."""
    return {name: value for name, value in os.environ.items()
            if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}}  # fmt: skip
