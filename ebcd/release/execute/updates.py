"""Changes of an environment that stands: sent once it is Ready, awaited, judged by the events since they began.

A version and settings go in one update where both change. AWS's documentation denies that, so where it is refused they
go one after the other.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from ebcd.errors import AwsRefused, ReleaseFailed
from ebcd.model import ASG, Environment, OptionSetting, PresentSettings, Stage
from ebcd.release.execute import drain
from ebcd.release.execute.busy import refused_as_busy, when_ready
from ebcd.release.execute.context import Services, Status, StepOutcome
from ebcd.release.execute.environments import send, sizes
from ebcd.release.execute.events import EventFollower, telling
from ebcd.release.execute.hopeless import Hopeless
from ebcd.release.execute.polling import Heartbeat, failed, lacking_instances, poll, retry_read
from ebcd.release.execute.presence import Presence
from ebcd.release.plan.steps import ScaleDown, SetMinimum, UpdateOptions, UpdateVersion

BEGIN_PATIENCE = 60.0
"""Seconds within which an update must be seen to have begun."""


COMBINATION_REFUSED = "InvalidParameterCombination"
"""The code of the refusal to change the version and settings at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """What one UpdateEnvironment call asks for."""

    label: str = ""
    """The version; empty: it stays."""
    settings: UpdateOptions | None = None
    """None: they stay."""


@dataclass(frozen=True, slots=True)
class Update:
    """A change of an environment: what it lacks of it is sent in one call."""

    environment: str
    lacks: Callable[[Environment], Request | None]
    """What a Ready environment lacks; None: nothing, so that nothing is sent."""
    arrived: Callable[[Environment], bool]
    """Whether an environment that is Ready again has taken it."""
    cname: str = ""
    """The live CNAME, whole: what holds it by now is not changed. Empty: it may be live's own."""


def update_version(services: Services, heartbeat: Heartbeat, stage: Stage, step: UpdateVersion) -> StepOutcome:
    """Deploy a version, and change settings with it. What of it is there already, on each instance, is not sent: on
    the way back from an update that failed, that is what the environment is seen to have. Raises ReleaseFailed.
    """

    def lacks(environment: Environment) -> Request | None:
        runs = (
            environment.version_label == step.label and not lacking_instances(services, step.environment, step.label)[0]
        )
        has = step.settings is None or _has(services, stage, environment, step.settings)
        return None if runs and has else Request("" if runs else step.label, None if has else step.settings)

    def arrived(environment: Environment) -> bool:
        platform = step.settings.platform_arn if step.settings else ""
        return environment.version_label == step.label and platform in ("", environment.platform_arn)

    try:
        return _perform(services, heartbeat, stage, Update(step.environment, lacks, arrived, step.cname))
    except AwsRefused as error:
        if step.settings is None or error.code != COMBINATION_REFUSED:
            raise
        services.progress.note(f"{error.what} {error.why} The settings go first, then the version.")
    update_options(services, heartbeat, stage, step.settings)
    return update_version(services, heartbeat, stage, replace(step, settings=None))


def _has(services: Services, stage: Stage, environment: Environment, wanted: UpdateOptions) -> bool:
    """Whether an environment has the settings and the platform of an update."""
    if wanted.platform_arn not in ("", environment.platform_arn):
        return False
    present = PresentSettings.of(services.beanstalk.settings(stage.application, environment.name))
    has = all(present.has(item, surely=True) for item in wanted.options)
    return has and not any(map(present.value, wanted.remove))


def update_options(services: Services, heartbeat: Heartbeat, stage: Stage, step: UpdateOptions) -> StepOutcome:
    """Change option settings and platform. Raises ReleaseFailed."""

    def lacks(environment: Environment) -> Request | None:
        there = environment.platform_arn == step.platform_arn and not (step.options or step.remove)
        return None if there else Request(settings=step)

    update = Update(
        step.environment,
        lacks,
        lambda environment: step.platform_arn in ("", environment.platform_arn),
        step.cname,
    )
    return _perform(services, heartbeat, stage, update)


def set_minimum(services: Services, heartbeat: Heartbeat, stage: Stage, step: SetMinimum) -> StepOutcome:
    """Lower MinSize, unless it is so already. Raises ReleaseFailed."""
    now = sizes(services, heartbeat, stage.application, step.environment).get("MinSize", 0)
    if now <= step.minimum:
        return StepOutcome(f"it is {now} already", Status.SKIPPED)
    option = OptionSetting(ASG, "MinSize", str(step.minimum))
    update_options(services, heartbeat, stage, UpdateOptions(step.environment, (option,)))
    return StepOutcome(f"MinSize {step.minimum}")


