"""A local Beanstalk that a fork server starts as `ebcd local up` starts one; `test_daemon.py` is about `up` itself."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import forked

START_DEADLINE, END_DEADLINE = 60.0, 30.0


@contextmanager
def serving(home: Path, *words: str, env: Mapping[str, str]) -> Iterator[None]:
    """A server on free ports for a block. home: its EBCD_HOME, as env has it, too. words: options of `local up`."""
    folder = home / "local"
    folder.mkdir(mode=0o700, parents=True)
    with os.fdopen(os.open(folder / "server.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab") as log:
        process = forked.start(
            "ebcd_local",
            *("serve", "--port", "0", "--lb-port", "0", *words),
            env=env,
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_until_told(process, folder)
        yield
    finally:
        done = forked.run("ebcd_local", "down", env=env, timeout=90)
        _wait_until_ended(process)
    assert done.returncode == 0, done.stderr


def _wait_until_told(process: subprocess.Popen[str], folder: Path) -> None:
    """Wait until the server has told where it is: it answers from then on."""
    deadline = time.monotonic() + START_DEADLINE
    while not (folder / "server.json").exists():
        said = (folder / "server.log").read_text()
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.02)
    assert json.loads((folder / "server.json").read_text())["pid"] == process.pid


def _wait_until_ended(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(END_DEADLINE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        raise
