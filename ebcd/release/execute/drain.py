"""Whether an environment that left live is needed after all: resolvers, JVMs and kept connections remember it.

What its load balancer got from clients decides. CloudWatch tells that some minutes late, and not everybody may read it;
until then, or else, what its instances got in the last ten seconds decides, less the health checks among it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from ebcd import words
from ebcd.errors import AwsRefused
from ebcd.model import ASG, Environment, OptionSetting
from ebcd.release.execute.context import Services
from ebcd.release.execute.polling import BASIC_HEALTH
from ebcd.release.plan.steps import ScaleDown, TerminateEnvironment

MINUTE = timedelta(minutes=1)
LATE = 3 * MINUTE
"""How late CloudWatch has what a load balancer counted."""
LEAST, MOST = 5 * MINUTE, 10 * MINUTE
"""The time whose requests are read, after the time in which resolvers may remember."""
STRANGERS = 1
"""Requests a minute that are nobody's who remembers: whatever has a public address is scanned."""
HOLDS_LIVE = "it holds the live CNAME by now"
MOST_ZONES = 6
"""Zones that a region has at most; that many are assumed where nothing says in how many a load balancer is."""

_ENVIRONMENT = "aws:elasticbeanstalk:environment"
_PROCESS, _CLASSIC = "aws:elasticbeanstalk:environment:process:", "aws:elb:healthcheck"
_SECONDS = 10.0
"""What enhanced health's count of requests covers."""


def needed(services: Services, environment: Environment, step: TerminateEnvironment | ScaleDown) -> str:
    """Why the environment stays as it is, whatever the plan says; empty where it may go."""
    if step.cname and environment.cname == step.cname:
        return HOLDS_LIVE
    still = serving(services, environment, step.left) if step.left else ""
    if not still:
        return ""
    return f"{still}: clients remember it, and the next ship looks again. Without: ebcd retire --force {services.flags}"


def serving(services: Services, environment: Environment, left: datetime) -> str:
    """What it still gets from clients; empty when it is quiet, or where nobody can tell: time must do then.

    left: when it left live.
    """
    forgotten = left + timedelta(seconds=services.timing.dns_ttl)
    seen = span(forgotten, services.clock.now())
    requests = _by_balancer(services, environment, seen) if seen else None
    if seen is None or requests is None:
        return _by_instances(services, environment)
    minutes = (seen[1] - seen[0]) // MINUTE
    few = requests <= STRANGERS * minutes
    return "" if few else f"it still got {words.count(requests, 'request')} in {minutes} minutes"


def span(forgotten: datetime, now: datetime) -> tuple[datetime, datetime] | None:
    """The whole minutes that tell whether what left live is still reached; None where too few have passed. Pure.

    forgotten: when resolvers have forgotten it.
    """
    until = _whole(now - LATE)
    since = max(_whole(forgotten) + MINUTE, until - MOST)
    return (since, until) if until - since >= LEAST else None


def _whole(at: datetime) -> datetime:
    return at.replace(second=0, microsecond=0)


def _by_balancer(services: Services, environment: Environment, seen: tuple[datetime, datetime]) -> int | None:
    """Clients' requests in a span of time; None without a load balancer that counts them, or that may be asked for."""
    if services.cloudwatch is None:
        return None
    try:
        names = services.beanstalk.load_balancers(environment.name)
        counts = [services.cloudwatch.requests(name, *seen) for name in names]
    except AwsRefused as error:
        services.progress.note(f"{error.what} What its instances got decides.")
        return None
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def _by_instances(services: Services, environment: Environment) -> str:
    """What instances got in the last ten seconds, beyond what health checks can be."""
    try:
        seen = services.beanstalk.metrics(environment.name)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return ""
    if not seen.requests:
        return ""
    settings = services.beanstalk.settings(environment.application, environment.name)
    if seen.requests <= max(1, seen.instances) * checks(settings):
        return ""
    return f"it still got {words.count(seen.requests, 'request')} in ten seconds"


def checks(settings: Iterable[OptionSetting]) -> int:
    """How many health checks an instance gets in ten seconds at most: from each zone's node of the load balancer, by
    itself, at its own interval. None without a load balancer, or where it only connects. Pure.

    Source: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/target-group-health-checks.html
    """
    found = {(item.namespace, item.name): item.value for item in settings}
    if found.get((_ENVIRONMENT, "EnvironmentType")) == "SingleInstance":
        return 0
    classic = found.get((_ENVIRONMENT, "LoadBalancerType"), "classic") == "classic"
    return zones(found) * sum(int(_SECONDS // interval) + 1 for interval in _intervals(found, classic=classic))


def _intervals(found: Mapping[tuple[str, str], str], *, classic: bool) -> list[float]:
    """Seconds between two checks of one node, for each port that is checked by a request."""
    if classic:
        target = found.get((_CLASSIC, "Target")) or found.get(
            ("aws:elasticbeanstalk:application", "Application Healthcheck URL"), ""
        )
        asks = bool(target) and not target.upper().startswith(("TCP", "SSL"))
        return [float(found.get((_CLASSIC, "Interval"), 10))] if asks else []
    processes = {space for space, _ in found if space.startswith(_PROCESS)} or {f"{_PROCESS}default"}
    asked = [space for space in processes if not found.get((space, "Protocol"), "HTTP").upper().startswith("TCP")]
    return [float(found.get((space, "HealthCheckInterval"), 15)) for space in asked]


def zones(found: Mapping[tuple[str, str], str]) -> int:
    """In how many zones a load balancer has a node, at most."""
    for place in (("aws:ec2:vpc", "ELBSubnets"), ("aws:ec2:vpc", "Subnets"), (ASG, "Custom Availability Zones")):
        if named := [item for item in found.get(place, "").split(",") if item.strip()]:
            return len(named)
    count = found.get((ASG, "Availability Zones"), "").removeprefix("Any").strip()
    return int(count) if count.isdigit() else MOST_ZONES
