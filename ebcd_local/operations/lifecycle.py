"""Version lifecycle rules: how many versions, or how old ones, an application keeps.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-lifecycle.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.records import Application, Version
from ebcd_local.state import now

DELETIONS = 100
"""Versions that are deleted at most when one is created."""
_RULES = {"MaxCountRule": ("MaxCount", 1000), "MaxAgeRule": ("MaxAgeInDays", 36500)}
"""Rule → its number and the most that it may be."""


def update_application_resource_lifecycle(call: Call, given: Structure) -> Structure:
    """UpdateApplicationResourceLifecycle. The service role is kept once it was given."""
    with call.state.lock:
        application = call.application(given["ApplicationName"])
        config = {**application.lifecycle, **checked(given["ResourceLifecycleConfig"])}
        if not config.get("ServiceRole"):
            raise invalid("A ServiceRole is required the first time that a ResourceLifecycleConfig is given.")
        call.state.save(replace(application, lifecycle=config, updated=now()))
    return {"ApplicationName": application.name, "ResourceLifecycleConfig": config}


def checked(config: dict[str, Any]) -> dict[str, Any]:
    """A ResourceLifecycleConfig that is valid. Raises ServiceError."""
    rules = config.get("VersionLifecycleConfig") or {}
    enabled = [name for name in _RULES if (rules.get(name) or {}).get("Enabled")]
    if len(enabled) > 1:
        raise ServiceError("InvalidParameterCombination", "Only one of MaxCountRule and MaxAgeRule can be enabled.")
    for name, (number, most) in _RULES.items():
        value = (rules.get(name) or {}).get(number)
        if name in enabled and value is None:
            raise invalid(f"{name} needs {number}.")
        if value is not None and not 1 <= value <= most:
            raise invalid(f"Value '{value}' at '{number}' must be from 1 to {most}.")
    return config


def expired(application: Application, versions: Iterable[Version], at: datetime) -> Iterator[tuple[Version, bool]]:
    """Versions that a rule lets go, the oldest first, and whether their bundles go too."""
    rules = application.lifecycle.get("VersionLifecycleConfig") or {}
    ordered = sorted(versions, key=lambda item: item.created)
    count, age = rules.get("MaxCountRule") or {}, rules.get("MaxAgeRule") or {}
    if count.get("Enabled"):
        for version in ordered[: max(0, len(ordered) - count["MaxCount"])]:
            yield version, bool(count.get("DeleteSourceFromS3"))
    if age.get("Enabled"):
        limit = at - timedelta(days=age["MaxAgeInDays"])
        for version in ordered:
            if version.created < limit:
                yield version, bool(age.get("DeleteSourceFromS3"))


def apply(call: Call, application: Application) -> list[Version]:
    """Delete what the rules let go, never a version that an environment runs; what was deleted."""
    running = {item.version_label for item in call.living() if item.application == application.name}
    versions = [
        item
        for item in list(call.state.versions.values())
        if (item.region, item.application) == (application.region, application.name)
    ]
    found = [
        (version, source) for version, source in expired(application, versions, now()) if version.label not in running
    ][:DELETIONS]
    for version, with_source in found:
        call.state.delete(version)
        if with_source:
            call.objects.delete(version.bucket, version.s3_key)
    return [version for version, _ in found]


SERVED: dict[str, Operation] = {"UpdateApplicationResourceLifecycle": update_application_resource_lifecycle}
