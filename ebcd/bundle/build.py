"""Make the source bundle: the same commit gives the same content digest, and with the same ebcd the same bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from ebcd import __version__
from ebcd.bundle.archive import ArchiveWriter
from ebcd.bundle.git import EXECUTABLE, SUBMODULE, SYMLINK, Repository, TreeEntry
from ebcd.bundle.select import MANIFEST, Choice, Rules, refuse_escape, refuse_lfs_pointer, refuse_unfit, rules
from ebcd.errors import Refused
from ebcd.model import BundleOptions, Commit, SourceBundle

IGNORE_FILE = ".ebignore"
_MODES = {EXECUTABLE: 0o100755, SYMLINK: 0o120777}
_PLAIN = 0o100644


@dataclass(frozen=True, slots=True)
class Content:
    """One file of the bundle."""

    path: str
    mode: int
    """A Unix mode with its type."""
    data: bytes


def listing(repository: Repository, commit: Commit, options: BundleOptions) -> list[Choice]:
    """Each path of the commit, whether it goes in, and why."""
    with _objects(repository, commit):
        entries = repository.entries(commit.tree)
        chosen = _rules(repository, entries, options)
        return [chosen.choose(entry) for entry in entries]


def contents(repository: Repository, commit: Commit, options: BundleOptions) -> Iterator[Content]:
    """The bundle's files in the order of their paths, without the manifest. Raises Refused for what cannot go in."""
    with _objects(repository, commit):
        entries = repository.entries(commit.tree)
        chosen = _rules(repository, entries, options)
        included = [entry for entry in entries if chosen.choose(entry).included]
        refuse_unfit(included)
        yield from _contents(repository, included, options)


def build(repository: Repository, commit: Commit, options: BundleOptions, path: Path) -> SourceBundle:
    """Write the bundle to `path`. Raises Refused for what cannot be bundled, UsageError for a broken clone.

    The content digest is a SHA-256 over path, mode and content digest of each entry, in order. The manifest comes
    first in it, without the digest itself and without the tool, so that a newer ebcd does not change the identity.
    """
    names = _names(commit)
    digest, biggest, count = hashlib.sha256(_identity(Content(MANIFEST, _PLAIN, _json(names)))), [], 0
    draft = path.with_name(path.name + ".part")
    try:
        with draft.open("wb") as stream:
            archive = ArchiveWriter(stream, commit.time)
            for item in contents(repository, commit, options):
                digest.update(_identity(item))
                biggest.append((archive.add(item.path, item.mode, item.data), item.path))
                count += 1
                _refuse_too_large(archive.size, biggest, options)
            told = {**names, "content_digest": digest.hexdigest(), "tool": f"ebcd {__version__}"}
            archive.add(MANIFEST, _PLAIN, _json(told))
            archive.close()
            _refuse_too_large(archive.size, biggest, options)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    with path.open("rb") as written:
        sha256 = hashlib.file_digest(written, "sha256").hexdigest()
    return SourceBundle(commit, path, digest.hexdigest(), sha256, path.stat().st_size, count + 1)


def _objects(repository: Repository, commit: Commit) -> ExitStack:
    """A context in which the commit's objects can be read: those of a dirty work tree are made anew."""
    stack = ExitStack()
    if commit.dirty:
        work = stack.enter_context(repository.work_tree())
        if work.tree != commit.tree:
            stack.close()
            raise Refused("The work tree changed while it was read.", why="Its digest is no longer the one it had.",
                          hint="Run the same command again.", code="dirty-tree")  # fmt: skip
    return stack


def _rules(repository: Repository, entries: list[TreeEntry], options: BundleOptions) -> Rules:
    found = [entry.blob for entry in entries if entry.path == IGNORE_FILE]
    text = b"".join(repository.blobs(found)).decode(errors="replace")
    return rules(text, options.exclude)


def _contents(repository: Repository, included: list[TreeEntry], options: BundleOptions) -> Iterator[Content]:
    blobs = repository.blobs(entry.blob for entry in included if entry.mode != SUBMODULE)
    for entry in included:
        if entry.mode == SUBMODULE:
            yield from _submodule(repository, entry, options)
            continue
        data = next(blobs)
        if entry.mode == SYMLINK:
            refuse_escape(entry.path, data.decode(errors="replace"))
        else:
            refuse_lfs_pointer(entry.path, data)
        yield Content(entry.path, _MODES.get(entry.mode, _PLAIN), data)


def _submodule(repository: Repository, entry: TreeEntry, options: BundleOptions) -> Iterator[Content]:
    if options.submodules != "include":
        raise Refused(f"{entry.path} is a git submodule.", why="A commit holds a submodule's id only, not its files.",
                      hint='Set submodules = "include" under [bundle], or exclude it in .ebignore.',
                      code="submodule")  # fmt: skip
    inner = repository.submodule(entry.path)
    for item in _contents(inner, inner.entries(entry.blob), options):
        if item.mode == _MODES[SYMLINK]:
            refuse_escape(f"{entry.path}/{item.path}", item.data.decode(errors="replace"))
        yield Content(f"{entry.path}/{item.path}", item.mode, item.data)


def _identity(item: Content) -> bytes:
    return f"{item.path}\0{item.mode:o}\0{hashlib.sha256(item.data).hexdigest()}\n".encode()


def _names(commit: Commit) -> dict[str, object]:
    """What a bundle says of its commit: the part of the manifest that is the same whoever makes it."""
    return {
        "schema": 1,
        "sha": commit.sha,
        "tree": commit.tree,
        "version_label": commit.version_label,
        "commit_time": commit.time.isoformat(),
    }


def _json(content: dict[str, object]) -> bytes:
    return (json.dumps(content, indent=2, sort_keys=True) + "\n").encode()


def _refuse_too_large(size: int, biggest: list[tuple[int, str]], options: BundleOptions) -> None:
    if size <= options.max_size:
        return
    largest = ", ".join(f"{path} ({bytes_:,} bytes)" for bytes_, path in sorted(biggest, reverse=True)[:5])
    raise Refused(
        f"The source bundle is larger than {options.max_size:,} bytes.",
        why=f"Its largest files: {largest}.",
        hint="Exclude what the instances do not need in .ebignore; ebcd bundle --list shows what goes in.",
        code="bundle-too-large",
    )
