"""Which release this is, from the manifest that ebcd puts into the source bundle."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

MANIFEST = Path(".ebcd", "manifest.json")


@dataclass(frozen=True, slots=True)
class Release:
    """What the process runs."""

    version_label: str = "development"
    """The application version's label; `development` in a checkout."""
    sha: str | None = None
    """The commit."""
    tree: str | None = None
    """The commit's tree."""
    commit_time: str | None = None
    """ISO 8601."""
    content_digest: str | None = None
    """The source bundle's identity."""


def read(root: Path) -> Release:
    """The release whose files lie in `root`. A bundle whose manifest cannot be read must not start."""
    path = root / MANIFEST
    if not path.exists():
        return Release()
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
        fields = {key: _text(manifest, key) for key in Release.__slots__}
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is not a manifest of ebcd: {error!r}") from error
    return Release(**fields)


def _text(manifest: dict[str, object], key: str) -> str:
    value = manifest[key]
    if not isinstance(value, str) or not value:
        raise TypeError(f"{key} is {value!r}, not text")
    return value
