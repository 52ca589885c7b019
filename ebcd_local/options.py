"""Option settings: what an environment effectively runs with, and whether they are valid.

Precedence, highest first: the API, a saved configuration, .ebextensions, the defaults.
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ebcd_local import option_table, schedule
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.setting_keys import ENVIRONMENT, SCHEDULED, key, split

Options = dict[tuple[str, str], str]

SECRETS = "aws:elasticbeanstalk:application:environmentsecrets"
ASG = "aws:autoscaling:asg"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
MANAGED = "aws:elasticbeanstalk:managedactions"
PLATFORM_UPDATE = "aws:elasticbeanstalk:managedactions:platformupdate"
TYPE = "aws:elasticbeanstalk:environment"
COMMAND = "aws:elasticbeanstalk:command"
DATABASE = "ebcd:local:database"
"""Not AWS's: an environment that asks for a DBEngine here is given the application's database, which outlives it."""
VPC = "aws:ec2:vpc"
ZONES = 3
"""Availability zones of a region here, as most have."""
PROPERTIES_LIMIT = 4096
"""Bytes of all environment properties together, as `name=value`, comma separated.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environments-cfg-softwaresettings.html
"""
OF_THE_GROUP = frozenset({ASG, "aws:autoscaling:trigger", COMMAND})
"""Namespaces whose options change how instances are treated, not the instances."""

DEFAULTS: Options = {
    (ASG, "MinSize"): "1",
    (ASG, "MaxSize"): "4",
    ("aws:elasticbeanstalk:application", "Application Healthcheck URL"): "",
    ("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath"): "/",
    ("aws:elasticbeanstalk:container:python", "WSGIPath"): "application",
    ("aws:elasticbeanstalk:container:python", "NumProcesses"): "1",
    ("aws:elasticbeanstalk:container:python", "NumThreads"): "15",
    (HEALTH, "SystemType"): "enhanced",  # every environment here reports enhanced health
    (COMMAND, "DeploymentPolicy"): "AllAtOnce",
    (TYPE, "EnvironmentType"): "LoadBalanced",
}
"""Defaults that hold whatever the kind of environment; the others are in the table."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with an option setting."""

    namespace: str
    name: str
    message: str
    severity: str = "error"


