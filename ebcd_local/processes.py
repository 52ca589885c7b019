"""A process of an instance: started in a group of its own, restarted when it dies, stopped whole."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

LOG_LIMIT = 5_000_000
"""Bytes of a log before it is turned over; one earlier part is kept."""
BACKOFF = (0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds before each restart in a row."""
LIMITS = "ulimit -c 0; ulimit -S -n 8192 2>/dev/null || true"
"""No core files, and as many open files as the platform's services have."""
UMASK = 0o022
"""What an instance's files are made with, as on the platform. Nobody else reaches them: the state folder is closed."""
STEADY = 30.0
"""Seconds after which a process counts as having started well."""
SWEEP_DEADLINE = 5.0
MARK = "EBCD_LOCAL_INSTANCE"
"""The variable by which whatever an instance has started is found: its value is the instance's root, with a slash."""


def start_time(pid: int) -> int | None:
    """When a process started, in clock ticks since boot; None when there is none."""
    found = _stat(pid)
    return int(found[19]) if found else None


def alive(pid: int, started: int) -> bool:
    """Whether the process that started then still runs, and does not only wait for its parent to notice its end."""
    found = _stat(pid)
    return bool(found) and found[0] != "Z" and int(found[19]) == started


def _stat(pid: int) -> list[str]:
    """What /proc tells of a process, from its state on; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def sweep(folder: Path) -> None:
    """Kill whatever instances below a folder have started, wherever it has gone, and wait until it has ended.

    A process group is left by every daemon, and a record on disk is behind by a moment: the environment that a process
    was started with is neither.
    """
    deadline = time.monotonic() + SWEEP_DEADLINE
    while _kill_marked(folder) and time.monotonic() < deadline:
        time.sleep(0.01)


def marked(pid: int, folder: Path) -> bool:
    """Whether a process was started for what is in a folder: its id alone may be another one's by now."""
    try:
        return f"{MARK}={folder}/".encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:  # it has ended, or it is another user's
        return False


def _kill_marked(folder: Path) -> int:
    others = [int(entry.name) for entry in Path("/proc").glob("[0-9]*") if entry.name != str(os.getpid())]
    found = [pid for pid in others if marked(pid, folder)]
    for pid in found:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)
    return len(found)


class Supervised:
    """A command that is kept running."""

    def __init__(
        self,
        name: str,
        command: str,
        cwd: Path,
        environment: Mapping[str, str],
        log: Path,
        jail: Sequence[str] = (),
        shell: str = "/bin/sh",
    ) -> None:
        self.name = name
        self.exits: list[tuple[float, int]] = []
        """When it died (monotonic seconds), and with which code."""
        self._command = command
        self._cwd = cwd
        self._environment = dict(environment)
        self._log = log
        self._jail = list(jail)
        """Words that the command is run by."""
        self._shell = shell
        self._stopping = threading.Event()
        self._spawning = threading.Lock()
        """Held while a process takes another one's place: none may be started behind `stop`'s back."""
        self._process = self._spawn()
        self._thread = threading.Thread(target=self._supervise, name=f"supervise-{name}", daemon=True)

    def supervise(self) -> None:
        """From now on, restart it when it dies."""
        self._thread.start()

    @property
    def pid(self) -> int:
        """The process id of the shell that runs the command."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    def stop(self, timeout: float) -> None:
        """SIGTERM to the whole group, SIGKILL to what is left after `timeout` seconds."""
        with self._spawning:
            self._stopping.set()
        deadline, told = time.monotonic() + timeout, set[int]()
        while self._process.poll() is None and time.monotonic() < deadline:
            self._ask_to_end(told)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(0.1)
        self._signal(signal.SIGKILL)
        self._process.wait(5)
        if self._thread.ident is not None:
            self._thread.join(5)

    def _ask_to_end(self, told: set[int]) -> None:
        """SIGTERM, once, to each of the group. A jail ends when what runs in it has: it must not be gone before, and it
        may be so young that nothing runs in it yet.
        """
        with contextlib.suppress(psutil.Error):
            leader = psutil.Process(self.pid)
            group = leader.children(recursive=True) + ([] if self._jail else [leader])
            for process in [item for item in group if item.pid not in told]:
                told.add(process.pid)
                with contextlib.suppress(psutil.Error):
                    process.terminate()

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def _spawn(self) -> subprocess.Popen[bytes]:
        self._log.parent.mkdir(parents=True, exist_ok=True)
        if self._log.exists() and self._log.stat().st_size > LOG_LIMIT:
            self._log.replace(self._log.with_suffix(".1.log"))
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [*self._jail, self._shell, "-c", f"{LIMITS}; {_replacing(self._command)}"],
                cwd=self._cwd,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                umask=UMASK,
            )

    def _supervise(self) -> None:
        failures = 0
        while True:
            started = time.monotonic()
            code = self._process.wait()
            if self._stopping.is_set():
                return
            self._signal(signal.SIGKILL)  # its children must not hold the port
            self.exits.append((time.monotonic(), code))
            failures = 0 if time.monotonic() - started > STEADY else failures
            self._stopping.wait(BACKOFF[min(failures, len(BACKOFF) - 1)])
            failures += 1
            with self._spawning:
                if self._stopping.is_set():
                    return
                self._process = self._spawn()


def _replacing(command: str) -> str:
    """The command, in the shell's place where it is a simple one: no list, pipe or assignment."""
    simple = not any(mark in command for mark in ";&|<>()`\n") and "=" not in command.split()[0]
    return f"exec {command}" if simple else command
