"""Environments: created, updated, swapped, terminated, described."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from ebcd_local import options
from ebcd_local.errors import ServiceError, invalid, not_ready
from ebcd_local.operations import platforms, versions
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.state import Environment, now, random_id

DOMAIN = "elasticbeanstalk.localhost"
_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,38}[A-Za-z0-9])")
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,61}[A-Za-z0-9])")
REMEMBERED = timedelta(hours=1)
"""How long a terminated environment is still described."""
REBUILT = timedelta(weeks=6)
"""How long a terminated environment can be rebuilt."""


def check_dns_availability(call: Call, given: Structure) -> Structure:
    """CheckDNSAvailability."""
    cname = _cname(call, given["CNAMEPrefix"])
    taken = any(item.cname == cname for item in call.living())
    return {"Available": not taken, "FullyQualifiedCNAME": cname}


def create_environment(call: Call, given: Structure) -> Structure:
    """CreateEnvironment."""
    application = call.application(given["ApplicationName"])
    name = given.get("EnvironmentName") or f"{application.name[:30]}-{random_id(6)}"
    if not _NAME.fullmatch(name):
        raise invalid(f"Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must be from 4 to 40 "
                      "characters in length, letters, digits and hyphens, none at an edge.")  # fmt: skip
    label = given.get("VersionLabel")
    if not label:
        raise invalid("The local Beanstalk creates an environment from a VersionLabel.")
    _refuse_unprocessed(call, application.name, label)
    prefix = given.get("CNAMEPrefix")
    environment_id = f"e-{random_id(10)}"
    environment = Environment(
        region=call.region,
        id=environment_id,
        name=name,
        application=application.name,
        version_label=label,
        cname=_cname(call, prefix) if prefix else f"{name}.eba-{random_id(8)}.{call.region}.{DOMAIN}".lower(),
        status="Launching",
        health="Grey",
        health_status="Pending",
        platform_arn=platforms.choose(call, given),
        description=given.get("Description", ""),
        created=now(),
        updated=now(),
        options=options.from_request(given.get("OptionSettings", [])),
        tags={item["Key"]: item["Value"] for item in given.get("Tags", [])},
        operation="create",
    )
    with call.state.lock:
        _refuse_taken(call, environment)
        call.state.save(environment)
    call.fleet.begin(call.fleet.launch, environment.key, call.request_id)
    return describe(call, environment)


def update_environment(call: Call, given: Structure) -> Structure:
    """UpdateEnvironment: another version, or other option settings, not both."""
    environment = call.environment(given)
    label, settings = given.get("VersionLabel"), given.get("OptionSettings")
    if label and settings:
        raise ServiceError("InvalidParameterCombination", "A version and option settings cannot change in one update.")
    if label:
        _refuse_unprocessed(call, environment.application, label)
    changed = options.from_request(settings or [])
    with call.state.lock:
        environment = _claim(call, environment, "update")
        stored = {**environment.options, **changed}
        for item in given.get("OptionsToRemove", []):
            stored.pop(f"{item.get('Namespace', '')}\x1f{item.get('OptionName', '')}", None)
        description = given.get("Description", environment.description)
        environment = call.state.change(environment.key, options=stored, description=description)
    if label:
        call.fleet.begin(lambda key, request: call.fleet.deploy(key, request, label), environment.key, call.request_id)
    elif changed and all(key.partition("\x1f")[0] in options.OF_THE_GROUP for key in changed):
        call.fleet.begin(call.fleet.resize, environment.key, call.request_id)
    else:
        call.fleet.begin(call.fleet.adjust, environment.key, call.request_id)
    return describe(call, environment)


def terminate_environment(call: Call, given: Structure) -> Structure:
    """TerminateEnvironment."""
    environment = call.environment(given)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        if environment.status not in {"Ready", "Launching"} or environment.operation == "terminate":
            raise not_ready(environment.name)
        environment = call.state.change(environment.key, status="Terminating", operation="terminate")
    call.fleet.begin(call.fleet.terminate, environment.key, call.request_id)
    return describe(call, environment)


def swap_environment_cnames(call: Call, given: Structure) -> Structure:
    """SwapEnvironmentCNAMEs: both must be Ready."""
    source, destination = (
        call.environment(given, "SourceEnvironment"),
        call.environment(given, "DestinationEnvironment"),
    )
    if source.key == destination.key:
        raise invalid("The source and the destination environment are the same.")
    with call.state.lock:
        for side in (source, destination):
            if call.state.environments[side.key].status != "Ready":
                raise not_ready(side.name)
        for side in (source, destination):
            _claim(call, side, "swap")
    call.fleet.begin(lambda key, request: call.fleet.swap(key, destination.key, request), source.key, call.request_id,
                     locked=False)  # fmt: skip
    return {}


def abort_environment_update(call: Call, given: Structure) -> Structure:
    """AbortEnvironmentUpdate: the deployment under way ends at its next step."""
    environment = call.environment(given)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        if environment.status != "Updating" or not environment.abortable:
            raise invalid(f"Environment named {environment.name} is in an invalid state for this operation. "
                          "Must be pending deployment.")  # fmt: skip
        call.state.change(environment.key, status="Aborting", abortable=False)
    call.state.say(environment, "Aborting the environment update.", request_id=call.request_id)
    call.fleet.abort(environment.key)
    return {}


def restart_app_server(call: Call, given: Structure) -> Structure:
    """RestartAppServer."""
    environment = _claim(call, call.environment(given), "restart")
    call.fleet.begin(call.fleet.restart_app_server, environment.key, call.request_id)
    return {}


def rebuild_environment(call: Call, given: Structure) -> Structure:
    """RebuildEnvironment: of one that runs, or of one that was terminated within six weeks."""
    gone = _terminated(call, given)
    if gone is None:
        environment = _claim(call, call.environment(given), "rebuild")
    else:
        with call.state.lock:
            _refuse_taken(call, gone)
            environment = call.state.change(gone.key, status="Launching", operation="rebuild")
    call.fleet.begin(call.fleet.rebuild, environment.key, call.request_id)
    return {}


def _terminated(call: Call, given: Structure) -> Environment | None:
    """The terminated environment that a request names by its id; None when that one lives or none is named."""
    found = call.state.environments.get(f"{call.region}/{given.get('EnvironmentId', '')}")
    return found if found and not found.alive and found.updated > now() - REBUILT else None


def _refuse_taken(call: Call, wanted: Environment) -> None:
    """Refuse a name or CNAME that another environment has. Raises ServiceError. The state's lock is held."""
    for other in call.living():
        if other.name == wanted.name:
            raise invalid(f"Environment {wanted.name} already exists.")
        if wanted.cname and other.cname == wanted.cname:
            raise invalid(f"DNS name ({wanted.cname}) is not available.")


