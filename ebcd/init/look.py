"""What a repository's folder and git say. Nothing is asked of any network."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ebcd.config.read import eb_config
from ebcd.init.runs import CONTAINERS, REQUIREMENTS
from ebcd.init.words import Seen

LONGEST = 256 * 1024
"""Bytes that are read of a file: what tells how an application runs stands further up."""
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_NAMED = ("Procfile", ".python-version", *REQUIREMENTS, *CONTAINERS)
_PATTERNS = (".ebextensions/*.config", "*.py", "*/wsgi.py")


def root(start: Path) -> Path:
    """The repository's folder: what Beanstalk runs of a bundle lies at its top. Without git, the folder itself."""
    return next((folder for folder in (start, *start.parents) if (folder / ".git").exists()), start)


def look(folder: Path, environ: Mapping[str, str]) -> Seen:
    """All that can be told of a repository. Raises UsageError where eb's own configuration cannot be read."""
    return Seen(
        folder=folder.resolve().name,
        git=(folder / ".git").exists(),
        committed=bool(_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")),
        remote=_git(folder, "config", "--get", "remote.origin.url"),
        branch=_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
        eb=eb_config(folder),
        variables={name: environ[name] for name in REGIONS if name in environ},
        files=dict(_files(folder)),
    )


def _files(folder: Path) -> Iterator[tuple[str, str]]:
    found = [folder / name for name in _NAMED]
    for pattern in _PATTERNS:
        found += sorted(folder.glob(pattern))
    for path in found:
        try:
            with path.open("rb") as file:
                yield str(path.relative_to(folder)), file.read(LONGEST).decode(errors="replace")
        except OSError:  # not there, a folder, or not ours to read
            continue


def _git(folder: Path, *words: str) -> str:
    """One line of git's; empty where it has none, or where there is no git."""
    command = ["git", "-C", os.fspath(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
