"""Which environment of a stage is live, which one waits, and where a rollback would go.

All of it is read from what every client of Elastic Beanstalk leaves here: the tags `ebcd:stage` and `ebcd:release`, the
CNAMEs, and the events of CNAME swaps. What they do not tell is left out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from ebcd_local.event_log import Event, EventLog, Wanted
from ebcd_local.page.commands import Commands
from ebcd_local.records import Environment

STAGE, RELEASE = "ebcd:stage", "ebcd:release"
"""The tags with which ebcd creates an environment."""
_GENERATED = re.compile(r"[^.]+\.eba-[a-z0-9]{8}\.")
"""What the CNAME begins with of an environment that was created without a prefix."""
_SWAPPED = re.compile(r"Completed swapping CNAMEs for environments '([^']+)' and '([^']+)'\.")
_EVENTS = 1000
"""Events of the live environment that are searched for swaps."""


class Role(StrEnum):
    """What an environment is to its stage."""

    LIVE = "live"
    """It holds the CNAME that the stage's users ask for."""
    CANDIDATE = "candidate"
    """It is newer than live and was never live."""
    PREVIOUS = "previous"
    """It was live before; a rollback returns to it."""
    TAKEN_BACK = "taken back"
    """It was live until a rollback returned to the one that is live now."""
    EARLIER = "earlier"
    """It waits to be retired."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, as far as environments, CNAMEs and events tell of it."""

    name: str
    roles: dict[str, Role]
    """By environment id."""
    live: Environment | None
    partner: str = ""
    """The name of the environment with which live swapped CNAMEs last; empty: it never did."""
    other: Environment | None = None
    """That environment, where it is still there."""
    waiting: Environment | None = None
    """The candidate."""


@dataclass(frozen=True, slots=True)
class _Swap:
    time: datetime
    partner: str


def of_application(environments: Iterable[Environment], events: EventLog) -> list[Stage]:
    """The stages of an application's living environments, by name."""
    groups: dict[str, list[Environment]] = {}
    for item in environments:
        if name := item.tags.get(STAGE, ""):
            groups.setdefault(name, []).append(item)
    return [_stage(name, group, events) for name, group in sorted(groups.items())]


def release(environment: Environment) -> str:
    """The release that an environment was made for (r7); empty where it outlives its releases or has none.

    The tag is written once. In an environment that gets one release after another it names the first of them, and the
    environment's own name tells which kind it is.
    """
    tagged = environment.tags.get(RELEASE, "")
    return tagged if tagged and environment.name == f"{_stage_name(environment)}-{tagged}" else ""


def told(stage: Stage, commands: Commands) -> dict[str, Any]:
    """A stage as the page's JSON has it: what a rollback would do, and the commands."""
    text, command = _way_back(stage, commands)
    found: dict[str, Any] = {"name": stage.name, "rollback": {"text": text, "command": command}, "waiting": None}
    if stage.waiting is not None and (number := release(stage.waiting)) and stage.live is not None:
        ready = _is_ready(stage.waiting)
        wait = "This brings it live once it waits for its swap:"
        found["waiting"] = {
            "text": f"{number} is not live. {wait}" if ready else f"{number} is not live: {_condition(stage.waiting)}.",
            "command": commands.of_stage(stage.waiting, stage.name, "swap", "--to", number) if ready else "",
        }
    return found


def _stage(name: str, group: Sequence[Environment], events: EventLog) -> Stage:
    live = _live(group)
    if live is None:
        return Stage(name, {}, None)
    swaps = _swaps(live, events)
    last = swaps[0] if swaps else None
    roles = {item.id: _role(item, live, swaps) for item in group}
    newest = max((item for item in group if roles[item.id] is Role.CANDIDATE), key=_age, default=None)
    for item in group:
        if roles[item.id] is Role.CANDIDATE and item is not newest:
            roles[item.id] = Role.EARLIER
    other = next((item for item in group if last and item.name == last.partner), None)
    return Stage(name, roles, live, last.partner if last else "", other, newest)


def _live(group: Sequence[Environment]) -> Environment | None:
    """The only one with a CNAME that somebody chose, or the stage's only worker; None where that does not tell."""
    chosen = [
        item for item in group if item.cname and not _GENERATED.match(item.cname) and item.status != "Terminating"
    ]
    workers = [item for item in group if item.tier == "Worker"]
    found = chosen or workers
    return found[0] if len(found) == 1 else None


def _swaps(live: Environment, events: EventLog) -> list[_Swap]:
    """The swaps of an environment, the last one first."""
    wanted = Wanted(region=live.region, environment_id=live.id)
    return [found for event in events.find(wanted, most=_EVENTS) if (found := _swap(event, live.name))]


def _swap(event: Event, name: str) -> _Swap | None:
    found = _SWAPPED.fullmatch(event.message)
    if found is None or name not in found.groups():
        return None
    one, other = found.groups()
    return _Swap(event.time, other if one == name else one)


def _role(item: Environment, live: Environment, swaps: Sequence[_Swap]) -> Role:
    if item is live:
        return Role.LIVE
    newer = _age(item) > _age(live)
    if not swaps or item.name not in {swap.partner for swap in swaps}:
        return Role.CANDIDATE if newer else Role.EARLIER
    if item.name != swaps[0].partner:
        return Role.EARLIER
    if not release(item) and item.deployed and item.deployed > swaps[0].time:
        return Role.CANDIDATE  # one side of a pair, which has got the next release by now
    return Role.TAKEN_BACK if newer else Role.PREVIOUS


def _age(item: Environment) -> tuple[int, datetime]:
    """What orders the environments of a stage by their releases."""
    number = release(item).removeprefix("r")
    return int(number) if number.isdecimal() else 0, item.deployed or item.created


def _way_back(stage: Stage, commands: Commands) -> tuple[str, str]:
    """What a rollback would do now, and the command that is of use; empty where there is none."""
    live, other = stage.live, stage.other
    if live is None:
        return "No single environment holds a CNAME of its own choice: which one is live is not known.", ""
    if not stage.partner:
        return f"Nothing was live before {_name(live)}: there is nothing to roll back to.", ""
    rollback = commands.of_stage(live, stage.name, "swap", "--rollback")
    if other is None:
        return f"{stage.partner} is gone: a rollback deploys its version again, in a new environment.", rollback
    role, name = stage.roles[other.id], _name(other)
    if role is Role.TAKEN_BACK:
        again = release(other) if _is_ready(other) else ""
        forward = commands.of_stage(live, stage.name, "swap", "--to", again) if again else ""
        return f"{_name(live)} was brought back, {name} was taken back. A rollback would change nothing.", forward
    if role is not Role.PREVIOUS:
        return f"{name} has got another version since it was live.", ""
    if not _is_ready(other):
        return f"A rollback would return to {name}, which is not ready: {_condition(other)}.", ""
    return f"A rollback makes {name} live again, with {other.version_label}.", rollback


def _is_ready(item: Environment) -> bool:
    return item.status == "Ready" and item.health == "Green"


def _condition(item: Environment) -> str:
    return item.status if item.status != "Ready" else f"its health is {item.health}"


def _name(item: Environment) -> str:
    return release(item) or item.name


def _stage_name(item: Environment) -> str:
    return f"{item.application}-{item.tags.get(STAGE, '')}"
