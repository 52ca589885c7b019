"""What an Auto Scaling group does by itself: replace instances that have died, follow the trigger."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace

from ebcd_local import options
from ebcd_local.fleet import scaling, scheduled
from ebcd_local.fleet.fleet import Fleet
from ebcd_local.fleet.group import Aborted, Group, Member
from ebcd_local.workflow import DeploymentFailed


def tend(fleet: Fleet, key: str, load: scaling.Load) -> None:
    """Look after an environment's instances, unless an operation is at work on them."""
    group, environment = fleet.group(key), fleet.state.environments[key]
    if environment.status != "Ready" or not group.lock.acquire(blocking=False):
        return
    try:
        if dead := [member for member in group.members if not member.instance.alive]:
            _replace(fleet, group, dead)
        scheduled.carry_out(fleet, key, fleet.site.clock())
        environment = fleet.state.environments[key]
        # An operation may have ended since the load was measured: what counts is who is there now.
        load = replace(load, instances=len(group.members))
        found = fleet.effective(environment)
        minimum, maximum = fleet.sizes(environment)
        if not options.load_balancer(found):  # a single instance has no trigger
            maximum = minimum
        trigger = scaling.Trigger.of(found, fleet.speed)
        _tell_unmeasured(fleet, group, trigger)
        wanted = scaling.decide(group.scaler, load, trigger, minimum=minimum, maximum=maximum)
        if wanted <= load.instances or time.monotonic() >= group.backoff.until:
            fleet.fit(key, "", wanted)
            if wanted != load.instances:
                group.scaler.scaled(time.monotonic(), trigger)
    except Aborted:  # the environment is to be terminated
        return
    except DeploymentFailed as failure:
        group.backoff.failed(failure.cause, time.monotonic(), fleet.speed)
        fleet.tell.failed(key, "", failure)
    finally:
        group.lock.release()


def _tell_unmeasured(fleet: Fleet, group: Group, trigger: scaling.Trigger) -> None:
    """Tell once of a trigger that never moves, because its measure has no values here."""
    if trigger.measure not in scaling.MEASURED and group.scaler.unmeasured != trigger.measure:
        group.scaler.unmeasured = trigger.measure
        text = f"The trigger's measure {trigger.measure} has no values here, so the trigger never scales."
        fleet.tell.say(group.key, "", text, "WARN")


def kill(fleet: Fleet, name: str, instance_id: str) -> str:
    """Kill an instance of an environment, the oldest one unless it is named; its id. Raises LookupError."""
    for environment in fleet.state.living():
        if environment.name == name:
            for member in fleet.members(environment.key):
                if instance_id in ("", member.instance.id) and member.instance.alive:
                    member.instance.kill()
                    return member.instance.id
            raise LookupError(f"The environment {name} has no instance {instance_id or 'that runs'}.")
    raise LookupError(f"There is no environment {name}.")


def _replace(fleet: Fleet, group: Group, dead: Sequence[Member]) -> None:
    names = ", ".join(member.instance.id for member in dead)
    group.remove(dead)
    removed = f"Removed instance [{names}] from your environment due to a EC2 health check failure."
    fleet.tell.say(group.key, "", removed, "WARN")
    fleet.fit(group.key, "", len(group.members) + len(dead))
