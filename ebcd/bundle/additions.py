"""What a bundle has beside the files of its commit: locked requirements, and their wheels.

They are made of what is in the commit, so that the same commit has the same ones anywhere.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ebcd.bundle.git import Repository, TreeEntry
from ebcd.bundle.select import Choice
from ebcd.bundle.streams import LINK, File
from ebcd.errors import Refused, UsageError
from ebcd.model import BundleOptions, Requirements, WheelCache
from ebcd.requirements.choose import unfit
from ebcd.requirements.lock import NAME, WHEELS, Lock, lock
from ebcd.requirements.pins import Problem

_PLAIN = 0o100644
_PIECE = 1024**2


@dataclass(frozen=True, slots=True)
class Addition:
    """A file that is added, or takes the place of one that is committed."""

    file: File
    reason: str


class Added:
    """The contents of what is added: a source of them, as a repository is."""

    def __init__(self) -> None:
        self._contents: dict[str, bytes | Path] = {}

    def text(self, path: str, content: bytes) -> File:
        """A file with a content."""
        blob = hashlib.sha256(content).hexdigest()
        self._contents[blob] = content
        return File(path, _PLAIN, TreeEntry(path, _PLAIN, blob, len(content)), self)

    def copy(self, path: str, original: Path, sha256: str) -> File:
        """A package's file, which lies on this machine and stays there."""
        self._contents[sha256] = original
        return File(path, _PLAIN, TreeEntry(path, _PLAIN, sha256, original.stat().st_size), self, foreign=True)

    @contextmanager
    def blobs(self, entries: Iterable[TreeEntry]) -> Iterator[Added]:  # noqa: ARG002
        """A reader of these contents."""
        yield self

    def read(self, entry: TreeEntry) -> bytes:
        """A content."""
        return b"".join(self.pieces(entry, _PIECE))

    def pieces(self, entry: TreeEntry, length: int) -> Iterator[bytes]:
        """A content, in pieces of a length."""
        content = self._contents[entry.blob]
        if isinstance(content, bytes):
            yield content
            return
        with content.open("rb") as stream:
            while piece := stream.read(length):
                yield piece


def locked(repository: Repository, entries: Sequence[TreeEntry], files: Sequence[File], options: BundleOptions) -> Lock:
    """What locks the requirements. entries: all of the commit; files: those that go into the bundle."""
    by_path = {file.path: file for file in files}
    tree = {entry.path: entry for entry in entries}

    @cache
    def bundled(path: str) -> bytes | None:
        file = by_path.get(path)
        if file is not None and file.mode == LINK:
            file = by_path.get(posixpath.normpath(posixpath.join(posixpath.dirname(path), _text(file))))
        return _content(file) if file else None

    @cache
    def committed(path: str) -> bytes | None:
        entry = tree.get(path)
        return repository.blob(entry) if entry else None

    return lock(bundled, committed, wheels=options.requirements is Requirements.WHEELS)


def additions(
    repository: Repository,
    entries: Sequence[TreeEntry],
    files: Sequence[File],
    options: BundleOptions,
    wheels: WheelCache | None,
) -> list[Addition]:
    """What is added to the files of a bundle. Raises Refused where nothing locks the requirements, or a wheel is not
    to be had.

    wheels: the cache of them.
    """
    found = locked(repository, entries, files, options)
    found.insist()
    if found.pins and options.requirements is Requirements.WHEELS:
        return _with_wheels(found, files, options, wheels)
    if found.source in ("", NAME):
        return []
    return [Addition(Added().text(NAME, found.text()), f"made from {found.source}")]


def problems(
    repository: Repository, entries: Sequence[TreeEntry], files: Sequence[File], options: BundleOptions
) -> list[Problem]:
    """Why nothing locks the requirements, or of which there is no wheel as far as the lock tells."""
    found = locked(repository, entries, files, options)
    if found.problems or options.requirements is not Requirements.WHEELS:
        return list(found.problems)
    return unfit(found.pins, options.pythons)


def chosen_with(choices: Iterable[Choice], added: Iterable[Addition]) -> list[Choice]:
    """What `bundle --list` tells: the paths of the commit, those that are replaced among what stays out, and what is
    added.
    """
    new = {item.file.path: item for item in added}
    own = [
        Choice(item.entry, False, f"another one is {new[item.entry.path].reason}")
        if item.included and item.entry.path in new
        else item
        for item in choices
    ]
    return own + [Choice(item.file.entry, True, item.reason) for item in new.values()]


def joined(files: Sequence[File], added: Iterable[Addition]) -> list[File]:
    """The files of a bundle in the order of their paths, as git has it."""
    by_path = {file.path: file for file in files} | {item.file.path: item.file for item in added}
    return [by_path[path] for path in sorted(by_path, key=str.encode)]


def _with_wheels(
    found: Lock, files: Sequence[File], options: BundleOptions, wheels: WheelCache | None
) -> list[Addition]:
    from ebcd.requirements.wheels import fetch

    _refuse_own_wheels(files)
    if wheels is None:
        raise UsageError(
            "There is no folder for the wheels.",
            code="no-cache",
            why="The user has no home, and XDG_CACHE_HOME is not set.",
            hint="Set XDG_CACHE_HOME to a folder that stays.",
        )
    fetched = fetch(found.pins, options.pythons, wheels)
    source, made = Added(), f"made from {found.source}, for the wheels beside it"
    return [
        Addition(source.text(NAME, found.text(item.sha256 for item in fetched)), made),
        *(
            Addition(source.copy(f"{WHEELS}/{item.name}", item.path, item.sha256), f"wheel of {item.requirement}")
            for item in fetched
        ),
    ]


def _refuse_own_wheels(files: Sequence[File]) -> None:
    for file in files:
        if file.path.startswith(f"{WHEELS}/") or file.path in (WHEELS, posixpath.dirname(WHEELS)):
            raise Refused(
                f"The commit has {file.path}.",
                why=f"ebcd writes the wheels to {WHEELS}.",
                hint=f'git rm -r {WHEELS}, or requirements = "lock" and wheels of your own.',
                code="wheels",
            )


def _content(file: File) -> bytes:
    with file.source.blobs([file.entry]) as reader:
        return reader.read(file.entry)


def _text(file: File) -> str:
    return _content(file).decode(errors="replace")
