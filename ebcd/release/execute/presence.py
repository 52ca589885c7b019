"""An environment that is gone: told from one that a read does not show yet, with the cause that its events give.

A launch that fails early ends in Terminated seconds after CreateEnvironment was answered, and its cause stands in the
events alone: https://github.com/hashicorp/terraform-provider-aws/issues/1995
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ebcd.errors import AwsRefused, ReleaseFailed, Transient
from ebcd.model import Environment, Event
from ebcd.release.execute.context import Services
from ebcd.release.execute.events import FAILURES, telling
from ebcd.release.state.snapshot import leaving

UNSEEN_PATIENCE = 30.0
"""Seconds within which a read that finds no environment does not count: reads lag behind a creation.

Source: https://github.com/hashicorp/terraform-provider-aws, internal/service/elasticbeanstalk/environment.go (it waits
while a new environment is not shown)
"""
_BEGINS = re.compile(r"(createEnvironment|rebuildEnvironment|Environment update) is starting\.")
"""The event that an operation begins with, of those whose failure can end an environment."""
_TERMINATES = "terminateEnvironment is starting."


class Presence:
    """Whether the environment that a wait is about is still there."""

    def __init__(self, services: Services, application: str, name: str) -> None:
        self._services, self._application, self._name = services, application, name
        self._start = services.clock.monotonic()
        self._seen: Environment | None = None

    def check(self, found: Environment | None) -> Environment | None:
        """The environment that a read found; None while it may only not be shown yet. Raises ReleaseFailed when it is
        gone, with the cause.

        What Beanstalk tells to be terminated is gone at once, if it is the environment that was there before; what it
        does not tell of at all, after UNSEEN_PATIENCE.
        """
        if found is None:
            found = self._services.beanstalk.last_environment(self._application, self._name)
            namesake = found is not None and leaving(found) and (self._seen is None or self._seen.id != found.id)
            waited = self._services.clock.monotonic() - self._start
            if (found is None or namesake) and waited < UNSEEN_PATIENCE:
                return None
        if found is None or leaving(found):
            raise gone(self._services, self._application, self._name, found or self._seen)
        self._seen = found
        return found


def gone(services: Services, application: str, name: str, environment: Environment | None) -> ReleaseFailed:
    """The error of an environment that is gone, with the first failure that its events tell.

    environment: as it was last seen; None: it never was. Raises Transient where the events could not be read for now.
    """
    failures, why = [], "Its events could not be read."
    try:
        events = last_events(services, application, name, environment)
        failures, why = [item for item in events if item.severity in FAILURES], _ending(events)
    except Transient:
        raise
    except AwsRefused as error:
        why = f"{why} {error.what} {error.why}"
    return ReleaseFailed(
        f"{name} failed and was terminated: {telling(failures).message}" if failures else f"{name} was terminated.",
        why="" if failures else why,
        hint=f"ebcd events --env {name} {services.flags} shows all of it; {services.remedy}",
        code="environment-gone",
    )


def last_events(services: Services, application: str, name: str, environment: Environment | None) -> tuple[Event, ...]:
    """The events of the operation that was an environment's last one, and of its end; oldest first.

    They are asked for by its id, else by its name: of an environment that is gone, AWS documents neither.
    """
    beanstalk = services.beanstalk
    events: tuple[Event, ...] = ()
    if environment is not None:
        events = beanstalk.events(application, environment_id=environment.id)
    if not events:
        events = beanstalk.events(application, name, environment.created if environment else None)
    return tuple(_since_it_began(events))[::-1]


def _since_it_began(events: Iterable[Event]) -> Iterator[Event]:
    """Events, newest first, back to the one that the last operation began with: earlier failures are another matter."""
    for event in events:
        yield event
        if _BEGINS.match(event.message):
            return


def _ending(events: Iterable[Event]) -> str:
    """What events without a failure tell of an environment's end."""
    if any(event.message == _TERMINATES for event in events):
        return f"Its events tell of no failure, but of: {_TERMINATES} Somebody asked for that."
    return "Its events do not say why."
