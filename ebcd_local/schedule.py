"""Scheduled actions of an Auto Scaling group: when each is due, and what it sets. Times are UTC. Pure.

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-autoscaling-scheduledactions.html,
https://docs.aws.amazon.com/autoscaling/ec2/userguide/ec2-auto-scaling-scheduled-scaling.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError


@dataclass(frozen=True, slots=True)
class Action:
    """One scheduled action."""

    name: str
    start: datetime | None
    """When it is due, or, where it recurs, from when on."""
    end: datetime | None
    recurrence: str
    """Of five fields, as cron has them; empty: it is due once."""
    suspended: bool
    minimum: int | None
    maximum: int | None
    desired: int | None

    @classmethod
    def of(cls, name: str, options: Mapping[str, str]) -> Action:
        """From the action's options. Raises ValueError for a time or a recurrence that is none."""
        recurrence = options.get("Recurrence", "").strip()
        action = cls(
            name=name,
            start=_time(options.get("StartTime", "")),
            end=_time(options.get("EndTime", "")),
            recurrence=recurrence,
            suspended=options.get("Suspend", "").lower() == "true",
            minimum=_count(options.get("MinSize", "")),
            maximum=_count(options.get("MaxSize", "")),
            desired=_count(options.get("DesiredCapacity", "")),
        )
        if recurrence:
            action._last(datetime(2000, 1, 1, tzinfo=UTC))
        return action

    def due(self, since: datetime, now: datetime) -> datetime | None:
        """When it was due last, after `since` and not after `now`; None where it was not."""
        if self.suspended:
            return None
        recurred = self._last(min(now, self.end) if self.end else now) if self.recurrence else None
        earliest = self.start or since
        times = [at for at in (self.start, recurred) if at and at >= earliest and since < at <= now]
        return max(times, default=None)

    def _last(self, moment: datetime) -> datetime | None:
        """When it recurred last, up to and with a moment. Raises ValueError for a recurrence that is none."""
        if len(self.recurrence.split()) != 5:
            raise ValueError(f"{self.recurrence!r} is no cron expression of five fields")
        try:
            # CronSim begins before the moment that it is given, and counts whole seconds.
            behind = moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)
            return next(CronSim(self.recurrence, behind, reverse=True), None)
        except CronSimError as error:
            raise ValueError(f"{self.recurrence!r} is no cron expression: {error}") from error


def malformed(name: str, options: Mapping[str, str]) -> str:
    """Why a value of a scheduled action is none; empty where each is one."""
    try:
        Action.of(name, options)
    except ValueError as error:
        return f"Invalid scheduled action '{name}': {error}."
    return ""


def refusal(name: str, options: Mapping[str, str]) -> str:
    """Why a group cannot have a scheduled action, of whose options all are known; empty where it can."""
    if why := malformed(name, options):
        return why
    action = Action.of(name, options)
    if action.start is None and not action.recurrence:
        return f"The scheduled action '{name}' needs a StartTime or a Recurrence."
    if action.minimum is action.maximum is action.desired is None:
        return f"The scheduled action '{name}' needs a MinSize, a MaxSize or a DesiredCapacity."
    if action.minimum is not None and action.maximum is not None and action.minimum > action.maximum:
        return f"The MinSize of the scheduled action '{name}' is greater than its MaxSize."
    return ""


def _time(text: str) -> datetime | None:
    """A time of ISO 8601; UTC where it names no offset."""
    if not text:
        return None
    found = datetime.fromisoformat(text)
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _count(text: str) -> int | None:
    return int(text) if text else None
