"""Create or update the stack, and wait until CloudFormation is through with it."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass

from ebcd.aws.stacks import Stack, StackEvent, Stacks
from ebcd.clock import Clock, polls
from ebcd.errors import AwsRefused, NoAnswer, OutcomeUnknown, Refused, Throttled
from ebcd.model import Reach
from ebcd.permissions.template import Json, Wanted

INTERVAL = 3.0
"""Seconds between two looks."""
TIMEOUT = 900.0
"""Seconds that CloudFormation has: roles take it a minute or two."""
GOOD = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"})
UNUSABLE = frozenset({"CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS"})
"""What CloudFormation updates no more: such a stack must go first."""


@dataclass(frozen=True, slots=True)
class Brought:
    """The stack as it is now, and what was done to it."""

    stack: Stack
    change: str
    """created, updated or unchanged."""


def bring(
    stacks: Stacks,
    clock: Clock,
    wanted: Wanted,
    template: Json,
    note: Callable[[str], None],
    reach: Reach,
    *,
    interval: float = INTERVAL,
    timeout: float = TIMEOUT,
) -> Brought:
    """Bring the stack to what the template says. note: is told each event. reach: where it is, for printed commands.

    Raises any EbcdError.
    """
    name, body, token = wanted.stack, json.dumps(template, separators=(",", ":")), f"ebcd-{secrets.token_hex(16)}"
    tags = {"ebcd:application": wanted.application}
    before = stacks.find(name)
    earlier = frozenset(event.id for event in stacks.events(before.id)) if before else frozenset()
    if before is None:
        stacks.create(name, body, token, tags)
        change = "created"
    else:
        _refuse(before, reach)
        if not stacks.update(name, body, token, tags):
            return Brought(before, "unchanged")
        change = "updated"
    stack, events = _follow(stacks, clock, name, note, earlier, reach, interval, timeout)
    if stack.status not in GOOD:
        raise _failed(stack, events, change, reach)
    return Brought(stack, change)


def _delete(reach: Reach, name: str) -> str:
    return reach.aws("cloudformation", "delete-stack", "--stack-name", name)


def _events(reach: Reach, name: str) -> str:
    return reach.aws("cloudformation", "describe-stack-events", "--stack-name", name)


def _refuse(stack: Stack, reach: Reach) -> None:
    if stack.status in UNUSABLE:
        raise Refused(
            f"The stack {stack.name} cannot be updated: it is {stack.status}.",
            why=stack.reason or "An earlier creation of it failed.",
            code="stack-unusable",
            hint=f"{_delete(reach, stack.name)}, then run it again.",
        )
    if stack.status.endswith("_IN_PROGRESS") and stack.status not in GOOD:
        raise Refused(
            f"The stack {stack.name} is being changed: it is {stack.status}.",
            why="Another run, or somebody, is at it.",
            code="stack-busy",
            hint=_events(reach, stack.name),
        )


def _follow(
    stacks: Stacks,
    clock: Clock,
    name: str,
    note: Callable[[str], None],
    earlier: frozenset[str],
    reach: Reach,
    interval: float,
    timeout: float,
) -> tuple[Stack, list[StackEvent]]:
    """The stack when CloudFormation is through with it, and what happened. Raises OutcomeUnknown.

    earlier: ids of the events that were there before. A look that fails tells nothing.
    """
    stack: Stack | None = None
    told: set[str] = set()
    for _ in polls(clock, timeout=timeout, interval=interval):
        try:
            stack = stacks.find(name)
            events = [event for event in stacks.events(stack.id) if event.id not in earlier] if stack else []
        except (Throttled, NoAnswer):
            continue
        for event in events:
            if event.id not in told:
                told.add(event.id)
                note(_line(event))
        if stack is not None and _through(stack, events):
            return stack, events
    raise OutcomeUnknown(
        f"The stack {name} was not through within {timeout:g} s.",
        why=f"It is {stack.status if stack else 'not there'}.",
        hint=_events(reach, name),
        code="deadline",
    )


def _through(stack: Stack, events: list[StackEvent]) -> bool:
    """Whether CloudFormation is through with it. Right after the request it may still show the status of the time
    before: an event of the stack's own, and a new one, must tell the same.
    """
    ended = stack.status in GOOD or not stack.status.endswith("_IN_PROGRESS")
    return ended and any((event.resource, event.status) == (stack.name, stack.status) for event in events)


def _line(event: StackEvent) -> str:
    return f"{event.resource} {event.status}" + (f": {event.reason}" if event.reason else "")


def _failed(stack: Stack, events: list[StackEvent], change: str, reach: Reach) -> AwsRefused:
    first = next((item for item in events if item.status.endswith("_FAILED") and "cancelled" not in item.reason), None)
    delete = f"{_delete(reach, stack.name)}, and " if change == "created" else ""
    return AwsRefused(
        f"CloudFormation could not bring the stack {stack.name}: it is {stack.status}.",
        why=_line(first) if first else stack.reason or "It does not say why.",
        hint=f"Settle that, then: {delete}run the same command again.",
        code="stack-failed",
    )
