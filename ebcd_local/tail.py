"""The last lines of a log."""

from __future__ import annotations

import os
from pathlib import Path

LIMIT = 200_000
"""Bytes from a log's end that are looked at."""


def tail(path: Path, lines: int) -> str:
    """The last lines of a file; nothing of one that is not there."""
    try:
        with path.open("rb") as stream:
            stream.seek(-min(LIMIT, stream.seek(0, os.SEEK_END)), os.SEEK_END)
            return "\n".join(stream.read().decode(errors="replace").splitlines()[-lines:])
    except FileNotFoundError:
        return ""
