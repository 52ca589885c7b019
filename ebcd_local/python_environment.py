"""A virtual environment with a bundle's requirements, built once for each set of them and shared by the instances."""

from __future__ import annotations

import codecs
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

BUILD_DEADLINE = 600.0
_NO_INDEX = re.compile(r"^\s*--no-index\b", re.MULTILINE)
UNUSED = 30 * 24 * 3600.0
"""Seconds after which a virtual environment of no instance is deleted."""
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
"""Byte-order marks; UTF-32's begins with UTF-16's."""
_CODING = re.compile(rb"#.*coding[:=]\s*([-\w.]+)")
_EDITABLE = re.compile(r"\s*(?:-e|--editable)(?:=|\s*)(?!\w+\+|https?:)(\S+)")
_INCLUDES = re.compile(r"\s*(?:-r|-c|--requirement|--constraint)(?:=|\s*)(\S+)")
_LOCAL = re.compile(
    r"\s*(?:(?:-f|--find-links)(?:=|\s*)|\S+\s*@\s*)?(?:file:(?://)?([^\s;\[]+)|((?:\.|/|[\w.-]+/)[^\s;\[]*))"
)
"""A line that names a file or a folder; a URL is none."""


class InstallFailed(Exception):
    """The requirements could not be installed; the message is the installer's last words."""


def environment(application: Path, cache: Path) -> Path:
    """The folder of a virtual environment with an application's requirements and gunicorn. Raises InstallFailed.

    Found again by the interpreter and by all that an installer reads: the requirements' text, the files that they
    include, the local packages that they name.
    """
    text = requirements(application)
    cache.mkdir(parents=True, exist_ok=True)
    built = cache / _key(application, text)
    with built.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # instances of one deployment ask at once: one builds, the others find it
        if not (built / ".complete").exists():
            shutil.rmtree(built, ignore_errors=True)
            _build(built, text, application)
        (built / ".complete").touch()
    return built


def bare(cache: Path) -> Path:
    """The folder of a virtual environment before anything was installed: gunicorn alone. Raises InstallFailed."""
    empty = cache / "bare"
    empty.mkdir(parents=True, exist_ok=True)
    return environment(empty, cache)


def tidy(cache: Path, applications: Iterable[Path]) -> None:
    """Delete the virtual environments that are half made, and those that none of these applications has and nobody has
    asked for in a month. Nothing is being built meanwhile.
    """
    used = set()
    for application in applications:
        with suppress(InstallFailed, OSError):
            used.add(_key(application, requirements(application)))
    for folder in [item for item in cache.glob("*") if item.is_dir()]:
        whole = folder / ".complete"
        if not whole.exists() or (folder.name not in used and time.time() - whole.stat().st_mtime > UNUSED):
            shutil.rmtree(folder, ignore_errors=True)
            folder.with_suffix(".lock").unlink(missing_ok=True)


def _key(application: Path, text: str) -> str:
    read = "\0".join((sys.version, text, *_read_besides(text, application, application)))
    return hashlib.sha256(read.encode(errors="surrogateescape")).hexdigest()[:24]


def _read_besides(text: str, folder: Path, application: Path, seen: frozenset[Path] = frozenset()) -> Iterator[str]:
    """What an installer reads beside a requirements file: other ones (from the folder of this one), and local packages
    (from the application's). Raises InstallFailed for a package that would be left where it lies.
    """
    for line in text.replace("\\\n", " ").splitlines():
        if match := _EDITABLE.match(line):
            raise InstallFailed(
                f"The requirement {line.strip()!r} cannot be met: the application's folder moves once it is installed, "
                f"as it does on the platform. Write {match[1]!r} without the option."
            )
        if match := _INCLUDES.match(line):
            path = folder / match[1]
            if path.is_file() and path.resolve() not in seen:
                included = path.read_text(errors="replace")
                yield f"{match[1]} {included}"
                yield from _read_besides(included, path.parent, application, seen | {path.resolve()})
        elif match := _LOCAL.match(line):
            path = application / (match[1] or match[2])
            yield f"{path} {_digest(path)}" if path.resolve().is_relative_to(application.resolve()) else str(path)


def _digest(path: Path) -> str:
    """Of a file, or of a folder with all that is in it but bytecode, which Python writes there by itself."""
    found = hashlib.sha256()
    for item in [path] if path.is_file() else sorted(path.rglob("*")):
        if item.is_file() and "__pycache__" not in item.relative_to(path).parts:
            found.update(f"{item.relative_to(path)}\0{item.stat().st_size}\0".encode(errors="surrogateescape"))
            found.update(item.read_bytes())
    return found.hexdigest()


def requirements(application: Path) -> str:
    """What is to be installed, as pip reads it: of requirements.txt, else Pipfile.lock, else Pipfile, as the platform
    chooses. Raises InstallFailed.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-requirements.html
    """
    for name, read in (("requirements.txt", str), ("Pipfile.lock", _of_lock), ("Pipfile", _of_pipfile)):
        path = application / name
        if path.exists():
            try:
                return read(_text(path))
            except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise InstallFailed(f"{name} cannot be read: {error}") from error
    return ""


def _text(path: Path) -> str:
    """A file's text as pip reads it: a byte-order mark tells the encoding, else the first two lines may, else it is
    UTF-8. Raises ValueError.

    Source: https://github.com/pypa/pip/blob/main/src/pip/_internal/req/req_file.py
    """
    content = path.read_bytes()
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding)
    declared = [found for line in content.split(b"\n")[:2] if (found := _CODING.match(line))]
    try:
        return content.decode(declared[0][1].decode("ascii") if declared else "utf-8")
    except LookupError as error:
        raise ValueError(f"it declares an encoding that there is not: {error}") from error


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
        # Each process of an instance imports them: with bytecode in half the time. pip makes it without being asked.
        _run([*install, *(["--compile-bytecode"] if uv else []), "-r", str(given)], cwd=application)
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
    return {
        name: value for name, value in os.environ.items() if name not in {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME"}
    }
