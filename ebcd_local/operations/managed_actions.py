"""Managed platform updates: scheduled for an environment on an older platform version, applied when asked to.

The window is told, but the local Beanstalk starts nothing by itself in it: a developer's environment should not change
because it is Tuesday.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-platform-update-managed.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ebcd_local import options, platform_versions
from ebcd_local.errors import ServiceError
from ebcd_local.operations import environments
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.records import Environment
from ebcd_local.state import now

DESCRIPTION = "Scheduled managed platform update"
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class Action:
    """A platform update that an environment is due."""

    id: str
    target: str
    """The platform version's ARN."""
    window: datetime


def describe_environment_managed_actions(call: Call, given: Structure) -> Structure:
    """DescribeEnvironmentManagedActions: what is scheduled, and what runs."""
    environment = call.environment(given)
    found = []
    if _runs(environment):
        found.append(_shown(environment.managed_history[0]["ActionId"], "Running"))
    elif action := due(call, environment):
        found.append(_shown(action.id, "Scheduled") | {"WindowStartTime": action.window})
    return {"ManagedActions": [item for item in found if given.get("Status") in (None, item["Status"])]}


def describe_environment_managed_action_history(call: Call, given: Structure) -> Structure:
    """DescribeEnvironmentManagedActionHistory, the newest first."""
    environment = call.environment(given)
    ended = environment.managed_history[1:] if _runs(environment) else environment.managed_history
    # An action that the server's end cut short is still stored as running.
    history = [item | {"Status": "Unknown"} if item["Status"] == "Running" else item for item in ended]
    size = {"MaxRecords": given["MaxItems"]} if "MaxItems" in given else {}
    shown, token = page(history, {"NextToken": given.get("NextToken"), **size}, most=100)
    return {"ManagedActionHistoryItems": shown, "NextToken": token}


def apply_environment_managed_action(call: Call, given: Structure) -> Structure:
    """ApplyEnvironmentManagedAction: the scheduled platform update, now."""
    environment = call.environment(given)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        action = due(call, environment)
        if environment.status != "Ready" or action is None or action.id != given["ActionId"]:
            raise ServiceError(
                "ManagedActionInvalidStateException", "Cannot modify the managed action in its current state."
            )
        environments.claim(call, environment, "update")
        started = {**_shown(action.id, "Running"), "ExecutedTime": now()}
        history = [started, *environment.managed_history]
        call.state.change(environment.key, platform_arn=action.target, managed_history=history)
    earlier = environment.platform_arn
    call.fleet.begin(lambda key, request: _run(call, key, request, earlier), environment.key, call.request_id)
    return _shown(action.id, "Running")


def due(call: Call, environment: Environment) -> Action | None:
    """The platform update that an environment is due; None when there is none."""
    effective = call.fleet.effective(environment)
    if effective.get((options.MANAGED, "ManagedActionsEnabled"), "").lower() != "true":
        return None
    level = effective.get((options.PLATFORM_UPDATE, "UpdateLevel"), "patch")
    target = platform_versions.newer(call.state, environment.platform_arn, level)
    if not target:
        return None
    digest = hashlib.sha256(f"{environment.key} {target}".encode()).hexdigest()
    start = effective.get((options.MANAGED, "PreferredStartTime"), "Sun:00:00")
    return Action(
        f"{digest[:8]}-{digest[8:12]}-{digest[12:16]}-{digest[16:20]}-{digest[20:32]}",
        target,
        next_window(start, now()),
    )


def next_window(start: str, at: datetime) -> datetime:
    """When a window (day:hour:minute in UTC) begins next."""
    day, hour, minute = start.split(":")
    found = at.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
    found += timedelta(days=(_DAYS.index(day) - at.weekday()) % 7)
    return found if found > at else found + timedelta(days=7)


def _run(call: Call, key: str, request_id: str, earlier: str) -> None:
    """Update an environment to the platform that its record names by now; back to the earlier one if that fails."""
    call.fleet.adjust(key, request_id)
    with call.state.lock:
        environment = call.state.environments[key]
        first, *rest = environment.managed_history
        ended: dict[str, Any] = {**first, "Status": "Completed", "FinishedTime": now()}
        if environment.failure:
            ended |= {
                "Status": "Failed",
                "FailureType": "RollbackSuccessful",
                "FailureDescription": environment.failure,
            }
        platform = earlier if environment.failure else environment.platform_arn
        call.state.change(key, managed_history=[ended, *rest], platform_arn=platform)


def _runs(environment: Environment) -> bool:
    history = environment.managed_history
    return bool(history) and history[0]["Status"] == "Running" and environment.status != "Ready"


def _shown(action_id: str, status: str) -> dict[str, Any]:
    return {"ActionId": action_id, "ActionDescription": DESCRIPTION, "ActionType": "PlatformUpdate", "Status": status}


SERVED: dict[str, Operation] = {
    "DescribeEnvironmentManagedActions": describe_environment_managed_actions,
    "DescribeEnvironmentManagedActionHistory": describe_environment_managed_action_history,
    "ApplyEnvironmentManagedAction": apply_environment_managed_action,
}
