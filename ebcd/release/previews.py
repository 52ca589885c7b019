"""An application's previews, as the bucket has them: for which branch each is, and how long it lives.

    ebcd/{application}/previews/{stage}.json

The record is there before the environment, and goes after it: no environment stands without one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import OutcomeUnknown


@dataclass(frozen=True, slots=True)
class Preview:
    """One preview, as its record tells it."""

    stage: str
    branch: str
    base: str
    """The stage that it is made like."""
    environment: str
    """Its one environment's name."""
    cname: str
    """Its CNAME's prefix."""
    release: str
    """The release that was brought to it last."""
    version_label: str
    sha: str
    by: str
    """Who brought that."""
    since: datetime
    expires: datetime
    ttl: float
    """Seconds that it lives from the moment on when it was recorded."""
    left: float = 0.0
    """Seconds that it had left when it was read, by S3's clock; 0: its time has passed. Not part of the JSON."""
    etag: str = ""
    """The stored record's ETag; empty before it is stored. Not part of the JSON."""

    @property
    def expired(self) -> bool:
        """Whether its time had passed when it was read."""
        return self.left <= 0


class Previews:
    """The records of one application's previews."""

    def __init__(self, storage: Storage, application: str) -> None:
        self._storage = storage
        self._application = application
        self._prefix = f"ebcd/{application}/previews/"

    def all(self) -> tuple[Preview, ...]:
        """Every preview, by the stage's name, read at once."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            stored = pool.map(self._storage.get, self._keys())
            return tuple(_decode(item) for item in stored if item is not None)

    def read(self, stage: str) -> Preview | None:
        """The preview of a stage's name; None when there is none."""
        stored = self._storage.get(self._key(stage))
        return _decode(stored) if stored else None

    def keep(self, preview: Preview) -> Preview:
        """Record a preview: a new one, or over what was read; the preview as it is stored."""
        key, body = self._key(preview.stage), _encode(preview)
        try:
            etag = self._storage.replace(key, body, preview.etag) if preview.etag else self._storage.create(key, body)
        except PreconditionFailed as error:
            raise self._changed(preview) from error
        return replace(preview, etag=etag, left=preview.ttl)

    def forget(self, preview: Preview) -> None:
        """Delete the record of a preview that was read."""
        try:
            self._storage.delete(self._key(preview.stage), preview.etag)
        except PreconditionFailed as error:
            raise self._changed(preview) from error

    def _keys(self) -> Iterator[str]:
        own = f"{self._prefix}preview-"  # a stage may be called `previews`
        return (key for key in self._storage.children(self._prefix) if key.startswith(own) and key.endswith(".json"))

    def _key(self, stage: str) -> str:
        return f"{self._prefix}{stage}.json"

    def _changed(self, preview: Preview) -> OutcomeUnknown:
        return OutcomeUnknown(
            f"The record of {preview.stage} was changed by another run.",
            why="Its ETag is no longer the one that this run read.",
            hint=f"ebcd preview list -a {self._application} -s {preview.base}",
            code="record-changed",
        )


def _encode(preview: Preview) -> bytes:
    content = asdict(preview) | {"since": _stamp(preview.since), "expires": _stamp(preview.expires)}
    del content["left"], content["etag"]
    return (json.dumps({"schema": 1, **content}, indent=2) + "\n").encode()


def _decode(stored: StoredObject) -> Preview:
    """A preview as it was read. Its time began when S3 wrote its record: no machine's wrong clock ends it early."""
    content = json.loads(stored.body)
    content.pop("schema", None)
    content["since"] = datetime.fromisoformat(content["since"])
    content["expires"] = expires = stored.modified + timedelta(seconds=content["ttl"])
    left = max(0.0, (expires - stored.read).total_seconds())
    return Preview(**content, left=left, etag=stored.etag)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat()
