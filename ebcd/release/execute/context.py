"""One run of ebcd against a stage: what it works with, and what it has done so far."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from ebcd.clock import AdaptiveInterval
from ebcd.model import CommandLine, Timing
from ebcd.model.hidden import HiddenValues
from ebcd.model.platforms import change_of, is_newer
from ebcd.release.state.address import PublicAddress, public_address

if TYPE_CHECKING:  # whoever only reads a stage needs none of what a run does
    from ebcd.aws.beanstalk import Beanstalk
    from ebcd.aws.cloudwatch import CloudWatch
    from ebcd.aws.storage import Storage
    from ebcd.check.finding import Finding as BundleFinding
    from ebcd.clock import Clock
    from ebcd.model import Metrics, SourceBundle, Stage
    from ebcd.release.execute.estimate import Position
    from ebcd.release.execute.http import Prober, ProbeResult
    from ebcd.release.judge.diagnosis import Diagnosis
    from ebcd.release.plan.housekeeping import Remaining
    from ebcd.release.plan.preflight import Finding
    from ebcd.release.plan.retirement import Kept
    from ebcd.release.plan.steps import Step
    from ebcd.release.state.release import ReleaseRecord
    from ebcd.release.state.snapshot import Snapshot
    from ebcd.release.store.hold import Hold, HoldState
    from ebcd.release.store.ledger import Ledger
    from ebcd.release.store.lock import Lock
    from ebcd.release.store.previews import Preview


class Status(StrEnum):
    """What became of a step."""

    PLANNED = "planned"
    DONE = "done"
    FAILED = "failed"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class StepResult:
    """One step's outcome."""

    step: Step
    status: Status
    seconds: float = 0.0
    reason: str = ""
    """What was seen, where that is worth a line."""


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """What an action brought: what was seen, and whether there was anything to do."""

    text: str = ""
    status: Status = Status.DONE


class Progress(Protocol):
    """Who is told what a run does while it does it."""

    noted: set[str]
    """What `note` has shown."""

    def begin(self, text: str, position: Position | None = None) -> None:
        """Something starts. position: where it is among the run's steps; None: it is none of them, or nobody knows."""
        ...

    def note(self, text: str) -> None:
        """Something worth a line happened within it: an event, a changed state."""
        ...

    def transferred(self, done: int, total: int) -> None:
        """So many bytes of so many are where they should be; total: 0 where nothing tells."""
        ...

    def end(self, text: str, status: Status, seconds: float, reason: str) -> None:
        """It ended."""
        ...


@dataclass(frozen=True, slots=True)
class Caller:
    """Who runs ebcd, and from where."""

    user: str
    host: str
    run_url: str = ""
    """The CI run, where there is one."""


@dataclass(frozen=True, slots=True)
class Services:
    """What a run works with; a test gives its own."""

    beanstalk: Beanstalk
    storage: Storage
    ledger: Ledger
    lock: Lock
    hold: Hold
    prober: Prober
    clock: Clock
    progress: Progress
    caller: Caller
    cloudwatch: CloudWatch | None = None
    """None: nobody asks what load balancers have counted."""
    remedy: str = "correct the cause, commit and ship again."
    """What to do once it is known why a release failed."""
    live_address: str = ""
    """Where the live CNAME is reached when not by its name: the local Beanstalk's load balancer, `host:port`."""
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Environment variables of whoever runs ebcd: secrets that ebcd.toml names."""
    hidden: HiddenValues = field(default_factory=HiddenValues, repr=False)
    """Values of environment properties that nothing shows: `beanstalk` and `prober` hide the same ones."""
    pace: AdaptiveInterval = field(default_factory=lambda: AdaptiveInterval(5.0))
    """How often Beanstalk is read."""
    timing: Timing = field(default_factory=Timing)
    """Times of the Beanstalk that the run works with."""

    @property
    def flags(self) -> CommandLine:
        """The options that name the stage, for a command that is told."""
        return self.lock.flags

    def require_bucket(self) -> None:
        """The bucket, where it is missing, is created: nothing can be kept without."""
        if not self.storage.bucket_exists():
            self.beanstalk.create_storage_location()

    def front(self, stage: Stage, cname: str) -> PublicAddress:
        """How the stage's users reach it. cname: the live CNAME, whole."""
        return public_address(stage, cname, self.live_address)

    def ask(
        self, front: PublicAddress, path: str, *, address: str = "", host: str = "", token: str = ""
    ) -> ProbeResult:
        """One request, as users make it. address: an environment's own, where not live is asked. host: a tenant's."""
        return self.prober.get(
            address or front.address, front.of(host) if host else front.host, path, token=token, tls=front.tls
        )


