"""Changes of an environment that stands: sent once it is Ready, awaited, judged by the events since they began.

A version and settings never go in one UpdateEnvironment call; each is an update of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ebcd.errors import AwsRefused, ReleaseFailed, Transient
from ebcd.model import ASG, Environment, OptionSetting, Stage
from ebcd.release import drain
from ebcd.release.actions import send
from ebcd.release.follow import EventFollower
from ebcd.release.run import Seen, Services, Status
from ebcd.release.snapshot import leaving
from ebcd.release.steps import ScaleDown, SetMinimum, UpdateOptions, UpdateVersion
from ebcd.release.waits import Tick, answered, failed, lacking_instances, looks

BEGIN_PATIENCE = 60.0
"""Seconds within which an update must be seen to have begun."""


@dataclass(frozen=True, slots=True)
class Update:
    """One UpdateEnvironment call."""

    environment: str
    send: Callable[[], None]
    there: Callable[[Environment], bool]
    """Whether a Ready environment needs it no more."""
    arrived: Callable[[Environment], bool]
    """Whether an environment that is Ready again has taken it."""
    cname: str = ""
    """The live CNAME, whole: what holds it by now is not changed. Empty: it may be live's own."""


def update_version(services: Services, tick: Tick, stage: Stage, step: UpdateVersion) -> Seen:
    """Deploy a version. Nothing is sent where each instance runs it already. Raises ReleaseFailed."""
    beanstalk = services.beanstalk

    def carries(environment: Environment) -> bool:
        return environment.version_label == step.label

    def runs(environment: Environment) -> bool:
        return carries(environment) and not lacking_instances(services, step.environment, step.label)[0]

    def deploy() -> None:
        beanstalk.update_version(step.environment, step.label)

    return _perform(services, tick, stage, Update(step.environment, deploy, runs, carries, step.cname))


def update_options(services: Services, tick: Tick, stage: Stage, step: UpdateOptions) -> Seen:
    """Change option settings and platform. Raises ReleaseFailed."""
    update = Update(
        step.environment,
        lambda: services.beanstalk.update_options(step.environment, step.options, step.remove, step.platform_arn),
        lambda _: False,
        lambda environment: step.platform_arn in ("", environment.platform_arn),
        step.cname,
    )
    return _perform(services, tick, stage, update)


def set_minimum(services: Services, tick: Tick, stage: Stage, step: SetMinimum) -> Seen:
    """Change MinSize. Capacity stays: a minimum does not scale in. Raises ReleaseFailed."""
    option = OptionSetting(ASG, "MinSize", str(step.minimum))
    update_options(services, tick, stage, UpdateOptions(step.environment, (option,), cname=step.cname))
    return Seen(f"MinSize {step.minimum}")


def scale_down(services: Services, tick: Tick, stage: Stage, step: ScaleDown) -> Seen:
    """Bring an environment to one instance, and keep it there, unless it is live by now or still gets requests."""
    found = answered(services, tick, lambda: services.beanstalk.environment(stage.application, step.environment))
    if found is not None and (why := drain.needed(services, found, step)):
        return Seen(why, Status.SKIPPED)
    sizes = (OptionSetting(ASG, "MaxSize", "1"), OptionSetting(ASG, "MinSize", "1"))
    return update_options(services, tick, stage, UpdateOptions(step.environment, sizes, cname=step.cname))


def _perform(services: Services, tick: Tick, stage: Stage, update: Update) -> Seen:
    """Send an update when the environment is Ready, and wait until it is Ready again. Raises ReleaseFailed.

    What an earlier run began is waited for; then nothing may be left to do.
    """
    name, clock = update.environment, services.clock
    follower: EventFollower | None = None
    sent_at, begun, status = 0.0, False, ""
    read = lambda: services.beanstalk.environment(stage.application, name)  # noqa: E731
    for environment in looks(services, tick, stage.timeout, read):
        if environment is None or leaving(environment):
            raise failed(services, name, "was terminated", "Somebody, or Beanstalk, terminated it.")
        status = environment.status
        if follower is not None:
            begun = follower.follow() or begun or status != "Ready"
        if status != "Ready":
            continue
        if follower is None:
            if update.there(environment):
                return Seen("it was there already", Status.SKIPPED)
            _spare(update, environment)
            follower, sent_at = _begin(services, tick, stage, update, environment), clock.monotonic()
        elif follower.failures:
            raise failed(services, name, "failed to update", follower.failures[0].message)
        elif begun or clock.monotonic() - sent_at > BEGIN_PATIENCE:
            if update.arrived(environment):
                return Seen()
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
    services: Services, tick: Tick, stage: Stage, update: Update, environment: Environment
) -> EventFollower | None:
    """Send the update; what follows the environment's events from here on. None where something else began first, so
    that Beanstalk refused: it is sent when the environment is Ready again.
    """
    follower = EventFollower(services, environment)
    answered(services, tick, follower.skip)

    def now() -> Environment | None:
        return services.beanstalk.environment(stage.application, update.environment)

    def there() -> bool:
        found = now()
        return found is not None and update.there(found)

    def busy() -> bool:
        found = now()
        return found is not None and found.status != "Ready"

    try:
        send(services, tick, update.send, there, busy)
    except AwsRefused as error:
        if isinstance(error, Transient) or not answered(services, tick, busy):
            raise
        services.progress.note(f"{error.what} {error.why} Waiting until {update.environment} is Ready.")
        return None
    return follower
