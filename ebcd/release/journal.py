"""The stage's ledger in the bucket: one record a release, one entry an intent or a result. Plain JSON.

    ebcd/{application}/{stage}/releases/000042.json      the record, allocated by a conditional write
    ebcd/{application}/{stage}/releases/000042/*.json    its entries, in the order of their names

It serves audit and names what a rollback returns to. It never decides what is live.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from ebcd import words
from ebcd.aws.storage import PreconditionFailed, Storage
from ebcd.errors import OutcomeUnknown
from ebcd.model import BakeLimits, Proof, SmokeTest, Stage, Strategy, Tenants, Tier

SCHEMA = 1


class Outcome(StrEnum):
    """How far a release came."""

    RUNNING = "running"
    WAITING = "waiting"
    """Proven, not swapped: `ship --no-swap`."""
    LIVE = "live"
    FAILED = "failed"
    SWAPPED_BACK = "swapped-back"
    ROLLED_BACK = "rolled-back"
    INTERRUPTED = "interrupted"


UNENDED = (Outcome.RUNNING, Outcome.WAITING, Outcome.INTERRUPTED)
"""A release with such an outcome is taken up again by a ship of the same version and settings."""


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release, as its record tells it."""

    number: int
    application: str
    stage: str
    region: str
    cname: str
    """The live CNAME's prefix."""
    version_label: str
    sha: str
    tree: str
    content_digest: str
    settings_digest: str
    """SHA-256 over platform and option settings: their values are never recorded."""
    platform_arn: str
    environment: str
    outcome: Outcome
    verification: Mapping[str, Any]
    """What a swap must prove (smoke, proof, accept, …), so that a rollback needs no ebcd.toml."""
    since: datetime
    by: str
    host: str
    run_url: str = ""
    """The CI run, where there is one."""
    message: str = ""
    reason: str = ""
    """Why it has its outcome, where that needs saying."""
    live_since: datetime | None = None
    left_live: datetime | None = None
    """When another release took the live CNAME from it."""
    restored: datetime | None = None
    """When a rollback or a swap-back made it live again."""
    swap_seconds: float | None = None
    """How long the swap took that brought it live."""
    deploy_seconds: float | None = None
    """How long it took to deploy its version on an environment that stood."""
    image_id: str = ""
    """The machine image of its platform; empty where it could not be read."""
    ready_seconds: float | None = None
    """How long its environment took from its creation until it had passed its gates."""
    restores: str = ""
    """The earlier release whose version a rollback deployed again with this one."""
    from_release: str = ""
    from_environment: str = ""
    from_version: str = ""
    etag: str = ""
    """The stored record's ETag; empty before it is stored. Not part of the JSON."""

    @property
    def release(self) -> str:
        """The release's name: r42."""
        return f"r{self.number}"

    @property
    def live_at(self) -> datetime | None:
        """When it became live, the last time that it did."""
        return max((at for at in (self.live_since, self.restored) if at), default=None)

    @property
    def returned_to(self) -> bool:
        """Whether it was last made live by a rollback or a swap-back, or for one: a rollback has been here."""
        if self.restored is not None:
            return self.live_since is None or self.restored > self.live_since
        return bool(self.restores) and self.live_since is None

    def completed(self, stage: Stage) -> Stage:
        """A stage of which only the names are known, with the CNAME and the proofs that this release recorded."""
        known = self.verification
        return replace(
            stage,
            cname=self.cname,
            strategy=Strategy(known.get("strategy", Strategy.BLUE_GREEN)),
            tier=Tier(known.get("tier", Tier.WEB)),
            accept=tuple(known["accept"]),
            timeout=known["timeout"],
            keep=known["keep"],
            bake=known["bake"],
            smoke=SmokeTest(**known["smoke"]),
            proof=Proof(**known["proof"]) if known["proof"] else None,
            tenants=_tenants(known.get("tenants")),
            bake_limits=BakeLimits(**known.get("bake_limits", {})),
            url=known.get("url", ""),
        )


def handed_over(
    to: ReleaseRecord, by: ReleaseRecord | None, at: datetime, *, restored: bool
) -> tuple[ReleaseRecord, ReleaseRecord | None]:
    """Both records after `to` took `by`'s place as live.

    restored: `to` is returned to (a rollback, a swap-back) and keeps the time when it first went live, so that the
    release which went live last stays the one that was left: a second rollback finds nothing to do. That holds where
    a run died before it recorded that `by` was live, too.
    """
    if not restored:
        return replace(to, live_since=at, left_live=None), replace(by, left_live=at) if by else None
    to = replace(to, restored=at, left_live=None, outcome=Outcome.LIVE)
    return to, replace(by, left_live=at, live_since=by.live_since or at) if by else None


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


def environment_name(application: str, stage: str, number: int) -> str:
    """The name of a release's environment: fixed when its number is allocated."""
    return f"{application}-{stage}-r{number}"


def is_fresh(record: ReleaseRecord) -> bool:
    """Whether the release's environment is made for it alone, so that all of its events are about it."""
    return record.environment == environment_name(record.application, record.stage, record.number)


def is_side(application: str, stage: str, environment: str) -> bool:
    """Whether an environment is a side of the stage's pair."""
    return environment in {standing_name(application, stage, side) for side in "ab"}


def verification(stage: Stage) -> dict[str, Any]:
    """What a record keeps of its stage; `ReleaseRecord.completed` reads it back."""
    return {
        "strategy": str(stage.strategy),
        "tier": str(stage.tier),
        "accept": list(stage.accept),
        "timeout": stage.timeout,
        "keep": stage.keep,
        "bake": stage.bake,
        "smoke": asdict(stage.smoke),
        "proof": asdict(stage.proof) if stage.proof else None,
        "tenants": asdict(stage.tenants) if stage.tenants else None,
        "bake_limits": asdict(stage.bake_limits),
        "url": stage.url,
    }


def _tenants(known: dict[str, Any] | None) -> Tenants | None:
    return Tenants(**{**known, "hosts": tuple(known["hosts"])}) if known else None


def standing_name(application: str, stage: str, side: str = "") -> str:
    """The name of an environment that outlives its releases: the one of `in-place`, or a side of `pair`."""
    return f"{application}-{stage}" + (f"-{side}" if side else "")


def release_number(application: str, stage: str, environment: str) -> int | None:
    """The release number that an environment's name carries; None when it is not one of the stage's."""
    number = environment.removeprefix(f"{application}-{stage}-r")
    return int(number) if number != environment and number.isascii() and number.isdigit() else None


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
    content = json.loads(body)
    for name in ("schema", "release"):
        content.pop(name, None)
    for name in ("since", "live_since", "left_live", "restored"):
        content[name] = datetime.fromisoformat(content[name]) if content.get(name) else None
    content["outcome"] = Outcome(content["outcome"])
    return ReleaseRecord(**content, etag=etag)
