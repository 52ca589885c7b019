"""A bucket in memory with S3's conditional writes, and a clock that a test turns."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta

from ebcd.aws.storage import PreconditionFailed, StoredObject


class MemoryClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.asleep = 0.0
        """Seconds that the machine slept: its monotonic clock stood still."""
        self.waits: list[float] = []

    def now(self) -> datetime:
        return datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=self.seconds + self.asleep)

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.seconds += seconds

    def check(self) -> None:
        return

    def uninterrupted(self, *, even_twice: bool = False) -> AbstractContextManager[None]:
        return nullcontext()


class MemoryStorage:
    """What `ebcd.aws.storage.Storage` offers for small objects."""

    def __init__(self, clock: MemoryClock) -> None:
        self.clock = clock
        self.objects: dict[str, tuple[bytes, str, datetime]] = {}
        self._etags = itertools.count(1)

    def get(self, key: str) -> StoredObject | None:
        if key not in self.objects:
            return None
        body, etag, modified = self.objects[key]
        return StoredObject(key, body, etag, modified, self.clock.now())

    def keys(self, prefix: str) -> Iterator[str]:
        return iter(sorted(key for key in self.objects if key.startswith(prefix)))

    def children(self, prefix: str, after: str = "") -> Iterator[str]:
        return (key for key in self.keys(prefix) if "/" not in key.removeprefix(prefix) and key > prefix + after)

    def written(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        return ((key, self.objects[key][2]) for key in self.keys(prefix))

    def folders(self, prefix: str) -> Iterator[str]:
        below = (key.removeprefix(prefix) for key in self.keys(prefix))
        return iter(sorted({name.partition("/")[0] for name in below if "/" in name}))

    def create(self, key: str, body: bytes) -> str:
        if key in self.objects:
            raise PreconditionFailed(key)
        return self._write(key, body)

    def replace(self, key: str, body: bytes, etag: str) -> str:
        if key not in self.objects or self.objects[key][1] != etag:
            raise PreconditionFailed(key)
        return self._write(key, body)

    def delete(self, key: str, etag: str) -> None:
        if key in self.objects:
            if self.objects[key][1] != etag:
                raise PreconditionFailed(key)
            del self.objects[key]

    def _write(self, key: str, body: bytes) -> str:
        etag = f'"{next(self._etags)}"'
        self.objects[key] = (body, etag, self.clock.now())
        return etag
