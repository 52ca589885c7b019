"""Beanstalk and S3 as a release sees them, at AWS's own durations, on a clock that only waits and calls move.

A call takes the time of its answer's way. What AWS does takes the time that AWS takes, whoever looks.
"""

from __future__ import annotations

import io
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, cast

from memory import MemoryClock, MemoryStorage
from stages import STAGE, bundle

from ebcd.cli.progress import SilentProgress
from ebcd.clock import AdaptiveInterval
from ebcd.errors import AwsRefused, Busy, EbcdError, NoAnswer
from ebcd.model import (
    ApplicationVersion,
    Environment,
    EnvironmentHealth,
    Event,
    InstanceHealth,
    LogTail,
    Metrics,
    OptionSetting,
    Platform,
    Quotas,
    Stage,
    Timing,
    Upload,
)
from ebcd.release.commands import ship as shipping
from ebcd.release.execute.context import Caller, Progress, Run, Services
from ebcd.release.execute.http import ProbeResult
from ebcd.release.store.hold import Hold
from ebcd.release.store.ledger import Ledger
from ebcd.release.store.lock import Lock


@dataclass(frozen=True)
class Durations:
    """Seconds that AWS takes."""

    call: float = 0.08
    """For an answer of Beanstalk's API."""
    storage: float = 0.03
    """For one of S3."""
    processing: float = 6.0
    """For an application version."""
    creation: float = 300.0
    """From CreateEnvironment to Ready."""
    health: float = 20.0
    """From Ready to Green."""
    swap: float = 5.0
    denial: float = 3.0
    """From CreateEnvironment to Terminated, where the launch is denied something."""
    sample: float = 10.0
    """Between two reports of the health agents."""


