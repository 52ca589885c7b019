"""Whether an environment that left live is needed after all: resolvers, JVMs and kept connections remember it."""

from __future__ import annotations

from ebcd.errors import AwsRefused
from ebcd.model import Environment
from ebcd.release.run import Services
from ebcd.release.steps import ScaleDown, TerminateEnvironment
from ebcd.release.waits import BASIC_HEALTH

QUIET = 3
"""Requests in ten seconds, for each instance, that are no client's: a load balancer's own checks may be counted."""


HOLDS_LIVE = "it holds the live CNAME by now"


def needed(services: Services, environment: Environment, step: TerminateEnvironment | ScaleDown) -> str:
    """Why the environment stays as it is, whatever the plan says; empty where it may go."""
    if step.cname and environment.cname == step.cname:
        return HOLDS_LIVE
    still = serving(services, environment.name) if step.drained else ""
    return f"{still}: clients remember it; the next ship or ebcd retire looks again" if still else ""


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
