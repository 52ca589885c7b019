"""Scheduled actions are carried out: they change the group's sizes, and not the environment's settings.

They follow the real time of day, whatever the server's speed. One that is due while the server is down, or before it
first looked at the environment, is left out.
"""

from __future__ import annotations

from datetime import datetime

from ebcd_local.fleet.fleet import Fleet
from ebcd_local.schedule import Action


def carry_out(fleet: Fleet, key: str, now: datetime) -> None:
    """Carry out what has become due since the last call, in its order. The group's lock is held.

    Raises DeploymentFailed and Aborted where instances cannot be launched.
    """
    group, environment = fleet.group(key), fleet.state.environments[key]
    since, group.scheduled_until = group.scheduled_until or now, now
    actions = [Action.of(name, settings) for name, settings in fleet.scheduled(environment).items()]
    due = [(at, action) for action in actions if (at := action.due(since, now))]
    for _, action in sorted(due, key=lambda item: item[0]):
        _carry_out(fleet, key, action)


def _carry_out(fleet: Fleet, key: str, action: Action) -> None:
    minimum, maximum = fleet.sizes(fleet.state.environments[key])
    minimum = minimum if action.minimum is None else action.minimum
    maximum = max(maximum if action.maximum is None else action.maximum, minimum)
    fleet.state.change(key, group_sizes={"MinSize": minimum, "MaxSize": maximum})
    wanted = len(fleet.members(key)) if action.desired is None else action.desired
    fleet.fit(key, "", min(max(wanted, minimum), maximum))