class Simulated:
    """One application's Beanstalk: what `ebcd.aws.beanstalk.Beanstalk` offers to a ship."""

    def __init__(self, clock: MemoryClock, durations: Durations) -> None:
        self.clock, self.durations = clock, durations
        self.calls: Counter[str] = Counter()
        self.told = True
        """Whether events tell what happens."""
        self.refusals: dict[str, list[EbcdError]] = {}
        """What the next calls of an operation are answered with, before they do anything."""
        self.also: Callable[[str], None] = lambda operation: None
        """What somebody else does at a call."""
        self.causes: tuple[str, ...] = ()
        """What health says of every instance."""
        self.denied: dict[str, str] = {}
        """Environments whose launch fails at once, each with the event that tells why."""
        self.busy: dict[str, float] = {}
        """Environments that something else is at work on, each with the time when that ends."""
        self.lost: set[str] = set()
        """Operations that take effect, and whose answer does not come."""
        self.lag = 0.0
        """Seconds that reads do not show a new environment yet."""
        self.by_id = True
        """Whether events are found by the id of an environment that is gone."""
        self.times: list[float] = []
        """When DescribeEnvironments was asked."""
        self._lock = threading.Lock()
        self._applications: dict[str, float] = {}
        self._versions: dict[str, tuple[ApplicationVersion, float]] = {}
        self._environments: dict[str, tuple[Environment, float]] = {}
        self._ended: dict[str, Environment] = {}
        self.branch = STAGE.platform
        """The ARN of the platform version that a branch means."""
        self.swapped = -1e9
        """When the last swap began."""
        self.phase = 0.0
        """When the first of all reports is made: one comes with each interval behind it."""
        self.report: Callable[[str, float], EnvironmentHealth] = self._healthy
        """What the agents report of an environment at a time of the clock."""
        self.basic = False
        """Whether health reporting is basic."""
        self.counts: dict[str, int] = {}
        """How many instances an environment runs, where that is not one."""
        self.updates: list[tuple[str, dict[str, str]]] = []
        """Which environment was changed, and the options that it was sent."""

    def _called(self, operation: str) -> None:
        """Reads that are sent at once come one after the other here: it makes a ship slower, never faster."""
        with self._lock:
            self.calls[operation] += 1
            self.clock.seconds += self.durations.call
            if operation == "DescribeEnvironments":
                self.times.append(self.clock.seconds)
        self.also(operation)
        if waiting := self.refusals.get(operation):
            raise waiting.pop(0)

    def become(self, name: str, **changes: Any) -> None:
        """An environment is changed by somebody."""
        found, began = self._environments[name]
        self._environments[name] = (replace(found, **changes), began)

    @property
    def known(self) -> tuple[Environment, ...]:
        """The environments that there are, without a call."""
        return tuple(found for found, _ in self._environments.values())

    # reads

    def application_exists(self, application: str) -> bool:
        self._called("DescribeApplications")
        began = self._applications.get(application)
        return began is not None and self.clock.seconds - began >= self.lag

    def version(self, _: str, label: str) -> ApplicationVersion | None:
        self._called("DescribeApplicationVersions")
        found = self._versions.get(label)
        if found is None:
            return None
        done = self.clock.seconds - found[1] >= self.durations.processing
        return replace(found[0], status="PROCESSED" if done else "PROCESSING")

    def environments(self, _: str, names: Sequence[str] = ()) -> tuple[Environment, ...]:
        self._called("DescribeEnvironments")
        return tuple(map(self._now, [name for name in names or self._environments if self._is_shown(name)]))

    def environment(self, _: str, name: str) -> Environment | None:
        self._called("DescribeEnvironments")
        return self._now(name) if self._is_shown(name) else None

    def last_environment(self, _: str, name: str) -> Environment | None:
        self._called("DescribeEnvironments")
        return self._now(name) if self._is_shown(name) else self._ended.get(name)

    def _is_shown(self, name: str) -> bool:
        """Whether reads show an environment. One whose launch was denied something ends here."""
        if name not in self._environments:
            return False
        found, began = self._environments[name]
        if name in self.denied and self.clock.seconds - began >= self.durations.denial:
            self._ended[name] = replace(found, status="Terminated", health="Grey")
            del self._environments[name]
            return False
        return self.clock.seconds - began >= self.lag

    def _now(self, name: str) -> Environment:
        found, began = self._environments[name]
        age, since_swap = self.clock.seconds - began, self.clock.seconds - self.swapped
        if age < self.durations.creation:
            return replace(found, status="Launching", health="Grey", health_status="")
        busy = since_swap < self.durations.swap or self.clock.seconds < self.busy.get(name, 0.0)
        status = "Updating" if busy else "Ready"
        green = age >= self.durations.creation + self.durations.health
        return replace(
            found, status=status, health="Green" if green else "Grey", health_status="Ok" if green else "Pending"
        )

    def events(
        self, _: str, name: str | None = None, *__: object, environment_id: str = "", **___: object
    ) -> tuple[Event, ...]:
        self._called("DescribeEvents")
        name = environment_id.removeprefix("e-") if environment_id else name
        if name is None or not self.told:
            return ()
        if self._is_shown(name) or name not in self._ended:
            return self._events(name, *self._environments[name])
        return () if environment_id and not self.by_id else self._events_of_the_end(name)

    def _events_of_the_end(self, name: str) -> tuple[Event, ...]:
        """Of one whose launch was denied something, newest first."""
        if name not in self.denied:
            return (Event(self.clock.now(), "INFO", "terminateEnvironment is starting.", name),)
        at = self._ended[name].created
        told = (
            ("ERROR", "Failed to launch environment."),
            ("ERROR", self.denied[name]),
            ("INFO", "createEnvironment is starting."),
        )
        return (*(Event(at, *event, name) for event in told), Event(at, "ERROR", "A failure of long ago.", name))

    def _events(self, name: str, made: Environment, began: float) -> tuple[Event, ...]:
        told = {
            0.0: "createEnvironment is starting.",
            self.durations.creation: f"Successfully launched environment: {name}",
            self.durations.creation + self.durations.health: "Environment health has transitioned from Pending to Ok.",
        }
        return tuple(
            Event(made.created + timedelta(seconds=after), "INFO", text, name)
            for after, text in told.items()
            if began + after <= self.clock.seconds
        )[::-1]

    def instances(self, environment: str) -> tuple[InstanceHealth, ...]:
        self._called("DescribeInstancesHealth")
        self._require(environment)
        found = self._now(environment)
        count = self.counts.get(environment, 1)
        return tuple(
            InstanceHealth(f"i-{number}", "Ok", "Green", self.causes, found.version_label, "Deployed")
            for number in range(1, count + 1)
        )

    def _require(self, name: str) -> None:
        if not self._is_shown(name):
            raise AwsRefused(
                "AWS refused it.",
                why=f"No Environment found for EnvironmentName = '{name}'.",
                code="InvalidParameterValue",
            )

    def instance_count(self, environment: str) -> int:
        self._called("DescribeEnvironmentResources")
        return self.counts.get(environment, 1)

    def settings(self, _: str, environment: str) -> tuple[OptionSetting, ...]:
        """Those of the stage, and over them what the environment was created with, and changed to."""
        self._called("DescribeConfigurationSettings")
        changed = [options for name, options in self.updates if name == environment]
        sizes = {name: value for options in changed for name, value in options.items()}
        return tuple(replace(item, value=sizes.get(item.name, item.value)) for item in STAGE.options)

    def managed_actions(self, _: str) -> tuple[Any, ...]:
        self._called("DescribeEnvironmentManagedActions")
        return ()

    def platform(self, arn: str) -> Platform:
        self._called("DescribePlatformVersion")
        return Platform(arn, "Recommended", "Supported")

    def platform_arn(self, _: str) -> str:
        self._called("ListPlatformVersions")
        return self.branch

    def image_ids(self, _: str) -> tuple[str, ...]:
        self._called("DescribeInstances")
        return ("ami-1",)

    def quotas(self) -> Quotas:
        for operation in ("DescribeAccountAttributes", "DescribeApplicationVersions", "DescribeEnvironments"):
            self._called(operation)
        return Quotas(1, 1000, 1, 200)

    def metrics(self, environment: str) -> Metrics:
        return self.health(environment).metrics

    def health(self, environment: str) -> EnvironmentHealth:
        """The last report, whoever asks how often; its age as the answer's date tells it, to the second."""
        self._called("DescribeEnvironmentHealth")
        if self.basic:
            raise AwsRefused("AWS refused.", code="InvalidRequestException")
        if environment not in self._environments:
            raise AwsRefused("AWS refused.", code="InvalidParameterValue")
        now, (_, began) = self.clock.seconds, self._environments[environment]
        interval, status = self.durations.sample, self._now(environment).status
        at = self.phase + (now - self.phase) // interval * interval
        if at < began + self.durations.creation:
            return EnvironmentHealth("Grey", "Pending", (), Metrics(0, 0, None), status)
        found = self.report(environment, at)
        time = self.clock.now() - timedelta(seconds=now - at)
        told = replace(found.metrics, refreshed_at=time)
        return replace(found, metrics=told, environment_status=status, age=int(now) - at + 1.0)

    def _healthy(self, environment: str, at: float) -> EnvironmentHealth:
        green = at >= self.greens_at(environment)
        metrics = Metrics(requests=0, failed=0, p99=None, instances=1)
        return EnvironmentHealth(*(("Green", "Ok") if green else ("Grey", "Pending")), (), metrics)

    def greens_at(self, environment: str) -> float:
        """When an environment is healthy."""
        return self._environments[environment][1] + self.durations.creation + self.durations.health

    def reported_after(self, environment: str) -> float:
        """Seconds from then until the agents have reported it."""
        return (self.phase - self.greens_at(environment)) % self.durations.sample

    def request_log_tail(self, _: str) -> None:
        self._called("RequestEnvironmentInfo")

    def log_tails(self, _: str) -> tuple[LogTail, ...]:
        self._called("RetrieveEnvironmentInfo")
        asked = self.calls["RequestEnvironmentInfo"]
        return (LogTail("i-1", self.clock.now(), "https://logs.example.com/i-1"),) if asked else ()

    def cname_available(self, _: str) -> bool:
        self._called("CheckDNSAvailability")
        return True

    # mutations

    def create_application(self, application: str) -> None:
        self._called("CreateApplication")
        self._applications[application] = self.clock.seconds
        if "CreateApplication" in self.lost:
            raise NoAnswer("No answer came to elasticbeanstalk:CreateApplication.")

    def create_version(self, version: ApplicationVersion, _: str) -> None:
        self._called("CreateApplicationVersion")
        self._versions[version.label] = (version, self.clock.seconds)

    def update_options(self, environment: str, options: Sequence[OptionSetting], *_: object) -> None:
        """A new size is there at once."""
        self._called("UpdateEnvironment")
        self._resize(environment, options)

    def _resize(self, environment: str, options: Sequence[OptionSetting]) -> None:
        sizes = {item.name: item.value for item in options}
        self.updates.append((environment, sizes))
        if "MinSize" in sizes:
            self.counts[environment] = max(self.counts.get(environment, 1), int(sizes["MinSize"]))

    def create_environment(
        self,
        *,
        name: str,
        label: str,
        cname_prefix: str | None,
        platform_arn: str = "",
        options: Sequence[OptionSetting] = (),
        **_: object,
    ) -> None:
        self._called("CreateEnvironment")
        self._resize(name, [item for item in options if item not in STAGE.options])
        domain = "eu-central-1.elasticbeanstalk.com"
        cname = f"{cname_prefix or f'{name}.eba-x'}.{domain}"
        made = Environment(
            name,
            f"e-{name}",
            STAGE.application,
            label,
            "Launching",
            "Grey",
            "",
            cname,
            f"{name}.elb.example.com",
            self.clock.now(),
            platform_arn,
        )
        self._environments[name] = (made, self.clock.seconds)
        if "CreateEnvironment" in self.lost:
            raise NoAnswer("No answer came to elasticbeanstalk:CreateEnvironment.")

    def terminate(self, environment_id: str) -> None:
        self._called("TerminateEnvironment")
        name = environment_id.removeprefix("e-")
        pending = {"Launching": "creation", "Updating": "deployment"}.get(self._now(name).status)
        if pending:
            why = f"Cannot terminate environment named {name}. It is currently pending {pending}."
            raise Busy("AWS refused elasticbeanstalk:TerminateEnvironment.", why=f"InvalidParameterValue: {why}")
        self._ended[name] = replace(self._now(name), status="Terminated")
        del self._environments[name]

    def swap_cnames(self, one: str, other: str) -> None:
        self._called("SwapEnvironmentCNAMEs")
        (first, began), (second, later) = self._environments[one], self._environments[other]
        self._environments[one] = (replace(first, cname=second.cname), began)
        self._environments[other] = (replace(second, cname=first.cname), later)
        self.swapped = self.clock.seconds


