"""An environment's load balancer as other services know it: its name, and its clients' requests in CloudWatch.

Each minute that had requests is a data point; health checks are none. moto keeps and answers them.
Sources: https://docs.aws.amazon.com/elasticloadbalancing/latest/application/load-balancer-cloudwatch-metrics.html
https://docs.aws.amazon.com/elasticloadbalancing/latest/classic/elb-cloudwatch-metrics.html
"""

from __future__ import annotations

import hashlib
from datetime import timedelta

from ebcd_local import options
from ebcd_local.options import Options
from ebcd_local.records import Environment
from ebcd_local.state import ACCOUNT, now

MINUTE = 60.0
_LETTERS = {"application": "app", "network": "net"}


def name(environment: Environment, found: Options) -> str:
    """What DescribeEnvironmentResources calls it: a classic one's name, the ARN of any other; empty without one.

    found: the environment's effective option settings.
    """
    kind = options.balancer_of(found, environment.tier)
    if not kind or kind == "classic":
        return f"awseb-{environment.id}" if kind else ""
    return f"arn:aws:elasticloadbalancing:{environment.region}:{ACCOUNT}:loadbalancer/{_path(environment, kind)}"


def _path(environment: Environment, kind: str) -> str:
    return f"{_LETTERS[kind]}/awseb-{environment.id}/{hashlib.sha256(environment.id.encode()).hexdigest()[:16]}"


class RequestMetrics:
    """Writes down what the load balancers have counted. speed: divides a minute."""

    def __init__(self, speed: float) -> None:
        self._minute = MINUTE / speed
        self._told: dict[str, tuple[float, int]] = {}
        """Environment id → monotonic seconds and requests at the end of its last minute."""

    def count(self, environment: Environment, found: Options, requests: int, at: float) -> None:
        """Add a data point where a minute has passed and had requests.

        requests: how many the load balancer has had so far. at: now, in monotonic seconds.
        """
        began, before = self._told.setdefault(environment.id, (at, requests))
        if at - began < self._minute:
            return
        self._told[environment.id] = (at, requests)
        if requests > before:
            _put(environment, options.balancer_of(found, environment.tier), requests - before, at - began)


def _put(environment: Environment, kind: str, requests: int, seconds: float) -> None:
    from moto.cloudwatch.models import cloudwatch_backends  # much to import, for the first request only

    match kind:
        case "application":
            namespace, dimension, value = "AWS/ApplicationELB", "LoadBalancer", _path(environment, kind)
        case "classic":
            namespace, dimension, value = "AWS/ELB", "LoadBalancerName", f"awseb-{environment.id}"
        case _:
            return
    point = {
        "MetricName": "RequestCount",
        "Dimensions": [{"Name": dimension, "Value": value}],
        "Timestamp": (now() - timedelta(seconds=seconds)).replace(tzinfo=None),  # moto's times have no zone
        "Value": requests,
        "Unit": "Count",
    }
    cloudwatch_backends[ACCOUNT][environment.region].put_metric_data(namespace, [point])
