"""The mutations of a release. Each is sent once; where no answer came, what happened is read, never assumed."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ebcd import words
from ebcd.clock import polls
from ebcd.errors import AwsRefused, Busy, NoAnswer, OutcomeUnknown, Refused, ReleaseFailed, Throttled, Unreachable
from ebcd.model import ASG, ApplicationVersion, Environment, OptionSetting, Reach
from ebcd.release.execute import drain
from ebcd.release.execute.busy import when_ready
from ebcd.release.execute.context import Services, Status, StepOutcome
from ebcd.release.execute.polling import Heartbeat, await_version, poll, retry_read
from ebcd.release.execute.presence import UNSEEN_PATIENCE, Presence
from ebcd.release.plan.steps import (
    CreateEnvironment,
    CreateVersion,
    DeleteVersion,
    MatchCapacity,
    TerminateEnvironment,
)
from ebcd.release.state.names import saved_configuration
from ebcd.release.state.snapshot import leaving

RESEND_PATIENCE = 120.0
"""Seconds that a mutation is sent again of which AWS took no notice (`NOT_RECEIVED`): a repeat is harmless."""
NOT_RECEIVED = (Throttled, Unreachable)
"""Nothing happened: it may be sent again."""
EXISTS = "already exists"
"""What AWS says of a creation that took effect before.

Source: https://github.com/aws/aws-elastic-beanstalk-cli, ebcli/resources/strings.py (env.nameexists)
"""
CAPACITY_PATIENCE = 900.0
"""Seconds that an environment has to start more instances."""


def send(
    services: Services,
    heartbeat: Heartbeat,
    mutation: Callable[[], object],
    there: Callable[[], bool],
    began: Callable[[], bool] = lambda: False,
    lag: float = 0.0,
) -> StepOutcome:
    """Send a mutation. Unheard: again, after a pause. Refused or unanswered: read whether its effect is `there`.

    began: whether something is under way that can be it. Only where no answer came: a refusal began nothing.
    lag: seconds that its effect may not be shown yet, where no answer came or AWS says that it is there already.
    """
    for _ in polls(services.clock, timeout=RESEND_PATIENCE, interval=services.pace):
        heartbeat()
        try:
            mutation()
        except NOT_RECEIVED as error:
            services.progress.note(f"{error.what} Sending it again.")
            services.pace.refused()
            unheard: AwsRefused = error
            continue
        except AwsRefused as error:
            patience = lag if isinstance(error, NoAnswer) or EXISTS in error.why else 0.0
            if _shown(services, heartbeat, there, patience):
                return StepOutcome("it was there already", Status.SKIPPED)
            if isinstance(error, NoAnswer) and retry_read(services, heartbeat, began):
                return StepOutcome("it was there already", Status.SKIPPED)
            raise
        return StepOutcome()
    raise unheard


def _shown(services: Services, heartbeat: Heartbeat, there: Callable[[], bool], patience: float) -> bool:
    """Whether an effect is there, within `patience` seconds: a read may not show it yet."""
    if retry_read(services, heartbeat, there):
        return True
    return patience > 0 and any(poll(services, heartbeat, patience, there, at_once=False))


def create_application(services: Services, heartbeat: Heartbeat, application: str) -> StepOutcome:
    """Create the application."""
    beanstalk = services.beanstalk
    return send(
        services,
        heartbeat,
        lambda: beanstalk.create_application(application),
        lambda: beanstalk.application_exists(application),
        lag=UNSEEN_PATIENCE,
    )


def create_version(services: Services, heartbeat: Heartbeat, application: str, step: CreateVersion) -> StepOutcome:
    """Create the application version and wait until it is processed."""
    beanstalk = services.beanstalk
    wanted = ApplicationVersion(step.label, "", services.storage.bucket, step.key, step.description)

    def is_there() -> bool:
        found = beanstalk.version(application, step.label)
        return found is not None and found.key == step.key

    sent = send(services, heartbeat, lambda: beanstalk.create_version(wanted, application), is_there)
    await_version(services, heartbeat, application, step.label)
    return sent


def create_environment(
    services: Services, heartbeat: Heartbeat, application: str, step: CreateEnvironment
) -> StepOutcome:
    """Begin to create the environment; where it takes another one's settings, through a saved configuration.

    Saved configurations hold environment properties as plain text in S3, so this one is deleted at once.
    """
    beanstalk = services.beanstalk
    template = saved_configuration(step.environment) if step.settings_of else ""

    def is_there() -> bool:
        found = beanstalk.environment(application, step.environment)
        return found is not None and found.version_label == step.label

    def create() -> None:
        beanstalk.create_environment(
            application=application,
            name=step.environment,
            label=step.label,
            platform_arn=step.platform_arn,
            template=template,
            worker=step.worker,
            cname_prefix=step.cname_prefix,
            options=step.options,
            tags=dict(step.tags),
        )

    if not template:
        return send(services, heartbeat, create, is_there, lag=UNSEEN_PATIENCE)
    source = beanstalk.environment(application, step.settings_of)
    if source is None:
        raise ReleaseFailed(
            f"{step.settings_of} is gone.",
            why=f"Its settings were to be those of {step.environment}.",
            hint="Run the same command again: it plans anew from what is there.",
        )
    try:
        save_configuration(services, heartbeat, application, template, source.id)
        return send(services, heartbeat, create, is_there, lag=UNSEEN_PATIENCE)
    finally:
        delete_saved_configuration(services, application, template)


def save_configuration(
    services: Services, heartbeat: Heartbeat, application: str, template: str, environment_id: str
) -> StepOutcome:
    """Save an environment's settings. What a run that died may have left by that name is of another time."""
    delete_saved_configuration(services, application, template)

    def there() -> bool:
        return services.beanstalk.saved_configuration(application, template) is not None

    save = partial(services.beanstalk.save_configuration, application, template, environment_id)
    return send(services, heartbeat, save, there)


