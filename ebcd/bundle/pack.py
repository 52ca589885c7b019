"""A pack: one file of compressed streams and what is known of them. It is written once and never changed.

    streams ─ records, one a stream ─ marks ─ footer

The index (records and marks) has a checksum, and each stream has one: damage is noticed before anything is used.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ebcd.bundle.compress import COMPRESSOR, PIECE, Stream

KEY, MARK = 33, 32
"""Bytes of a stream's key and of a mark."""
_RECORD = struct.Struct(f"<{KEY}sBIQQ32sQ16s")  # key, then a Stream's fields, offset, checksum
_FOOTER = struct.Struct("<QQ32s16s")  # records, marks, checksum of both, version
_VERSION = hashlib.sha256(b"pack 1, " + COMPRESSOR.encode()).digest()[:16]
SUFFIX = ".pack"
OWN = f".{_VERSION.hex()[:12]}{SUFFIX}"
"""What the names of packs of this version and compressor end in."""
DRAFT = ".draft"

Record = tuple[bytes, int, int, int, int, bytes, int, bytes]


class Damaged(Exception):
    """A stream is not what its pack says; the argument is the pack's path."""


@dataclass(frozen=True, slots=True)
class Cached:
    """A stream, and where it is."""

    stream: Stream
    pack: Pack
    offset: int
    checksum: bytes

    def read(self) -> bytes:
        """The stream. Raises Damaged."""
        data = self.pack.read(self.offset, self.stream.length)
        self._prove(hashlib.sha256(data))
        return data

    def pieces(self) -> Iterator[bytes]:
        """The stream in pieces, proven before the first one is given out. Raises Damaged."""
        summed = hashlib.sha256()
        for piece in self._pieces():
            summed.update(piece)
        self._prove(summed)
        return self._pieces()

    def _pieces(self) -> Iterator[bytes]:
        for at in range(0, self.stream.length, PIECE):
            yield self.pack.read(self.offset + at, min(PIECE, self.stream.length - at))

    def _prove(self, summed: hashlib._Hash) -> None:
        if summed.digest()[:16] != self.checksum:
            raise Damaged(self.pack.path)


class Pack:
    """A pack, open for reading: it can still be read when another process has deleted it."""

    def __init__(self, path: Path) -> None:
        """Raises ValueError for a file that is no whole pack, OSError."""
        self.path = path
        self._file = path.open("rb", buffering=0)
        try:
            self.size = self._file.seek(0, os.SEEK_END)
            self._records, self._marks = self._index()
        except BaseException:
            self._file.close()
            raise

    def _index(self) -> tuple[bytes, bytes]:
        end = self.size - _FOOTER.size
        if end < 0:
            raise ValueError("it is too short")
        records, marks, summed, version = _FOOTER.unpack(self.read(end, _FOOTER.size))
        length = records * _RECORD.size + marks * MARK
        if version != _VERSION or length > end:
            raise ValueError("it is of another version")
        index = self.read(end - length, length)
        if hashlib.sha256(index).digest() != summed:
            raise ValueError("its index is damaged")
        return index[: records * _RECORD.size], index[records * _RECORD.size :]

    def records(self) -> Iterator[Record]:
        """What is known of each stream, its key first."""
        return _RECORD.iter_unpack(self._records)

    def marks(self) -> Iterator[bytes]:
        """What was noted beside the streams."""
        return (self._marks[at : at + MARK] for at in range(0, len(self._marks), MARK))

    def cached(self, record: Record) -> Cached:
        """The stream of a record."""
        _, method, crc, size, length, digest, offset, checksum = record
        return Cached(Stream(method, crc, size, length, digest), self, offset, checksum)

    def read(self, offset: int, length: int) -> bytes:
        """Bytes of the file; fewer than `length` where it ends."""
        return os.pread(self._file.fileno(), length, offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class PackWriter:
    """A pack that is being written, under a name that no reader looks for, until `keep` renames it.

    Raises OSError wherever the disk does not do its part.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # it holds source code
        self._path = folder / f"{secrets.token_hex(8)}{OWN}"
        self._draft = self._path.with_suffix(DRAFT)
        self._file = self._draft.open("xb")
        self._records: dict[bytes, bytes] = {}
        self._marks: set[bytes] = set()
        self._offset = 0

    def add(self, key: bytes, stream: Stream, pieces: Iterable[bytes]) -> None:
        """Append a stream, unless it is there already."""
        if key in self._records:
            return
        summed, offset = hashlib.sha256(), self._offset
        for piece in pieces:
            summed.update(piece)
            self._offset += self._file.write(piece)
        self._records[key] = _RECORD.pack(
            key, stream.method, stream.crc, stream.size, stream.length, stream.digest, offset, summed.digest()[:16]
        )

    def mark(self, mark: bytes) -> None:
        """Note something beside the streams: MARK bytes."""
        self._marks.add(mark)

    def keep(self) -> Path | None:
        """End the pack and give it its name; None for an empty one, which is dropped."""
        if not self._records and not self._marks:
            self.drop()
            return None
        index = b"".join(self._records.values()) + b"".join(sorted(self._marks))
        self._file.write(index)
        self._file.write(_FOOTER.pack(len(self._records), len(self._marks), hashlib.sha256(index).digest(), _VERSION))
        self._file.close()
        self._draft.rename(self._path)
        return self._path

    def drop(self) -> None:
        """Forget the draft."""
        self._file.close()
        self._draft.unlink(missing_ok=True)
