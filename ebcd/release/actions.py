"""The mutations of a release. Each is sent once; where no answer came, what happened is read, never assumed."""

from __future__ import annotations

from collections.abc import Callable

from ebcd.errors import AwsRefused, NoAnswer, OutcomeUnknown, Throttled
from ebcd.model import ApplicationVersion, Environment, OptionSetting
from ebcd.release.clock import polls
from ebcd.release.plan import ASG
from ebcd.release.run import Seen, Services, Status
from ebcd.release.steps import (
    CreateEnvironment,
    CreateVersion,
    DeleteVersion,
    SetMinimum,
    TerminateEnvironment,
)
from ebcd.release.waits import Tick, await_version, looks

THROTTLE_PATIENCE = 120.0
"""Seconds that a throttled mutation is sent again: nothing happened, so a repeat is harmless."""
BEGIN_PATIENCE = 60.0
"""Seconds within which an update must be seen to have ended or begun."""


def send(services: Services, tick: Tick, mutation: Callable[[], object], took_effect: Callable[[], bool]) -> Seen:
    """Send a mutation. Throttled: again, after a pause. Refused or unanswered: look whether its effect is there."""
    for _ in polls(services.clock, timeout=THROTTLE_PATIENCE, interval=services.interval):
        tick()
        try:
            mutation()
        except Throttled as error:
            services.progress.note(f"{error.what} Sending it again.")
            refused: AwsRefused = error
            continue
        except AwsRefused:
            if not took_effect():
                raise
            return Seen("it was there already", Status.SKIPPED)
        return Seen()
    raise refused


def create_application(services: Services, tick: Tick, application: str) -> Seen:
    """Create the application."""
    beanstalk = services.beanstalk
    return send(
        services,
        tick,
        lambda: beanstalk.create_application(application),
        lambda: beanstalk.application_exists(application),
    )


def create_version(services: Services, tick: Tick, application: str, step: CreateVersion) -> Seen:
    """Create the application version and wait until it is processed."""
    beanstalk = services.beanstalk
    wanted = ApplicationVersion(step.label, "", services.storage.bucket, step.key, step.description)

    def is_there() -> bool:
        found = beanstalk.version(application, step.label)
        return found is not None and found.key == step.key

    sent = send(services, tick, lambda: beanstalk.create_version(wanted, application), is_there)
    await_version(services, tick, application, step.label)
    return sent


def create_environment(services: Services, tick: Tick, application: str, step: CreateEnvironment) -> Seen:
    """Begin to create the environment."""
    beanstalk = services.beanstalk

    def is_there() -> bool:
        found = beanstalk.environment(application, step.environment)
        return found is not None and found.version_label == step.label

    def create() -> None:
        beanstalk.create_environment(
            application=application,
            name=step.environment,
            label=step.label,
            platform_arn=step.platform_arn,
            cname_prefix=step.cname_prefix,
            options=step.options,
            tags=dict(step.tags),
        )

    return send(services, tick, create, is_there)


def set_minimum(services: Services, tick: Tick, application: str, step: SetMinimum) -> Seen:
    """Change MinSize and wait until the environment is Ready again. Capacity stays: a minimum does not scale in."""
    beanstalk = services.beanstalk
    option = OptionSetting(ASG, "MinSize", str(step.minimum))
    send(services, tick, lambda: beanstalk.update_options(step.environment, [option]), lambda: False)
    environment: Environment | None = None
    for environment in looks(
        services, tick, BEGIN_PATIENCE * 10, lambda: beanstalk.environment(application, step.environment)
    ):
        if environment is not None and environment.status == "Ready":
            return Seen(f"MinSize {step.minimum}")
    raise OutcomeUnknown(
        f"{step.environment} did not become Ready after a change of MinSize.",
        why=f"Its status is {environment.status if environment else 'unknown'}.",
        hint="Run the same command again: it goes on from what is there.",
        code="deadline",
    )


def terminate(services: Services, tick: Tick, application: str, step: TerminateEnvironment) -> Seen:
    """Begin to terminate an environment, unless it holds the live CNAME by now or is leaving already."""

    def leaving() -> bool:
        found = services.beanstalk.environment(application, step.environment)
        return found is None or found.id != step.environment_id or found.status == "Terminating"

    try:
        return send(services, tick, lambda: services.beanstalk.terminate(step.environment_id), leaving)
    except NoAnswer:
        return Seen("whether it began is not known; the next ship looks again", Status.SKIPPED)


def delete_version(services: Services, tick: Tick, application: str, step: DeleteVersion) -> Seen:
    """Delete an application version, then its bundle: the other way a version without a bundle could be left."""
    beanstalk = services.beanstalk
    sent = send(
        services,
        tick,
        lambda: beanstalk.delete_version(application, step.label),
        lambda: beanstalk.version(application, step.label) is None,
    )
    if step.key:
        services.storage.remove(step.key)
    return sent
