"""The service's own errors."""

from __future__ import annotations


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


def no_environment(name: str) -> ServiceError:
    """The environment is not there."""
    return invalid(f"No Environment found for EnvironmentName = '{name}'.")


def not_ready(name: str) -> ServiceError:
    """The environment is in the middle of something."""
    return invalid(f"Environment named {name} is in an invalid state for this operation. Must be Ready.")
