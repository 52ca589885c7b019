"""What ebcd.toml says: stages, and what a release must show on them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from pathlib import Path

from ebcd.model.bundle import BundleOptions
from ebcd.model.command import CommandLine, Reach
from ebcd.model.kinds import AnyHost, AnyUrlPath, Attempts, Count, Host, HttpStatus, Positive, Share, UrlPath
from ebcd.model.settings import OptionSetting


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

    path: UrlPath = "/"
    """Path and query, beginning with a slash."""
    status: HttpStatus = 200
    """The expected status code."""
    contains: str = ""
    """Text that the body must contain; empty: any body."""
    attempts: Attempts = 10
    """How often it is tried, a second apart, before it counts as failed."""


_SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"


@dataclass(frozen=True, slots=True)
class Proof:
    """Where the release must name itself by its SHA or version label."""

    path: UrlPath
    """Path and query, beginning with a slash."""


@dataclass(frozen=True, slots=True)
class Tenants:
    """The tenant gate, from `[stages.NAME.tenants]`."""

    hosts: tuple[Host, ...] = ()
    """Tenants' own hosts."""
    url: AnyUrlPath = ""
    """Path of the application that names them instead, as a JSON list."""
    path: UrlPath = "/"
    """What each is asked."""
    status: HttpStatus = 200
    """The expected status code."""
    budget: Count = 0
    """Failures allowed."""
    unknown: AnyHost = ""
    """A host that is no tenant's and must be rejected; empty: not asked."""
    token_env: str = ""
    """Environment variable of whoever runs ebcd that holds the bearer token for `url`; empty: it needs none."""


@dataclass(frozen=True, slots=True)
class BakeLimits:
    """What a bake does not tolerate, from `[stages.NAME.bake_limits]`. None: not limited."""

    max_5xx: Share | None = None
    """Share of the requests that may be answered 5xx, 0 to 1."""
    p99_seconds: Positive | None = None
    """Seconds that all but one in a hundred requests may take."""
    p99_ratio: Positive | None = None
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


LOCAL_DOMAIN = "elasticbeanstalk.localhost"
"""What the local Beanstalk's CNAMEs end in unless it is told another domain."""


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
    local_domain: str = LOCAL_DOMAIN
    """What CNAMEs end in on the local Beanstalk, which may be told another domain."""
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
    recorded: bool = False
    """Whether its releases' records told it, as no ebcd.toml declares it. Instances can write the bucket that these lie
    in: they choose no host that a request goes to, and no secret that goes with it.
    """
    omitted: str = ""
    """What its records name and only ebcd.toml may choose, so that it is left out; empty: nothing."""
    reach: Reach = field(default=Reach(), compare=False)
    """How it was reached: what a command needs beside its names that is printed to be pasted."""

    @property
    def flags(self) -> CommandLine:
        """What names it on a command line, for a command that is printed."""
        return CommandLine(self.application, self.name, self.reach)

    def aws(self, *words: str) -> str:
        """A command of the AWS CLI in the place where it is, for a command that is printed."""
        return replace(self.reach, region=self.region).aws(*words)

    @property
    def secrets(self) -> dict[str, str]:
        """Environment properties that name a secret or a parameter: the property's name → the ARN."""
        return {item.name: item.value for item in self.options if item.namespace == _SECRETS}

    @property
    def named_only(self) -> bool:
        """Whether no ebcd.toml declares it: its records tell the rest."""
        return not self.cname and self.tier is Tier.WEB


@dataclass(frozen=True, slots=True)
class Allowance:
    """What `check` lets through: `[[check.allow]]`."""

    rule: str
    """The finding's rule: its name in parentheses."""
    path: str
    """A pattern in gitignore syntax."""
    reason: str
    """Why it may stay, for whoever reads it next."""


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
    allowances: tuple[Allowance, ...] = ()
    """The findings that `check` lets through."""
    foreign: bool = False
    """Whether it is another application's than the one that is meant: then nothing of it is used but its name."""
