"""Where what is kept from run to run lies on this machine. All of it may be deleted at any time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def cache(environ: Mapping[str, str], name: str) -> Path | None:
    """A folder of the user's cache, `$XDG_CACHE_HOME/ebcd/NAME`; None for a user without a home."""
    try:
        root = Path(environ["XDG_CACHE_HOME"]) if environ.get("XDG_CACHE_HOME") else Path.home() / ".cache"
    except RuntimeError:
        return None
    return root / "ebcd" / name
