"""The words of ebcd as data: what configuration, git and Beanstalk say, frozen. No I/O and no decisions."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

NOT_YET = datetime.min.replace(tzinfo=UTC)
"""The time of what is still to come."""
ASG = "aws:autoscaling:asg"
"""The namespace of an environment's sizes."""
PROPERTIES = frozenset(
    {"aws:elasticbeanstalk:application:environment", "aws:elasticbeanstalk:application:environmentsecrets"}
)
"""The namespaces of environment properties."""


class Target(StrEnum):
    """Where a stage lives."""

    AWS = "aws"
    LOCAL = "local"


class Strategy(StrEnum):
    """How a release reaches its users."""

    BLUE_GREEN = "blue-green"
    """A fresh environment for each release, and a CNAME swap."""
    PAIR = "pair"
    """Two standing environments: a release is deployed on the one that is not live, and swapped."""
    IN_PLACE = "in-place"
    """One environment, whose version each release updates."""


class Tier(StrEnum):
    """What a stage's environments do."""

    WEB = "web"
    """Answer requests, at a CNAME."""
    WORKER = "worker"
    """Read a queue. There is no CNAME: live is the environment of the stage's fixed name."""


class OnFailure(StrEnum):
    """What becomes of a candidate that failed."""

    KEEP = "keep"
    TERMINATE = "terminate"


@dataclass(frozen=True, slots=True)
class SmokeTest:
    """One HTTP request that a healthy release answers."""

    path: str = "/"
    """Path and query, beginning with a slash."""
    status: int = 200
    """The expected status code."""
    contains: str = ""
    """Text that the body must contain; empty: any body."""
    attempts: int = 10
    """How often it is tried, a second apart, before it counts as failed."""


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the release must name itself by its SHA or version label."""

    path: str
    """Path and query, beginning with a slash."""


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenant gate, from `[stages.NAME.tenants]`."""

    hosts: tuple[str, ...] = ()
    """Tenants' own hosts."""
    url: str = ""
    """Path of the application that names them instead, as a JSON list."""
    path: str = "/"
    """What each is asked."""
    status: int = 200
    budget: int = 0
    """Failures allowed."""
    unknown: str = ""
    """A host that is no tenant's and must be rejected; empty: not asked."""
    token_env: str = ""
    """Environment variable of whoever runs ebcd that holds the bearer token for `url`; empty: it needs none."""


@dataclass(frozen=True, slots=True)
class BakeLimits:
    """What a bake does not tolerate, from `[stages.NAME.bake_limits]`. None: not limited."""

    max_5xx: float | None = None
    """Share of the requests that may be answered 5xx, 0 to 1."""
    p99_seconds: float | None = None
    """Seconds that all but one in a hundred requests may take."""
    p99_ratio: float | None = None
    """How many times the p99 of live before the swap it may be."""


@dataclass(frozen=True, slots=True)
class Notify:
    """Who is told how a run ended, from `[stages.NAME.notify]`."""

    urls: tuple[str, ...] = field(default=(), repr=False)
    """Where a message is posted: a URL, or `env:NAME` for one that is a secret."""

    @staticmethod
    def is_url(text: str) -> bool:
        """Whether a message may be posted there: over TLS, without it on this machine only."""
        return bool(re.fullmatch(r"https://[^\s/]+(/\S*)?|http://(127\.0\.0\.1|localhost)(:\d+)?(/\S*)?", text))


class Requirements(StrEnum):
    """How the application's requirements go into a source bundle."""

    AS_IS = "as-is"
    """As they are committed."""
    LOCK = "lock"
    """Each is pinned, with the hashes of its files."""
    WHEELS = "wheels"
    """So, and their wheels are in the bundle: an instance installs without a network."""


@dataclass(frozen=True, slots=True, order=True)
class Python:
    """The Python of a platform, as far as the choice of a wheel depends on it."""

    version: str
    """Major and minor: 3.11."""
    machine: str
    """x86_64 or aarch64."""
    glibc: int
    """The 34 of 2.34."""