def delete_saved_configuration(services: Services, application: str, template: str) -> StepOutcome:
    """Delete a saved configuration, also where the run is to stop: it holds environment properties as plain text.

    While an environment is being created from it AWS may refuse (API reference, DeleteConfigurationTemplate:
    OperationInProgressException); then it is sent again.
    """

    def delete() -> None:
        services.beanstalk.delete_configuration(application, template)

    for _ in polls(services.clock, timeout=RESEND_PATIENCE, interval=services.pace):
        try:
            return send(services, lambda: None, delete, lambda: False)
        except Busy as error:
            services.progress.note(f"{error.what} {error.why} Sending it again.")
            busy = error
    raise busy


def match_capacity(services: Services, heartbeat: Heartbeat, application: str, step: MatchCapacity) -> StepOutcome:
    """Raise MinSize, and wait until the environment is Ready with that many instances, where the step says so. What is
    live by now stays.
    """
    beanstalk, presence = services.beanstalk, Presence(services, application, step.environment)

    def read() -> Environment | None:
        return presence.check(beanstalk.environment(application, step.environment))

    def raise_minimum(found: Environment | None) -> StepOutcome:
        if found is not None and step.cname and found.cname == step.cname:
            return StepOutcome(drain.HOLDS_LIVE, Status.SKIPPED)
        if options := _lacking(services, heartbeat, application, step):
            send(services, heartbeat, lambda: beanstalk.update_options(step.environment, options), lambda: False)
        return StepOutcome(f"MinSize {step.instances}")

    sent = when_ready(services, heartbeat, application, step.environment, CAPACITY_PATIENCE, raise_minimum)
    if sent.status is Status.SKIPPED or not step.awaited:
        return sent
    count = 0
    for environment in poll(services, heartbeat, CAPACITY_PATIENCE, read):
        if environment is not None and environment.status == "Ready":
            count = beanstalk.instance_count(step.environment)
        if count >= step.instances:
            return StepOutcome(words.count(count, "instance"))
    raise OutcomeUnknown(
        f"{step.environment} did not come to {words.count(step.instances, 'instance')}.",
        why=f"After {CAPACITY_PATIENCE:g} s it has {count}.",
        hint="Run the same command again: it goes on from what is there.",
        code="deadline",
    )


