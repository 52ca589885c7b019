"""What printing cannot change: the exit code. Small encodings, closed descriptors and pipes, full disks."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

EBCD = [sys.executable, "-m", "ebcd"]
FULL = Path("/dev/full")


def ebcd(folder: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([*EBCD, *arguments], cwd=folder, env=os.environ | environ, capture_output=True, check=False)


@pytest.mark.parametrize(
    "environ",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "cp1252:strict"},
        {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"},
    ],
)
def test_signs_that_an_encoding_lacks_are_spelled(environ: dict[str, str], tmp_path: Path) -> None:
    done = ebcd(tmp_path, "status", "-a", "shop", **environ)
    assert done.returncode == 2
    assert done.stderr.startswith((b"x ", b"\xe2"))
    assert b"Traceback" not in done.stderr
    assert "->" in done.stderr.decode("latin-1") or "→".encode() in done.stderr


@pytest.mark.parametrize("redirection", [">&-", "2>&-", ">&- 2>&-", "<&-", "> /dev/full", "2> /dev/full"])
def test_what_cannot_be_written_is_left_out(redirection: str, tmp_path: Path) -> None:
    if "full" in redirection and not FULL.exists():
        pytest.skip("this system has no /dev/full")
    for arguments, code in (("--help", 0), ("--version", 0), ("status -a shop --json", 2)):
        line = f"{sys.executable} -m ebcd {arguments} {redirection}"
        done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, check=False)
        assert done.returncode == code, (line, done.stderr)
        assert b"Traceback" not in done.stderr


def test_a_reader_that_goes_ends_nothing(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run([*EBCD, "--help"], cwd=tmp_path, stdout=writing, stderr=writing, check=False)
    finally:
        os.close(writing)
    assert done.returncode == 0


def test_a_file_that_is_opened_never_becomes_what_is_printed_to(tmp_path: Path) -> None:
    line = f"{sys.executable} -m ebcd init --json >&-"
    done = subprocess.run(["sh", "-c", line], cwd=tmp_path, capture_output=True, check=False)
    written = tmp_path / "ebcd.toml"
    assert not written.exists() or "schema" not in written.read_text(), done


def test_a_pipe_that_is_full_and_waits_for_nobody_gets_it_all(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with subprocess.Popen([*EBCD, "ship", "--help"], cwd=tmp_path, stdout=writing) as process:
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            text = pipe.read()
    assert process.returncode == 0
    assert b"--no-color" in text
