"""Saved configurations as files: what `eb config save` reads from S3 and `eb config put` writes there; env.yaml in a
bundle has the same form.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-configuration-savedconfig.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml

from ebcd_local import option_table, plain_yaml, setting_keys

TIERS = {"WebServer": "Standard", "Worker": "SQS/HTTP"}
"""Names of the tiers, and their types."""
_VERSION = "1.1.0.0"
_TRIGGER = "aws:autoscaling:trigger"
"""The namespace whose options a file lists by the environment's own resource that each is about."""


@dataclass(frozen=True, slots=True)
class SavedConfiguration:
    """What a file says. Option settings are as an environment stores them."""

    description: str = ""
    platform: str = ""
    """A platform's ARN or a solution stack's name."""
    tier: str = "WebServer"
    options: dict[str, str] = field(default_factory=dict)
    environment: str = ""
    """EnvironmentName; with a + at its end a group's name follows."""
    cname: str = ""
    links: dict[str, str] = field(default_factory=dict)
    """Link name → environment name."""


def read(content: bytes) -> SavedConfiguration:
    """What a file says. Raises ValueError with the reason."""
    try:
        found = _load(content)
        return SavedConfiguration(
            description=str(_mapping(found, "EnvironmentConfigurationMetadata").get("Description") or ""),
            platform=str(_mapping(found, "Platform").get("PlatformArn") or found.get("SolutionStack") or ""),
            tier=str(_mapping(found, "EnvironmentTier").get("Name") or "WebServer"),
            options=_options(_mapping(found, "OptionSettings")),
            environment=str(found.get("EnvironmentName") or ""),
            cname=str(found.get("CName") or ""),
            links={str(key): str(value) for key, value in _mapping(found, "EnvironmentLinks").items()},
        )
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())[:300]) from error


def write(saved: SavedConfiguration, created: datetime, updated: datetime) -> bytes:
    """The file of a saved configuration."""
    settings: dict[str, dict[str, str]] = {}
    for item, value in sorted(saved.options.items()):
        space, name, resource = setting_keys.split(item)
        resource = resource or (option_table.resource(space, name) if space == _TRIGGER else "")
        settings.setdefault(f"{resource}.{space}" if resource else space, {})[name] = value
    metadata = {"DateCreated": _milliseconds(created), "DateModified": _milliseconds(updated)}
    if saved.description:
        metadata["Description"] = saved.description
    content = {
        "EnvironmentConfigurationMetadata": metadata,
        "Platform": {"PlatformArn": saved.platform},
        "OptionSettings": settings,
        "EnvironmentTier": tier(saved.tier),
        "AWSConfigurationTemplateVersion": _VERSION,
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True).encode()


def tier(name: str) -> dict[str, str]:
    """EnvironmentTier of a tier's name."""
    return {"Name": name, "Type": TIERS.get(name, "Standard")}


def _load(content: bytes) -> dict[str, Any]:
    found = plain_yaml.mapping(content)
    if str(found.get("AWSConfigurationTemplateVersion")) != _VERSION:
        raise ValueError(f"AWSConfigurationTemplateVersion must be {_VERSION}")
    return found


def _mapping(found: dict[str, Any], name: str) -> dict[str, Any]:
    value = found.get(name) or {}
    if not isinstance(value, dict):
        raise ValueError(f"{name} is no mapping")
    return value


def _options(settings: dict[str, Any]) -> dict[str, str]:
    found = {}
    for qualified in settings:
        for name, value in _mapping(settings, qualified).items():
            if value is not None:
                text = str(value).lower() if isinstance(value, bool) else str(value)
                found[setting_keys.key(str(qualified), str(name))] = text
    return found


def _milliseconds(at: datetime) -> str:
    return str(int(at.timestamp() * 1000))
