"""Bad health looked into while a gate waits: the wait ends once the cause is sure, and a likely one is told.

A log tail takes an instance many seconds and leaves an event, so it is asked for seldom: when a process is seen to end
again and again, and else after 3, 6, 12 … bad reports in a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from ebcd.errors import AwsRefused
from ebcd.model import InstanceHealth
from ebcd.release.execute.context import Services
from ebcd.release.execute.diagnosis import log_tails
from ebcd.release.execute.health import HealthSampler, Sample
from ebcd.release.execute.polling import BASIC_HEALTH, Heartbeat, see_logs
from ebcd.release.judge import logs
from ebcd.release.judge.verdict import ENDS, Down, Evidence, SurelyFailed, Verdict, judge, not_running

RESTART = 5.0
"""Seconds that a supervisor may pause before it starts a process again: only what is down for longer stays down."""
LOGS_AGAIN = 12
"""Bad reports after which the logs are read again at the latest."""


class Suspicion:
    """What one gate learns of an environment whose health is bad."""

    def __init__(self, services: Services, heartbeat: Heartbeat, application: str, environment: str) -> None:
        self._services, self._heartbeat, self._environment = services, heartbeat, environment
        self._sampler = HealthSampler(services, application, environment)
        self._steady = self._asked = 0
        self._down_since: datetime | None = None
        self._ends = 0
        self._tails: Mapping[str, str] = {}
        self._told = ""

    def read(self) -> None:
        """Take the newest report, if there is one. Raises SurelyFailed."""
        try:
            sample = self._sampler.read()
        except AwsRefused:  # the environment is only being made, or reads are throttled: the next time tells
            return
        if sample is not None:
            self.take(sample, accepted=sample.color == "Green")

    def take(self, sample: Sample, *, accepted: bool) -> None:
        """Take a report of health. Raises SurelyFailed."""
        if accepted or sample.color not in {"Red", "Yellow"}:
            self._steady = self._asked = 0
            self._down_since = None
            return
        instances = self._instances()
        if any(item.deployment_status == "In Progress" for item in instances):  # its commands and hooks are at work
            return
        self._steady += 1
        causes = (*sample.causes, *(cause for item in instances for cause in item.causes))
        known, down = self._ends, self._down(sample.time, causes)
        recurs = down.long or down.ends >= ENDS
        if self._due(again=recurs and (known < self._ends or not self._tails)):
            self._tails, self._asked = self._read_logs(), self._steady
        texts = tuple(log for text in self._tails.values() for log in logs.read(text))
        self._tell(judge(Evidence((), causes, texts, down, self._steady)))

    def _down(self, at: datetime, causes: tuple[str, ...]) -> Down:
        if not any(map(not_running, causes)):
            self._down_since = None
            return Down(self._ends)
        if self._down_since is None:
            self._down_since, self._ends = at, self._ends + 1
        long = (at - self._down_since).total_seconds()
        return Down(self._ends, long >= max(RESTART, (ENDS - 1) * self._services.timing.sample))

    def _due(self, *, again: bool) -> bool:
        """Whether the logs are to be read now. again: they have something new to tell."""
        wait = min(max(self._asked, ENDS), LOGS_AGAIN)
        return again or self._steady - self._asked >= wait

    def _instances(self) -> tuple[InstanceHealth, ...]:
        try:
            return self._services.beanstalk.instances(self._environment)
        except AwsRefused as error:
            if error.code not in BASIC_HEALTH:
                self._services.progress.note(f"{error.what} The causes of its instances are not known for now.")
            return ()

    def _read_logs(self) -> Mapping[str, str]:
        try:
            return log_tails(self._services, self._environment, self._heartbeat) or self._tails
        except AwsRefused as error:
            self._services.progress.note(f"No log tail: {error.what}")
            return self._tails

    def _tell(self, verdict: Verdict | None) -> None:
        if verdict is None:
            return
        if verdict.sure:
            raise SurelyFailed(verdict, self._environment, self._tails, see_logs(self._services, self._environment))
        if self._tails and verdict.cause != self._told:
            self._told = verdict.cause
            self._services.progress.note(f"likely: {verdict.cause}")
