"""Auto Scaling's trigger: how many instances an environment should have, from measured load. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.managing.as.html
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from ebcd_local.options import Options

_TRIGGER = "aws:autoscaling:trigger"


@dataclass(frozen=True, slots=True)
class Load:
    """What one look at an environment measured."""

    at: float
    """Monotonic seconds."""
    instances: int
    requests: int
    """Since the look before."""
    latency: float | None
    """Median seconds of an answer; None without requests."""
    cpu: float
    """Percent, an instance's on average."""

    def value(self, measure: str) -> float | None:
        """A measure's value; None where there is none."""
        match measure:
            case "CPUUtilization":
                return self.cpu
            case "RequestCount":
                return float(self.requests)
            case "Latency" | "TargetResponseTime":
                return self.latency
        return None


@dataclass(frozen=True, slots=True)
class Trigger:
    """When to scale, and by how much."""

    measure: str
    statistic: str
    lower: float
    upper: float
    breach: float
    """Seconds that a bound must be broken for."""
    lower_increment: int
    upper_increment: int

    @classmethod
    def of(cls, options: Options, speed: float) -> Trigger:
        """From effective option settings; times are divided by `speed`."""
        found = {name: value for (space, name), value in options.items() if space == _TRIGGER}
        return cls(
            measure=found.get("MeasureName", "NetworkOut"),
            statistic=found.get("Statistic", "Average"),
            lower=float(found.get("LowerThreshold", 2_000_000)),
            upper=float(found.get("UpperThreshold", 6_000_000)),
            breach=float(found.get("BreachDuration", 5)) * 60 / speed,
            lower_increment=int(found.get("LowerBreachScaleIncrement", -1)),
            upper_increment=int(found.get("UpperBreachScaleIncrement", 1)),
        )


@dataclass(slots=True)
class Scaler:
    """What a trigger remembers: the loads of the last breach duration."""

    loads: deque[Load] = field(default_factory=lambda: deque(maxlen=10_000))


def decide(scaler: Scaler, load: Load, trigger: Trigger, *, minimum: int, maximum: int) -> int:
    """How many instances there should be. A change begins a new time of watching, as a cooldown does."""
    scaler.loads.append(load)
    while scaler.loads and scaler.loads[0].at < load.at - trigger.breach:
        scaler.loads.popleft()
    wanted = load.instances
    if load.at - scaler.loads[0].at >= 0.9 * trigger.breach:
        wanted += _increment(scaler, trigger)
    wanted = max(minimum, min(maximum, wanted))
    if wanted != load.instances:
        scaler.loads.clear()
    return wanted


def _increment(scaler: Scaler, trigger: Trigger) -> int:
    values = [value for load in scaler.loads if (value := load.value(trigger.measure)) is not None]
    if not values:
        return 0
    match trigger.statistic:
        case "Minimum":
            found = min(values)
        case "Maximum":
            found = max(values)
        case "Sum":
            found = sum(values)
        case _:
            found = sum(values) / len(values)
    if found > trigger.upper:
        return trigger.upper_increment
    return trigger.lower_increment if found < trigger.lower else 0
