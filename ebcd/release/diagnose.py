"""Why a candidate failed: Beanstalk's events, the health's causes and the last lines of the instances' logs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from ebcd.errors import AwsRefused, EbcdError
from ebcd.model import Environment, Event, LogTail
from ebcd.release.gone import last_events
from ebcd.release.record import ReleaseRecord
from ebcd.release.run import Diagnosis, Services
from ebcd.release.snapshot import leaving
from ebcd.release.waits import BASIC_HEALTH, SOON, looks

LOG_PATIENCE = 30.0
"""Seconds that the instances have to deliver their log tail."""
LOG_LINES = 40
"""Lines of log that a report shows."""
WORTH_TELLING = frozenset({"WARN", "ERROR", "FATAL"})


def diagnose(services: Services, release: ReleaseRecord, *, logs: bool = True) -> Diagnosis:
    """What Beanstalk can tell. Never raises: a diagnosis must not hide the failure that it explains.

    logs: whether the instances are asked for their log tail, which takes them up to LOG_PATIENCE.
    """
    diagnosis, environment = Diagnosis(), release.environment
    try:
        found = services.beanstalk.environment(release.application, environment)
        if found is None or leaving(found):
            return _of_one_that_is_gone(services, release, found)
        since = max(found.created, release.since)
        events = services.beanstalk.events(release.application, environment, since)
        told = _worth_telling(reversed(events))
        diagnosis = Diagnosis(events=told)
        diagnosis = Diagnosis(told, _causes(services, environment))
        return with_logs(services, release, diagnosis) if logs else diagnosis
    except EbcdError as error:
        services.progress.note(f"No full diagnosis: {error.what}")
        return diagnosis


def _of_one_that_is_gone(services: Services, release: ReleaseRecord, found: Environment | None) -> Diagnosis:
    """What its events tell: there is no health and no instance any more."""
    found = found or services.beanstalk.last_environment(release.application, release.environment)
    return Diagnosis(_worth_telling(last_events(services, release.application, release.environment, found)))


def _worth_telling(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(event for event in events if event.severity in WORTH_TELLING)


def with_logs(services: Services, release: ReleaseRecord, diagnosis: Diagnosis) -> Diagnosis:
    """The diagnosis with the log tails, where they come. Never raises, as `diagnose`."""
    try:
        return replace(diagnosis, log_tail=log_tail(services, release.environment, LOG_LINES))
    except EbcdError as error:
        services.progress.note(f"No log tail: {error.what}")
        return diagnosis


def _causes(services: Services, environment: str) -> tuple[str, ...]:
    """What health says is wrong; nothing where an environment reports basic health only."""
    try:
        instances, health = services.beanstalk.instances(environment), services.beanstalk.health(environment)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return ()
    return (*health.causes, *(f"{item.id}: {cause}" for item in instances for cause in item.causes))


def log_tail(services: Services, environment: str, lines: int) -> str:
    """The last lines of each instance's logs, of those that came in time; empty when none did.

    What an instance had delivered before tells what is new: no clock of ours is compared with AWS's.
    """
    beanstalk = services.beanstalk
    before = frozenset(beanstalk.log_tails(environment))
    instances = beanstalk.instance_count(environment)
    beanstalk.request_log_tail(environment)

    def read() -> dict[str, LogTail]:
        return {tail.instance: tail for tail in beanstalk.log_tails(environment) if tail not in before}

    tails: dict[str, LogTail] = {}
    for tails in looks(services, services.clock.check, LOG_PATIENCE, read, lambda: SOON):
        if len(tails) >= instances:
            break
    told = (f"── {name}\n{_last(services.prober.download(tail.url), lines)}" for name, tail in sorted(tails.items()))
    return "\n".join(told)


def _last(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])
