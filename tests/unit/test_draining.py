"""Who still reaches what left live: by its load balancer's count, or by its instances' less the health checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from memory import MemoryClock
from stages import environment

from ebcd.cli.progress import SilentProgress
from ebcd.errors import AwsRefused
from ebcd.model import Metrics, OptionSetting, Timing
from ebcd.release.execute import drain
from ebcd.release.execute.context import Services

PROCESS = "aws:elasticbeanstalk:environment:process:default"
BALANCED = {("aws:elasticbeanstalk:environment", "LoadBalancerType"): "application"}
SIX_ZONES = BALANCED | {("aws:ec2:vpc", "ELBSubnets"): "a,b,c,d,e,f", (PROCESS, "HealthCheckInterval"): "5"}
HOURS_AGO = timedelta(hours=2)
DENIED = AwsRefused("AWS refused cloudwatch:GetMetricStatistics.", why="AccessDenied", code="AccessDenied")


def settings(found: dict[tuple[str, str], str]) -> tuple[OptionSetting, ...]:
    return tuple(OptionSetting(*place, value) for place, value in found.items())


class Left:
    """An environment that left live: Beanstalk and CloudWatch as a drain asks them."""

    def __init__(self, found: dict[tuple[str, str], str], counted: int, *, clients: float | None, instances: int = 2):
        self._found, self._counted, self._clients, self._instances = found, counted, clients, instances
        self.clock, self.progress, self.timing = MemoryClock(), SilentProgress(), Timing()
        self.balancers: tuple[str, ...] = ("arn",)
        self.beanstalk = self.cloudwatch = self

    def load_balancers(self, _: str) -> tuple[str, ...]:
        return self.balancers

    def requests(self, _: str, since: datetime, until: datetime) -> int:
        if self._clients is None:
            raise DENIED
        return round(self._clients * (until - since) / timedelta(minutes=1))

    def metrics(self, _: str) -> Metrics:
        return Metrics(self._counted, 0, None, self._instances)

    def settings(self, *_: str) -> tuple[OptionSetting, ...]:
        return settings(self._found)


def serving(left: Left, since: timedelta = HOURS_AGO) -> str:
    services = cast(Services, cast(Any, left))
    return drain.serving(services, environment(1), left.clock.now() - since)


def test_six_zones_that_check_each_five_seconds_are_no_users() -> None:
    """Two instances, each checked twice in ten seconds by each of six nodes."""
    assert serving(Left(SIX_ZONES, 24, clients=0)) == ""
    assert serving(Left(SIX_ZONES, 24, clients=None)) == "", "also where nobody may ask CloudWatch"
    assert serving(Left(SIX_ZONES, 24, clients=0), timedelta(seconds=1)) == "", "also before CloudWatch tells"


@pytest.mark.parametrize("counted", [0, 1, 24])
def test_a_few_users_a_minute_are_users(counted: int) -> None:
    assert serving(Left(SIX_ZONES, counted, clients=3)) == "it still got 30 requests in 10 minutes"


def test_whoever_scans_a_public_address_does_not_remember_it() -> None:
    assert serving(Left(SIX_ZONES, 24, clients=1)) == ""


def test_many_requests_are_seen_where_cloudwatch_tells_nothing() -> None:
    assert serving(Left(SIX_ZONES, 60, clients=None)) == "it still got 60 requests in ten seconds"
    assert serving(Left(SIX_ZONES, 60, clients=0), timedelta(minutes=5)) == "it still got 60 requests in ten seconds"


def test_without_a_load_balancer_every_request_is_somebody_s() -> None:
    alone = Left({("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}, 1, clients=0, instances=1)
    alone.balancers = ()
    assert serving(alone) == "it still got 1 request in ten seconds"
    quiet = Left({}, 0, clients=0)
    quiet.balancers = ()
    assert serving(quiet) == ""


AT = datetime(2026, 1, 2, 12, 0, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("ago", "seen"),
    [
        (timedelta(hours=2), (AT.replace(hour=11, minute=47, second=0), AT.replace(hour=11, minute=57, second=0))),
        (timedelta(minutes=10), (AT.replace(hour=11, minute=52, second=0), AT.replace(hour=11, minute=57, second=0))),
        (timedelta(minutes=9), None),
        (timedelta(0), None),
    ],
)
def test_only_whole_minutes_that_are_told_and_behind_the_ttl_are_looked_at(
    ago: timedelta, seen: tuple[datetime, datetime] | None
) -> None:
    assert drain.span(AT - ago + timedelta(minutes=1), AT) == seen


@pytest.mark.parametrize(
    ("found", "most"),
    [
        (SIX_ZONES, 18),
        (BALANCED, 6),
        (BALANCED | {("aws:autoscaling:asg", "Availability Zones"): "Any 2"}, 2),
        (BALANCED | {("aws:autoscaling:asg", "Custom Availability Zones"): "x, y, z"}, 3),
        (BALANCED | {("aws:ec2:vpc", "Subnets"): "a,b", (PROCESS, "HealthCheckInterval"): "10"}, 4),
        (
            BALANCED
            | {("aws:ec2:vpc", "Subnets"): "a", (PROCESS, "Port"): "80", (f"{PROCESS}2", "HealthCheckInterval"): "5"},
            1 + 3,
        ),
        (BALANCED | {(PROCESS, "Protocol"): "TCP"}, 0),
        ({}, 0),
        ({("aws:elb:healthcheck", "Target"): "TCP:80"}, 0),
        ({("aws:elb:healthcheck", "Target"): "HTTP:80/up", ("aws:ec2:vpc", "Subnets"): "a,b"}, 4),
        (
            {
                ("aws:elasticbeanstalk:application", "Application Healthcheck URL"): "/up",
                ("aws:elb:healthcheck", "Interval"): "30",
                ("aws:ec2:vpc", "Subnets"): "a,b",
            },
            2,
        ),
        (SIX_ZONES | {("aws:elasticbeanstalk:environment", "EnvironmentType"): "SingleInstance"}, 0),
    ],
)
def test_health_checks_follow_zones_and_interval(found: dict[tuple[str, str], str], most: int) -> None:
    assert drain.checks(settings(found)) == most
