"""Make the source bundle: the same commit gives the same content digest, and with the same ebcd the same bytes."""

from __future__ import annotations

import gc
import hashlib
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ebcd import __version__
from ebcd.bundle.archive import ArchiveWriter
from ebcd.bundle.cache import StreamCache
from ebcd.bundle.compress import Stream, compress, is_compressed
from ebcd.bundle.contents import PLAIN, paths, refuse_submodules
from ebcd.bundle.git import Repository, TreeEntry
from ebcd.bundle.pack import Damaged
from ebcd.bundle.select import MANIFEST, Choice, refuse_unfit
from ebcd.bundle.streams import File, Inspection, streams
from ebcd.errors import Refused
from ebcd.model import BundleOptions, Commit, Requirements, SourceBundle, WheelCache

if TYPE_CHECKING:
    from ebcd.requirements.pins import Problem

_SMALL = 64 * 1024


def listing(
    repository: Repository, commit: Commit, options: BundleOptions, *, wheels: WheelCache | None = None
) -> list[Choice]:
    """Each path of the commit, whether it goes in, and why; and what is added to them."""
    with _objects(repository, commit):
        entries = repository.entries(commit.tree)
        found = paths(repository, commit.tree, entries, options)
        choices = [item.choice for item in found]
        if options.requirements is Requirements.AS_IS:
            return choices
        from ebcd.bundle.additions import additions, chosen_with

        refuse_submodules(found)
        files = [item.file for item in found if item.choice.included]
        return chosen_with(choices, additions(repository, entries, files, options, wheels))


def unlocked(repository: Repository, commit: Commit, options: BundleOptions) -> list[Problem]:
    """Why the requirements are not locked, where the options ask for that. Nothing is fetched."""
    if options.requirements is Requirements.AS_IS:
        return []
    from ebcd.bundle.additions import problems

    with _objects(repository, commit):
        entries, files = _committed(repository, commit, options)
        return problems(repository, entries, files, options)


def build(
    repository: Repository,
    commit: Commit,
    options: BundleOptions,
    path: Path,
    *,
    cache: Path | None = None,
    wheels: WheelCache | None = None,
    inspection: Inspection | None = None,
) -> SourceBundle:
    """Write the bundle to `path`. Raises Refused for what cannot be bundled, UsageError for a broken clone.

    cache: the folder of streams that were compressed before; None: there is none. It changes no byte.
    wheels: those that were fetched before. inspection: who looks at the contents on the way.
    """
    with _objects(repository, commit), _uncollected():
        files = files_of(repository, commit, options, wheels=wheels)
        for folder in (cache, cache):
            with suppress(Damaged):
                return _build(files, commit, options, path, StreamCache(folder), inspection)
        return _build(files, commit, options, path, StreamCache(None), inspection)


def _build(
    files: list[File],
    commit: Commit,
    options: BundleOptions,
    path: Path,
    cache: StreamCache,
    inspection: Inspection | None,
) -> SourceBundle:
    draft = path.with_name(path.name + ".part")
    names = _names(commit)
    try:
        with cache, draft.open("wb") as out:
            archive = ArchiveWriter(out, commit.time)
            written = _write(archive, files, options, cache, inspection)
            digest = _content_digest(names, files, written)
            manifest = _json({**names, "content_digest": digest, "tool": f"ebcd {__version__}"})
            stream, data = compress(manifest, stored=False)
            archive.add(MANIFEST, PLAIN, stream, (data,))
            sha256 = archive.close()
            if archive.size > options.max_size:
                raise _too_large(written, options)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return SourceBundle(commit, path, digest, sha256, archive.size, len(files) + 1)


def _write(
    archive: ArchiveWriter,
    files: list[File],
    options: BundleOptions,
    cache: StreamCache,
    inspection: Inspection | None,
) -> dict[str, Stream]:
    """Write the files into the archive; their streams by path.

    What seldom changes comes first, so that the next bundle begins with the same bytes: what is compressed already
    (images, fonts, wheels), then what is large, then the rest, in which most changes are.
    """

    def changes(file: File) -> tuple[bool, bool]:
        if is_compressed(file.path):
            return False, False
        cached = None if file.entry.size else cache.find(file.entry.blob, stored=False)
        return True, (cached.stream.size if cached else file.entry.size) < _SMALL

    written: dict[str, Stream] = {}
    with closing(streams(sorted(files, key=changes), cache, inspection)) as made:  # stable: else by path
        for file, stream, pieces in made:
            archive.add(file.path, file.mode, stream, pieces)
            written[file.path] = stream
            if archive.size > options.max_size:
                raise _too_large(written, options)
    return written


def _content_digest(names: dict[str, object], files: list[File], written: dict[str, Stream]) -> str:
    """The bundle's identity: a SHA-256 over path, mode and content digest of each entry, in the order of their paths,
    however the archive orders them. The manifest comes first in it, without the digest itself and without the tool.
    """
    digest = hashlib.sha256(_identity(MANIFEST, PLAIN, hashlib.sha256(_json(names)).digest()))
    for file in files:
        digest.update(_identity(file.path, file.mode, written[file.path].digest))
    return digest.hexdigest()


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without Python's search for cycles: there are none among the many small objects of a large tree, and looking for
    them again and again takes a fifth of the time.
    """
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _objects(repository: Repository, commit: Commit) -> ExitStack:
    """A context in which the commit's objects can be read: those of a dirty work tree are made anew."""
    stack = ExitStack()
    if commit.dirty:
        work = stack.enter_context(repository.work_tree())
        if work.tree != commit.tree:
            stack.close()
            raise Refused(
                "The work tree changed while it was read.",
                why="Its digest is no longer the one it had.",
                hint="Run the same command again.",
                code="dirty-tree",
            )
    return stack


def files_of(
    repository: Repository, commit: Commit, options: BundleOptions, *, wheels: WheelCache | None = None
) -> list[File]:
    """The bundle's files in the order of their paths, without the manifest."""
    entries, files = _committed(repository, commit, options)
    if options.requirements is Requirements.AS_IS:
        return files
    from ebcd.bundle.additions import additions, joined  # what most bundles do without

    return joined(files, additions(repository, entries, files, options, wheels))


def _committed(repository: Repository, commit: Commit, options: BundleOptions) -> tuple[list[TreeEntry], list[File]]:
    """All paths of the commit, and the files of them that go into the bundle."""
    entries = repository.entries(commit.tree)
    found = paths(repository, commit.tree, entries, options)
    refuse_submodules(found)
    included = [item for item in found if item.choice.included]
    refuse_unfit([item.choice.entry for item in included])
    return entries, [item.file for item in included]


def _identity(path: str, mode: int, digest: bytes) -> bytes:
    return f"{path}\0{mode:o}\0{digest.hex()}\n".encode()


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


def _too_large(written: dict[str, Stream], options: BundleOptions) -> Refused:
    biggest = sorted(((stream.length, path) for path, stream in written.items()), reverse=True)[:5]
    largest = ", ".join(f"{path} ({length:,} bytes)" for length, path in biggest)
    return Refused(
        f"The source bundle is larger than {options.max_size:,} bytes.",
        why=f"Its largest files: {largest}.",
        hint="Exclude what the instances do not need in .ebignore; ebcd bundle --list shows what goes in.",
        code="bundle-too-large",
    )
