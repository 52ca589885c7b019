"""What the state consists of: a record each for what clients make, and for the instances that an environment has."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Application:
    """An application."""

    region: str
    name: str
    description: str
    created: datetime
    updated: datetime
    tags: dict[str, str] = field(default_factory=dict)
    lifecycle: dict[str, Any] = field(default_factory=dict)
    """ResourceLifecycleConfig, as the model shapes it."""

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"{self.region}/{self.name}"


@dataclass(frozen=True, slots=True)
class Version:
    """An application version."""

    region: str
    application: str
    label: str
    description: str
    bucket: str
    s3_key: str
    status: str
    """UNPROCESSED, PROCESSING, PROCESSED or FAILED: in capitals, whatever botocore's model says."""
    created: datetime
    updated: datetime
    tags: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Earlier versions of this program stored the status in mixed case."""
        object.__setattr__(self, "status", self.status.upper())

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"{self.region}/{self.application}/{self.label}"


@dataclass(frozen=True, slots=True)
class PlatformVersion:
    """A version of a platform branch that was published here, beside those that are always there."""

    python: str
    version: str
    released: datetime
    recommended: bool

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"{self.python}/{self.version}"


@dataclass(frozen=True, slots=True)
class Template:
    """A configuration template: a saved configuration."""

    region: str
    application: str
    name: str
    description: str
    platform_arn: str
    created: datetime
    updated: datetime
    options: dict[str, str] = field(default_factory=dict)
    """Option settings: `namespace␟name` → value."""
    tags: dict[str, str] = field(default_factory=dict)
    tier: str = "WebServer"

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"{self.region}/{self.application}/{self.name}"


@dataclass(frozen=True, slots=True)
class InstanceRecord:
    """An instance of an environment, as it is found again after a restart."""

    port: int
    label: str
    """The version that it has, or that its last deployment tried to bring."""
    deployment_id: int
    status: str
    """Of its deployment: In Progress, Deployed or Failed."""
    launched: datetime
    deployed: datetime


@dataclass(frozen=True, slots=True)
class Environment:
    """An environment, terminated ones too."""

    region: str
    id: str
    name: str
    application: str
    version_label: str
    cname: str
    status: str
    health: str
    health_status: str
    platform_arn: str
    description: str
    created: datetime
    updated: datetime
    options: dict[str, str] = field(default_factory=dict)
    """Option settings of the API: `namespace␟name` → value."""
    tags: dict[str, str] = field(default_factory=dict)
    port: int = 0
    """Its own listener's port."""
    instances: dict[str, InstanceRecord] = field(default_factory=dict)
    """By instance id, oldest first."""
    deployment_id: int = 1
    deployed: datetime | None = None
    causes: list[str] = field(default_factory=list)
    operation: str = ""
    """What is under way: create, update, terminate, swap …"""
    tier: str = "WebServer"
    """WebServer or Worker."""
    template: str = ""
    """The saved configuration that it was created from."""
    operations_role: str = ""
    references: dict[str, str] | None = None
    """What option settings refer to in its CloudFormation stack, as JSON → value; None: it has no stack."""
    managed_history: list[dict[str, Any]] = field(default_factory=list)
    """Managed actions that ran, as ManagedActionHistoryItem shapes them; the newest first."""
    links: dict[str, str] = field(default_factory=dict)
    """Links to other environments: link name → environment name."""
    abortable: bool = False
    """Whether what is under way can be aborted."""
    earlier: dict[str, Any] = field(default_factory=dict)
    """The fields that the update of its configuration under way has changed, as they were: a failure restores them."""
    draft: dict[str, str] = field(default_factory=dict)
    """The option settings of an update that failed, until another one begins or somebody deletes them."""
    group_sizes: dict[str, int] = field(default_factory=dict)
    """MinSize and MaxSize that a scheduled action has set on its group; empty: those of its settings hold."""
    queues: dict[str, str] = field(default_factory=dict)
    """Of a worker: what a queue is for → its URL."""
    failure: str = ""
    """Why its last deployment failed; empty when it did not."""

    @property
    def key(self) -> str:
        """What identifies it."""
        return f"{self.region}/{self.id}"

    @property
    def alive(self) -> bool:
        """Not terminated."""
        return self.status != "Terminated"


Record: TypeAlias = Application | Version | Template | Environment | PlatformVersion
