"""A release, as its record tells it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from ebcd.model import BakeLimits, Metrics, Proof, SmokeTest, Stage, Strategy, Tenants, Tier, kinds
from ebcd.release.state.documents import read
from ebcd.release.state.names import environment_name


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
class StepTime:
    """How long a step of a release took."""

    step: kinds.StepName
    """Its class."""
    seconds: kinds.Seconds


@dataclass(frozen=True, slots=True)
class ReleaseRecord:
    """One release, as its record tells it."""

    number: kinds.ReleaseNumber
    application: kinds.ApplicationName
    stage: kinds.StageName
    region: kinds.Region
    cname: kinds.CnamePrefix
    """The live CNAME's prefix."""
    version_label: kinds.VersionLabel
    sha: kinds.Sha
    tree: kinds.Digest
    content_digest: kinds.Digest
    settings_digest: kinds.Digest
    """SHA-256 over platform and option settings: their values are never recorded."""
    platform_arn: kinds.PlatformArn
    environment: kinds.EnvironmentName
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
    swap_seconds: kinds.Seconds | None = None
    """How long the swap took that brought it live."""
    deploy_seconds: kinds.Seconds | None = None
    """How long it took to deploy its version on an environment that stood."""
    image_id: str = ""
    """The first of `image_ids`. In records of earlier versions, which have no others, the image of its platform."""
    image_ids: tuple[str, ...] = ()
    """The machine images that its instances ran once it had passed its gates, each once; empty: not known."""
    ready_seconds: kinds.Seconds | None = None
    """How long its environment took from its creation until it had passed its gates."""
    minimum: kinds.Count | None = None
    """The MinSize that its settings ask for; None: an earlier version of ebcd wrote the record."""
    raised: kinds.Count | None = None
    """The MinSize that ebcd has given its environment for a swap, and has not brought back to `minimum` yet."""
    baseline: Metrics | None = None
    """What live's users got before this release took its place; None: not measured, or it could not be told."""
    restores: kinds.AnyReleaseName = ""
    """The earlier release whose version a rollback deployed again with this one."""
    from_release: kinds.AnyReleaseName = ""
    from_environment: kinds.AnyEnvironmentName = ""
    from_version: kinds.AnyVersionLabel = ""
    steps: tuple[StepTime, ...] = ()
    """What its steps took, in their order: later releases' are estimated by it."""
    etag: str = ""
    """The stored record's ETag; empty before it is stored. Not part of the JSON."""
    unknown: Mapping[str, Any] = field(default_factory=dict)
    """What the JSON has beside these fields: it is kept when the record is written back."""

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
        known = read(Verification, self.verification)
        token = known.tenants is not None and known.tenants.token_env
        return replace(
            stage,
            recorded=True,
            omitted="the tenant gate, which needs a token" if token else "",
            cname=self.cname,
            strategy=known.strategy,
            tier=known.tier,
            accept=known.accept,
            timeout=known.timeout,
            keep=known.keep,
            bake=known.bake,
            smoke=known.smoke,
            proof=known.proof,
            tenants=None if token else known.tenants,
            bake_limits=known.bake_limits,
            url=known.url,
        )


@dataclass(frozen=True, slots=True)
class Verification:
    """What a record keeps of its stage."""

    accept: tuple[kinds.Health, ...]
    timeout: kinds.Seconds
    keep: kinds.Seconds
    bake: kinds.Seconds
    smoke: SmokeTest
    strategy: Strategy = Strategy.BLUE_GREEN
    tier: Tier = Tier.WEB
    proof: Proof | None = None
    tenants: Tenants | None = None
    bake_limits: BakeLimits = field(default_factory=BakeLimits)
    url: kinds.Url = ""


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


def is_patch(release: ReleaseRecord, other: ReleaseRecord | None) -> bool:
    """Whether two releases are of one version on two platform versions: then that is what a way back brings back. One
    that deploys another version leaves the platform as it is, since users wait for the version.
    """
    if other is None or other.version_label != release.version_label:
        return False
    return "" not in (release.platform_arn, other.platform_arn) and other.platform_arn != release.platform_arn


def is_fresh(record: ReleaseRecord) -> bool:
    """Whether the release's environment is made for it alone, so that all of its events are about it."""
    return record.environment == environment_name(record.application, record.stage, record.number)


def verification(stage: Stage) -> dict[str, Any]:
    """What a record keeps of its stage, as JSON has it; `Verification` reads it back."""
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