def _lacking(services: Services, heartbeat: Heartbeat, application: str, step: MatchCapacity) -> list[OptionSetting]:
    """MinSize where it is smaller than the step says, and MaxSize as the other environment has it where that is larger:
    the environment was scaled down.
    """
    own = sizes(services, heartbeat, application, step.environment)
    like = sizes(services, heartbeat, application, step.like) if step.like else {}
    largest = like.get("MaxSize", 0)
    wanted = {"MinSize": step.instances} if own.get("MinSize", 0) < step.instances else {}
    if own.get("MaxSize", largest) < largest:
        wanted["MaxSize"] = largest
    return [OptionSetting(ASG, name, str(size)) for name, size in wanted.items()]


def sizes(services: Services, heartbeat: Heartbeat, application: str, environment: str) -> dict[str, int]:
    """MinSize and MaxSize of an environment as they are set now."""
    settings = retry_read(services, heartbeat, lambda: services.beanstalk.settings(application, environment))
    return {
        item.name: int(item.value)
        for item in settings
        if item.namespace == ASG and item.name in {"MinSize", "MaxSize"} and item.value.isdigit()
    }


def stays(reach: Reach, environment: Environment, why: str) -> Refused:
    """The refusal to terminate an environment that may be something else than it is said to be."""
    words = ("elasticbeanstalk", "describe-environments", "--environment-ids", environment.id)
    return Refused(
        f"The environment {environment.name} stays.",
        why=why,
        hint=f"See what it is before it goes: {reach.aws(*words)}",
        code="not-its-own",
    )


def terminate(services: Services, heartbeat: Heartbeat, application: str, step: TerminateEnvironment) -> StepOutcome:
    """Begin to terminate an environment, unless it is leaving already, holds the live CNAME, or still gets requests.

    Raises Busy, or OutcomeUnknown after `step.patience`, while something else is under way with it.
    """

    def is_gone(found: Environment | None) -> bool:
        return found is None or found.id != step.environment_id or leaving(found)

    def there() -> bool:
        return is_gone(services.beanstalk.environment(application, step.environment))

    def begin(found: Environment | None) -> StepOutcome:
        if found is None or is_gone(found):
            return StepOutcome("it is leaving already", Status.SKIPPED)
        if step.holds and found.cname != step.holds:
            other = f"It holds {found.cname} by now, and not its own CNAME {step.holds}."
            raise stays(services.flags.reach, found, other)
        if why := drain.needed(services, found, step):
            return StepOutcome(why, Status.SKIPPED)
        try:
            return send(services, heartbeat, lambda: services.beanstalk.terminate(step.environment_id), there)
        except NoAnswer:
            return StepOutcome("whether it began is not known; the next ship looks again", Status.SKIPPED)

    return when_ready(services, heartbeat, application, step.environment, step.patience, begin)


def delete_version(services: Services, heartbeat: Heartbeat, application: str, step: DeleteVersion) -> StepOutcome:
    """Delete an application version, then its bundle: the other way a version without a bundle could be left.

    One that is being deployed by now stays.
    """
    beanstalk = services.beanstalk
    try:
        sent = send(
            services,
            heartbeat,
            lambda: beanstalk.delete_version(application, step.label),
            lambda: beanstalk.version(application, step.label) is None,
        )
    except Busy as busy:
        return StepOutcome(f"{busy.why} The next time that versions are pruned, it is tried again.", Status.SKIPPED)
    if step.key:
        services.storage.remove(step.key)
    return sent