class SimulatedStorage(MemoryStorage):
    """A bucket whose answers take their time."""

    bucket = "elasticbeanstalk-eu-central-1-123456789012"
    bundle = b""
    """What is uploaded."""

    def __init__(self, clock: MemoryClock, durations: Durations) -> None:
        super().__init__(clock)
        self._durations = durations
        self._lock = threading.Lock()
        self.refuses: Callable[[str], EbcdError | None] = lambda key: None
        """What the writing of a key is answered with."""

    def _called(self) -> None:
        with self._lock:
            self.clock.seconds += self._durations.storage

    def bucket_exists(self) -> bool:
        self._called()
        return True

    def exists(self, key: str) -> bool:
        self._called()
        return key in self.objects

    def get(self, key: str) -> Any:
        self._called()
        return super().get(key)

    def keys(self, prefix: str) -> Iterator[str]:
        self._called()
        return super().keys(prefix)

    def upload(self, key: str, *_: object, **__: object) -> Upload:
        self._called()
        self._write(key, self.bundle)
        return Upload(0, 0)

    def open(self, key: str) -> io.BytesIO:
        self._called()
        return io.BytesIO(self.objects[key][0])

    def _write(self, key: str, body: bytes) -> str:
        self._called()
        if refusal := self.refuses(key):
            raise refusal
        return super()._write(key, body)


