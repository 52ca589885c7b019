"""From the files of a commit to their streams, in order: out of the cache, or read from git once and compressed on
every core that is there.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import IO, Protocol

from ebcd.bundle.cache import StreamCache
from ebcd.bundle.compress import LARGE, PIECE, Stream, compress, compress_large, content_of, is_compressed, pieces_of
from ebcd.bundle.encoded import HEAD, encoded
from ebcd.bundle.git import TreeEntry
from ebcd.bundle.pack import Cached
from ebcd.bundle.select import refuse_encoded, refuse_escape

LINK = 0o120777
_BATCH_FILES, _BATCH_BYTES = 128, 1024**2
_IN_FLIGHT = 2 * LARGE
"""Bytes of content that are being compressed at one time: what bounds the memory."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    path: str
    mode: int
    """A Unix mode with its type."""
    entry: TreeEntry
    source: Source
    """Who has its content."""
    foreign: bool = False
    """Whether it is somebody else's and kept already: then nobody looks into it, and its stream is not kept."""


class Source(Protocol):
    """Who has the contents of files: a repository, or ebcd where it adds some."""

    def blobs(self, entries: Iterable[TreeEntry]) -> AbstractContextManager[Reader]:
        """A reader of the contents of these entries, in order."""
        ...


class Reader(Protocol):
    """The contents that were asked for, one after the other."""

    def read(self, entry: TreeEntry) -> bytes:
        """The next one's content."""
        ...

    def pieces(self, entry: TreeEntry, length: int) -> Iterable[bytes]:
        """The next one's content, in pieces of a length."""
        ...


