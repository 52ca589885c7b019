"""The stage's ledger in the bucket: one record a release, one entry an intent or a result. Plain JSON.

    ebcd/{application}/{stage}/releases/000042.json      the record, allocated by a conditional write
    ebcd/{application}/{stage}/releases/000042/*.json    its entries, in the order of their names

It serves audit and names what a rollback returns to. It never decides what is live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from ebcd import words
from ebcd.aws.storage import PreconditionFailed, Storage
from ebcd.errors import OutcomeUnknown
from ebcd.release.record import Outcome, ReleaseRecord

SCHEMA = 1


class Ledger:
    """A stage's releases in S3."""

    def __init__(self, storage: Storage, application: str, stage: str) -> None:
        self._storage = storage
        self._prefix = f"ebcd/{application}/{stage}/releases/"

    def numbers(self, after: int = 0) -> list[int]:
        """The release numbers above one, in order."""
        keys = self._storage.children(self._prefix, f"{after:06d}.json" if after > 0 else "")
        names = (key.removeprefix(self._prefix) for key in keys)
        return [int(name.removesuffix(".json")) for name in names if name.endswith(".json")]

    def read(self, number: int) -> ReleaseRecord | None:
        """One record; None when there is none of that number."""
        stored = self._storage.get(self._key(number))
        return _decode(stored.body, stored.etag) if stored else None

    def read_all(self, numbers: Iterable[int]) -> tuple[ReleaseRecord, ...]:
        """The records of those numbers, in their order, read at once."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            return tuple(record for record in pool.map(self.read, numbers) if record is not None)

    def allocate(self, record: ReleaseRecord, environment: Callable[[int], str]) -> ReleaseRecord:
        """Store a new record under its number, or the next free one; the record as stored.

        environment: the name that a release of a number gets, fixed with its number.
        """
        number = record.number
        while True:
            candidate = replace(record, number=number, environment=environment(number))
            try:
                etag = self._storage.create(self._key(number), _encode(candidate))
            except PreconditionFailed:
                number += 1
                continue
            return replace(candidate, etag=etag)

    def update(self, record: ReleaseRecord) -> ReleaseRecord:
        """Store a changed record over the one that was read. Raises OutcomeUnknown when another run changed it."""
        try:
            etag = self._storage.replace(self._key(record.number), _encode(record), record.etag)
        except PreconditionFailed as error:
            raise OutcomeUnknown(
                f"The record of {record.release} was changed by another run.",
                why="Its ETag is no longer the one that this run read.",
                hint=f"ebcd releases {record.release} {words.flags(record.application, record.stage)}",
                code="record-changed",
            ) from error
        return replace(record, etag=etag)

    def entry(self, record: ReleaseRecord, name: str, content: Mapping[str, object], at: datetime) -> None:
        """Write one entry of a release. Its name begins with the time, so names sort as they happened."""
        key = f"{self._prefix}{record.number:06d}/{at.strftime('%Y%m%dT%H%M%S.%fZ')}-{name}.json"
        body = {"schema": SCHEMA, "release": record.release, "entry": name, "at": at.isoformat(), **content}
        self._storage.create(key, _json(body))

    def entries(self, number: int) -> list[dict[str, Any]]:
        """A release's entries in order."""
        stored = map(self._storage.get, self._storage.keys(f"{self._prefix}{number:06d}/"))
        return [json.loads(item.body) for item in stored if item is not None]

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:06d}.json"


def _json(content: object) -> bytes:
    return (json.dumps(content, indent=2, default=_plain) + "\n").encode()


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    raise TypeError(f"{type(value).__name__} has no place in a record")


def _encode(record: ReleaseRecord) -> bytes:
    content = asdict(record)
    del content["etag"]
    return _json({"schema": SCHEMA, "release": record.release, **content})


def _decode(body: bytes, etag: str) -> ReleaseRecord:
    known = {item.name for item in fields(ReleaseRecord)}  # a later version of ebcd may have written more
    content = {name: value for name, value in json.loads(body).items() if name in known}
    for name in ("since", "live_since", "left_live", "restored"):
        content[name] = datetime.fromisoformat(content[name]) if content.get(name) else None
    content["outcome"] = Outcome(content["outcome"])
    content["image_ids"] = tuple(content.get("image_ids", ()))
    return ReleaseRecord(**content, etag=etag)
