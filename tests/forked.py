"""Runs of `python -m ebcd` and `python -m ebcd_local` without what starting Python costs.

`start` gives what subprocess.Popen gives, `run` what subprocess.run gives. The process is a real one with a process id
of its own: signals reach it, and a kill kills it. `fork_server.py` says in what it differs from a new interpreter.
Tests that are about an interpreter's start use subprocess.
"""

from __future__ import annotations

import atexit
import inspect
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
SERVER = Path(__file__).with_name("fork_server.py")
_READ_AT_START = ("PYTHON", "LC_", "LANG")
"""How the variables begin that an interpreter reads when it starts."""
_SIGNATURE = inspect.signature(subprocess.Popen._execute_child)  # type: ignore[attr-defined]
_servers: dict[str, socket.socket] = {}
_starting = threading.Lock()


def start(program: str, *words: str, env: Mapping[str, str], **options: Any) -> subprocess.Popen[str]:
    """Start `python -m PROGRAM`. options: subprocess.Popen's for streams, folder, session and umask."""
    command = [sys.executable, "-m", program, *words]
    same = _read_at_start(env) == _read_at_start(_environ())
    kind = _Forked if same and hasattr(os, "pidfd_open") else subprocess.Popen
    return kind(command, env=env, text=True, **options)


def run(
    program: str, *words: str, env: Mapping[str, str], answer: str | None = None, timeout: float, **options: Any
) -> subprocess.CompletedProcess[str]:
    """Run `python -m PROGRAM` to its end, and take what it prints. answer: what it reads from its standard input."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | options
    if answer is not None:
        streams["stdin"] = subprocess.PIPE
    with start(program, *words, env=env, **streams) as process:
        try:
            said, noted = process.communicate(answer, timeout)
        except BaseException:
            process.kill()
            raise
    return subprocess.CompletedProcess(process.args, process.returncode, said, noted)


class _Forked(subprocess.Popen[str]):
    """A process that a fork server starts: it is the server's child, who tells how it ends."""

    def _execute_child(self, *given: Any) -> None:
        asked = _SIGNATURE.bind(self, *given).arguments
        program, *words = asked["args"][2:]
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        streams = [asked[name] for name in ("p2cread", "c2pwrite", "errwrite")]
        descriptors = [number if given == -1 else given for number, given in enumerate(streams)]
        request = {
            "words": words,
            "folder": str(asked["cwd"] or Path.cwd()),
            "environ": dict(asked["env"]),
            "umask": _umask() if asked["umask"] == -1 else asked["umask"],
            "session": asked["start_new_session"],
        }
        with theirs:
            socket.send_fds(_server(program), [json.dumps(request).encode()], [*descriptors, theirs.fileno()])
        self._answers = ours
        try:
            self.pid = int(self._answer(None))
        except BaseException:
            ours.close()
            raise
        self._child_created = True
        self._close_pipe_fds(*(asked[name] for name in _PIPES))  # type: ignore[attr-defined]

    def _answer(self, timeout: float | None) -> bytes:
        self._answers.settimeout(timeout)
        if not (said := self._answers.recv(64)):
            raise RuntimeError("the fork server has ended")
        return said

    def _wait(self, timeout: float | None) -> int:
        if self.returncode is None:
            try:
                self.returncode = int(self._answer(timeout))
            except (TimeoutError, BlockingIOError) as error:
                raise subprocess.TimeoutExpired(self.args, timeout or 0.0) from error
            self._answers.close()
        return self.returncode

    def _internal_poll(self, *_: Any, **__: Any) -> int | None:
        try:
            return self._wait(0)
        except subprocess.TimeoutExpired:
            return None


_PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")


def _read_at_start(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in environ.items() if name.startswith(_READ_AT_START)}


def _environ() -> dict[str, str]:
    """What a fork server is started with."""
    return os.environ | {"PYTHONPATH": str(ROOT)}


def _umask() -> int:
    """This process's, read without setting it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith("Umask:")), 8)


def _server(program: str) -> socket.socket:
    """Where a program's fork server, which is started by the first run, takes requests."""
    with _starting:
        if program not in _servers:
            _servers[program] = _start(program)
        return _servers[program]


def _start(program: str) -> socket.socket:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        process = subprocess.Popen(
            [sys.executable, str(SERVER), str(theirs.fileno()), program],
            cwd=ROOT,
            env=_environ(),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )

    def end() -> None:
        ours.close()
        process.wait(10)

    atexit.register(end)
    return ours