def scale_down(services: Services, heartbeat: Heartbeat, stage: Stage, step: ScaleDown) -> StepOutcome:
    """Bring an environment to one instance, and keep it there, unless it is live by now or still gets requests.

    Raises Busy, or OutcomeUnknown after `step.patience`, while something else is under way with it.
    """

    def shrink(found: Environment | None) -> StepOutcome:
        if found is not None and (why := drain.needed(services, found, step)):
            return StepOutcome(why, Status.SKIPPED)
        smallest = (OptionSetting(ASG, "MaxSize", "1"), OptionSetting(ASG, "MinSize", "1"))
        return update_options(services, heartbeat, stage, UpdateOptions(step.environment, smallest, cname=step.cname))

    return when_ready(services, heartbeat, stage.application, step.environment, step.patience, shrink)


def _perform(services: Services, heartbeat: Heartbeat, stage: Stage, update: Update) -> StepOutcome:
    """Send an update when the environment is Ready, and wait until it is Ready again. Raises ReleaseFailed.

    What an earlier run began is waited for; then nothing may be left to do.
    """
    name, clock = update.environment, services.clock
    follower: EventFollower | None = None
    sent_at, begun, status = 0.0, False, ""
    presence, hopeless = Presence(services, stage.application, name), Hopeless(services)
    read = lambda: presence.check(services.beanstalk.environment(stage.application, name))  # noqa: E731
    for environment in poll(services, heartbeat, stage.timeout, read):
        if environment is None:
            continue
        status = environment.status
        if follower is not None:
            begun = follower.follow() or begun or status != "Ready"
        if follower is not None and follower.failures and (status == "Ready" or hopeless.long(follower.failures)):
            raise failed(services, name, "failed to update", telling(follower.failures).message)
        if status != "Ready":
            continue
        if follower is None:
            request = retry_read(services, heartbeat, partial(update.lacks, environment))
            if request is None:
                return StepOutcome("it was there already", Status.SKIPPED)
            _spare(update, environment)
            follower, sent_at = _begin(services, heartbeat, stage, update, environment, request), clock.monotonic()
            status = status if follower else "Ready, and AWS refuses the update as that of one that is not"
        elif begun or clock.monotonic() - sent_at > BEGIN_PATIENCE:
            if update.arrived(environment):
                return StepOutcome()
            raise failed(services, name, "did not take the update", f"It is Ready on {environment.version_label}.")
    raise failed(services, name, f"was not Ready within {stage.timeout:g} s", f"Its status is {status or 'unknown'}.")


def _spare(update: Update, environment: Environment) -> None:
    """Raises ReleaseFailed where somebody made the environment live since the plan was made."""
    if update.cname and environment.cname == update.cname:
        raise ReleaseFailed(
            f"{update.environment} was not changed.",
            why=f"It holds {update.cname} by now: somebody swapped since the plan was made.",
            hint="Run the same command again: it plans anew from what is there.",
            code="live-moved",
        )


def _begin(
    services: Services, heartbeat: Heartbeat, stage: Stage, update: Update, environment: Environment, request: Request
) -> EventFollower | None:
    """Send the update; what follows the environment's events from here on. None where something else began first, so
    that Beanstalk refused: it is sent when the environment is Ready again.
    """
    follower = EventFollower(services, environment)
    retry_read(services, heartbeat, follower.skip)

    def now() -> Environment | None:
        return services.beanstalk.environment(stage.application, update.environment)

    def there() -> bool:
        found = now()
        return found is not None and update.lacks(found) is None

    def busy() -> bool:
        found = now()
        return found is not None and found.status != "Ready"

    try:
        send(services, heartbeat, lambda: _send(services, update.environment, request), there, busy)
    except AwsRefused as error:
        if not refused_as_busy(services, heartbeat, stage.application, update.environment, error):
            raise
        services.progress.note(f"{error.what} {error.why} Waiting until {update.environment} is Ready.")
        return None
    return follower


def _send(services: Services, environment: str, request: Request) -> None:
    """Begin an update, by one call."""
    settings = request.settings
    if settings is None:
        services.beanstalk.update_version(environment, request.label)
    else:
        services.beanstalk.update_options(
            environment, settings.options, settings.remove, settings.platform_arn, request.label
        )
