"""A sample of an environment's health: what its agents reported at one moment, all of it together.

Agents report every ten seconds on AWS, and what is answered between two reports is the earlier one:
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-metrics.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from ebcd_local.balancer import Traffic
from ebcd_local.health import Health
from ebcd_local.measure import Usage
from ebcd_local.records import InstanceRecord


@dataclass(frozen=True, slots=True)
class InstanceSample:
    """What a sample says of one instance."""

    health: Health
    usage: Usage
    healthy: bool
    """What the health checks say."""
    traffic: Traffic
    record: InstanceRecord
    """What was deployed to it."""


@dataclass(frozen=True, slots=True)
class HealthSample:
    """What agents and health checks reported of an environment."""

    at: datetime
    health: Health
    traffic: Traffic
    instances: Mapping[str, InstanceSample]
    """By instance id, oldest first."""
