"""A zip file whose bytes depend on its contents alone.

The standard library's zipfile cannot take streams that are compressed already, and its own compressor differs between
machines. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import BinaryIO

from ebcd.bundle.compress import Stream

PERIOD = timedelta(days=7)
"""Commits of the same period give an unchanged file the same time."""
_UTF8 = 0x0800
_UNIX = 3 << 8
_VERSION = 45  # 4.5: zip64
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF
_DAY = 86_400
_BUFFER = 1024**2
_COMMON, _CENTRAL = struct.Struct("<HHHIIIIHH"), struct.Struct("<HHHII")
_CENTRAL_MARK = b"PK\x01\x02" + struct.pack("<H", _UNIX | _VERSION)
_FIRST, _LAST = datetime(1980, 1, 1, tzinfo=UTC), datetime(2107, 12, 31, tzinfo=UTC)
_EPOCH = datetime(1970, 1, 5, tzinfo=UTC)  # a Monday


class ArchiveWriter:
    """Writes entries in the order in which they come, and sums the file up while it grows.

    An entry's time lies in the period before the commit's own, at a second that its content decides. So an unchanged
    file has the same header in the next bundle, which then holds the same bytes in long runs; and a changed file has
    another time than before, which servers that make an ETag of time and size depend on.
    """

    def __init__(self, stream: BinaryIO, time: datetime) -> None:
        """time: the commit's, UTC."""
        self._stream = stream
        self._sum = hashlib.sha256()
        self._behind = ThreadPoolExecutor(1)
        self._writing: Future[None] | None = None
        self._pending: list[bytes] = []
        self._held = 0
        self._directory: list[bytes] = []
        self._days = _days(time)
        self.size = 0
        """Bytes of the archive so far."""

    def add(self, path: str, mode: int, stream: Stream, pieces: Iterable[bytes]) -> None:
        """Add an entry. mode: a Unix file mode with its type."""
        name = path.encode()
        common = _COMMON.pack(
            _VERSION,
            _UTF8,
            stream.method,
            self._stamp(stream.digest),
            stream.crc,
            stream.length,
            stream.size,
            len(name),
            0,
        )
        # An offset beyond 4 GiB cannot occur: Beanstalk's limit of 500 MB is checked while the bundle grows.
        attributes = (mode & 0xFFFF) << 16
        self._directory.append(b"".join((_CENTRAL_MARK, common, _CENTRAL.pack(0, 0, 0, attributes, self.size), name)))
        self._write(b"PK\x03\x04" + common + name)
        for piece in pieces:
            self._write(piece)

    def close(self) -> str:
        """Write the central directory, with zip64's records when there are more than 65,535 entries.

        The file's SHA-256, hexadecimal.
        """
        start, count = self.size, len(self._directory)
        self._write(b"".join(self._directory))
        size = self.size - start
        if count >= _MAX16:
            end = self.size
            self._write(
                b"PK\x06\x06"
                + struct.pack("<QHHIIQQQQ", 44, _UNIX | _VERSION, _VERSION, 0, 0, count, count, size, start)
            )
            self._write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
        short = min(count, _MAX16)
        self._write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, short, short, size, start, 0))
        self._flush()
        self._written()
        self._behind.shutdown()
        return self._sum.hexdigest()

    def _write(self, data: bytes) -> None:
        self._pending.append(data)
        self.size += len(data)
        self._held += len(data)
        if self._held >= _BUFFER:
            self._flush()

    def _flush(self) -> None:
        """Have a thread write and sum up what there is, while the next megabyte comes together."""
        data = b"".join(self._pending)
        self._pending, self._held = [], 0
        self._written()
        self._writing = self._behind.submit(self._put, data)

    def _put(self, data: bytes) -> None:
        self._stream.write(data)
        self._sum.update(data)

    def _written(self) -> None:
        """Wait for that thread. Raises what it raised: OSError."""
        if self._writing is not None:
            self._writing.result()

    def _stamp(self, digest: bytes) -> int:
        """A time as a zip has it: date in the upper half, time of day in the lower, even seconds."""
        day, seconds = divmod(int.from_bytes(digest[:8]) % (len(self._days) * _DAY), _DAY)
        return self._days[day] << 16 | seconds // 3600 << 11 | seconds // 60 % 60 << 5 | seconds % 60 // 2


def _days(time: datetime) -> list[int]:
    """The days of the period before the one that a time lies in, as a zip has them."""
    begin = _EPOCH + (time - _EPOCH) // PERIOD * PERIOD - PERIOD
    first = min(max(begin, _FIRST), _LAST - PERIOD)
    days = [first + timedelta(days=number) for number in range(PERIOD.days)]
    return [(day.year - 1980) << 9 | day.month << 5 | day.day for day in days]
