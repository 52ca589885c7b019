"""An application's previews, as the bucket has them: for which branch each is, and how long it lives.

    ebcd/{application}/previews/{stage}.json

The record is there before the environment, and goes after it: no environment stands without one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from ebcd.aws.storage import PreconditionFailed, Storage, StoredObject
from ebcd.errors import OutcomeUnknown, Refused
from ebcd.model import CommandLine, kinds
from ebcd.release.state.documents import SCHEMA, Damaged, Unreadable, content_of, encoded, typed
from ebcd.release.state.names import standing_name


@dataclass(frozen=True, slots=True)
class Preview:
    """One preview, as its record tells it."""

    stage: kinds.StageName
    branch: str
    base: kinds.StageName
    """The stage that it is made like."""
    environment: kinds.EnvironmentName
    """Its one environment's name."""
    cname: kinds.CnamePrefix
    """Its CNAME's prefix."""
    release: kinds.AnyReleaseName
    """The release that was brought to it last."""
    version_label: kinds.AnyVersionLabel
    sha: kinds.Sha
    by: str
    """Who brought that."""
    since: datetime
    expires: datetime
    ttl: kinds.Seconds
    """Seconds that it lives from the moment on when it was recorded."""
    left: float = 0.0
    """Seconds that it had left when it was read, by S3's clock; 0: its time has passed. Not part of the JSON."""
    etag: str = ""
    """The stored record's ETag; empty before it is stored. Not part of the JSON."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What the JSON has beside these fields: it is kept when the record is written back."""

    @property
    def expired(self) -> bool:
        """Whether its time had passed when it was read."""
        return self.left <= 0


class Previews:
    """The records of one application's previews."""

    def __init__(self, storage: Storage, application: str, flags: CommandLine) -> None:
        self._storage = storage
        self._flags = flags
        self._application = application
        self._prefix = f"ebcd/{application}/previews/"
        self._damaged: dict[str, Damaged] = {}

    @property
    def damaged(self) -> tuple[Damaged, ...]:
        """What was passed over so far, in the order of the keys."""
        return tuple(self._damaged[key] for key in sorted(self._damaged))

    def all(self) -> tuple[Preview, ...]:
        """Every preview, by the stage's name, read at once. One that cannot be read is in `damaged`."""
        with ThreadPoolExecutor(max_workers=8) as pool:
            stored = pool.map(self._storage.get, self._keys())
            found = [self._decoded(item) for item in stored if item is not None]
        return tuple(item for item in found if item is not None)

    def read(self, stage: str) -> Preview | None:
        """The preview of a stage's name; None when there is none. Raises Refused for a record that cannot be read."""
        key = self._key(stage)
        stored = self._storage.get(key)
        found = self._decoded(stored) if stored else None
        if stored and found is None:
            raise Refused(
                f"The record of the preview {stage} cannot be read.",
                why=f"{key}: {self._damaged[key].what} Nobody knows whose environment it is.",
                hint=f"When that is settled: {self._flags.reach.aws('s3', 'rm', f's3://{self._storage.bucket}/{key}')}",
                code="damaged-record",
            )
        return found

    def _decoded(self, stored: StoredObject) -> Preview | None:
        self._damaged.pop(stored.key, None)
        try:
            return _decode(stored, self._application, stored.key.removeprefix(self._prefix).removesuffix(".json"))
        except Unreadable as error:
            self._damaged[stored.key] = Damaged(stored.key, str(error))
            return None

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
            hint=replace(self._flags, stage=preview.base).of("preview", "list"),
            code="record-changed",
        )


def _encode(preview: Preview) -> bytes:
    content = asdict(preview)
    del content["left"], content["etag"], content["unknown"]
    return encoded({"schema": SCHEMA, **content, **preview.unknown})


def _decode(stored: StoredObject, application: str, stage: str) -> Preview:
    """A preview as it was read. Its time began when S3 wrote its record: no machine's wrong clock ends it early."""
    content = content_of(stored)
    found = typed(Preview, content)
    if (found["stage"], found["environment"]) != (stage, standing_name(application, stage)):
        raise Unreadable("it is the record of another preview.")
    expires = stored.modified + timedelta(seconds=found["ttl"])
    left = max(0.0, (expires - stored.read).total_seconds())
    known = {*found, "schema", "left", "etag", "unknown"}
    unknown = {name: value for name, value in content.items() if name not in known}
    return Preview(**found | {"expires": expires, "left": left, "etag": stored.etag, "unknown": unknown})
