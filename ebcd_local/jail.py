"""A jail for an instance's processes: bubblewrap, where it is installed and the kernel allows it.

Inside, the machine can be read and not written: only the instance's root is writable. Its logs are not: the server,
which is outside, writes and reads them, and a link among them would lead it anywhere. /tmp is the instance's own; the
user's home, other instances, the server's state and the machine's sockets are not there, and no process but its own is.
Nothing has a capability, not even root. The network is the machine's. /var/app and /opt/elasticbeanstalk are what the
platform has there.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ebcd_local.platform_tree import APPLICATION, FOLDER, TOOLS

LOGS = "log"
"""The folder of an instance's logs, in its root."""
PROBE_DEADLINE = 10.0
_MOUNTED = frozenset({Path("/dev"), Path("/proc"), Path("/tmp"), Path("/run")})  # noqa: S108 - not a file's name
"""What an instance has of its own."""
_OF_RUN = ("/run/systemd/resolve", "/run/resolvconf", "/run/NetworkManager", "/run/current-system")
"""What of /run is needed to resolve names and, on NixOS, to find programs. The rest are sockets by which the machine
can be driven: D-Bus, containers."""


@dataclass(frozen=True, slots=True)
class Jail:
    """Where an instance's processes run."""

    root: Path
    """The only folder that they write to."""
    hidden: Path
    """The server's state, which holds every other instance."""
    readable: Sequence[Path] = ()
    """What of it they read."""

    def words(self) -> list[str]:
        """What a command is run by; nothing where there is no jail to be had."""
        if not available():
            return []
        words = [*_base(Path.home()), "--tmpfs", str(self.hidden), "--bind", str(self.root), str(self.root)]
        platform = self.root / FOLDER
        for path in (self.root / LOGS, platform, *self.readable):
            words += ["--ro-bind-try", str(path), str(path)]
        for path in _places():
            words += ["--ro-bind-try", str(platform / path.relative_to("/")), str(path)]
        return [*words, "--remount-ro", "/", "--"]


def _places() -> tuple[Path, ...]:
    """Where the platform's folders go on this machine, on which /var or /opt may be a link."""
    return tuple(path.parent.resolve() / path.name for path in (APPLICATION, TOOLS))


def _machine(folder: Path) -> Iterator[str]:
    """What shows a folder as it is, read-only, but for the platform's folders, which need an empty place."""
    for entry in sorted(folder.iterdir()):
        if entry in _MOUNTED or entry in _places():
            continue
        if entry.is_symlink():
            yield from ("--symlink", str(entry.readlink()), str(entry))
        elif any(place.is_relative_to(entry) for place in _places()):
            yield from ("--dir", str(entry), *_machine(entry))
        else:
            yield from ("--ro-bind-try", str(entry), str(entry))


def _base(home: Path) -> list[str]:
    """The machine as every instance sees it."""
    # No --die-with-parent: an instance would end with the thread that has started it.
    words = [
        shutil.which("bwrap") or "bwrap",
        "--unshare-pid",
        "--cap-drop",
        "ALL",
        *_machine(Path("/")),
        "--dev",
        "/dev",
        "--proc",
        "/proc",
    ]
    hidden = [Path("/tmp"), Path("/run"), *([home] if home.is_dir() and home != Path("/") else [])]  # noqa: S108
    words += [word for path in hidden for word in ("--tmpfs", str(path))]
    # The interpreter may lie in the home.
    return words + [word for path in (*_OF_RUN, sys.base_prefix) for word in ("--ro-bind-try", path, path)]


def available() -> bool:
    """Whether processes are jailed."""
    return not unavailable()


@cache
def unavailable() -> str:
    """Why processes are not jailed; empty when they are. Tried once."""
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not on PATH"
    try:
        done = subprocess.run(
            [*_base(Path.home()), "--", "true"], capture_output=True, text=True, timeout=PROBE_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"bubblewrap cannot make namespaces here: {done.stderr.strip()[:200]}"
