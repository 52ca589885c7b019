"""The service's own errors."""

from __future__ import annotations

NOT_READY = "Environment named {name} is in an invalid state for this operation. Must be Ready."
"""What a change of an environment is answered with while another one is under way.

Source: https://github.com/aws/aws-elastic-beanstalk-cli, ebcli/resources/strings.py (env.invalidstate)
"""


class ServiceError(Exception):
    """A refusal as Elastic Beanstalk words it: code, message, HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status


def invalid(message: str) -> ServiceError:
    """InvalidParameterValue."""
    return ServiceError("InvalidParameterValue", message)


def no_application(name: str) -> ServiceError:
    """The application is not there."""
    return invalid(f"No Application named '{name}' found.")


def no_environment(name: str, member: str = "EnvironmentName") -> ServiceError:
    """The environment is not there. member: what of the request names it.

    Source: https://github.com/aws/aws-sdk-js, features/elasticbeanstalk/elasticbeanstalk.feature
    """
    return invalid(f"No Environment found for {member} = '{name}'.")


def not_ready(name: str) -> ServiceError:
    """The environment is in the middle of something."""
    return invalid(NOT_READY.format(name=name))


def cannot_terminate(name: str, status: str) -> ServiceError:
    """The environment is in the middle of something, and a termination is told so in words of its own.

    Sources: https://github.com/ingenieux/awseb-deployment-plugin/issues/67 (creation),
    https://github.com/aws/aws-elastic-beanstalk-cli-setup/issues/144 (deployment). For a termination that is under way
    there is none: its text is made like theirs.
    """
    pending = {"Launching": "creation", "Terminating": "termination"}.get(status, "deployment")
    return invalid(f"Cannot terminate environment named {name}. It is currently pending {pending}.")
