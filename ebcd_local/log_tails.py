"""The last lines of the server's log, and of its instances' logs: `ebcd local logs`."""

from __future__ import annotations

from pathlib import Path

from ebcd_local import daemon
from ebcd_local.tail import tail


def of(folder: Path, name: str | None, lines: int) -> str:
    """The last lines of the server's log, or of an environment's instances'. Raises daemon.DaemonError."""
    if name is None:
        return tail(folder / daemon.LOG, lines)
    found = [item for item in daemon.status(folder)["environments"] if item["name"] == name]
    if not found:
        raise daemon.DaemonError(
            "no-environment",
            f"There is no environment {name}.",
            "The local Beanstalk runs none so called.",
            "ebcd local status",
        )
    root = folder / "environments" / f"{found[0]['region']}-{found[0]['id']}"
    paths = sorted(root.glob("*/log/*.log"))
    return "\n".join(f"── {path.parent.parent.name} {path.name}\n{tail(path, lines)}" for path in paths)
