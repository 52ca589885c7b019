"""A forked run is what a new interpreter's is, as far as a program can tell."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import forked
import pytest

PROGRAM = "tests.told_by_process"


def environ(**more: str) -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(forked.ROOT)} | more


@pytest.fixture(params=["session", "usual"])
def options(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    return {"cwd": tmp_path, "umask": 0o027, "start_new_session": request.param == "session"}


def fresh(*words: str, env: dict[str, str], **options: Any) -> dict[str, Any]:
    command = [sys.executable, "-m", PROGRAM, *words]
    done = subprocess.run(command, env=env, text=True, stdout=subprocess.PIPE, timeout=60, check=False, **options)
    return json.loads(done.stdout)


def test_a_forked_run_finds_what_a_new_interpreter_finds(options: dict[str, Any]) -> None:
    env = environ(TZ="Asia/Tokyo", COLUMNS="33", ODD="\udcff")
    env.pop("HOME", None)
    expected = fresh("7", "a b", env=env, stderr=subprocess.DEVNULL, **options)
    done = forked.run(PROGRAM, "7", "a b", env=env, timeout=60, **options)
    found = json.loads(done.stdout)
    assert (done.returncode, done.stderr) == (7, "noted\n")
    assert found.pop("own") != expected.pop("own")
    if options["start_new_session"]:
        assert found.pop("group") != expected.pop("group")
    assert found == expected


def test_no_two_runs_share_their_random_numbers(tmp_path: Path) -> None:
    told = [json.loads(forked.run(PROGRAM, "0", env=environ(), cwd=tmp_path, timeout=60).stdout) for _ in range(2)]
    assert all(one != other for one, other in zip(*(item["own"] for item in told), strict=True))


def test_streams_are_those_that_are_given(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    with (tmp_path / "file").open("w") as file:
        process = forked.start(PROGRAM, "0", env=environ(), cwd=tmp_path, stdin=slave, stdout=file, stderr=slave)
    assert process.wait(60) == 0
    assert os.read(master, 100) == b"noted\r\n"
    os.close(slave)
    os.close(master)
    streams = json.loads((tmp_path / "file").read_text())["streams"]
    assert [item[-1] for item in streams] == [True, False, True]


def test_an_end_of_input_reaches_it_while_others_run(tmp_path: Path) -> None:
    both = [
        forked.start("base64", "-", env=environ(), cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for _ in range(2)
    ]
    for number, process in enumerate(both):
        assert process.communicate(f"{number}", timeout=30)[0] == ["MA==\n", "MQ==\n"][number]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGINT])
def test_a_signal_ends_the_process_itself(number: int, tmp_path: Path) -> None:
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE}
    with forked.start("base64", "-", env=environ(), cwd=tmp_path, **options) as process:
        while Path(f"/proc/{process.pid}/syscall").read_text().split()[:2] != ["0", "0x0"]:  # it reads its input
            time.sleep(0.01)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(0.05)
        assert process.poll() is None
        process.send_signal(number)
        process.wait(30)  # before its input ends, which would be another reason to end
        _, said = process.communicate(timeout=30)
    assert process.returncode == -number
    assert ("KeyboardInterrupt" in said) == (number == signal.SIGINT)
    assert not Path(f"/proc/{process.pid}").exists()


def test_where_an_interpreter_reads_other_variables_one_is_started(tmp_path: Path) -> None:
    env = environ(PYTHONIOENCODING="latin-1")
    told = json.loads(forked.run(PROGRAM, "0", env=env, cwd=tmp_path, timeout=60).stdout)
    assert told["streams"][1][2] == "iso8859-1"
