"""What is there now: one reading of Beanstalk and the ledger, frozen, for `plan`. Pure; `observe` reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from ebcd.errors import Refused
from ebcd.model import (
    ASG,
    LOCAL_DOMAIN,
    NOT_YET,
    ApplicationVersion,
    Environment,
    OptionSetting,
    SavedConfiguration,
    Stage,
    Target,
    Tier,
    Timing,
)
from ebcd.release.state.documents import Damaged
from ebcd.release.state.names import is_of_stage, release_number, standing_name
from ebcd.release.state.release import UNENDED, Outcome, ReleaseRecord

CLUSTER = "Cluster"
"""The tier of environments on Amazon EKS, as Beanstalk names it."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A stage as it was seen at one moment."""

    taken: datetime
    stage: Stage
    """The stage; where no ebcd.toml told its CNAME and what to verify, as its newest record tells them."""
    environments: tuple[Environment, ...]
    """All of the application's environments that are not terminated, of this stage or not."""
    live: Environment | None
    releases: tuple[ReleaseRecord, ...]
    """Newest first."""
    live_instances: int = 0
    """How many instances live runs; 0 where nobody asked."""
    settings: Mapping[str, tuple[OptionSetting, ...]] = field(default_factory=dict)
    """Option settings by environment, of those where somebody asked."""
    saved: SavedConfiguration | None = None
    """What live's own environment had before a deployment in place that did not end; None: nobody asked, or knows."""
    dns_ttl: float = Timing().dns_ttl
    """Seconds that resolvers may remember where the live CNAME led."""
    newest: int = 0
    """The highest number that a record has, whether or not it can be read; 0: there is none."""
    damaged: tuple[Damaged, ...] = ()
    """Records that could not be read and were passed over."""

    @classmethod
    def empty(cls, stage: Stage, taken: datetime) -> Snapshot:
        """A stage of which nothing is there yet."""
        return cls(taken, stage, (), None, ())

    @property
    def next_number(self) -> int:
        """A release number that no record has, and no environment of the stage."""
        own = (release_number(self.stage.application, self.stage.name, item.name) or 0 for item in self.environments)
        return max(self.newest, *(record.number for record in self.releases), *own, 0) + 1

    def record_of(self, environment: Environment | None) -> ReleaseRecord | None:
        """The record of the release that an environment carries.

        Several releases may have had the environment one after the other: its version label tells which it is, and
        where that is the same, it is the one that went live, or began, last.
        """
        if environment is None:
            return None
        own = [record for record in self.releases if record.environment == environment.name]
        current_release = [record for record in own if record.version_label == environment.version_label]
        return max(current_release if len(own) > 1 else own, key=_latest, default=None)

    def size(self, environment: Environment, name: str) -> int | None:
        """MinSize or MaxSize of an environment as it is set now; None where it is not known."""
        found = (
            item.value for item in self.settings.get(environment.name, ()) if (item.namespace, item.name) == (ASG, name)
        )
        value = next(found, "")
        return int(value) if value.isdigit() else None

    def environment(self, name: str) -> Environment | None:
        """The environment of that name, unless it is on its way out."""
        return next((item for item in self.environments if item.name == name and not leaving(item)), None)

    def standing(self, record: ReleaseRecord) -> Environment | None:
        """The environment that carries the release now; None where it is gone or carries another release by now."""
        found = self.environment(record.environment)
        return found if self.record_of(found) == record else None

    def carries(self, record: ReleaseRecord) -> bool:
        """Whether the release stands, and with its own version: somebody may have deployed another one onto it."""
        found = self.standing(record)
        return found is not None and found.version_label == record.version_label

    @property
    def previous(self) -> ReleaseRecord | None:
        """The release that a rollback of the live one returns to, whether or not its environment is still there."""
        live = self.record_of(self.live)
        return self.release(live.from_release) if live else None

    def release(self, name: str) -> ReleaseRecord | None:
        """The record of a release, by its name (r7)."""
        return next((record for record in self.releases if record.release == name), None)


def _latest(record: ReleaseRecord) -> datetime:
    """When a release went live last, or began where it is under way still."""
    return record.live_at or (record.since if record.outcome in UNENDED else NOT_YET)


def deployment_estimate(snapshot: Snapshot) -> float | None:
    """Seconds that deploying a version on a standing environment may take: what the last one took."""
    timed = [record for record in snapshot.releases if record.deploy_seconds is not None]
    last = max(timed, key=lambda record: record.live_at or record.since, default=None)
    return last.deploy_seconds if last else None


