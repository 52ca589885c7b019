"""An object of a bucket as a file: read in ranges, as it is asked for."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from ebcd.aws.session import answering

_TAIL = 512 * 1024


class ObjectReader(io.RawIOBase):
    """An object of a bucket, read in ranges as it is asked for: a zip's directory is at its end, and is all of it that
    `zipfile` reads. Raises AwsRefused.
    """

    def __init__(self, s3: Any, request: Mapping[str, str]) -> None:
        """Reads the last half megabyte."""
        self._s3, self._request = s3, dict(request)
        with answering("s3:GetObject"):
            found = s3.get_object(**self._request, Range=f"bytes=-{_TAIL}")
            self._tail = found["Body"].read()
        self.etag: str = found["ETag"]
        self.size = int(found.get("ContentRange", "").rpartition("/")[2] or len(self._tail))
        self._request["IfMatch"] = self.etag
        self._at = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; all that are left where `size` is None or negative."""
        left = self.size - self._at
        length = left if size is None or size < 0 else min(size, left)
        if length <= 0:
            return b""
        start = self._at - (self.size - len(self._tail))
        data = self._tail[start : start + length] if start >= 0 else self._range(self._at, length)
        self._at += length
        return data

    def readinto(self, buffer: Any, /) -> int:
        """The next bytes, into a buffer; how many they are."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _range(self, offset: int, length: int) -> bytes:
        with answering("s3:GetObject"):
            found = self._s3.get_object(**self._request, Range=f"bytes={offset}-{offset + length - 1}")
            return bytes(found["Body"].read())

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place."""
        self._at = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self.size}[whence] + offset
        return self._at

    def tell(self) -> int:
        """The place."""
        return self._at

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True
