"""An operation whose events say that it failed for good: what else it does until it is Ready is not waited for long."""

from __future__ import annotations

from collections.abc import Sequence

from ebcd.model import Event
from ebcd.release.execute.context import Services
from ebcd.release.judge.verdict import is_final

PATIENCE = 15.0
"""Seconds that Beanstalk has behind such an event to come to Ready: what is done next with the environment needs that,
and so do the events that tell the rest.
"""


class Hopeless:
    """Since when it is known that an operation has failed."""

    def __init__(self, services: Services) -> None:
        self._clock = services.clock
        self._since: float | None = None

    def long(self, failures: Sequence[Event]) -> bool:
        """Whether events have said for long enough that it failed for good."""
        if self._since is None and any(map(is_final, failures)):
            self._since = self._clock.monotonic()
        return self._since is not None and self._clock.monotonic() - self._since >= PATIENCE
