"""The one rule for an environment that is busy: AWS changes and terminates what is Ready, and refuses everything else.

So nothing is sent to one that is busy. It is waited for as long as the step allows, and left where it allows nothing.
Sources: https://github.com/aws/aws-elastic-beanstalk-cli, ebcli/resources/strings.py (env.invalidstate);
https://github.com/aws/aws-elastic-beanstalk-cli-setup/issues/144 (a deployment is pending);
https://github.com/ingenieux/awseb-deployment-plugin/issues/67 (a creation is pending)
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from ebcd.errors import AwsRefused, Busy, OutcomeUnknown, Transient
from ebcd.model import Environment
from ebcd.release.execute.context import Services, StepOutcome
from ebcd.release.execute.polling import Heartbeat, poll, retry_read
from ebcd.release.state.snapshot import leaving

BUSY_PATIENCE = 900.0
"""Seconds that a run waits for a busy environment which it is there to end: a launch takes AWS five minutes, and the
instances have ten to deploy a version.
"""
_GENERAL = "InvalidParameterValue"
"""The code of AWS's refusal, which it gives for much else, too."""


def is_busy(environment: Environment | None) -> bool:
    """Whether something is under way that ends by itself. One that is gone, or leaving, is not busy."""
    return environment is not None and environment.status != "Ready" and not leaving(environment)


def refused_as_busy(services: Services, heartbeat: Heartbeat, application: str, name: str, error: AwsRefused) -> bool:
    """Whether AWS refused a change because the environment is busy. Its status decides where the text is unknown."""
    if isinstance(error, Busy):
        return True
    if isinstance(error, Transient) or error.code != _GENERAL:
        return False
    return is_busy(retry_read(services, heartbeat, lambda: services.beanstalk.environment(application, name)))


def when_ready(
    services: Services,
    heartbeat: Heartbeat,
    application: str,
    name: str,
    patience: float,
    act: Callable[[Environment | None], StepOutcome],
) -> StepOutcome:
    """Do something to an environment once it is not busy. act: is given the environment as it is then.

    Raises Busy for one that is busy where there is no patience, and OutcomeUnknown where that (seconds) has passed.
    """
    read = lambda: services.beanstalk.environment(application, name)  # noqa: E731
    status, why = "", "AWS changes and terminates environments that are Ready, and no others."
    for found in chain(
        [retry_read(services, heartbeat, read)], poll(services, heartbeat, patience, read, at_once=False)
    ):
        if found is not None and is_busy(found):
            if patience and found.status != status:
                services.progress.note(f"{name} is {found.status}: waiting until it is Ready.")
            status = found.status
            continue
        try:
            return act(found)
        except AwsRefused as error:
            if not refused_as_busy(services, heartbeat, application, name, error):
                raise
            status, why = status or "busy", error.why
            services.progress.note(f"{error.what} {error.why}")
    if not patience:
        raise Busy(f"{name} is {status}.", why=why, hint="Run the same command again when it is Ready.")
    raise OutcomeUnknown(
        f"{name} is still {status} after {patience:g} s.",
        why=why,
        hint="Run the same command again: it goes on from what is there.",
        code="deadline",
    )
