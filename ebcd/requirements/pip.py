"""pip, as a program: it fetches the wheels that a lock allows for a Python that need not be the one it runs on."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from ebcd.errors import Refused, UsageError
from ebcd.model import Python
from ebcd.requirements.choose import HINT, abi, platforms
from ebcd.requirements.pins import NO_WHEEL

DEADLINE = 900.0
"""Seconds that one download may take."""
_MEASURED = 0.25
"""Seconds between two measurements of what has come."""
_SHOWN_LINES = 6
_ABSENT = re.compile(r"No matching distribution found for (\S+)")
_OTHER = re.compile(r"DO NOT MATCH THE HASHES[^\n]*\n\s*(\S+) from ")
_SILENT = "Retrying (Retry("
_RETRIES = "3"
"""Not none: pip tells of an index that does not answer only where it tries again."""
_CHOOSING = (
    "PIP_CONSTRAINT",
    "PIP_NO_BINARY",
    "PIP_ONLY_BINARY",
    "PIP_PREFER_BINARY",
    "PIP_PRE",
    "PIP_REQUIREMENT",
    "PIP_REQUIRE_VIRTUALENV",
    "PIP_PLATFORM",
    "PIP_ABI",
    "PIP_PYTHON",
    "PIP_DEST",
)
"""Variables that would change what is taken. Those that say where from are the user's: index, proxy, certificate."""
_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
"""Variables that name the folder for temporary files: Python's tempfile reads them in this order."""


def download(requirements: str, python: Python, folder: Path, fetched: Callable[[int], None]) -> None:
    """Fetch what the lines name into a folder: wheels only, no dependencies, each by its hash.

    fetched: told now and then how many bytes have come. Raises Refused (`no-wheel`: there is none that fits; `wheels`:
    pip failed), UsageError (`no-pip`).
    """
    lines, parts = folder / "requirements.txt", folder / "parts"
    parts.mkdir()
    lines.write_text(requirements, encoding="utf-8")
    environ = {name: value for name, value in os.environ.items() if name not in _CHOOSING}
    environ |= dict.fromkeys(_TEMPORARY, str(parts))
    process = subprocess.Popen(
        _command(python, folder, lines),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        errors="replace",
    )
    with process:
        try:
            said = _end_of(process, lambda: fetched(_bytes_below(parts)))
        except BaseException:
            process.kill()
            raise
    if process.returncode:
        raise _reason(said, python)


def _end_of(process: subprocess.Popen[str], measure: Callable[[], None]) -> str:
    """What a process has said when it has ended. measure: called now and then. Raises Refused after DEADLINE."""
    end = time.monotonic() + DEADLINE
    while time.monotonic() < end:
        with suppress(subprocess.TimeoutExpired):
            out, errors = process.communicate(timeout=_MEASURED)
            return errors or out
        measure()
    raise _failed(f"It took longer than {DEADLINE:g} s.")


def _bytes_below(folder: Path) -> int:
    """The bytes of the wheels below a folder, whole ones or begun ones: pip downloads into its temporary folder."""
    return sum(_sizes(folder.rglob("*.whl")))


def _sizes(paths: Iterator[Path]) -> Iterator[int]:
    with suppress(OSError):  # pip removes a folder while it is read: the next measurement sees the rest
        for path in paths:
            yield path.stat().st_size


def _command(python: Python, folder: Path, lines: Path) -> list[str]:
    """pip's command line: wheels for the stage's Python, whatever Python this is."""
    return [
        *_pip(),
        "download",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
        "--progress-bar",
        "off",
        "--retries",
        _RETRIES,
        "--no-deps",
        "--require-hashes",
        "--only-binary",
        ":all:",
        "--dest",
        str(folder),
        "--implementation",
        "cp",
        "--python-version",
        python.version,
        *(word for name in (abi(python), "abi3", "none") for word in ("--abi", name)),
        *(word for name in platforms(python) for word in ("--platform", name)),
        "--requirement",
        str(lines),
    ]


def _pip() -> list[str]:
    """pip of this Python, else the one on PATH: what it fetches does not depend on which."""
    if importlib.util.find_spec("pip"):
        return [sys.executable, "-P", "-m", "pip"]  # -P: no module of the repository's own
    if found := shutil.which("pip") or shutil.which("pip3"):
        return [found]
    raise UsageError(
        "There is no pip.",
        why='requirements = "wheels" fetches them with it, and neither this Python nor PATH has one.',
        hint=f"{sys.executable} -m ensurepip; or, of a tool's own environment: uv tool install --with pip ebcd, "
        "pipx inject ebcd pip",
        code="no-pip",
    )


def _reason(said: str, python: Python) -> Refused:
    """What pip's last words mean."""
    if other := _OTHER.search(said):
        return _missing(f"The index has a wheel of {other[1]} whose hash is not in the lock.")
    absent = _ABSENT.search(said)
    if absent and _SILENT not in said:
        where = f"Python {python.version} on {python.machine} with glibc 2.{python.glibc}"
        return _missing(f"The index has no wheel of {absent[1]} for {where} that is in the lock.")
    return _failed(" ".join(said.strip().splitlines()[-_SHOWN_LINES:]))


def _missing(why: str) -> Refused:
    return Refused("A wheel is missing.", why=why, hint=HINT, code=NO_WHEEL)


def _failed(why: str) -> Refused:
    return Refused(
        "The wheels could not be fetched.",
        why=why,
        hint="Run it again where the index can be reached: pip's own settings name it (PIP_INDEX_URL).",
        code="wheels",
    )
