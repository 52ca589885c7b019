"""An environment's health, sampled: one sampling for the gates, the bake and the measure before the swap.

On AWS the agents report every ten seconds, and every answer until the next report is the same one; RefreshedAt tells
which it is. Whoever counts answers counts one report twice:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-metrics.html
"""

from __future__ import annotations

import json
import math
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from ebcd.errors import AwsRefused
from ebcd.model import Environment, EnvironmentHealth, Metrics, Stage
from ebcd.release.execute.context import Services
from ebcd.release.execute.polling import BASIC_HEALTH, SOON, Heartbeat, failed, poll
from ebcd.release.execute.presence import Presence
from ebcd.release.plan.steps import HoldHealth, MeasureLive

P99_REQUESTS = 100
"""Requests of a sample below which its p99 says nothing: `eb health` marks it so (ebcli/health/data_poller.py)."""
BASELINE = 3
"""Samples that a p99 before the swap is taken from: that of ten seconds varies by its half."""
EARLY = 0.1
"""Share of the time between two samples by which one may come too early: agents do not report to the second."""
REMEMBERED = 6
"""Reports whose times are remembered: an answer with one of them was read before. One with an earlier time that is none
of them is a report all the same: a clock that is set back must not make a bake blind.
"""
MISSING = 2.0
"""How many times that time is waited for a sample before the wait is given up."""

RULE = json.dumps(
    {
        "Rules": {
            "Environment": {
                "Application": {"ApplicationRequests4xx": {"Enabled": False}},
                "ELB": {"ELBRequests4xx": {"Enabled": False}},
            }
        },
        "Version": 1,
    }
)
"""The value of ConfigDocument with which 4xx are no cause of bad health.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-rules.html
"""
_TOO_FEW = "Insufficient request rate"
"""How AWS begins the sentence that it adds to a cause where requests are few."""
_HEALTH = "aws:elasticbeanstalk:healthreporting:system"


@dataclass(frozen=True, slots=True)
class Sample:
    """One report of an environment's health."""

    time: datetime
    """When the agents made it, by AWS's clock; where health reporting is basic, when it was read."""
    environment_status: str
    """The environment's own: Ready, Updating …; empty: not told."""
    color: str
    health_status: str = ""
    causes: tuple[str, ...] = ()
    metrics: Metrics | None = None
    """None: health reporting is basic."""

    @property
    def gone(self) -> bool:
        """Whether the environment has been terminated, or is being."""
        return self.environment_status in {"Terminating", "Terminated"}

    @property
    def only_4xx(self) -> bool:
        """Whether requests that were answered 4xx are all that is wrong: a scanner's are counted like anybody's."""
        sentences = [item for cause in self.causes for item in re.split(r"\.(?:\s+|$)", cause) if item]
        told = [item for item in sentences if not item.startswith(_TOO_FEW)]
        return bool(told) and all("4xx" in item for item in told)

    def __str__(self) -> str:
        return " ".join(filter(None, (self.color, self.health_status)))

    @property
    def explained(self) -> str:
        """The health with its causes."""
        return f"{self}: {' '.join(self.causes)}".rstrip(".") if self.causes else str(self)

    def advice(self, stage: Stage) -> str:
        """How a stage keeps 4xx from being a cause of bad health, where they are the only one; else empty."""
        if not self.only_4xx:
            return ""
        return (
            " Its only cause is 4xx, and a scanner's count like a user's. To leave them out, write under "
            f'[stages.{stage.name}.options."{_HEALTH}"] in ebcd.toml, or under that namespace in .ebextensions: '
            f"ConfigDocument = '{RULE}'"
        )


class HealthSampler:
    """Reads an environment's health, each report once, and knows when the next one is due."""

    def __init__(self, services: Services, application: str, environment: str) -> None:
        self._services, self._application, self._environment = services, application, environment
        self._basic = False
        self._read: deque[datetime] = deque(maxlen=REMEMBERED)
        """The times of the newest reports."""
        self._counted = self._asked = self._next = -1e9
        """When the last sample was read, when it was last asked for, when the next one is expected: monotonic."""

    @property
    def due(self) -> float:
        """Seconds until the next sample is to be asked for; negative when that has passed."""
        again = self._asked + SOON * self._services.pace.seconds
        return max(self._next, again) - self._services.clock.monotonic()

    def factor(self) -> float:
        """What part of the usual pause the next one has."""
        return max(self.due / self._services.pace.seconds, SOON)

    def read(self) -> Sample | None:
        """The newest sample; None where it was read before. Raises what AWS refuses, and Transient."""
        self._asked = self._services.clock.monotonic()
        found = None if self._basic else self._enhanced()
        if isinstance(found, EnvironmentHealth):
            return self._sample(found)
        environment = self._services.beanstalk.environment(self._application, self._environment)
        if environment is None:
            return Sample(self._services.clock.now(), "Terminated", "Grey")
        return self._sample(environment) if self._basic else None

    def _enhanced(self) -> EnvironmentHealth | None:
        """The health as the agents report it; None where they do not, or where there is no such environment."""
        try:
            return self._services.beanstalk.health(self._environment)
        except AwsRefused as error:
            self._basic = error.code in BASIC_HEALTH
            if not self._basic and error.code != "InvalidParameterValue":
                raise
        return None

    def _sample(self, found: EnvironmentHealth | Environment) -> Sample | None:
        """What was found, as a sample. Without a time of its own it is one when enough time has passed."""
        now, interval = self._services.clock.monotonic(), self._services.timing.sample
        if isinstance(found, Environment):
            time, age = None, None
            sample = Sample(self._services.clock.now(), found.status, found.health, found.health_status)
        else:
            time, age = found.refreshed_at, found.age
            sample = Sample(
                time or self._services.clock.now(),
                found.environment_status,
                found.color,
                found.status,
                found.causes,
                found.metrics,
            )
        if time is None and now - self._counted < (1 - EARLY) * interval:
            return None
        if time is not None:
            if time in self._read:
                return None
            self._read.append(time)
        self._counted = now
        self._next = now + interval - min(age or 0.0, interval) + EARLY * interval
        return sample


