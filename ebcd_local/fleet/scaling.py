"""Auto Scaling's trigger: two alarms on one measure, and what they do to the number of instances. Pure.

An alarm that lasts repeats its action: each minute, and not within the group's cooldown. So an environment without
users comes to its MinSize by itself.
Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-autoscaling-triggers.html
https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/AlarmThatSendsEmail.html
https://docs.aws.amazon.com/autoscaling/ec2/userguide/simple-scaling-policies.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from ebcd_local.options import ASG, Options

_TRIGGER = "aws:autoscaling:trigger"
MINUTE = 60.0
BASIC, DETAILED = 5 * MINUTE, MINUTE
"""Seconds that one data point of an instance's own measures covers, by its MonitoringInterval."""
MEASURED = frozenset(
    {
        "CPUUtilization",
        "HealthyHostCount",
        "Latency",
        "NetworkIn",
        "NetworkOut",
        "RequestCount",
        "TargetResponseTime",
        "UnhealthyHostCount",
    }
)
"""Measures that have values here. Those of disks have none, as on AWS where instances have no disk of their own: EC2
counts instance store volumes alone.

Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/viewing_metrics_with_cloudwatch.html
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What one look at an environment measured."""

    at: float
    """Monotonic seconds."""
    instances: int
    requests: int = 0
    """Clients' requests since the look before."""
    latency: float | None = None
    """Median seconds of an answer; None without requests."""
    cpu: float = 0.0
    """Percent, an instance's on average."""
    healthy: int = 0
    """Instances that pass their health checks."""
    sent: Mapping[str, int] = field(default_factory=dict)
    """By instance: bytes that it has sent to clients since it was launched."""
    received: Mapping[str, int] = field(default_factory=dict)
    """By instance: bytes that it has received from them."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """When to scale, and by how much. Times are seconds, divided by the server's speed."""

    measure: str
    statistic: str
    lower: float
    upper: float
    period: float
    """What one value of the statistic covers."""
    evaluations: int
    """How many values in a row must be beyond a bound."""
    minute: float
    """A minute, what a data point of a load balancer covers."""
    point: float
    """What one data point of an instance covers."""
    rest: float
    """How long nothing is scaled after an action: the cooldown, at least the minute until the alarm acts again."""
    lower_increment: int
    upper_increment: int

    @classmethod
    def of(cls, options: Options, speed: float) -> Trigger:
        """From effective option settings. Where the times contradict each other, the breach duration counts.

        Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options-general.html
        """
        found = {name: value for (space, name), value in options.items() if space == _TRIGGER and value}
        period, evaluations = float(found.get("Period", 5)), int(found.get("EvaluationPeriods", 1))
        breach = float(found.get("BreachDuration", period * evaluations))
        if breach != period * evaluations:
            evaluations = max(1, round(breach / period))
            period = breach / evaluations
        detailed = options.get(("aws:autoscaling:launchconfiguration", "MonitoringInterval")) == "1 minute"
        cooldown = float(options.get((ASG, "Cooldown")) or 360)
        return cls(
            measure=found.get("MeasureName", "NetworkOut"),
            statistic=found.get("Statistic", "Average"),
            lower=float(found.get("LowerThreshold", 2_000_000)),
            upper=float(found.get("UpperThreshold", 6_000_000)),
            period=period * MINUTE / speed,
            evaluations=evaluations,
            minute=MINUTE / speed,
            point=(DETAILED if detailed else BASIC) / speed,
            rest=max(cooldown, MINUTE) / speed,
            lower_increment=int(found.get("LowerBreachScaleIncrement", -1)),
            upper_increment=int(found.get("UpperBreachScaleIncrement", 1)),
        )

    @property
    def span(self) -> float:
        """Seconds of loads that a decision needs."""
        return max(self.period * self.evaluations, self.point)


@dataclass(slots=True)
class Scaler:
    """What a trigger remembers."""

    loads: deque[Load] = field(default_factory=deque)
    """Those of its span, and the last one before."""
    rests_until: float = 0.0
    """Monotonic seconds before which no alarm acts."""
    unmeasured: str = ""
    """The measure of which an event has told that it has no values here."""

    def scaled(self, at: float, trigger: Trigger) -> None:
        """An alarm's action has ended."""
        self.rests_until = at + trigger.rest


def decide(scaler: Scaler, load: Load, trigger: Trigger, *, minimum: int, maximum: int) -> int:
    """How many instances there should be."""
    loads = scaler.loads
    loads.append(load)
    while len(loads) > 1 and loads[1].at <= load.at - trigger.span:
        loads.popleft()
    within = max(minimum, min(maximum, load.instances))
    if within != load.instances or load.at < scaler.rests_until:
        return within
    return max(minimum, min(maximum, load.instances + _increment(scaler, trigger)))


def _increment(scaler: Scaler, trigger: Trigger) -> int:
    """What the alarm that lasts adds; 0 where none does, or where there is too little data to tell."""
    loads = tuple(scaler.loads)
    now, values = loads[-1].at, []
    for number in range(trigger.evaluations):
        until = now - number * trigger.period
        value = _value(loads, trigger, until)
        if value is None:
            return 0
        values.append(value)
    if min(values) > trigger.upper:
        return trigger.upper_increment
    return trigger.lower_increment if max(values) < trigger.lower else 0


def _value(loads: tuple[Load, ...], trigger: Trigger, until: float) -> float | None:
    """The measure's statistic over the period that ends at `until`; None where it has no value."""
    network = trigger.measure in {"NetworkIn", "NetworkOut"}
    seconds = max(trigger.period, trigger.point) if network else trigger.period
    seen = [load for load in loads if load.at <= until]
    before = [load for load in seen if load.at <= until - seconds]
    during = seen[len(before) :]
    if not before or not during:
        return None
    if network:
        return _of_network(before[-1], during[-1], trigger, points=seconds / trigger.point)
    if trigger.measure == "RequestCount":
        total = float(sum(load.requests for load in during))
        return total if trigger.statistic == "Sum" else total * trigger.minute / trigger.period
    return _statistic(trigger.statistic, [value for load in during if (value := _single(load, trigger)) is not None])


def _single(load: Load, trigger: Trigger) -> float | None:
    match trigger.measure:
        case "CPUUtilization":
            return load.cpu
        case "Latency" | "TargetResponseTime":
            return load.latency
        case "HealthyHostCount":
            return float(load.healthy)
        case "UnhealthyHostCount":
            return float(load.instances - load.healthy)
    return None


def _of_network(before: Load, after: Load, trigger: Trigger, *, points: float) -> float | None:
    """Bytes of each instance's data points between two looks."""
    earlier, later = (load.sent if trigger.measure == "NetworkOut" else load.received for load in (before, after))
    passed = [float(total - earlier.get(name, 0)) for name, total in later.items()]
    if trigger.statistic == "Sum":
        return sum(passed)
    return _statistic(trigger.statistic, [value / points for value in passed])


def _statistic(name: str, values: list[float]) -> float | None:
    if not values:
        return None
    match name:
        case "Minimum":
            return min(values)
        case "Maximum":
            return max(values)
        case "Sum":
            return sum(values)
        case _:
            return sum(values) / len(values)
