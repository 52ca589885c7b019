"""Runs a program many times and starts Python once: it has the program imported, and forks for each run.

`python fork_server.py DESCRIPTOR PROGRAM`: the descriptor is a socket on which `forked.py` sends its requests. A child
does what `python -m PROGRAM` does. It has the descriptors, the variables, the folder, the umask and the words of its
request, the signal handlers of a new interpreter, random numbers of its own, and a process id by which it is killed. A
new interpreter would differ in its hash seed, which all children share, in the command line and the first environment
that /proc shows, and in its parent.
"""

from __future__ import annotations

import gc
import importlib
import io
import json
import os
import pkgutil
import random
import runpy
import selectors
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

LARGEST = 1 << 20
"""Bytes of a request: a socket's message holds less."""
MORE = {
    "ebcd": (
        "botocore.client",
        "botocore.httpsession",
        "botocore.parsers",
        "botocore.session",
        "botocore.signers",
        "http.client",
        "rich.console",
        "rich.live",
        "rich.table",
        "rich.text",
        "yaml",
    ),
}
"""By program: what its modules import only when they need it. None of it may change what another command would see."""


@dataclass(frozen=True)
class Request:
    """One run."""

    words: list[str]
    folder: str
    environ: dict[str, str]
    umask: int
    session: bool
    """Whether the process leads a session of its own."""


def main(descriptor: int, program: str) -> NoReturn:
    """Serve until the other side is gone; in each child, run the program."""
    sys.path[0] = str(Path.cwd())  # not the folder of the tests
    variables = _import(program)
    sources = [item for item in gc.get_objects() if isinstance(item, random.Random)]
    gc.collect()
    gc.freeze()  # children share what is never looked at again
    interrupted = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all of the group
    request = _serve(socket.socket(fileno=descriptor))
    signal.signal(signal.SIGINT, interrupted)
    for source in sources:
        source.seed()
    _become(request, program)
    os.environ.update(variables)
    runpy.run_module(program, run_name="__main__", alter_sys=True)
    sys.exit(0)


def _import(program: str) -> dict[str, str]:
    """Import all of a program's modules but those that run something when they are imported; the variables that they
    have set.
    """
    before = dict(os.environ)
    package = importlib.import_module(program)
    found = [item.name for item in pkgutil.walk_packages(getattr(package, "__path__", []), f"{program}.")]
    for name in (*found, *MORE.get(program, ())):
        if not name.endswith("__main__"):
            importlib.import_module(name)
    if not found:
        del sys.modules[program]  # a module is run as `__main__`, and not imported besides
    assert threading.active_count() == 1, "a thread does not live on in a child"
    return {name: value for name, value in os.environ.items() if before.get(name) != value}


def _serve(requests: socket.socket) -> Request:
    """Fork for each request and tell its process id, then how it ended. Returns in each child only; ends when the other
    side has closed its socket.
    """
    with requests, selectors.DefaultSelector() as selector:
        selector.register(requests, selectors.EVENT_READ)
        children: dict[int, tuple[int, socket.socket]] = {}
        while True:
            for key, _ in selector.select():
                if key.fd in children:
                    selector.unregister(key.fd)
                    _tell_end(key.fd, *children.pop(key.fd))
                    continue
                message, descriptors, _, _ = socket.recv_fds(requests, LARGEST, 4)
                if not message:
                    sys.exit(0)
                pid = os.fork()
                if pid == 0:
                    _take(descriptors, children)
                    return Request(**json.loads(message))
                for descriptor in descriptors[:3]:
                    os.close(descriptor)
                answers = socket.socket(fileno=descriptors[3])
                answers.send(str(pid).encode())
                watched = os.pidfd_open(pid)
                children[watched] = pid, answers
                selector.register(watched, selectors.EVENT_READ)


def _take(descriptors: list[int], others: dict[int, tuple[int, socket.socket]]) -> None:
    """Have the request's streams as one's own, and nothing of the other children's."""
    for number, descriptor in enumerate(descriptors[:3]):
        os.dup2(descriptor, number)
    for descriptor in descriptors:
        os.close(descriptor)
    for watched, (_, answers) in others.items():
        os.close(watched)
        answers.close()


def _tell_end(watched: int, pid: int, answers: socket.socket) -> None:
    _, status = os.waitpid(pid, 0)
    os.close(watched)
    with answers:
        try:
            answers.send(str(os.waitstatus_to_exitcode(status)).encode())
        except BrokenPipeError:  # nobody waits for it any more
            return


def _become(request: Request, program: str) -> None:
    """Make this process what a new interpreter would be that is told to run the program."""
    os.umask(request.umask)
    os.chdir(request.folder)
    if request.session:
        os.setsid()
    os.environ.clear()
    os.environ.update(request.environ)
    time.tzset()
    sys.argv = ["", *request.words]  # runpy puts the program's file first
    sys.orig_argv = [sys.executable, "-m", program, *request.words]
    sys.path[0] = str(Path.cwd())
    _open_streams()


def _open_streams() -> None:
    """Python's streams anew, as an interpreter makes them when it starts: what is written to may be a terminal now."""
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        before: io.TextIOWrapper = getattr(sys, f"__{name}__")
        unbuffered = before.write_through and number > 0
        raw = io.FileIO(number, before.mode, closefd=False)
        raw.name = f"<{name}>"
        buffered = raw if unbuffered else (io.BufferedWriter if number else io.BufferedReader)(raw)
        made = io.TextIOWrapper(
            buffered,
            before.encoding,
            before.errors,
            newline="\n" if number else None,
            line_buffering=not unbuffered and (raw.isatty() or name == "stderr"),
            write_through=unbuffered,
        )
        made.mode = before.mode  # type: ignore[misc]  # as an interpreter does
        setattr(sys, name, made)
        setattr(sys, f"__{name}__", made)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
