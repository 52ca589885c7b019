"""What Beanstalk says: versions, environments, events, health."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

NOT_YET = datetime.min.replace(tzinfo=UTC)
"""The time of what is still to come."""


@dataclass(frozen=True, slots=True)
class ApplicationVersion:
    """An application version as Beanstalk describes it."""

    label: str
    status: str
    """UNPROCESSED, PROCESSING, BUILDING, PROCESSED or FAILED; botocore's model says Processed, AWS sends PROCESSED."""
    bucket: str
    key: str
    description: str = ""
    created: datetime = NOT_YET
    """When Beanstalk says it was created."""
    container: bool = False
    """Whether it is a container image, of a Beanstalk Cluster."""

    @property
    def failed(self) -> bool:
        """Whether Beanstalk refuses it."""
        return self.status.upper() == "FAILED"

    @property
    def in_process(self) -> bool:
        """Whether Beanstalk works at it. One that is UNPROCESSED waits for nothing: it is validated when deployed."""
        return self.status.upper() in {"PROCESSING", "BUILDING"}

    @property
    def processed(self) -> bool:
        """Whether Beanstalk has validated it."""
        return self.status.upper() == "PROCESSED"


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment as Beanstalk describes it."""

    name: str
    id: str
    application: str
    version_label: str
    status: str
    """Launching, Updating, Ready, Terminating, Terminated …"""
    health: str
    """Green, Yellow, Red or Grey."""
    health_status: str
    """Ok, Warning, Degraded, Severe …; empty where health reporting is basic."""
    cname: str
    """The whole CNAME; empty for a worker tier."""
    endpoint_url: str
    """Its load balancer's own address: host, or host:port."""
    created: datetime
    platform_arn: str = ""
    tier: str = ""
    """WebServer or Worker; Cluster for one on Amazon EKS."""

    @property
    def told_health(self) -> str:
        """Its health as people are told: `Green Ok`; where health reporting is basic, `Green`."""
        return f"{self.health} {self.health_status}".strip()


@dataclass(frozen=True, slots=True)
class Event:
    """One line of Beanstalk's event log."""

    time: datetime
    severity: str
    """TRACE, DEBUG, INFO, WARN, ERROR or FATAL."""
    message: str
    environment: str = ""
    version_label: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform version as Beanstalk describes it."""

    arn: str
    lifecycle: str = ""
    """Of the version: Recommended, Supported, Deprecated, Retired …; empty: not known."""
    branch_lifecycle: str = ""
    """Of its branch: Supported, Deprecated, Retiring, Retired …"""


@dataclass(frozen=True, slots=True)
class Quotas:
    """How much of a region's quotas is used. 0: not known."""

    versions: int = 0
    versions_limit: int = 0
    environments: int = 0
    environments_limit: int = 0
    applications: int = 0
    """0 also where the application is there already: it needs no other."""
    applications_limit: int = 0


@dataclass(frozen=True, slots=True)
class ManagedAction:
    """A managed update of an environment."""

    id: str
    description: str
    status: str
    """Scheduled, Pending, Running or Unknown."""
    window_start: datetime | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """Times of a Beanstalk that no answer of it tells, in seconds: AWS's, unless the local Beanstalk says else."""

    sample: float = 10.0
    """Between two reports of the health agents.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-metrics.html
    """
    dns_ttl: float = 60.0
    """How long a resolver may remember where a CNAME led."""


@dataclass(frozen=True, slots=True)
class Metrics:
    """An environment's requests of ten seconds, as enhanced health reports them."""

    requests: int
    failed: int
    """Those answered 5xx."""
    p99: float | None
    """Seconds; None without requests."""
    instances: int = 0
    """How many instances report."""
    refreshed_at: datetime | None = None
    """When the agents reported it, by AWS's clock. An answer with the same time is the same report."""
    refused: int = 0
    """Those answered 4xx."""

    @property
    def served(self) -> int:
        """Requests that were answered neither 4xx nor 5xx."""
        return self.requests - self.refused - self.failed

    @property
    def share_5xx(self) -> float:
        """Share of the requests that were answered 5xx, 0 to 1."""
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class EnvironmentHealth:
    """An environment's enhanced health, as DescribeEnvironmentHealth tells of it."""

    color: str
    status: str
    """Ok, Warning, Degraded, Severe …"""
    causes: tuple[str, ...]
    metrics: Metrics
    environment_status: str = ""
    """The environment's own: Ready, Updating …"""
    age: float | None = None
    """How many seconds old the report was when it was answered, both by AWS's clock; None: not known."""

    @property
    def refreshed_at(self) -> datetime | None:
        """When the agents reported it."""
        return self.metrics.refreshed_at


@dataclass(frozen=True, slots=True)
class InstanceHealth:
    """One instance as DescribeInstancesHealth tells of it."""

    id: str
    health_status: str
    color: str
    causes: tuple[str, ...]
    version_label: str
    """The version deployed on it."""
    deployment_status: str
    """In Progress, Deployed or Failed."""

    def runs(self, label: str) -> bool:
        """Whether that version is deployed on it, and done."""
        return (self.version_label, self.deployment_status) == (label, "Deployed")


@dataclass(frozen=True, slots=True)
class LogTail:
    """The last lines of an instance's logs, as it delivered them."""

    instance: str
    time: datetime
    """When, as AWS says."""
    url: str = field(compare=False)
    """Presigned: another one at each look."""