@dataclass(frozen=True, slots=True)
class PlatformNews:
    """What live runs, and what a patch would bring."""

    live: str
    """The ARN of the platform version that live runs."""
    newest: str
    """That of the version which the stage's platform means now."""
    taken_back: str = ""
    """The release (r7) that was live's version on that one, and was taken back; empty: there was none."""

    @property
    def out(self) -> str:
        """`platform 4.3.1 → 4.4.0`; empty where there is no newer one."""
        return f"platform {change_of(self.live, self.newest)}" if is_newer(self.newest, self.live) else ""

    def patch(self, flags: CommandLine) -> str:
        """The command that brings it, and what is to be known before; flags: the options that name the stage."""
        if self.taken_back:
            return f"{flags.of('patch', '--again')}   ({self.taken_back} was that, and was taken back)"
        return flags.of("patch")


@dataclass(slots=True)
class Run:
    """What a run has done so far: the report is made from it, whether it ends well or not."""

    command: str
    stage: Stage
    started: float
    records: dict[str, ReleaseRecord] = field(default_factory=dict)
    """The stage's releases by their names (r7), as this run last stored them."""
    release_name: str = ""
    """The release that this run is about."""
    restoring: bool = False
    """The run returns to a release that was live before: a rollback, a swap-back."""
    bundle: SourceBundle | None = None
    bundle_reused: bool = False
    after: Snapshot | None = None
    """What is there at the end."""
    results: list[StepResult] = field(default_factory=list)
    live_instances: int = 0
    """How many instances live ran when it had grown, and the swap was planned anew for that; 0: it did not."""
    before: Metrics | None = None
    """What live's users got before the swap."""
    diagnosis: Diagnosis | None = None
    left: ReleaseRecord | None = None
    """The release that a swap took the live CNAME from."""
    hold: HoldState | None = None
    """The hold that the run put on the stage."""
    preview: Preview | None = None
    """The preview that the run's stage is, as it was recorded."""
    expired: tuple[Preview, ...] = ()
    """Other previews whose time has passed."""
    note: str = ""
    """One sentence about the whole: "already live"."""
    warnings: tuple[BundleFinding, ...] = ()
    """What `check` finds in the bundle that does not stop a release."""
    findings: tuple[Finding, ...] = ()
    """What spoke against the release before it began."""
    platform: PlatformNews | None = None
    """Which platform version live runs, and which one is out; None where nobody asked."""
    platform_change: tuple[str, str] | None = None
    """The ARNs of the platform versions that live had, and gets by the release, where they differ."""
    told: tuple[str, ...] = ()
    """What a rollback tells before it acts."""
    kept: tuple[Kept, ...] = ()
    """What `retire` keeps."""
    remaining: list[Remaining] = field(default_factory=list)
    """What the release left to do beside itself."""

    @property
    def release(self) -> ReleaseRecord | None:
        """The record of the release that this run is about."""
        return self.records.get(self.release_name)

    @property
    def given_bundle(self) -> SourceBundle:
        """The bundle of a run that was given one: ship, publish."""
        assert self.bundle is not None, "this run was given no bundle"
        return self.bundle

    @property
    def journaled(self) -> ReleaseRecord | None:
        """Whose entries tell what the run does: its own release's; a run about none of them (retire, prune) is told
        in the newest one's."""
        return self.release or max(self.records.values(), key=lambda record: record.number, default=None)

    @property
    def ready_seconds(self) -> float | None:
        """How long its new environment took until it had passed its gates; None where the run made none."""
        from ebcd.release.plan.steps import READYING, CreateEnvironment

        spent = [item.seconds for item in self.results if isinstance(item.step, READYING)]
        made = any(isinstance(item.step, CreateEnvironment) for item in self.results)
        return round(sum(spent), 1) if made else None
