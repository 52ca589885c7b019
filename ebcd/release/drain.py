"""Whether an environment that left live still gets requests: resolvers, JVMs and kept connections remember it."""

from __future__ import annotations

from ebcd.errors import AwsRefused
from ebcd.release.run import Services
from ebcd.release.waits import BASIC_HEALTH

QUIET = 3
"""Requests in ten seconds, for each instance, that are no client's: a load balancer's own checks may be counted."""


def serving(services: Services, environment: str) -> str:
    """What it still gets; empty when it is quiet, or reports basic health only and cannot tell: time must do then."""
    try:
        seen = services.beanstalk.metrics(environment)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return ""
    if seen.requests <= QUIET * max(1, seen.instances):
        return ""
    return f"it still got {seen.requests} requests in ten seconds"
