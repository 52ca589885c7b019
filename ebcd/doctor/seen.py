"""What `doctor` saw: each answer, or the error that stands for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ebcd.aws.identity import Identity, Simulation
from ebcd.doctor.check import Answer
from ebcd.model import CommandLine, ManagedAction, OptionSetting, Platform, Quotas, Stage
from ebcd.release.state.snapshot import Snapshot
from ebcd.release.store.hold import HoldState
from ebcd.release.store.lease import LockState


@dataclass(frozen=True, slots=True)
class Live:
    """What was asked of the environment that is live."""

    instances: Answer[int]
    settings: Answer[tuple[OptionSetting, ...]]
    managed_actions: Answer[tuple[ManagedAction, ...]]
    health: Answer[object]
    """Each instance's health, which proves what it runs."""
    events: Answer[int]
    """How many there are, one at most: Beanstalk answers with none where reading them is not allowed."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A stage and its account, as they were seen."""

    stage: Stage
    now: datetime
    profile: str
    """The profile of the credentials; empty: botocore's own choice."""
    bucket_name: Answer[str]
    identity: Answer[Identity]
    ahead: Answer[timedelta]
    """How far this machine's clock is ahead of AWS's."""
    bucket: Answer[bool]
    """Whether it is there."""
    snapshot: Answer[Snapshot]
    applications: Answer[frozenset[str]]
    version: Answer[object]
    """An application version that does not exist: only whether it may be asked for counts."""
    quotas: Answer[Quotas]
    newest: Answer[str]
    """The ARN of the newest platform version of the stage's branch; empty: there is no such branch."""
    platform: Answer[Platform]
    """The platform version that the next release gets."""
    cname_free: Answer[bool]
    lock: Answer[LockState | None]
    hold: Answer[HoldState | None]
    changes: Answer[Simulation]
    """What IAM's simulation says of the calls that change something."""
    profile_there: Answer[bool]
    """Whether the instance profile is there that environments get."""
    role_there: Answer[bool]
    """Whether their service role is there."""
    secrets: Answer[Simulation] = field(default_factory=lambda: Simulation(frozenset()))
    """What IAM's simulation says of the instances' role and the declared secrets: ARNs in the place of actions."""
    ledger_writes: Answer[bool] = False
    """Whether IAM's simulation lets the instances' role write the ledger; False where there is no such role."""
    live: Live | None = field(default=None)
    """None where nothing is live, or where that is not known."""

    @property
    def flags(self) -> CommandLine:
        """The options that name the stage, for a command that is told."""
        return self.stage.flags
