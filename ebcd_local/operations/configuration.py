"""Configuration settings and options: what holds, what there is to set, what would be refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ebcd_local import option_table, options, platform_versions, references, setting_keys
from ebcd_local.database.coupled import NAMESPACE as RDS
from ebcd_local.errors import ServiceError
from ebcd_local.operations import platforms, templates
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.option_table import Option
from ebcd_local.records import Environment

_LAUNCH = "aws:autoscaling:launchconfiguration"
_GROUPS = "SecurityGroups"
_GIVEN_BACK_IN = {"aws:elb:listener": "aws:elb:listener:80"}
"""Namespaces whose options are given back in another one."""


def describe_configuration_settings(call: Call, given: Structure) -> Structure:
    """DescribeConfigurationSettings of an environment (what holds, from wherever it comes) or of a template."""
    call.application(given["ApplicationName"])
    if bool(given.get("TemplateName")) == bool(given.get("EnvironmentName")):
        raise ServiceError("InvalidParameterCombination", "Specify either a TemplateName or an EnvironmentName.")
    if given.get("TemplateName"):
        template = templates.find(call, given["ApplicationName"], given["TemplateName"])
        return {"ConfigurationSettings": [templates.describe(template)]}
    return {"ConfigurationSettings": [_describe(call, *item) for item in _sets(call.environment(given))]}


def _sets(environment: Environment) -> list[tuple[Environment, str]]:
    """The environment with each set of its settings, and that set's status: what is deployed, and beside it the draft
    of an update that is under way or has failed.
    """
    if environment.operation == "create" or environment.status == "Launching":
        return [(environment, "pending")]
    if environment.earlier:
        return [(replace(environment, **environment.earlier), "deployed"), (environment, "pending")]
    if environment.draft:
        return [(environment, "deployed"), (replace(environment, options=environment.draft), "failed")]
    return [(environment, "deployed")]


def _describe(call: Call, environment: Environment, status: str) -> Structure:
    """ConfigurationSettingsDescription of an environment."""
    return {
        "SolutionStackName": platform_versions.solution_stack(environment.platform_arn),
        "PlatformArn": environment.platform_arn,
        "ApplicationName": environment.application,
        "EnvironmentName": environment.name,
        "Description": environment.description,
        "DeploymentStatus": status,
        "DateCreated": environment.created,
        "DateUpdated": environment.updated,
        "OptionSettings": _settings(call, environment),
        "Tier": templates.tier(environment.tier),
    }


def _settings(call: Call, environment: Environment) -> list[Structure]:
    """Every option that the environment has, with its value where it has one, as the service gives them back."""
    effective = call.fleet.effective(environment)
    kind = options.balancer_of(effective, environment.tier)
    found: dict[tuple[str, str], str | None] = {
        (_GIVEN_BACK_IN.get(space, space), option.name): option.default
        for space, option in option_table.named(kind, environment.tier)
        if space != setting_keys.SCHEDULED
    }
    for (space, name), value in effective.items():
        option = option_table.find(space, name)
        found[_GIVEN_BACK_IN.get(space, space), name] = option.given_back(value) if option else value
    for space, group in _own_groups(effective, kind).items():
        found[space, _GROUPS] = _with(found.get((space, _GROUPS)), references.security_group(environment, group))
    found.pop((RDS, "DBPassword"), None)  # it is never told
    actions = call.fleet.scheduled(environment)
    scheduled = [
        (setting_keys.SCHEDULED, name, action, value)
        for action, settings in actions.items()
        for name, value in settings.items()
    ]
    rows = [(space, name, "", value) for (space, name), value in sorted(found.items())]
    return [templates.setting(*row) for row in [*rows, *scheduled]]


def _own_groups(effective: options.Options, kind: str) -> dict[str, str]:
    """The namespaces whose security groups hold one of the service's own, and its logical name."""
    balancer = {"classic": "aws:elb:loadbalancer", "application": "aws:elbv2:loadbalancer"}.get(kind)
    found = {balancer: "AWSEBLoadBalancerSecurityGroup"} if balancer else {}
    without = effective.get((_LAUNCH, "DisableDefaultEC2SecurityGroup"), "").lower() == "true"
    return found if without else {_LAUNCH: "AWSEBSecurityGroup", **found}


