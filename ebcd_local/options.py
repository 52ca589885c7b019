"""Option settings: what an environment effectively runs with.

Precedence, highest first: the API, .ebextensions, the defaults.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ebcd_local.errors import invalid

Options = dict[tuple[str, str], str]

ENVIRONMENT = "aws:elasticbeanstalk:application:environment"
SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
ASG = "aws:autoscaling:asg"
OF_THE_GROUP = frozenset({ASG, "aws:autoscaling:trigger", "aws:elasticbeanstalk:command"})
"""Namespaces whose options change how instances are treated, not the instances."""
_SEPARATOR = "\x1f"

DEFAULTS: Options = {
    (ASG, "MinSize"): "1",
    (ASG, "MaxSize"): "4",
    ("aws:elasticbeanstalk:application", "Application Healthcheck URL"): "",
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/",
    ("aws:elasticbeanstalk:container:python", "WSGIPath"): "application",
    ("aws:elasticbeanstalk:container:python", "NumProcesses"): "1",
    ("aws:elasticbeanstalk:container:python", "NumThreads"): "15",
    ("aws:elasticbeanstalk:healthreporting:system", "SystemType"): "enhanced",
    ("aws:elasticbeanstalk:command", "DeploymentPolicy"): "AllAtOnce",
    ("aws:elasticbeanstalk:environment", "EnvironmentType"): "LoadBalanced",
}


def from_request(settings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Option settings of a request, as an environment stores them. Raises ServiceError."""
    found = {}
    for item in settings:
        space, name = item.get("Namespace", ""), item.get("OptionName", "")
        if not space or not name:
            raise invalid("An option setting needs a Namespace and an OptionName.")
        found[f"{space}{_SEPARATOR}{name}"] = item.get("Value", "")
    _check_sizes(found)
    return found


def _check_sizes(found: Mapping[str, str]) -> None:
    sizes = {name: found.get(f"{ASG}{_SEPARATOR}{name}", "1") for name in ("MinSize", "MaxSize")}
    for name, value in sizes.items():
        if not value.isdigit() or int(value) > 10_000:
            raise invalid(f"Value '{value}' is invalid for option '{name}' in namespace '{ASG}'.")


def effective(stored: Mapping[str, str], extensions: Options) -> Options:
    """What holds: the API's settings over those of .ebextensions over the defaults."""
    api = {(key.partition(_SEPARATOR)[0], key.partition(_SEPARATOR)[2]): value for key, value in stored.items()}
    return {**DEFAULTS, **extensions, **api}


def properties(options: Options) -> dict[str, str]:
    """Environment properties. A secret's ARN stands for its value: there is no Secrets Manager to ask here."""
    return {name: value for (space, name), value in options.items() if space in {ENVIRONMENT, SECRETS}}


def health_path(options: Options) -> str:
    """The path that health checks ask for."""
    found = options.get(("aws:elasticbeanstalk:application", "Application Healthcheck URL"), "")
    found = found or options[("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath")]
    return found if found.startswith("/") else f"/{found}"


def sizes(options: Options) -> tuple[int, int]:
    """MinSize and MaxSize."""
    minimum, maximum = int(options[ASG, "MinSize"]), int(options[ASG, "MaxSize"])
    return minimum, max(minimum, maximum)
