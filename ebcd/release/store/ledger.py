"""The stage's ledger in the bucket: one record a release, one entry an intent or a result. Plain JSON.

    ebcd/{application}/{stage}/releases/000042.json      the record, allocated by a conditional write
    ebcd/{application}/{stage}/releases/000042/*.json    its entries, in the order of their names

It serves audit and names what a rollback returns to. It never decides what is live.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import OutcomeUnknown, Refused
from ebcd.model import CommandLine
from ebcd.release.state.documents import SCHEMA, Damaged, Unreadable, content_of, encoded, read, typed
from ebcd.release.state.release import ReleaseRecord, Verification

HIGHEST = 999_999
"""The highest number of a release."""
ENTRIES = 1000
"""A release's newest entries that are read."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What every entry says; there is more, which differs from one to another."""

    entry: str
    at: datetime


class Ledger:
    """A stage's releases in S3."""

    def __init__(self, storage: Storage, application: str, stage: str, flags: CommandLine | None = None) -> None:
        self._storage = storage
        self._application, self._stage = application, stage
        self._flags = flags or CommandLine(application, stage)
        self._damaged: dict[str, Damaged] = {}
        self._prefix = f"ebcd/{application}/{stage}/releases/"

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """What was passed over so far, in the order of the keys."""
        return tuple(self._damaged[key] for key in sorted(self._damaged))

    def pass_over(self, number: int, what: str) -> None:
        """Count a record as damaged: it was read, and contradicts what AWS says."""
        self._damaged[self._key(number)] = Damaged(self._key(number), what)

    def numbers(self, after: int = 0) -> list[int]:
        """The release numbers above one, in order."""
        keys = self._storage.children(self._prefix, f"{after:06d}.json" if after > 0 else "")
        names = (key.removeprefix(self._prefix) for key in keys)
        return [int(name.removesuffix(".json")) for name in names if _RECORD.fullmatch(name)]

    def read(self, number: int) -> ReleaseRecord | None:
        """One record; None when there is none of that number, or none that can be read: that one is in `damaged`."""
        stored = self._storage.get(self._key(number))
        if stored is None:
            return None
        self._damaged.pop(stored.key, None)
        try:
            return self._decoded(stored, number)
        except Unreadable as error:
            self._damaged[stored.key] = Damaged(stored.key, str(error))
            return None

    def require(self, number: int) -> ReleaseRecord | None:
        """One record; None when there is none of that number. Raises Refused for one that cannot be read."""
        record = self.read(number)
        if self._key(number) in self._damaged:
            raise self.refusal(number)
        return record

    def refusal(self, number: int) -> Refused:
        """That a record which was passed over is what a command needs."""
        key = self._key(number)
        return Refused(
            f"The record of r{number} cannot be read.",
            why=f"{key}: {self._damaged[key].what}",
            hint=f"{self._s3('cp', key, '-')} | head -c 1000 | cat -v",
            code="damaged-record",
        )

    def _s3(self, does: str, key: str, *more: str) -> str:
        """A command of the AWS CLI on one of the stage's objects, to be printed."""
        return self._flags.reach.aws("s3", does, f"s3://{self._storage.bucket}/{key}", *more)

    def _decoded(self, stored: StoredObject, number: int) -> ReleaseRecord:
        content = content_of(stored)
        found = typed(ReleaseRecord, content)
        read(Verification, found["verification"])
        named = (found["number"], found["application"], found["stage"])
        if named != (number, self._application, self._stage):
            raise Unreadable("it is the record of another release.")
        known = {*found, "schema", "release", "etag", "unknown"}
        unknown = {name: value for name, value in content.items() if name not in known}
        return ReleaseRecord(**found | {"etag": stored.etag, "unknown": unknown})

    def read_all(self, numbers: Iterable[int]) -> tuple[ReleaseRecord, ...]:
        """The records of those numbers, in their order, read at once."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return tuple(record for record in pool.map(self.read, numbers) if record is not None)

    def allocate(self, record: ReleaseRecord, environment: Callable[[int], str]) -> ReleaseRecord:
        """Store a new record under its number, or the next free one; the record as stored.

        environment: the name that a release of a number gets, fixed with its number.
        """
        number = record.number
        while number <= HIGHEST:
            candidate = replace(record, number=number, environment=environment(number))
            try:
                etag = self._storage.create(self._key(number), _encode(candidate))
            except PreconditionFailed:
                number += 1
                continue
            return replace(candidate, etag=etag)
        raise Refused(
            f"The stage {self._application}/{self._stage} has no release number left.",
            why=f"There is a record {self._key(HIGHEST)}, and numbers go up to {HIGHEST}.",
            hint=f"If it is forged: {self._s3('rm', self._key(HIGHEST))}",
            code="no-number",
        )

    def update(self, record: ReleaseRecord) -> ReleaseRecord:
        """Store a changed record over the one that was read. Raises OutcomeUnknown when another run changed it."""
        try:
            etag = self._storage.replace(self._key(record.number), _encode(record), record.etag)
        except PreconditionFailed as error:
            raise OutcomeUnknown(
                f"The record of {record.release} was changed by another run.",
                why="Its ETag is no longer the one that this run read.",
                hint=f"ebcd releases {record.release} {self._flags}",
                code="record-changed",
            ) from error
        return replace(record, etag=etag)

    def entry(self, record: ReleaseRecord, name: str, content: Mapping[str, object], at: datetime) -> None:
        """Write one entry of a release. Its name begins with the time, so names sort as they happened."""
        key = f"{self._prefix}{record.number:06d}/{at.strftime('%Y%m%dT%H%M%S.%fZ')}-{name}.json"
        body = {"schema": SCHEMA, "release": record.release, "entry": name, "at": at.isoformat(), **content}
        self._storage.create(key, encoded(body))

    def entries(self, number: int) -> list[dict[str, Any]]:
        """A release's newest entries in order. One that cannot be read is in `damaged`."""
        keys = list(self._storage.keys(f"{self._prefix}{number:06d}/"))[-ENTRIES:]
        with ThreadPoolExecutor(max_workers=8) as pool:
            stored = list(pool.map(self._storage.get, keys))
        return [found for item in stored if item is not None and (found := self._entry(item)) is not None]

    def _entry(self, stored: StoredObject) -> dict[str, Any] | None:
        try:
            content = content_of(stored)
            read(Entry, content)
        except Unreadable as error:
            self._damaged[stored.key] = Damaged(stored.key, str(error))
            return None
        return content

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:06d}.json"


_RECORD = re.compile(r"(?!0{6})[0-9]{6}\.json")


def _encode(record: ReleaseRecord) -> bytes:
    content = asdict(record)
    del content["etag"], content["unknown"]
    return encoded({"schema": SCHEMA, "release": record.release, **content, **record.unknown})