def describe_environments(call: Call, given: Structure) -> Structure:
    """DescribeEnvironments. Terminated ones are there for an hour, unless IncludeDeleted is false."""
    since = given.get("IncludedDeletedBackTo") or now() - REMEMBERED
    with_deleted = given.get("IncludeDeleted", True)

    def wanted(item: Environment) -> bool:
        names, ids = given.get("EnvironmentNames"), given.get("EnvironmentIds")
        return (
            item.region == call.region
            and given.get("ApplicationName") in (None, item.application)
            and given.get("VersionLabel") in (None, item.version_label)
            and (not names or item.name in names)
            and (not ids or item.id in ids)
            and (item.alive or (with_deleted and item.updated >= since))
        )

    found = sorted(filter(wanted, list(call.state.environments.values())), key=lambda item: item.created)
    shown, token = page(found, given, most=1000)
    return {"Environments": [describe(call, item) for item in shown], "NextToken": token}


def describe(call: Call, item: Environment) -> Structure:
    """EnvironmentDescription."""
    found: dict[str, Any] = {
        "EnvironmentName": item.name,
        "EnvironmentId": item.id,
        "ApplicationName": item.application,
        "VersionLabel": item.version_label,
        "SolutionStackName": platforms.solution_stack(item.platform_arn),
        "PlatformArn": item.platform_arn,
        "Description": item.description,
        "CNAME": item.cname,
        "DateCreated": item.created,
        "DateUpdated": item.updated,
        "Status": item.status,
        "AbortableOperationInProgress": item.abortable,
        "Health": item.health,
        "Tier": {"Name": "WebServer", "Type": "Standard", "Version": "1.0"},
        "EnvironmentLinks": [],
        "EnvironmentArn": call.arn("environment", f"{item.application}/{item.name}"),
    }
    if item.port:
        found["EndpointURL"] = f"127.0.0.1:{item.port}"
    if item.health_status:
        found["HealthStatus"] = item.health_status
    return found


def _claim(call: Call, environment: Environment, operation: str) -> Environment:
    """Begin an operation on an environment that is Ready. Raises ServiceError."""
    with call.state.lock:
        if call.state.environments[environment.key].status != "Ready":
            raise not_ready(environment.name)
        return call.state.change(environment.key, status="Updating", operation=operation)


def _refuse_unprocessed(call: Call, application: str, label: str) -> None:
    status = versions.find(call, application, label).status
    if status in {"Processing", "Failed"}:
        raise invalid(f"Application Version {label} is {status} and cannot be deployed.")


def _cname(call: Call, prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise invalid(f"Value {prefix} at 'CNAMEPrefix' failed to satisfy constraint: 4 to 63 letters, digits and "
                      "hyphens, none at an edge.")  # fmt: skip
    return f"{prefix.lower()}.{call.region}.{DOMAIN}"


SERVED: dict[str, Operation] = {
    "CheckDNSAvailability": check_dns_availability,
    "CreateEnvironment": create_environment,
    "UpdateEnvironment": update_environment,
    "TerminateEnvironment": terminate_environment,
    "SwapEnvironmentCNAMEs": swap_environment_cnames,
    "AbortEnvironmentUpdate": abort_environment_update,
    "RestartAppServer": restart_app_server,
    "RebuildEnvironment": rebuild_environment,
    "DescribeEnvironments": describe_environments,
}
