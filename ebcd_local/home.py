"""Where the local Beanstalk keeps its state, and what it tells those who look for it."""

from __future__ import annotations

import fcntl
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ebcd_local.processes import alive, start_time

SCHEMA = 1
DOMAIN = "elasticbeanstalk.localhost"
"""What CNAMEs end in unless another domain is asked for: names that lead to this machine by themselves."""
ACCESS_KEY_ID = "LOCALBEANSTALK"
"""The id of the server's own key: an administrator's where policies are enforced."""
LOCK = "server.lock"
"""Held by the server that runs on a state folder, as long as it lives."""


class Taken(Exception):
    """Another server runs on the state folder."""


def named(environ: Mapping[str, str]) -> Path:
    """EBCD_HOME as it is named, through links: `$XDG_STATE_HOME/ebcd` unless it is set."""
    if environ.get("EBCD_HOME"):
        return Path(environ["EBCD_HOME"])
    return Path(environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "ebcd"


def state_dir(environ: Mapping[str, str]) -> Path:
    """EBCD_HOME/local."""
    return named(environ).resolve() / "local"


@dataclass(frozen=True, slots=True)
class Server:
    """A running server, as server.json tells: the seam by which others find it."""

    endpoint_url: str
    proxy_url: str
    pid: int
    start_time: int
    """Clock ticks since boot: a process id that was used again has another one."""
    state_dir: str
    started: str
    access_key_id: str = ACCESS_KEY_ID
    secret_access_key: str = field(default="", repr=False)
    token: str = field(default="", repr=False)
    """What control calls carry in X-Ebcd-Token."""
    domain: str = DOMAIN
    """What CNAMEs end in."""
    speed: float = 1.0
    like_aws: bool = False
    """Whether its times are AWS's, divided by the speed."""
    sample: float = 1.0
    """Seconds between two samples of health."""
    dns_ttl: float = 0.0
    """Seconds that a client remembers which environment a CNAME led to."""
    open: bool = False
    """Whether any key pair is good."""


def write(folder: Path, server: Server) -> None:
    """Tell where the server is, in a file that only its user reads."""
    write_private(folder / "server.json", {"schema": SCHEMA, **asdict(server)})


def read(folder: Path) -> Server | None:
    """What was told last; None when nothing was."""
    try:
        content = json.loads((folder / "server.json").read_text())
        content.pop("schema")
        return Server(**content)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_private(path: Path, content: Mapping[str, Any]) -> None:
    """Write JSON whole or not at all, with mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    with os.fdopen(descriptor, "w") as stream:
        json.dump(content, stream, indent=2)
        stream.write("\n")
    Path(draft).replace(path)


@contextmanager
def taken(folder: Path) -> Iterator[None]:
    """Have a state folder to oneself: two servers on one would end each other's instances. Raises Taken."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / LOCK).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Taken from error
        lock.truncate(0)
        lock.write(f"{os.getpid()} {start_time(os.getpid())}")
        lock.flush()
        yield


def holder(folder: Path) -> tuple[int, int] | None:
    """Process id and start time of the server that has a state folder, be it ready or not; None when none has."""
    try:
        pid, started = map(int, (folder / LOCK).read_text().split())
    except (OSError, ValueError):
        return None
    return (pid, started) if alive(pid, started) else None
