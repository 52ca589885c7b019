"""Why a candidate failed: Beanstalk's events, the health's causes and the last lines of the instances' logs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace

from ebcd.errors import AwsRefused, EbcdError
from ebcd.model import Environment, Event, LogTail
from ebcd.release.execute.context import Services
from ebcd.release.execute.polling import BASIC_HEALTH, SOON, Heartbeat, poll
from ebcd.release.execute.presence import last_events
from ebcd.release.judge import logs as logfiles
from ebcd.release.judge.diagnosis import Diagnosis
from ebcd.release.judge.verdict import ANSWERS, Evidence, SurelyFailed, judge, of_answer
from ebcd.release.state.release import ReleaseRecord
from ebcd.release.state.snapshot import leaving

LOG_PATIENCE = 30.0
"""Seconds that the instances have to deliver their log tail."""
LOG_LINES = 40
"""Lines of log that a report shows."""
WORTH_TELLING = frozenset({"WARN", "ERROR", "FATAL"})


def diagnose(
    services: Services, release: ReleaseRecord, failed: EbcdError | None = None, *, logs: bool = True
) -> Diagnosis:
    """What Beanstalk can tell. Never raises: a diagnosis must not hide the failure that it explains.

    failed: how the release ended. logs: whether the instances are asked for their log tail, which takes them up to
    LOG_PATIENCE; what a gate has read of it is taken anyway.
    """
    diagnosis, environment = Diagnosis(), release.environment
    try:
        found = services.beanstalk.environment(release.application, environment)
        if found is None or leaving(found):
            return judged(_of_one_that_is_gone(services, release, found), {}, failed)
        since = max(found.created, release.since)
        with suppress(EbcdError):  # what a role may not read is not known, and not hidden
            services.beanstalk.settings(release.application, environment)
        events = services.beanstalk.events(release.application, environment, since)
        told = _worth_telling(reversed(events))
        diagnosis = Diagnosis(events=told)
        diagnosis = Diagnosis(told, _causes(services, environment))
    except EbcdError as error:
        services.progress.note(f"No full diagnosis: {error.what}")
    return with_logs(services, release, diagnosis, failed) if logs else judged(diagnosis, _read(failed), failed)


def _of_one_that_is_gone(services: Services, release: ReleaseRecord, found: Environment | None) -> Diagnosis:
    """What its events tell: there is no health and no instance any more."""
    found = found or services.beanstalk.last_environment(release.application, release.environment)
    return Diagnosis(_worth_telling(last_events(services, release.application, release.environment, found)))


def _worth_telling(events: Iterable[Event]) -> tuple[Event, ...]:
    return tuple(event for event in events if event.severity in WORTH_TELLING)


def with_logs(
    services: Services, release: ReleaseRecord, diagnosis: Diagnosis, failed: EbcdError | None = None
) -> Diagnosis:
    """The diagnosis with the log tails, where they come. Never raises, as `diagnose`."""
    tails = _read(failed)
    try:
        tails = tails or log_tails(services, release.environment)
    except EbcdError as error:
        services.progress.note(f"No log tail: {error.what}")
    return judged(diagnosis, tails, failed)


def _read(failed: EbcdError | None) -> Mapping[str, str]:
    """The log tails that told a gate that the release will fail."""
    return failed.tails if isinstance(failed, SurelyFailed) else {}


def judged(diagnosis: Diagnosis, tails: Mapping[str, str], failed: EbcdError | None) -> Diagnosis:
    """The diagnosis with the cause, and with the lines of the logs that tell of it. Pure.

    A gate that waited for its whole timeout has seen the same health for long.
    """
    texts = tuple(log for text in tails.values() for log in logfiles.read(text))
    seen = Evidence(diagnosis.events, diagnosis.causes, texts, steady=ANSWERS)
    verdict = judge(seen)
    if failed is not None and failed.code == "smoke-failed":
        verdict = of_answer(failed.why, texts)
    tail = "\n".join(f"── {name}\n{logfiles.excerpt(text, LOG_LINES)}" for name, text in tails.items())
    return replace(diagnosis, verdict=verdict, log_tail=tail)


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
    """The last lines of each instance's logs, of those that came in time; empty when none did."""
    tails = log_tails(services, environment)
    return "\n".join(f"── {name}\n{_last(text, lines)}" for name, text in tails.items())


def log_tails(services: Services, environment: str, heartbeat: Heartbeat | None = None) -> dict[str, str]:
    """The tail of each instance's logs, of those that came in time, by instance.

    heartbeat: what is called at every poll; None: only signals are looked for.
    What an instance had delivered before tells what is new: no clock of ours is compared with AWS's.
    """
    beanstalk = services.beanstalk
    before = frozenset(beanstalk.log_tails(environment))
    instances = beanstalk.instance_count(environment)
    beanstalk.request_log_tail(environment)

    def read() -> dict[str, LogTail]:
        return {tail.instance: tail for tail in beanstalk.log_tails(environment) if tail not in before}

    tails: dict[str, LogTail] = {}
    for tails in poll(services, heartbeat or services.clock.check, LOG_PATIENCE, read, lambda: SOON):
        if len(tails) >= instances:
            break
    return {name: services.prober.download(tail.url) for name, tail in sorted(tails.items())}


def _last(text: str, lines: int) -> str:
    return "\n".join(text.splitlines()[-lines:])