def half_way(snapshot: Snapshot, release: ReleaseRecord, replaces: ReleaseRecord | None) -> bool:
    """Whether a release that live carries got there by a deployment in place that was not seen to its end.

    By its label it is live; by its record, or by the environment's status, it is not yet.
    """
    live = snapshot.live
    in_place_of = (
        replaces is not None and replaces.number != release.number and replaces.environment == release.environment
    )
    return in_place_of and live is not None and (live.status != "Ready" or release.left_live is not None)


def unended_in_place(snapshot: Snapshot) -> ReleaseRecord | None:
    """The newest release of live's own environment, where its deployment there did not end, or its way back failed:
    only then what was saved before it is worth something.
    """
    live = snapshot.live
    own = (record for record in snapshot.releases if live is not None and record.environment == live.name)
    newest = next(own, None)
    if newest is None or newest.from_environment != newest.environment:
        return None
    return newest if newest.outcome in (*UNENDED, Outcome.FAILED) else None


def taken_back(snapshot: Snapshot, label: str, platform_arn: str) -> ReleaseRecord | None:
    """The release of a version on a platform version that users had, and should not have again without somebody saying
    so; None where there was none.
    """
    for item in snapshot.releases:
        failed_live = item.outcome is Outcome.FAILED and item.live_since is not None  # in place, users have had it
        bad = item.outcome in (Outcome.SWAPPED_BACK, Outcome.ROLLED_BACK) or failed_live
        if bad and (item.version_label, item.platform_arn) == (label, platform_arn):
            return item
    return None


def leaving(environment: Environment) -> bool:
    """Whether the environment is being terminated or has been."""
    return environment.status in {"Terminating", "Terminated"}


def live_cnames(prefix: str, region: str, local_domain: str = LOCAL_DOMAIN) -> frozenset[str]:
    """Every CNAME that a prefix can mean in a region: today's, the one without a region that old accounts still
    have, China's, and the local Beanstalk's."""
    return frozenset(
        f"{prefix.lower()}.{domain}"
        for domain in (
            f"{region}.elasticbeanstalk.com",
            "elasticbeanstalk.com",
            f"{region}.eb.amazonaws.com.cn",
            f"{region}.{local_domain}",
        )
    )


def default_cname(stage: Stage) -> str:
    """The whole CNAME that a new environment with the stage's prefix gets; empty for a worker."""
    if stage.tier is Tier.WORKER:
        return ""
    if stage.target is Target.LOCAL:
        return f"{stage.cname.lower()}.{stage.region}.{stage.local_domain}"
    domain = "eb.amazonaws.com.cn" if stage.region.startswith("cn-") else "elasticbeanstalk.com"
    return f"{stage.cname.lower()}.{stage.region}.{domain}"


def find_live(stage: Stage, environments: Iterable[Environment]) -> Environment | None:
    """The environment that holds the stage's live CNAME; None when none does. The whole CNAME decides.

    A worker has no CNAME: it is the environment of the stage's fixed name. Raises Refused (code `ambiguous-live`) when
    more than one holds the live CNAME: ebcd never guesses; and (code `cluster`) when one that is the stage's runs on
    Amazon EKS.
    """
    environments = tuple(environments)
    _refuse_clusters(stage, environments)
    if stage.tier is Tier.WORKER:
        name = standing_name(stage.application, stage.name)
        return next((item for item in environments if item.name == name and not leaving(item)), None)
    wanted = live_cnames(stage.cname, stage.region, stage.local_domain)
    found = [item for item in environments if item.cname in wanted and not leaving(item)]
    if len(found) > 1:
        seen = ", ".join(f"{item.name} ({item.cname})" for item in found)
        raise Refused(
            f"Two environments hold a live CNAME of the stage {stage.name}.",
            why=f"Seen: {seen}.",
            hint="Terminate or rename the one that is not live, then run the command again.",
            code="ambiguous-live",
        )
    return found[0] if found else None


def _refuse_clusters(stage: Stage, environments: Iterable[Environment]) -> None:
    """Raises Refused where an environment that is the stage's, by its CNAME or its name, is a Beanstalk Cluster's."""
    held = live_cnames(stage.cname, stage.region) if stage.cname else frozenset()
    for item in environments:
        own = item.cname in held or is_of_stage(stage.application, stage.name, item.name)
        if item.tier == CLUSTER and own and not leaving(item):
            raise Refused(
                f"The environment {item.name} runs on Amazon EKS.",
                why="Beanstalk Cluster is a product of its own, which ebcd does not release to.",
                hint=f"Give the stage {stage.name} an environment on EC2: another cname, or another name.",
                code="cluster",
            )


@dataclass(frozen=True, slots=True)
class Publication:
    """What of a source bundle is on AWS already."""

    stored: bool
    """Whether the bundle's object is in the bucket."""
    application_exists: bool
    version: ApplicationVersion | None
    """The application version of the bundle's label."""
