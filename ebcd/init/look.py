"""What a repository's folder and git say. Nothing is asked of any network, and nothing of it is run."""

from __future__ import annotations

import codecs
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

from ebcd.config.read import eb_config
from ebcd.init.words import MARKS, Seen

LONGEST = 256 * 1024
"""Bytes that are read of a file: what tells how an application runs stands further up."""
LOCK_LIMIT = 16 * 1024**2
PATHS, FILES = 50_000, 1_000
"""Paths that are listed, and files that are read, at most."""
REGIONS = ("AWS_REGION", "AWS_DEFAULT_REGION")
_LOCKS = ("uv.lock", "poetry.lock", "pylock.toml", "Pipfile.lock")
_READ = re.compile(
    r"(?:\.ebextensions/[^/]+\.config|(?:[\w.-]+/){0,4}[\w-]+\.py|Procfile|\.python-version|\.tool-versions|runtime\.txt"
    r"|requirements[\w.-]*\.txt|requirements/[\w.-]+\.txt|Pipfile|pyproject\.toml|Dockerfile|\.gitignore|alembic\.ini)"
)
_SKIPPED = frozenset({".git", ".hg", ".venv", "venv", "env", "node_modules", "__pycache__", ".tox", "site-packages"})
_MARKED = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}


def root(start: Path) -> Path:
    """The application's folder: the nearest one that looks like one, up to the repository's top; else that top, or
    without git the folder itself.
    """
    folders = [start, *start.parents]
    top = next((place for place, folder in enumerate(folders) if (folder / ".git").exists()), 0)
    inside = folders[: top + 1]
    return next((folder for folder in inside if any((folder / mark).exists() for mark in MARKS)), inside[-1])


def look(folder: Path, environ: Mapping[str, str]) -> Seen:
    """All that can be told of a repository. Raises UsageError where eb's own configuration cannot be read."""
    git = bool(_git(folder, "rev-parse", "--git-dir"))
    paths = tuple(_paths(folder, git=git))
    return Seen(
        folder=folder.resolve().name,
        below=_git(folder, "rev-parse", "--show-prefix").strip("/"),
        top=_git(folder, "rev-parse", "--show-toplevel").rpartition("/")[2],
        git=git,
        committed=bool(_git(folder, "rev-parse", "--verify", "--quiet", "HEAD")),
        remote=_git(folder, "config", "--get", "remote.origin.url"),
        branch=_git(folder, "symbolic-ref", "--quiet", "--short", "HEAD"),
        eb=eb_config(folder),
        variables={name: environ[name] for name in REGIONS if name in environ},
        files=dict(_files(folder, paths)),
        paths=paths,
        ignored=git and bool(_git(folder, "ls-files", "-ci", "--exclude-standard")),
    )


def decoded(data: bytes) -> str:
    """A text by its byte-order mark, as PowerShell writes one; else as UTF-8."""
    found = next((name for mark, name in _MARKED.items() if data.startswith(mark)), "utf-8")
    return data.decode(found, errors="replace")


def _paths(folder: Path, *, git: bool) -> Iterator[str]:
    """The paths below a folder, those that git ignores left out."""
    if git:
        told = _git(folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        yield from sorted(set(told.strip("\0").split("\0")) - {""})[:PATHS]
        return
    count = 0
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(set(folders) - _SKIPPED)
        for name in sorted(names):
            yield os.path.relpath(Path(place, name), folder).replace(os.sep, "/")
            count += 1
        if count > PATHS:
            return


def _files(folder: Path, paths: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    wanted = [path for path in paths if path in _LOCKS or _READ.fullmatch(path)]
    for path in sorted(wanted, key=lambda path: (path.count("/"), path))[:FILES]:
        try:
            with (folder / path).open("rb") as file:
                yield path, decoded(file.read(LOCK_LIMIT if path in _LOCKS else LONGEST))
        except OSError:  # not there, a folder, or not ours to read
            continue


def _git(folder: Path, *words: str) -> str:
    """What git says; empty where it has nothing to say, or where there is no git."""
    command = ["git", "-C", os.fspath(folder), *words]
    try:
        done = subprocess.run(command, capture_output=True, check=False)
    except OSError:
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
