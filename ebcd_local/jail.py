"""A jail for an instance's processes: bubblewrap, where it is installed and the kernel allows it.

Inside, the machine can be read and not written: only the instance's root is writable, /tmp is its own, and other
instances, the server's state and the user's keys are not there. The network is the machine's.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_PRIVATE = (".aws", ".ssh", ".gnupg", ".config/gh", ".docker", ".kube")
"""Below the user's home, and not an instance's business."""
PROBE_DEADLINE = 10.0


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
        home = Path.home()
        private = [home / name for name in _PRIVATE if (home / name).is_dir()]
        words = [*_BASE, *(word for path in private for word in ("--tmpfs", str(path)))]
        words += ["--tmpfs", str(self.hidden), "--bind", str(self.root), str(self.root)]
        for path in self.readable:
            words += ["--ro-bind-try", str(path), str(path)]
        return [*words, "--"]


_BASE = ("bwrap", "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp")  # noqa: S108 - its own


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
            [*_BASE, "--", "true"], capture_output=True, text=True, timeout=PROBE_DEADLINE, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if done.returncode == 0 else f"bubblewrap cannot make namespaces here: {done.stderr.strip()[:200]}"
