"""Enhanced health: a colour, a status and the causes, from health checks and real requests. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-status.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ebcd_local.balancer import Traffic

ENOUGH = 10
"""Requests below which a share of failures says nothing."""
SEVERE_SHARE, DEGRADED_SHARE, WARNING_SHARE = 0.5, 0.1, 0.01


@dataclass(frozen=True, slots=True)
class Health:
    """How something does."""

    color: str
    status: str
    causes: tuple[str, ...] = ()


OK = Health("Green", "Ok")
PENDING = Health("Grey", "Pending")


def of_instance(healthy: bool | None, error: str, traffic: Traffic, causes: list[str]) -> Health:
    """An instance's health. healthy: what the last health check saw; None before the first."""
    if healthy is None:
        return PENDING
    if not healthy:
        return Health("Red", "Severe", (f"The health check failed: {error}.", *causes))
    if failing := _failing(traffic):
        return Health(failing.color, failing.status, (*failing.causes, *causes))
    return Health("Yellow", "Warning", tuple(causes)) if causes else OK


def of_environment(instances: Mapping[str, Health], traffic: Traffic, failed: str) -> Health:
    """An environment's health. failed: why its last deployment failed; empty when it did not."""
    if failed:
        return Health("Red", "Degraded", (failed,))
    known = [item for item in instances.values() if item is not PENDING]
    if not known:
        return PENDING
    down = [item for item in known if item.status == "Severe" and item.color == "Red"]
    if len(down) == len(known):
        return Health("Red", "Severe", ("ELB health is failing or not available for all instances.",))
    if down:
        worse = Health("Red", "Degraded") if 2 * len(down) >= len(known) else Health("Yellow", "Warning")
        return Health(
            worse.color, worse.status, (f"ELB health is failing for {len(down)} out of {len(known)} instances.",)
        )
    if failing := _failing(traffic):
        return failing
    causes = tuple(cause for item in known for cause in item.causes)
    return Health("Yellow", "Warning", causes) if causes else OK


def _failing(traffic: Traffic) -> Health | None:
    share = traffic.status_5xx / traffic.requests if traffic.requests >= ENOUGH else 0.0
    cause = f"{share:.1%} of the requests are failing with HTTP 5xx.".replace("%", " %")
    if share >= SEVERE_SHARE:
        return Health("Red", "Severe", (cause,))
    if share >= DEGRADED_SHARE:
        return Health("Red", "Degraded", (cause,))
    return Health("Yellow", "Warning", (cause,)) if share >= WARNING_SHARE else None