def _with(groups: str | None, own: str) -> str:
    return ",".join(sorted({*filter(None, (groups or "").split(",")), own}))


def describe_configuration_options(call: Call, given: Structure) -> Structure:
    """DescribeConfigurationOptions of an environment, a template or a platform; of all options or of some."""
    base, own = _subject(call, given)
    effective = options.effective(own, {})
    rows = {
        (space, option.name): option
        for space, option in option_table.named(options.load_balancer(effective), base.tier)
    }
    for space, name, _ in map(setting_keys.split, own):
        if option := option_table.find(space, name):
            rows.setdefault((space, name), option)
    wanted = given.get("Options")
    shown = [
        _option(space, name, option)
        for (space, name), option in sorted(rows.items(), key=lambda row: row[0])
        if not wanted or any(_asked(space, name, item) for item in wanted)
    ]
    found: Structure = {"Options": shown}
    if base.platform_arn:
        found |= {
            "PlatformArn": base.platform_arn,
            "SolutionStackName": platform_versions.solution_stack(base.platform_arn),
        }
    return found


def _subject(call: Call, given: Structure) -> tuple[templates.Base, dict[str, str]]:
    """Platform and tier that options are asked of, and the settings of its own."""
    if given.get("EnvironmentName"):
        environment = call.environment(given)
        return templates.of_environment(environment), environment.options
    if given.get("TemplateName"):
        template = templates.find(call, given.get("ApplicationName", ""), given["TemplateName"])
        return templates.of_template(template), template.options
    if given.get("PlatformArn") or given.get("SolutionStackName"):
        return templates.Base({}, platforms.choose(call, given)), {}
    raise ServiceError(
        "MissingRequiredParameter", "Specify an EnvironmentName, a TemplateName, a PlatformArn or a SolutionStackName."
    )


def _asked(space: str, name: str, wanted: Structure) -> bool:
    return wanted.get("Namespace") in (None, space) and wanted.get("OptionName") in (None, name)


def _option(space: str, name: str, option: Option) -> Structure:
    """ConfigurationOptionDescription."""
    found: dict[str, Any] = {
        "Namespace": space,
        "Name": name,
        "DefaultValue": option.default,
        "ChangeSeverity": option.severity,
        "UserDefined": option.name == option_table.ANY,
        "ValueType": option.type,
        "MinValue": option.min,
        "MaxValue": option.max,
        "MaxLength": option.length,
    }
    if option.values:
        found["ValueOptions"] = list(option.values)
    if option.pattern:
        found["Regex"] = {"Pattern": f"^{option.pattern}$", "Label": option.label}
    return found


def validate_configuration_settings(call: Call, given: Structure) -> Structure:
    """ValidateConfigurationSettings: what would be refused in an environment's or a template's settings."""
    call.application(given["ApplicationName"])
    base, new = templates.of_specification(call, given), options.from_request(given.get("OptionSettings", []))
    if given.get("EnvironmentName"):
        base = templates.of_environment(call.environment(given))
    elif given.get("TemplateName"):
        base = templates.of_template(templates.find(call, given["ApplicationName"], given["TemplateName"]))
    found = options.problems({**base.options, **new})
    return {
        "Messages": [
            {"Message": item.message, "Severity": item.severity, "Namespace": item.namespace, "OptionName": item.name}
            for item in found
        ]
    }


def delete_environment_configuration(call: Call, given: Structure) -> Structure:
    """DeleteEnvironmentConfiguration: forgets the draft of an update that failed."""
    call.application(given["ApplicationName"])
    call.state.change(call.environment(given).key, draft={})
    return {}


SERVED: dict[str, Operation] = {
    "DescribeConfigurationSettings": describe_configuration_settings,
    "DescribeConfigurationOptions": describe_configuration_options,
    "ValidateConfigurationSettings": validate_configuration_settings,
    "DeleteEnvironmentConfiguration": delete_environment_configuration,
}
