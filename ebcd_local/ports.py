"""An instance's port, and whether its web process listens on it."""

from __future__ import annotations

import socket
import time

from ebcd_local.processes import Supervised


def free() -> int:
    """A port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def await_listening(web: Supervised, port: int, timeout: float) -> str:
    """Wait until the web process listens, or the time is up; what is wrong where it has ended."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        code = web.exit_code()
        if code is not None:
            return f"The web process exited with code {code}."
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return ""
        except OSError:
            time.sleep(0.05)
    return ""