def from_request(settings: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Option settings of a request, as an environment stores them. Raises ServiceError."""
    found = {}
    for item in settings:
        space, name = item.get("Namespace", ""), item.get("OptionName", "")
        if not space or not name:
            raise invalid("An option setting needs a Namespace and an OptionName.")
        found[key(space, name, item.get("ResourceName", ""))] = item.get("Value", "")
    return found


def without(stored: Mapping[str, str], removed: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Stored settings without those that OptionsToRemove names."""
    gone = {
        key(item.get("Namespace", ""), item.get("OptionName", ""), item.get("ResourceName", "")) for item in removed
    }
    return {name: value for name, value in stored.items() if name not in gone}


def check(stored: Mapping[str, str]) -> None:
    """Refuse settings that are not valid. Raises ServiceError (ConfigurationValidationException)."""
    for problem in problems(stored):
        if problem.severity == "error":
            message = f"Configuration validation exception: {problem.message}"
            raise ServiceError("ConfigurationValidationException", message)


def problems(stored: Mapping[str, str]) -> list[Problem]:
    """Everything that is wrong with stored settings."""
    return [*_single_problems(stored), *_joint_problems(stored)]


def _single_problems(stored: Mapping[str, str]) -> Iterator[Problem]:
    for item, value in stored.items():
        space, name, resource = split(item)
        where = f"(Namespace: '{space}', OptionName: '{name}')"
        option = option_table.find(space, name)
        if option is None:
            yield Problem(space, name, f"Invalid option specification {where}: Unknown configuration setting.")
        elif space == SCHEDULED and not resource:
            yield Problem(space, name, "The scheduled action name cannot be blank.")
        elif why := option.refusal(value):
            yield Problem(space, name, f"Invalid option value: '{value}' {where}: {why}")


def _joint_problems(stored: Mapping[str, str]) -> Iterator[Problem]:
    found = effective(stored, {})
    for action, settings in scheduled(stored, {}).items():
        if why := schedule.malformed(action, settings):
            yield Problem(SCHEDULED, "", why)
    where = f"(Namespace: '{MANAGED}', OptionName: 'ManagedActionsEnabled')"
    if found.get((MANAGED, "ManagedActionsEnabled"), "").lower() == "true":
        lacking = [
            name
            for space, name in ((MANAGED, "PreferredStartTime"), (PLATFORM_UPDATE, "UpdateLevel"))
            if not found.get((space, name))
        ]
        if found[HEALTH, "SystemType"] != "enhanced":
            yield Problem(
                MANAGED,
                "ManagedActionsEnabled",
                f"Invalid option specification {where}: Managed platform "
                "updates require enhanced health reporting (option SystemType in namespace "
                f"{HEALTH}).",
            )
        if lacking:
            yield Problem(
                MANAGED,
                "ManagedActionsEnabled",
                f"Invalid option specification {where}: Managed platform updates require the option {lacking[0]}.",
            )
    told = properties(found) | secrets(found)
    size = len(",".join(f"{name}={value}" for name, value in told.items()).encode())
    if size > PROPERTIES_LIMIT:
        yield Problem(
            ENVIRONMENT,
            "",
            f"The environment properties have {size:,} bytes; the combined size of all of "
            f"them cannot be greater than {PROPERTIES_LIMIT:,} bytes.",
        )


def effective(stored: Mapping[str, str], extensions: Options) -> Options:
    """What holds: the API's settings over those of .ebextensions (whose invalid values count for nothing) over the
    defaults.
    """
    valid = {
        (space, name): value
        for (space, name), value in extensions.items()
        if (option := option_table.find(space, name)) is None or not option.refusal(value)
    }
    api = {
        (space, name): value
        for item, value in stored.items()
        for space, name, resource in [split(item)]
        if not resource
    }
    return {**DEFAULTS, **valid, **api}


def scheduled(stored: Mapping[str, str], extensions: Options) -> dict[str, dict[str, str]]:
    """The options of each scheduled action by its name: the API's settings over those of .ebextensions."""
    api = {(resource, name): value for item, value in stored.items() for _, name, resource in [split(item)] if resource}
    found: dict[str, dict[str, str]] = {}
    for (action, name), value in sorted((extensions | api).items()):
        found.setdefault(action, {})[name] = value
    return found


def database(options: Options) -> bool:
    """Whether an environment is to have the application's database."""
    return bool(options.get((DATABASE, "DBEngine")))


def two_roles(options: Options) -> bool:
    """Whether the role that uses it may not make tables."""
    return options.get((DATABASE, "Roles")) == "two"


def load_balancer(options: Options) -> str:
    """The kind of load balancer: classic, application, network; empty for a single instance."""
    if options[TYPE, "EnvironmentType"] == "SingleInstance":
        return ""
    return options.get((TYPE, "LoadBalancerType"), "classic")


def balancer_of(options: Options, tier: str) -> str:
    """The kind of load balancer of an environment of a tier; empty where it has none: a worker, a single instance."""
    return "" if tier == "Worker" else load_balancer(options)


def proxies(options: Options, tier: str) -> int:
    """How many proxies append to X-Forwarded-For: the instance's, and a load balancer that knows HTTP."""
    return 1 if balancer_of(options, tier) in {"", "network"} else 2


def zones(options: Options) -> int:
    """In how many availability zones an environment's load balancer has a node; each checks every instance."""
    for place in ((VPC, "ELBSubnets"), (VPC, "Subnets"), (ASG, "Custom Availability Zones")):
        if named := [item for item in options.get(place, "").split(",") if item.strip()]:
            return len(named)
    count = options.get((ASG, "Availability Zones"), "").removeprefix("Any").strip()
    return int(count) if count else ZONES


def properties(options: Options) -> dict[str, str]:
    """Environment properties, without those whose values are secrets."""
    return {name: value for (space, name), value in options.items() if space == ENVIRONMENT}


def secrets(options: Options) -> dict[str, str]:
    """Environment properties that name a secret or a parameter: the property's name → the ARN."""
    return {name: value for (space, name), value in options.items() if space == SECRETS}


def instance_profile(options: Options) -> str:
    """The instance profile that instances get; by default the one that Beanstalk's console makes."""
    return options.get(("aws:autoscaling:launchconfiguration", "IamInstanceProfile")) or "aws-elasticbeanstalk-ec2-role"


def timeout(options: Options) -> float:
    """Seconds that an instance has for the commands of a deployment: real ones, which no speed divides."""
    return float(options.get((COMMAND, "Timeout")) or 600)


def counts_4xx(options: Options) -> bool:
    """Whether answers with 4xx are a cause of bad health, as they are unless the rules of ConfigDocument say else.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/health-enhanced-rules.html
    """
    try:
        rules = json.loads(options.get((HEALTH, "ConfigDocument"), "") or "{}")["Rules"]["Environment"]
        return str(rules["Application"]["ApplicationRequests4xx"]["Enabled"]).lower() != "false"
    except (ValueError, KeyError, TypeError, RecursionError):
        return True


def health_path(options: Options, *, by_connecting: bool) -> str | None:
    """The path that health checks ask for; None where they only connect and no URL is set to ask for."""
    found = options.get(("aws:elasticbeanstalk:application", "Application Healthcheck URL"), "")
    if not found and by_connecting:
        return None
    found = found or options[("aws:elasticbeanstalk:environment:process:default", "HealthCheckPath")]
    return found if found.startswith("/") else f"/{found}"


def sizes(options: Options) -> tuple[int, int]:
    """MinSize and MaxSize: of a single instance one and one, whatever is set."""
    if not load_balancer(options):
        return 1, 1
    minimum, maximum = int(options[ASG, "MinSize"]), int(options[ASG, "MaxSize"])
    return minimum, max(minimum, maximum)
