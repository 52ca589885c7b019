"""Why a candidate failed: Beanstalk's events, the health's causes and the last lines of the instances' logs."""

from __future__ import annotations

from ebcd.errors import EbcdError
from ebcd.release.clock import polls
from ebcd.release.journal import ReleaseRecord
from ebcd.release.run import Diagnosis, Services

LOG_PATIENCE = 30.0
"""Seconds that the instances have to deliver their log tail."""
LOG_LINES = 40
"""Lines of log that a report shows."""
WORTH_TELLING = frozenset({"WARN", "ERROR", "FATAL"})


def diagnose(services: Services, release: ReleaseRecord) -> Diagnosis:
    """What Beanstalk can tell. Never raises: a diagnosis must not hide the failure that it explains."""
    diagnosis, environment = Diagnosis(), release.environment
    try:
        found = services.beanstalk.environment(release.application, environment)
        if found is None:
            return diagnosis
        since = max(found.created, release.since)
        events = services.beanstalk.events(release.application, environment, since)
        told = tuple(event for event in reversed(events) if event.severity in WORTH_TELLING)
        diagnosis = Diagnosis(events=told)
        diagnosis = Diagnosis(told, _causes(services, environment))
        return Diagnosis(told, diagnosis.causes, log_tail(services, environment, LOG_LINES))
    except EbcdError as error:
        services.progress.note(f"No full diagnosis: {error.what}")
        return diagnosis


def _causes(services: Services, environment: str) -> tuple[str, ...]:
    instances = services.beanstalk.instances(environment)
    causes = [f"{item.id}: {cause}" for item in instances for cause in item.causes]
    return (*services.beanstalk.health(environment).causes, *causes)


def log_tail(services: Services, environment: str, lines: int) -> str:
    """The last lines of each instance's logs; empty when none were delivered in time."""
    asked = services.clock.now()
    services.beanstalk.request_log_tail(environment)
    urls: dict[str, str] = {}
    for _ in polls(services.clock, timeout=LOG_PATIENCE, interval=min(1.0, services.pace.seconds)):
        urls = services.beanstalk.retrieve_log_tail(environment, asked.replace(microsecond=0))
        if urls:
            break
    tails = (f"── {name}\n{_last(services.prober.download(url), lines)}" for name, url in urls.items())
    return "\n".join(tails)


def _last(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])
