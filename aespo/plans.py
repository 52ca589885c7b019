"""Plans: what a workspace may hold and do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

WARN_AT = 0.8
"""The share of a limit from which on it is told."""
TRIAL = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Plan:
    """Limits. Reading, exporting and deleting are always allowed."""

    key: str
    name: str
    members: int
    rows: int
    """Notes, tasks and attachments together."""
    bytes: int
    """Text and attachments."""
    requests: int
    """Requests of one day (UTC)."""


PLANS = {
    plan.key: plan
    for plan in (
        Plan("trial", "Trial", members=5, rows=200, bytes=20_000_000, requests=5_000),
        Plan("team", "Team", members=50, rows=20_000, bytes=2_000_000_000, requests=200_000),
        Plan("company", "Company", members=1_000, rows=500_000, bytes=50_000_000_000, requests=5_000_000),
    )
}


@dataclass(frozen=True, slots=True)
class Usage:
    """What a workspace holds now, and its requests of today."""

    members: int = 0
    notes: int = 0
    tasks: int = 0
    attachments: int = 0
    bytes: int = 0
    requests: int = 0

    @property
    def rows(self) -> int:
        """Notes, tasks and attachments together."""
        return self.notes + self.tasks + self.attachments


@dataclass(frozen=True, slots=True)
class Measure:
    """One limit of a plan and how much of it is used."""

    key: str
    label: str
    used: int
    limit: int

    @property
    def share(self) -> float:
        """Used of the limit; may be above 1."""
        return self.used / self.limit

    @property
    def state(self) -> str:
        """`ok`, `near` (told to the workspace) or `full`."""
        if self.used >= self.limit:
            return "full"
        return "near" if self.share >= WARN_AT else "ok"


def measures(plan: Plan, usage: Usage) -> tuple[Measure, ...]:
    """Each limit with what is used of it."""
    labels = {"members": "Members", "rows": "Notes, tasks and files", "bytes": "Storage", "requests": "Requests today"}
    return tuple(Measure(key, label, getattr(usage, key), getattr(plan, key)) for key, label in labels.items())


def exceeded(plan: Plan, before: Usage, after: Usage) -> Measure | None:
    """The limit that a change passes, if it makes more of what is over its limit; what shrinks is always allowed."""
    for old, new in zip(measures(plan, before), measures(plan, after), strict=True):
        if new.used > new.limit and new.used > old.used:
            return new
    return None


def seconds_of_today_left(now: datetime | None = None) -> int:
    """Until requests are counted anew, at midnight UTC."""
    now = now or datetime.now(UTC)
    midnight = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return int((midnight - now).total_seconds()) + 1
