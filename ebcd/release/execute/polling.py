"""The waits of a release: each polls, judges, and has a deadline. A read that AWS did not answer does not count as a
failed check.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar

from ebcd import words
from ebcd.clock import polls
from ebcd.errors import AwsRefused, OutcomeUnknown, ReleaseFailed, Transient
from ebcd.model import Environment
from ebcd.release.execute.context import Services
from ebcd.release.execute.events import FAILURES, EnvironmentWatch, telling
from ebcd.release.execute.hopeless import Hopeless
from ebcd.release.execute.presence import Presence
from ebcd.release.plan.steps import AwaitDrain, AwaitEnvironment, AwaitTermination
from ebcd.release.state.snapshot import leaving

T = TypeVar("T")
Heartbeat = Callable[[], None]
"""Called at every poll: it renews the lock and watches live."""

BASIC_HEALTH = frozenset({"InvalidRequestException", "InvalidRequest"})
"""What is answered where enhanced health is asked of an environment that reports basic health."""
PUBLISH_PATIENCE = 600.0
"""Seconds that Beanstalk has to process an application version."""
ANSWER_PATIENCE = 120.0
"""Seconds within which a single read must be answered."""
LEAVING_PATIENCE = 60.0
"""Seconds that Beanstalk has to begin a termination."""


SOON = 0.6
"""Part of the usual pause between two polls where AWS needs seconds for what is waited for."""


def poll(
    services: Services,
    heartbeat: Heartbeat,
    timeout: float,
    read: Callable[[], T],
    factor: Callable[[], float] = lambda: 1.0,
    *,
    at_once: bool = True,
) -> Iterator[T]:
    """What `read` sees, again and again until `timeout` seconds have passed; unanswered reads are left out.

    factor: what part of the usual pause the next one has. at_once: whether the first poll comes before a pause.
    """
    for _ in polls(services.clock, timeout=timeout, interval=services.pace, factor=factor, at_once=at_once):
        heartbeat()
        try:
            seen = read()
        except Transient as error:
            services.progress.note(f"{error.what} Asking again.")
            services.pace.refused()
            continue
        services.pace.answered()
        yield seen


def retry_read(services: Services, heartbeat: Heartbeat, read: Callable[[], T]) -> T:
    """What `read` sees, once AWS answers. Raises what it raises when AWS does not for long."""
    for seen in poll(services, heartbeat, ANSWER_PATIENCE, read):
        return seen
    return read()


def await_version(services: Services, heartbeat: Heartbeat, application: str, label: str) -> str:
    """Wait until the application version is processed. Raises ReleaseFailed when Beanstalk finds fault with it."""
    status = "unseen"
    read = lambda: services.beanstalk.version(application, label)  # noqa: E731
    for version in poll(services, heartbeat, PUBLISH_PATIENCE, read, lambda: SOON):
        status = version.status if version else "unseen"
        if version is not None and version.processed:
            return ""
        if version is not None and version.failed:
            events = services.beanstalk.events(application, limit=20)
            said = [item.message for item in events if item.version_label == label and item.severity in FAILURES]
            raise ReleaseFailed(
                f"Beanstalk could not process the application version {label}.",
                why=" ".join(said) or "It gives no reason.",
                hint="ebcd check shows what is wrong with the bundle.",
                code="version-failed",
            )
    raise OutcomeUnknown(
        f"The application version {label} was not processed within {PUBLISH_PATIENCE:g} s.",
        why=f"Its status is {status}.",
        hint="Run the same command again: it goes on from what is there.",
        code="deadline",
    )


def await_drain(services: Services, heartbeat: Heartbeat, step: AwaitDrain) -> str:
    """Let the time pass that resolvers may remember an old answer."""
    for _ in polls(services.clock, timeout=step.seconds, interval=services.pace):
        heartbeat()
    return ""


def await_termination(
    services: Services, heartbeat: Heartbeat, application: str, step: AwaitTermination, timeout: float
) -> str:
    """Wait until the environment is leaving, or is gone where the step says so; its status then. timeout: for that."""
    status, patience = "", timeout if step.gone else LEAVING_PATIENCE
    read = lambda: services.beanstalk.environment(application, step.environment)  # noqa: E731
    for found in poll(services, heartbeat, patience, read):
        if found is None or found.id != step.environment_id:
            return "Terminated"
        status = found.status
        if leaving(found) and not step.gone:
            return status
    raise OutcomeUnknown(
        f"The environment {step.environment} {'is not gone' if step.gone else 'does not go'}.",
        why=f"After {patience:g} s its status is {status or 'not known'}.",
        hint="Run the same command again: it goes on from what is there.",
        code="deadline",
    )


def await_environment(
    services: Services,
    heartbeat: Heartbeat,
    application: str,
    step: AwaitEnvironment,
    timeout: float,
    look_into: Callable[[], None] = lambda: None,
) -> str:
    """Wait until the environment is Ready, carries the label on every instance, and no event tells of a failure.

    Ready alone proves nothing: a failed update returns to Ready on the earlier version. Raises ReleaseFailed, and what
    `look_into` raises, which is called at each poll once events tell of bad health.
    """
    watched = EnvironmentWatch(services, application, step.environment, events=step.events)
    presence, hopeless = Presence(services, application, step.environment), Hopeless(services)
    seen = "it was never seen"

    def read() -> tuple[Environment | None, tuple[bool, str]]:
        """The environment, and whether an instance does not run the version yet."""
        environment = presence.check(watched.read())
        if environment is None:
            return None, (True, "AWS did not show it yet")
        if environment.status != "Ready" or environment.version_label != step.label:
            return environment, (True, f"its status is {environment.status}")
        return environment, _lacking(services, application, step, presence)

    for environment, (lacking, seen) in poll(services, heartbeat, timeout, read, watched.factor):
        ready = environment is not None and environment.status == "Ready"
        if watched.failures and (ready or hopeless.long(watched.failures)):
            raise failed(services, step.environment, "failed to deploy", telling(watched.failures).message)
        if environment is None or not ready:
            if watched.unwell:
                look_into()
            continue
        if environment.version_label != step.label:
            why = f"It is Ready on {environment.version_label}."
            raise failed(services, step.environment, "runs another version", why)
        if not lacking:
            return seen
    raise failed(services, step.environment, f"was not ready within {timeout:g} s", f"When the time was up, {seen}.")


def _lacking(services: Services, application: str, step: AwaitEnvironment, presence: Presence) -> tuple[bool, str]:
    """As `lacking_instances`, of an environment that was just read. Raises ReleaseFailed where it has gone since."""
    try:
        return lacking_instances(services, step.environment, step.label)
    except AwsRefused as error:
        if not isinstance(error, Transient):
            presence.check(services.beanstalk.environment(application, step.environment))
        raise


def lacking_instances(services: Services, environment: str, label: str) -> tuple[bool, str]:
    """Whether an instance does not run the version (yet), and what was seen."""
    try:
        instances = services.beanstalk.instances(environment)
    except AwsRefused as error:
        if error.code not in BASIC_HEALTH:
            raise
        return False, "basic health reporting: which version each instance runs is not known"
    other = [item for item in instances if not item.runs(label)]
    if not instances:
        return True, "no instance reports"
    if other:
        found = words.count(len(instances), "instance")
        return True, f"{len(other)} of {found} {'does' if len(other) == 1 else 'do'} not run {label}"
    return False, f"{len(instances)} of {words.count(len(instances), 'instance')}"


def failed(services: Services, environment: str, what: str, why: str) -> ReleaseFailed:
    """The error of an environment that did not become what it was to become."""
    return ReleaseFailed(
        f"The environment {environment} {what}.",
        why=why,
        hint=see_logs(services, environment),
    )


def see_logs(services: Services, environment: str) -> str:
    """What to do about an environment that failed."""
    logs = f"ebcd logs --env {environment} {services.flags}"
    return f"{logs} shows its logs; {services.remedy}"