class Inspection(Protocol):
    """Who looks at the files on their way into a bundle. It is called from several threads."""

    def fact(self, path: str) -> str:
        """What is remembered of a blob in which it found nothing; another text when it looks for something else."""
        ...

    def look(self, path: str, mode: int, content: Iterable[bytes] | None) -> bool:
        """Look at a content that comes in pieces; whether nothing was found in it. None: it is known already."""
        ...


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A file, what is cached of it, and whether somebody looks at its content."""

    file: File
    stored: bool
    cached: Cached | None
    looked_at: bool


@dataclass(frozen=True, slots=True)
class _Made:
    wanted: _Wanted
    stream: Stream
    data: bytes
    clean: bool
    kept: bool = True
    """Whether the stream is remembered: not where git has something else in the place of the file."""


def streams(
    files: Sequence[File], cache: StreamCache, inspection: Inspection | None = None, *, threads: int | None = None
) -> Generator[tuple[File, Stream, Iterable[bytes]]]:
    """Each file's stream, in order; its pieces are to be taken before the next one is asked for.

    threads: that compress; None: as many as there are cores. Raises Refused for what cannot go into a bundle,
    UsageError for a broken clone, Damaged for a damaged cache.
    """
    wanted = [_want(file, cache, inspection) for file in files]
    with _reading(wanted) as readers, ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
        waiting: deque[tuple[Future[list[_Made]], int]] = deque()
        in_flight = 0
        try:
            for batch in _batches(wanted):
                size = sum(item.file.entry.size for item in batch)
                large = size >= LARGE
                while waiting and (large or in_flight + size > _IN_FLIGHT):
                    future, done = waiting.popleft()
                    in_flight -= done
                    yield from _keep(future.result(), cache, inspection)
                if large:
                    yield from _large(batch[0], readers, cache, inspection)
                    continue
                contents = [
                    readers[item.file.source].read(item.file.entry) if item.cached is None else b"" for item in batch
                ]
                if not waiting and not any(contents):  # all cached: a thread would cost more than it does
                    yield from _keep(_make(batch, contents, inspection), cache, inspection)
                    continue
                waiting.append((pool.submit(_make, batch, contents, inspection), size))
                in_flight += size
            for future, _ in waiting:
                yield from _keep(future.result(), cache, inspection)
        finally:
            pool.shutdown(cancel_futures=True)


def _want(file: File, cache: StreamCache, inspection: Inspection | None) -> _Wanted:
    stored, blob = is_compressed(file.path), file.entry.blob
    looked_at = inspection is not None and not file.foreign and not cache.knows(inspection.fact(file.path), blob)
    return _Wanted(file, stored, cache.find(blob, stored=stored), looked_at)


@contextmanager
def _reading(wanted: Sequence[_Wanted]) -> Iterator[dict[Source, Reader]]:
    """A reader for each source of which something has to be read."""
    entries: dict[Source, list[TreeEntry]] = {}
    for item in wanted:
        if item.cached is None:
            entries.setdefault(item.file.source, []).append(item.file.entry)
    with ExitStack() as stack:
        yield {source: stack.enter_context(source.blobs(own)) for source, own in entries.items()}


def _batches(wanted: Iterable[_Wanted]) -> Iterator[list[_Wanted]]:
    """Small files together, because handing work to a thread costs more than their work; a large one alone."""
    batch: list[_Wanted] = []
    size = 0
    for item in wanted:
        own = item.file.entry.size
        if batch and (len(batch) == _BATCH_FILES or size + own > _BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(item)
        size += own
    if batch:
        yield batch


def _make(batch: list[_Wanted], contents: list[bytes], inspection: Inspection | None) -> list[_Made]:
    """The streams of a batch; contents: what was read of those that are not cached."""
    return [_made(wanted, content, inspection) for wanted, content in zip(batch, contents, strict=True)]


def _made(wanted: _Wanted, content: bytes, inspection: Inspection | None) -> _Made:
    file, cached, kept = wanted.file, wanted.cached, True
    if cached is None:
        if inspection is None:
            refuse_encoded(file.path, content)
        kept = encoded(content[:HEAD]) is None
        stream, data = compress(content, stored=wanted.stored)
    else:
        stream, data = cached.stream, cached.read()
        if wanted.looked_at or file.mode == LINK:
            content = content_of(stream, data)
    if file.mode == LINK:
        refuse_escape(file.path, content.decode(errors="replace"))
    shown = (content,) if wanted.looked_at else None
    clean = inspection is not None and inspection.look(file.path, file.mode, shown)
    return _Made(wanted, stream, data, clean, kept)


def _keep(
    made: list[_Made], cache: StreamCache, inspection: Inspection | None
) -> Iterator[tuple[File, Stream, Iterable[bytes]]]:
    for item in made:
        file, pieces = item.wanted.file, (item.data,)
        if item.wanted.cached is None and item.kept and not file.foreign:
            cache.add(file.entry.blob, item.stream, pieces, stored=item.wanted.stored)
        if item.clean and inspection is not None:
            cache.note(inspection.fact(file.path), file.entry.blob)
        yield file, item.stream, pieces


def _large(
    wanted: _Wanted, readers: dict[Source, Reader], cache: StreamCache, inspection: Inspection | None
) -> Iterator[tuple[File, Stream, Iterable[bytes]]]:
    """A file of which only a piece is in memory at one time."""
    file, blob = wanted.file, wanted.file.entry.blob
    with TemporaryFile() as spool:
        if (cached := wanted.cached) is not None:
            stream = cached.stream
        else:
            content = readers[file.source].pieces(file.entry, PIECE)
            stream = compress_large(content, spool, stored=wanted.stored)
            if not file.foreign:
                cache.add(blob, stream, _pieces(spool), stored=wanted.stored)

        def pieces() -> Iterator[bytes]:
            return cached.pieces() if cached is not None else _pieces(spool)

        shown = pieces_of(stream, pieces()) if wanted.looked_at else None
        if inspection is not None and inspection.look(file.path, file.mode, shown):
            cache.note(inspection.fact(file.path), blob)
        yield file, stream, pieces()


def _pieces(spool: IO[bytes]) -> Iterator[bytes]:
    spool.seek(0)
    while piece := spool.read(PIECE):
        yield piece
