"""A zip file whose bytes depend on its contents alone.

The standard library's zipfile cannot take streams that are compressed already, and its own compressor differs between
machines. Format: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
"""

from __future__ import annotations

import struct
import zlib
from datetime import datetime
from typing import BinaryIO

import deflate

LEVEL = 6
STORED, DEFLATED = 0, 8
_UTF8 = 0x0800
_UNIX = 3 << 8
_VERSION = 45  # 4.5: zip64
_MAX16, _MAX32 = 0xFFFF, 0xFFFFFFFF


class ArchiveWriter:
    """Writes entries in the order in which they come, each with the same time."""

    def __init__(self, stream: BinaryIO, time: datetime) -> None:
        """time: UTC; a zip knows the years 1980 to 2107 and even seconds."""
        self._stream = stream
        self._offset = 0
        self._directory: list[bytes] = []
        self._stamp = _dos_time(time)

    def add(self, path: str, mode: int, content: bytes) -> int:
        """Add an entry; its bytes in the archive. mode: a Unix file mode with its type."""
        compressed = deflate.deflate_compress(content, LEVEL)
        method, data = (DEFLATED, compressed) if len(compressed) < len(content) else (STORED, content)
        name = path.encode()
        common = struct.pack("<HHHIIIIHH", _VERSION, _UTF8, method, self._stamp, zlib.crc32(content), len(data),
                             len(content), len(name), 0)  # fmt: skip
        offset = self._offset
        self._write(b"PK\x03\x04" + common + name + data)
        # An offset beyond 4 GiB cannot occur: Beanstalk's limit of 500 MB is checked while the bundle grows.
        self._directory.append(
            b"PK\x01\x02"
            + struct.pack("<H", _UNIX | _VERSION)
            + common
            + struct.pack("<HHHII", 0, 0, 0, (mode & 0xFFFF) << 16, offset)
            + name
        )
        return len(data)

    def close(self) -> None:
        """Write the central directory, with zip64's records when there are more than 65,535 entries."""
        start, count = self._offset, len(self._directory)
        for record in self._directory:
            self._write(record)
        size = self._offset - start
        if count >= _MAX16:
            end = self._offset
            self._write(b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, _UNIX | _VERSION, _VERSION, 0, 0, count, count,
                                                   size, start))  # fmt: skip
            self._write(b"PK\x06\x07" + struct.pack("<IQI", 0, end, 1))
        short = min(count, _MAX16)
        self._write(b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, short, short, size, start, 0))

    @property
    def size(self) -> int:
        """Bytes written so far."""
        return self._offset

    def _write(self, data: bytes) -> None:
        self._stream.write(data)
        self._offset += len(data)


def _dos_time(time: datetime) -> int:
    """The time as a zip has it: date in the upper half, time of day in the lower."""
    if not 1980 <= time.year <= 2107:
        return (1 << 21 | 1 << 16) if time.year < 1980 else _MAX32
    date = (time.year - 1980) << 9 | time.month << 5 | time.day
    return date << 16 | time.hour << 11 | time.minute << 5 | time.second // 2
