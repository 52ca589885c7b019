"""Deployment policies: how a version comes to the instances that run, and what a failure leaves behind.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.rolling-version-deploy.html
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ebcd_local.fleet.group import READY_DEADLINE, Group, Member
from ebcd_local.options import COMMAND, Options
from ebcd_local.workflow import DeploymentFailed

_SPLITTING = "aws:elasticbeanstalk:trafficsplitting"


@dataclass(frozen=True, slots=True)
class Settings:
    """What the option settings say about deployments."""

    policy: str
    batch: str
    """A share of the instances (`30%`) or their number."""
    ignore_health: bool
    timeout: float
    """Seconds that a batch may take to be healthy."""
    new_share: int
    """Percent of the requests that traffic splitting sends to the new version."""
    evaluation: float
    """Seconds that traffic splitting watches."""

    @classmethod
    def of(cls, options: Options, speed: float) -> Settings:
        """From effective option settings; times are divided by `speed`."""
        found = {name: value for (space, name), value in options.items() if space == COMMAND}
        splitting = {name: value for (space, name), value in options.items() if space == _SPLITTING}
        percent = "%" if found.get("BatchSizeType", "Percentage") == "Percentage" else ""
        return cls(
            policy=found.get("DeploymentPolicy", "AllAtOnce"),
            batch=found.get("BatchSize", "100") + percent,
            ignore_health=found.get("IgnoreHealthCheck", "false").lower() == "true",
            timeout=float(found.get("Timeout", "600")) / speed,
            new_share=int(splitting.get("NewVersionPercent", "10")),
            evaluation=float(splitting.get("EvaluationTime", "5")) * 60 / speed,
        )

    @property
    def abortable(self) -> bool:
        """Whether a deployment can be aborted between its steps."""
        return self.policy != "AllAtOnce"


@dataclass(frozen=True, slots=True)
class Rollout:
    """One deployment of a version to a group."""

    group: Group
    label: str
    settings: Settings
    say: Callable[[str], None]
    """Adds an event."""

    def say_of_balancer(self, text: str) -> None:
        """Add an event about the load balancer, where there is one."""
        if self.group.balanced:
            self.say(text)


def deploy(rollout: Rollout) -> None:
    """Deploy by the policy. Raises DeploymentFailed and Aborted; what is left then is what the policy leaves."""
    match rollout.settings.policy:
        case "Rolling":
            _rolling(rollout, rollout.group.members)
        case "RollingWithAdditionalBatch":
            _rolling_with_additional_batch(rollout)
        case "Immutable":
            _immutable(rollout)
        case "TrafficSplitting":
            _traffic_splitting(rollout)
        case _:
            _all_at_once(rollout)


def batch_size(batch: str, instances: int) -> int:
    """How many instances a batch has: a share rounded up or a number, at least one and at most all."""
    size = math.ceil(instances * int(batch[:-1]) / 100) if batch.endswith("%") else int(batch)
    return max(1, min(size, instances))


def batches(members: Sequence[Member], batch: str) -> Iterator[Sequence[Member]]:
    """Members in batches."""
    if not members:
        return
    size = batch_size(batch, len(members))
    for start in range(0, len(members), size):
        yield members[start : start + size]


def _all_at_once(rollout: Rollout) -> None:
    rollout.say("Deploying new version to instance(s).")
    members = rollout.group.members
    try:
        rollout.group.deploy(members, rollout.label, leader=True)
        rollout.group.await_healthy(members, READY_DEADLINE)
    finally:
        rollout.group.register(members)


def _rolling(rollout: Rollout, members: Sequence[Member], *, first: int = 1) -> None:
    """Batch by batch out of service, deployed to, healthy, in service. A failure leaves the batches as they are."""
    group = rollout.group
    rollout.say("Deploying new version to instance(s).")
    for number, batch in enumerate(batches(members, rollout.settings.batch), first):
        group.check_abort()
        names = ", ".join(member.instance.id for member in batch)
        rollout.say(f"Batch {number}: Starting application deployment on instance(s) [{names}].")
        rollout.say_of_balancer(
            f"Batch {number}: De-registering instance(s) from load balancer and waiting for them to go out of service."
        )
        group.deregister(batch)
        try:
            group.deploy(batch, rollout.label, leader=number == 1)
            rollout.say_of_balancer(
                f"Batch {number}: Registering instance(s) with the load balancer and waiting for them to be healthy."
            )
            _require_health(rollout, batch)
        except Exception:
            group.readmit(batch)
            raise
        group.register(batch)
        rollout.say(f"Batch {number}: Completed application deployment.")


def _rolling_with_additional_batch(rollout: Rollout) -> None:
    """A new batch first, so that the capacity stays; it is terminated at the end. A failure of it leaves the rest."""
    group, earlier = rollout.group, rollout.group.members
    extra = _launch(rollout, batch_size(rollout.settings.batch, len(earlier)), leader=True)
    group.register(extra)
    _rolling(rollout, earlier, first=2)
    group.remove(extra)


def _immutable(rollout: Rollout) -> None:
    """New instances beside the earlier ones: one, then the others; then the earlier ones go. A failure leaves those."""
    group, earlier = rollout.group, rollout.group.members
    rollout.say("Immutable deployment policy enabled. Launching one instance with the new settings to verify health.")
    added = _launch(rollout, 1, leader=True)
    group.register(added)
    rollout.say("Test instance passed health checks. Launching remaining instances.")
    try:
        added = [*added, *_launch(rollout, len(earlier) - 1)]
        group.check_abort()
    except Exception:
        group.remove([member for member in group.members if member not in earlier])
        raise
    group.register(added)
    rollout.say("Deployment succeeded. Terminating old instances and temporary Auto Scaling group.")
    group.remove(earlier)


def _traffic_splitting(rollout: Rollout) -> None:
    """As many new instances beside the earlier ones, a share of the requests, a watched time; then all of them."""
    group, earlier, share = rollout.group, rollout.group.members, rollout.settings.new_share
    rollout.say("Traffic splitting deployment policy enabled. Launching instances with the new version.")
    added = _launch(rollout, len(earlier), leader=True)
    rollout.say(f"Sending {share} percent of the traffic to the new version.")
    try:
        # Two groups of the same size, so an instance's share of its group's share is the same in both.
        _weigh(added, share)
        _weigh(earlier, 100 - share)
        group.register(added)
        _evaluate(rollout, added)
    except Exception:
        group.remove(added)
        raise
    finally:
        _weigh(group.members, 1)
    rollout.say("The new version was healthy. Shifting all traffic to it and terminating the old instances.")
    group.remove(earlier)


def _weigh(members: Sequence[Member], weight: int) -> None:
    for member in members:
        member.weight = weight


def _evaluate(rollout: Rollout, added: Sequence[Member]) -> None:
    """Watch the new instances. Raises DeploymentFailed and Aborted."""
    deadline = time.monotonic() + rollout.settings.evaluation
    while time.monotonic() < deadline:
        rollout.group.check_abort()
        if not rollout.group.healthy(added):
            raise DeploymentFailed("The new version failed its health checks while the traffic was split.")
        time.sleep(min(1.0, rollout.settings.evaluation))


def _launch(rollout: Rollout, count: int, *, leader: bool = False) -> list[Member]:
    """New members that are healthy and take no requests yet; none is left of those that are not."""
    group, earlier = rollout.group, rollout.group.members
    if count < 1:
        return []
    try:
        added = group.add(count, rollout.label, leader=leader, registered=False)
        _require_health(rollout, added)
    except Exception:
        group.remove([member for member in group.members if member not in earlier])
        raise
    rollout.say_of_balancer(f"Adding instances [{', '.join(member.instance.id for member in added)}] to load balancer.")
    return added


def _require_health(rollout: Rollout, members: Sequence[Member]) -> None:
    if rollout.settings.ignore_health:
        return
    if not rollout.group.await_healthy(members, rollout.settings.timeout):
        names = "','".join(member.instance.id for member in members)
        raise DeploymentFailed(
            f"Instance id(s) '{names}' did not pass health check after command execution. Aborting the operation."
        )