def samples(services: Services, heartbeat: Heartbeat, sampler: HealthSampler, timeout: float) -> Iterator[Sample]:
    """Each sample of an environment's health, as it comes, until `timeout` seconds have passed."""
    for sample in poll(services, heartbeat, timeout, sampler.read, sampler.factor):
        if sample is not None:
            yield sample


class Doubt(Protocol):
    """Who is told of each report, and raises ReleaseFailed once the health will surely not turn good."""

    def take(self, sample: Sample, *, accepted: bool) -> None:
        """A report."""
        ...


def hold_health(
    services: Services, heartbeat: Heartbeat, stage: Stage, step: HoldHealth, doubt: Doubt | None = None
) -> str:
    """Wait until accepted health has been reported for `step.seconds` on end. Raises ReleaseFailed, as `doubt` does."""
    sampler = HealthSampler(services, stage.application, step.environment)
    presence = Presence(services, stage.application, step.environment)
    held = _Held(services)
    last: Sample | None = None
    for sample in samples(services, heartbeat, sampler, step.timeout):
        if sample.gone:  # raises, unless a read did not show the environment
            presence.check(services.beanstalk.environment(stage.application, step.environment))
            held.end()
            continue
        if str(sample) != str(last):
            services.progress.note(f"health {sample}")
        last = sample
        accepted = sample.environment_status in {"", "Ready"} and sample.color in step.accept
        if held.seconds(sample, accepted=accepted) >= step.seconds - EARLY * services.timing.sample:
            return sample.color
        if doubt is not None:
            doubt.take(sample, accepted=accepted)
    seen = f"its health was {last.explained}" if last else "it had reported no health"
    why = f"After {step.timeout:g} s {seen}.{last.advice(stage) if last else ''}"
    raise failed(services, step.environment, "never turned healthy", why)


class _Held:
    """For how long health has been accepted on end, by the clock of its reports and by ours: either may be set."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._first: tuple[Sample, float] | None = None
        self._last: Sample | None = None

    def end(self) -> None:
        """It is not accepted."""
        self._first = None

    def seconds(self, sample: Sample, *, accepted: bool) -> float:
        """How long it has been with this sample; negative where it is not."""
        now, last = self._services.clock.monotonic(), self._last
        self._last = sample
        if not accepted:
            self.end()
            return -math.inf
        if self._first is None or (last is not None and sample.time < last.time):
            self._first = sample, now
        first, read = self._first
        # A report may have been read late, and the first of them as late as the next one came.
        ours = now - read + self._services.timing.sample
        return min((sample.time - first.time).total_seconds(), ours)


def measure_live(services: Services, heartbeat: Heartbeat, stage: Stage, step: MeasureLive) -> Metrics | None:
    """What live's users get: the newest sample, or where a bake compares p99 the middle one of several.

    None where it cannot be told: health reporting is basic, or no sample came.
    """
    wanted = BASELINE if stage.bake_limits.p99_ratio is not None else 1
    sampler = HealthSampler(services, stage.application, step.environment)
    found: list[Metrics] = []
    for sample in samples(services, heartbeat, sampler, (wanted + MISSING) * services.timing.sample):
        if sample.metrics is None:
            return None
        found.append(sample.metrics)
        if len(found) == wanted:
            break
    return typical(found)


def typical(found: list[Metrics]) -> Metrics | None:
    """Of several samples the one whose p99 is in the middle, of those with enough requests for one. Pure."""
    telling = [item for item in found if item.p99 is not None and item.requests >= P99_REQUESTS]
    ordered = sorted(telling, key=lambda item: item.p99 or 0.0)
    return ordered[len(ordered) // 2] if ordered else (found[-1] if found else None)