@dataclass(frozen=True, slots=True)
class BundleOptions:
    """What goes into a source bundle, from `[bundle]`."""

    exclude: tuple[str, ...] = ()
    """Patterns in gitignore syntax, beside those of .ebignore."""
    max_size: int = 500_000_000
    """Bytes; a larger bundle is refused. Beanstalk's own limit is 500 MB."""
    submodules: str = "refuse"
    """`refuse`, or `include`: the committed tree of each submodule, from its own object store."""
    requirements: Requirements = Requirements.AS_IS
    pythons: tuple[Python, ...] = ()
    """Whose wheels go in, where `requirements` asks for wheels."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One thing that users reach at one live CNAME, complete with what releasing to it needs."""

    name: str
    application: str
    region: str
    cname: str
    """The live CNAME's prefix; empty for a worker."""
    url: str = ""
    """Where users reach live, as scheme and host; empty: by HTTP at the live CNAME."""
    target: Target = Target.AWS
    platform: str = ""
    """A platform branch name, or a platform ARN."""
    strategy: Strategy = Strategy.BLUE_GREEN
    tier: Tier = Tier.WEB
    accept: tuple[str, ...] = ("Green",)
    """Accepted health: Green, Yellow."""
    stable: float = 60.0
    """Seconds that accepted health must hold before the swap."""
    timeout: float = 1800.0
    """Seconds that one wait for the environment may take."""
    keep: float = 7200.0
    """Seconds that the earlier environment stays at full capacity after a swap."""
    bake: float = 600.0
    """Seconds that the release is watched after the swap."""
    on_failure: OnFailure = OnFailure.KEEP
    options: tuple[OptionSetting, ...] = ()
    """Option settings, the environment properties among them, ordered by namespace and name."""
    smoke: SmokeTest = field(default_factory=SmokeTest)
    proof: Proof | None = None
    tenants: Tenants | None = None
    bake_limits: BakeLimits = field(default_factory=BakeLimits)
    notify: Notify = field(default_factory=Notify)

    @property
    def named_only(self) -> bool:
        """Whether no ebcd.toml declares it: its records tell the rest."""
        return not self.cname and self.tier is Tier.WEB


@dataclass(frozen=True, slots=True, order=True)
class OptionSetting:
    """One Beanstalk option setting."""

    namespace: str
    name: str
    value: str

    @property
    def private(self) -> bool:
        """Whether its value is never shown: an environment property's, and a password."""
        return self.namespace in PROPERTIES or "password" in self.name.lower()

    def same(self, present: OptionSetting | None) -> bool:
        """Whether an environment has it so. Beanstalk keeps no empty value, and writes its own values in another case;
        environment properties are the user's, letter by letter.
        """
        value = present.value if present else ""
        return value == self.value or (self.namespace not in PROPERTIES and value.lower() == self.value.lower())


@dataclass(frozen=True, slots=True)
class Configuration:
    """All of ebcd.toml, validated."""

    application: str
    region: str
    default_stage: str
    bundle: BundleOptions
    stages: dict[str, Stage]
    source: Path | None
    """The file it came from; None when there is none."""


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of the repository that is shipped."""

    sha: str
    """40 hexadecimal digits."""
    tree: str
    """The tree's object id."""
    time: datetime
    """The committer's time, in UTC."""
    subject: str
    """First line of the message."""
    dirty: str = ""
    """Empty, or the digest of uncommitted changes (`--allow-dirty`)."""

    @property
    def version_label(self) -> str:
        """The version label: 12 digits of the SHA, and of the changes where there are any."""
        return self.sha[:12] + (f"-dirty-{self.dirty[:12]}" if self.dirty else "")


@dataclass(frozen=True, slots=True)
class SourceBundle:
    """A source bundle on disk."""

    commit: Commit
    path: Path
    content_digest: str
    """SHA-256, hexadecimal, over each entry's path, mode and content digest, in order: the bundle's identity."""
    sha256: str
    """SHA-256 of the file, hexadecimal: guards transit."""
    size: int
    """Bytes of the file."""
    entries: int
    """How many files it holds."""
    options: tuple[OptionSetting, ...] = ()
    """What its .ebextensions set."""

    @property
    def version_label(self) -> str:
        """The version label of the commit it was made from."""
        return self.commit.version_label


@dataclass(frozen=True, slots=True)
class ApplicationVersion:
    """An application version as Beanstalk describes it."""

    label: str
    status: str
    """Unprocessed, Processing, Building, Processed or Failed."""
    bucket: str
    key: str
    description: str = ""
    created: datetime = NOT_YET
    """When Beanstalk says it was created."""


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
    """WebServer or Worker."""

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
    image_id: str = ""
    """The machine image that its instances start from."""


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
class Metrics:
    """An environment's requests of the last ten seconds, as enhanced health reports them."""

    requests: int
    failed: int
    """Those answered 5xx."""
    p99: float | None
    """Seconds; None without requests."""
    instances: int = 0
    """How many instances report."""

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


@dataclass(frozen=True, slots=True)
class UploadPart:
    """A part of an upload: a range of a file, sent, or copied inside S3 from another object."""

    offset: int
    """Where it begins in the file."""
    length: int
    """Bytes."""
    source: int | None = None
    """Where the same bytes begin in the object that is copied from; None: they are sent."""
    tail: int = 0
    """How many of a copied part's last bytes that object does not have: they are sent, and joined to the others."""


@dataclass(frozen=True, slots=True)
class Upload:
    """What an upload took."""

    sent: int
    """Bytes that crossed the wire."""
    copied: int
    """Bytes that S3 copied."""
