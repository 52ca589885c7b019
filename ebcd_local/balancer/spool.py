"""Bytes that wait for a slow side: in memory first, then in a file without a name."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile

_PIECE = 256 * 1024


class Spool:
    """What was put in and not taken yet. memory: bytes from where on a file is used."""

    def __init__(self, memory: int) -> None:
        self._memory = memory
        self._file: SpooledTemporaryFile[bytes] = SpooledTemporaryFile(max_size=memory)  # noqa: SIM115 - close() below
        self.size = 0
        """Bytes that were put in since it was last empty."""
        self._taken = 0

    @property
    def waiting(self) -> int:
        """Bytes that nobody has taken."""
        return self.size - self._taken

    def put(self, data: bytes) -> None:
        """Add bytes at the end."""
        self._file.seek(self.size)
        self._file.write(data)
        self.size += len(data)

    async def store(self, data: bytes) -> None:
        """Add bytes at the end, in a thread where they go to the disk: that may be busy, and others are not to wait."""
        if self.size + len(data) > self._memory:
            await asyncio.to_thread(self.put, data)
        else:
            self.put(data)

    def take(self) -> bytes:
        """The next bytes; empty where none are waiting. A spool that has become empty gives its space back."""
        data = self._read(self._taken)
        self._taken += len(data)
        if not self.waiting and self.size > self._memory:
            self.size = self._taken = 0
            self._file.seek(0)
            self._file.truncate()
        return data

    async def pieces(self) -> AsyncIterator[bytes]:
        """All of it from the beginning, which stays there: it can be sent again."""
        at = 0
        while at < self.size:
            large = self.size > self._memory
            data = await asyncio.to_thread(self._read, at) if large else self._read(at)
            at += len(data)
            yield data

    def _read(self, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(_PIECE)

    def close(self) -> None:
        """Give up what is left."""
        self._file.close()
