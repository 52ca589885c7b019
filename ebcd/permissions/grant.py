"""One statement of a policy, with its reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

ANY = ("*",)
REGION: Mapping[str, Mapping[str, object]] = {"StringEquals": {"aws:RequestedRegion": "${AWS::Region}"}}
"""The condition of what IAM cannot limit to resources: it is done in the stack's own region only."""


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of a policy."""

    name: str
    """Its Sid."""
    why: str
    """What would fail without it; of a denial, what could happen without it."""
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    condition: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    effect: Literal["Allow", "Deny"] = "Allow"


def here(service: str, resource: str) -> str:
    """The ARN of something in the stack's own region and account, as CloudFormation's Fn::Sub reads it."""
    return f"arn:${{AWS::Partition}}:{service}:${{AWS::Region}}:${{AWS::AccountId}}:{resource}"


def named(service: str, resource: str) -> tuple[str, ...]:
    """ARNs of what Beanstalk names (at `{}` in the resource): it begins with one of two words."""
    return tuple(here(service, resource.format(name)) for name in ("awseb-", "eb-"))
