"""Ranges of a file and of an object, as S3's requests want them."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Source:
    """The object that parts are copied from, as it was when its entries were read."""

    key: str
    etag: str

    def range(self, place: Mapping[str, str], offset: int, length: int) -> dict[str, Any]:
        """What UploadPartCopy wants to know of a range of it. place: Bucket and ExpectedBucketOwner."""
        return {
            "CopySource": {"Bucket": place["Bucket"], "Key": self.key},
            "CopySourceRange": f"bytes={offset}-{offset + length - 1}",
            "CopySourceIfMatch": self.etag,
            "ExpectedSourceBucketOwner": place["ExpectedBucketOwner"],
        }


class FileRange(io.RawIOBase):
    """A range of a file, as the body of a request: it can be read again when the request is repeated."""

    def __init__(self, path: Path, offset: int, length: int, heartbeat: Callable[[], None] = lambda: None) -> None:
        """heartbeat: called with each piece that is read."""
        self._heartbeat = heartbeat
        self._file = path.open("rb", buffering=0)
        self._start, self._length = offset, length
        self._file.seek(offset)

    def read(self, size: int | None = -1, /) -> bytes:
        """The next bytes; all that are left where `size` is None or negative."""
        self._heartbeat()
        left = self._length - self.tell()
        return self._file.read(left if size is None or size < 0 else min(size, left)) or b""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to a place within the range."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self.tell(), io.SEEK_END: self._length}[whence]
        self._file.seek(self._start + min(max(base + offset, 0), self._length))
        return self.tell()

    def tell(self) -> int:
        """The place within the range."""
        return self._file.tell() - self._start

    def seekable(self) -> bool:
        """It is."""
        return True

    def readable(self) -> bool:
        """It is."""
        return True

    def __len__(self) -> int:
        return self._length

    def close(self) -> None:
        """Close the file."""
        self._file.close()
        super().close()
