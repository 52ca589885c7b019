"""An environment followed while something happens to it: its events, told once each, and itself, seldom."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ebcd.model import Environment, Event
from ebcd.release.execute.context import Services

FAILURES = frozenset({"ERROR", "FATAL"})

HEALTH = re.compile(r"Environment health has transitioned from \w+ to (\w+)")
BAD = frozenset({"Degraded", "Severe"})

RECENT = 20
"""Events before an operation that are read, to be left out."""

EVENTS = 0.6
"""The same where only events are asked for."""

SELDOM = 3.0
"""Usual pauses after which an environment is read though no event told of a change."""


def telling(failures: Sequence[Event]) -> Event:
    """The failure that tells most: the first that an instance gives, with its output; else the first of all."""
    return next((event for event in failures if event.message.startswith("[Instance: ")), failures[0])


class EventFollower:
    """Shows an environment's events once each, and remembers the failures among them."""

    def __init__(self, services: Services, environment: Environment) -> None:
        self._services = services
        self._environment = environment
        self._since = environment.created
        self._shown: set[Event] = set()
        self.failures: list[Event] = []
        self.unwell = False
        """Whether health was told to have turned bad, and not to have turned good again."""

    def skip(self) -> None:
        """Leave out what has happened until now: an operation is about to begin."""
        seen = self._services.beanstalk.events(self._environment.application, self._environment.name, limit=RECENT)
        self._since = max((event.time for event in seen), default=self._since)
        self._shown.update(seen)
        self.failures.clear()

    def follow(self) -> bool:
        """Read what is new since the environment's creation, or since `skip`; whether there was anything."""
        before = len(self._shown)
        found = self._services.beanstalk.events(self._environment.application, self._environment.name, self._since)
        for event in reversed(found):
            if event in self._shown:
                continue
            self._shown.add(event)
            if event.severity in FAILURES:
                self.failures.append(event)
            if health := HEALTH.search(event.message):
                self.unwell = health[1] in BAD
            mark = "" if event.severity == "INFO" else f"{event.severity} "
            self._services.progress.note(f"{mark}{event.message}")
        return len(self._shown) > before


class EnvironmentWatch:
    """Looks at an environment whose operation takes minutes: often at its events, which are told, and at itself
    where they bring something new: its end is seen within seconds, and few calls ask for environments.
    """

    def __init__(self, services: Services, application: str, name: str, *, events: bool) -> None:
        """events: whether its events are followed; where not, the environment itself is read each time."""
        self._services, self._application, self._name, self._events = services, application, name, events
        self._follower: EventFollower | None = None
        self._seen: Environment | None = None
        self._seen_at = 0.0

    def factor(self) -> float:
        """What part of the usual pause the next one has."""
        return EVENTS if self._follower else 1.0

    @property
    def failures(self) -> list[Event]:
        """The events that tell of a failure."""
        return self._follower.failures if self._follower else []

    @property
    def unwell(self) -> bool:
        """Whether its events say that its health is bad."""
        return self._follower is not None and self._follower.unwell

    def read(self) -> Environment | None:
        """The environment as it is, or was a moment ago; None when it is gone."""
        news = self._follower is not None and self._follower.follow()
        now = self._services.clock.monotonic()
        seen = self._seen
        if not (seen and self._follower) or news or seen.status == "Ready" or now - self._seen_at >= self._seldom:
            self._seen_at = now
            self._seen = seen = self._services.beanstalk.environment(self._application, self._name)
        if seen and self._events:
            new, self._follower = self._follower is None, self._follower or EventFollower(self._services, seen)
            if new or seen.status == "Ready":  # a failure may have come between its events and itself
                self._follower.follow()
        return seen

    @property
    def _seldom(self) -> float:
        return SELDOM * self._services.pace.seconds