@dataclass
class SimulatedProber:
    """Every probe is answered, by the release that the stage's last bundle is of."""

    clock: MemoryClock
    label: Callable[[], str]
    status: Callable[[str], int]
    resolver: Callable[[str], frozenset[str]] = lambda name: frozenset()
    """Where a name leads from here."""

    def get(self, address: str, *_: object, **__: object) -> ProbeResult:
        self.clock.seconds += 0.05
        return ProbeResult(self.status(address), self.label().encode(), 0.05)

    def download(self, _: str) -> str:
        return ""

    def addresses(self, name: str) -> frozenset[str]:
        return self.resolver(name)


@dataclass(frozen=True)
class Shipped:
    """A ship, in simulated seconds."""

    seconds: float
    aws: float
    """What AWS took, and the stage asked for, had nobody had to notice it."""
    most_looks: int
    """The most DescribeEnvironments within a minute."""
    calls: Counter[str]

    @property
    def lost(self) -> float:
        """The share that ebcd took."""
        return (self.seconds - self.aws) / self.seconds


@dataclass
class World:
    """A stage whose ships take simulated time."""

    stage: Stage = field(default_factory=lambda: replace(STAGE, bake=0.0))
    durations: Durations = field(default_factory=Durations)
    pause: float = 4.0
    """Seconds between two looks."""

    def __post_init__(self) -> None:
        self.clock = MemoryClock()
        self.beanstalk = Simulated(self.clock, self.durations)
        self.storage = SimulatedStorage(self.clock, self.durations)
        self.status: Callable[[], int] = lambda: 200
        """What probes are answered with."""
        self.statuses: dict[str, int] = {}
        """What those to an environment's own address are answered with."""
        self.resolver: Callable[[str], frozenset[str]] = lambda name: frozenset()
        """Where a name leads from the machine that ships."""
        self.timing = Timing()
        self.progress: Progress = SilentProgress()
        self.live_address = ""
        """The local Beanstalk's load balancer, where the stage is on one."""
        self.run = Run("ship", self.stage, 0.0)
        """The last run."""
        self._number = 0

    def ship(self, *, swap: bool = True, again: bool = False) -> Shipped:
        """Ship the next version, or the same one again. Raises what ship raises."""
        self._number += not again
        made = bundle(self._number)
        made = replace(made, commit=replace(made.commit, sha=f"{self._number:012x}{'0' * 28}"))
        services = self.services(made.version_label)
        self.run = run = Run("ship", self.stage, 0.0, bundle=made)
        start, before = self.clock.seconds, Counter(self.beanstalk.calls)
        first = self._number == 1
        shipping.ship(run, services, shipping.ShipOptions(swap))
        spent, own = self.clock.seconds - start, self.durations
        aws = own.processing + own.creation + own.health + self.stage.stable + (0.0 if first else own.swap)
        assert run.release is not None
        aws += self.beanstalk.reported_after(run.release.environment)
        times = [time for time in self.beanstalk.times if time >= start]
        most = max(sum(1 for other in times if time <= other < time + 60.0) for time in times)
        return Shipped(spent, aws, most, Counter(self.beanstalk.calls) - before)

    def services(self, label: str) -> Services:
        """What a run works with. label: what the probes' answers name."""
        storage, names = cast(Any, self.storage), (self.stage.application, self.stage.name)
        return Services(
            beanstalk=cast(Any, self.beanstalk),
            storage=storage,
            ledger=Ledger(storage, *names),
            lock=Lock(storage, *names, self.clock),
            hold=Hold(storage, *names),
            prober=SimulatedProber(
                self.clock,
                lambda: label,
                lambda address: self.statuses.get(address) or self.status(),
                self.resolver,
            ),
            clock=self.clock,
            progress=self.progress,
            caller=Caller("ada", "desk"),
            pace=AdaptiveInterval(self.pause),
            timing=self.timing,
            live_address=self.live_address,
        )
