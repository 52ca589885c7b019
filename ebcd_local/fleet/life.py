"""The fleet's own beginning and end: everything is brought back after a start, and ends in order."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

from ebcd_local.fleet.fleet import Fleet
from ebcd_local.fleet.group import READY_DEADLINE
from ebcd_local.fleet.site import ENVIRONMENTS
from ebcd_local.processes import sweep
from ebcd_local.records import Environment


def recover(fleet: Fleet) -> None:
    """After a start: end what an earlier life left running, and bring every environment back."""
    living = list(fleet.state.living())
    sweep(fleet.site.folder / ENVIRONMENTS)
    fleet.site.tidy()
    fleet.site.databases.recover()
    for environment in living:
        port = _reopen(fleet, environment)
        fleet.state.change(environment.key, port=port, health="Grey", health_status="Pending")
        work = fleet.terminate if environment.operation == "terminate" else functools.partial(_return, fleet)
        fleet.begin(work, environment.key, "")
    fleet.publish()


def stop(fleet: Fleet) -> None:
    """End every instance's processes and the database, and what is under way at its next step; the state stays."""
    for group in fleet.groups:
        group.abort.set()
    everything = [member.instance for group in fleet.groups for member in group.members]
    with ThreadPoolExecutor(max_workers=16) as pool:
        list(pool.map(lambda instance: instance.stop(), everything))
    sweep(fleet.site.folder / ENVIRONMENTS)
    fleet.site.databases.stop()


def _return(fleet: Fleet, key: str, request_id: str) -> None:
    """Bring an environment back after a restart of the server; what was under way comes to its end."""
    interrupted = fleet.state.environments[key].operation
    with fleet.tell.reporting(key, request_id, "Failed to bring the environment back."):
        fleet.bring_stack(key, fleet.state.environments[key].version_label)
        fleet.resources.bring(key)
        fleet.group(key).restore()
        minimum, _ = fleet.sizes(fleet.state.environments[key])
        fleet.fit(key, request_id, max(minimum, len(fleet.members(key))))
        fleet.group(key).await_healthy(fleet.members(key), READY_DEADLINE)
        fleet.tell.settle(key, failure=fleet.state.environments[key].failure)
    if interrupted:
        fleet.tell.say(key, request_id, f"The operation {interrupted} was interrupted and has ended.", "WARN")


def _reopen(fleet: Fleet, environment: Environment) -> int:
    try:
        return fleet.balancer.open(environment.id, environment.port)
    except OSError:  # its port is another program's by now
        return fleet.balancer.open(environment.id)
