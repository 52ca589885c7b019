"""Streams that were compressed before, kept from run to run: only what changed is read and compressed.

The cache is a folder of packs. Each run that made something new leaves one; nobody changes one, so that several
processes need no lock. A cache that is missing, full, damaged or of another version costs time and nothing else.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from ebcd.bundle.compress import Stream
from ebcd.bundle.pack import DRAFT, KEY, OWN, SUFFIX, Cached, Damaged, Pack, PackWriter, Record

LIMIT = 1024**3
"""Bytes that the packs may take together; those that were used longest ago go first."""
SMALL = 32 * 1024**2
"""Bytes up to which a pack is small."""
MANY = 24
"""Small packs that are put together into one."""
ABANDONED = 86_400.0
"""Seconds after which a draft belongs to a run that died."""
FRESH = 3_600.0
"""Seconds within which a second use of a pack is not noted."""


class StreamCache:
    """The packs of a folder, as they are when it is entered as a context, and the pack of this run."""

    def __init__(self, folder: Path | None, *, limit: int = LIMIT) -> None:
        """folder: None is a cache that has nothing and keeps nothing."""
        self._folder = folder
        self._limit = limit
        self._packs: list[Pack] = []
        self._found: dict[bytes, tuple[Pack, Record]] = {}
        self._marks: set[bytes] = set()
        self._used: set[Path] = set()
        self._writer: PackWriter | None = None

    def __enter__(self) -> StreamCache:
        """Open the packs."""
        for path in self._paths(OWN):
            try:
                pack = Pack(path)
            except ValueError:
                _unlink(path)
            except OSError:
                continue
            else:
                self._packs.append(pack)
                self._found.update((record[0], (pack, record)) for record in pack.records())
                self._marks.update(pack.marks())
        if self._folder is not None:
            with contextlib.suppress(OSError):
                self._writer = PackWriter(self._folder)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: object) -> None:
        """Keep what this run made, even where it failed; after damage, delete the pack that is damaged."""
        with contextlib.suppress(OSError):
            if self._writer is not None:
                self._writer.keep()
        if isinstance(error, Damaged):
            _unlink(error.args[0])
        for pack in self._packs:
            pack.close()
        with contextlib.suppress(OSError, ValueError, Damaged):
            self._note_use()
            self._put_together()
            self._trim()

    def find(self, blob: str, *, stored: bool) -> Cached | None:
        """The stream of a git blob."""
        found = self._found.get(_key(blob, stored))
        if found is None:
            return None
        pack, record = found
        self._used.add(pack.path)
        return pack.cached(record)

    def add(self, blob: str, stream: Stream, pieces: Iterable[bytes], *, stored: bool) -> None:
        """Keep the stream of a blob."""
        with self._writing() as writer:
            if writer is not None:
                writer.add(_key(blob, stored), stream, pieces)

    def knows(self, fact: str, blob: str) -> bool:
        """Whether it was noted that a fact is true of a blob."""
        return _mark(fact, blob) in self._marks

    def note(self, fact: str, blob: str) -> None:
        """Note that a fact is true of a blob, for ever."""
        if self._writer is not None:
            self._writer.mark(_mark(fact, blob))

    @contextlib.contextmanager
    def _writing(self) -> Iterator[PackWriter | None]:
        """The pack of this run, as long as the disk takes it."""
        try:
            yield self._writer
        except OSError:
            if self._writer is not None:
                self._writer.drop()
            self._writer = None

    def _paths(self, suffix: str) -> list[Path]:
        if self._folder is None or not self._folder.is_dir():
            return []
        return sorted(path for path in self._folder.iterdir() if path.name.endswith(suffix))

    def _note_use(self) -> None:
        for path in self._used:
            if time.time() - path.stat().st_mtime > FRESH:
                os.utime(path)

    def _put_together(self) -> None:
        """Make one pack of the small ones when there are many: each costs a little whenever a bundle is made."""
        small = [path for path in self._paths(OWN) if path.stat().st_size <= SMALL]
        if self._folder is None or len(small) < MANY:
            return
        writer = PackWriter(self._folder)
        try:
            for path in small:
                _copy(path, writer)
        except BaseException:
            writer.drop()
            raise
        writer.keep()
        for path in small:
            _unlink(path)

    def _trim(self) -> None:
        """Delete what a dead run left, and the packs that were used longest ago until the rest fits the limit."""
        for path in self._paths(DRAFT):
            if time.time() - path.stat().st_mtime > ABANDONED:
                _unlink(path)
        room = self._limit
        for path in sorted(self._paths(SUFFIX), key=lambda path: path.stat().st_mtime, reverse=True):
            room -= path.stat().st_size
            if room < 0:
                _unlink(path)


def _copy(path: Path, writer: PackWriter) -> None:
    pack = Pack(path)
    try:
        for record in pack.records():
            cached = pack.cached(record)
            writer.add(record[0], cached.stream, cached.pieces())
        for mark in pack.marks():
            writer.mark(mark)
    finally:
        pack.close()


def _key(blob: str, stored: bool) -> bytes:
    return bytes.fromhex(blob).ljust(KEY - 1, b"\0") + (b"\1" if stored else b"\0")


def _mark(fact: str, blob: str) -> bytes:
    return hashlib.sha256(f"{fact}\0{blob}".encode()).digest()


def _unlink(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()
