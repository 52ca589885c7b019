"""A jail for an instance's processes: bubblewrap, where it is installed and the kernel allows it.

Inside, the machine can be read and not written: only the instance's root is writable. Its logs are not: the server,
which is outside, writes and reads them, and a link among them would lead it anywhere. /tmp is the instance's own; the
user's home, other instances, the server's state and the machine's sockets are not there, and no process but its own is.
Nothing has a capability, not even root. The network is the machine's.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

LOGS = "log"
"""The folder of an instance's logs, in its root."""
PROBE_DEADLINE = 10.0
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
        for path in (self.root / LOGS, *self.readable):
            words += ["--ro-bind-try", str(path), str(path)]
        return [*words, "--"]


def _base(home: Path) -> list[str]:
    """The machine as every instance sees it."""
    # No --die-with-parent: an instance would end with the thread that has started it.
    words = ["bwrap", "--unshare-pid", "--cap-drop", "ALL", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
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
