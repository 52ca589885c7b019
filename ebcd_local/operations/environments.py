"""Environments: updated, swapped, terminated, described."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from ebcd_local import options, platform_versions
from ebcd_local.database import Wanted
from ebcd_local.errors import cannot_terminate, invalid, not_ready
from ebcd_local.operations import platforms, templates, versions
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.records import Environment
from ebcd_local.state import now

_CONFIGURATION = (
    "OptionSettings",
    "OptionsToRemove",
    "TemplateName",
    "TemplateSpecification",
    "PlatformArn",
    "SolutionStackName",
)
"""Members of UpdateEnvironment that change the configuration."""
REMEMBERED = timedelta(hours=1)
"""How long a terminated environment is still described."""
REBUILT = timedelta(weeks=6)
"""How long a terminated environment can be rebuilt."""


def update_environment(call: Call, given: Structure) -> Structure:
    """UpdateEnvironment: another version, other option settings, a saved configuration, another platform; all at once,
    too, as one operation, though the service's documentation denies that.

    Sources: aws/aws-sdk-ruby issue 1394; the action aws-actions/aws-elasticbeanstalk-deploy sends both.
    """
    environment = call.environment(given)
    label = given.get("VersionLabel")
    configured = _configured(given)
    if given.get("Tier") and given["Tier"].get("Name") not in (None, environment.tier):
        raise invalid("The tier of an environment cannot be changed.")
    if label:
        versions.deployable(call, environment.application, label)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        changes = _changes(call, environment, given)
        claim(call, environment, "update")
        environment = call.state.change(environment.key, **changes)
    if label:
        call.fleet.begin(
            lambda key, request: call.fleet.deploy(key, request, label, configured=configured),
            environment.key,
            call.request_id,
        )
    elif _only_resized(given):
        call.fleet.begin(call.fleet.resize, environment.key, call.request_id)
    else:
        call.fleet.begin(call.fleet.adjust, environment.key, call.request_id)
    return describe(call, environment)


def _changes(call: Call, environment: Environment, given: Structure) -> dict[str, Any]:
    """What an update changes in an environment's record. Raises ServiceError."""
    found: dict[str, Any] = {"description": given.get("Description", environment.description)}
    base = templates.of_specification(call, given)
    if given.get("TemplateName"):
        base = templates.of_template(templates.find(call, environment.application, given["TemplateName"]))
        found["template"] = given["TemplateName"]
    stored = {**environment.options, **base.options}
    stored = options.without(stored, given.get("OptionsToRemove", []))
    stored |= options.from_request(given.get("OptionSettings", []))
    refuse_settings(call, stored)
    platform = platforms.choose(call, given, base.platform_arn or environment.platform_arn)
    found |= {"options": stored, "platform_arn": platform}
    if not _configured(given):
        return found
    earlier = {name: getattr(environment, name) for name in ("options", "platform_arn", "template")}
    # An update of the stack gives the group its sizes back, whatever a scheduled action has made of them.
    return found | {"earlier": earlier, "draft": {}, "group_sizes": {}}


def _configured(given: Structure) -> bool:
    return any(given.get(name) for name in _CONFIGURATION)


def _only_resized(given: Structure) -> bool:
    """Whether an update changes how instances are treated and not the instances."""
    others = any(given.get(name) for name in _CONFIGURATION if name != "OptionSettings")
    settings = given.get("OptionSettings") or []
    return bool(settings) and not others and all(item.get("Namespace") in options.OF_THE_GROUP for item in settings)


def terminate_environment(call: Call, given: Structure) -> Structure:
    """TerminateEnvironment: of one that is Ready. What is being created or updated cannot be terminated."""
    environment = call.environment(given)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        if environment.status != "Ready":
            raise cannot_terminate(environment.name, environment.status)
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
    for side in (source, destination):
        if not side.cname:
            raise invalid(f"Environment {side.name} is a worker, which has no CNAME.")
    with call.state.lock:
        for side in (source, destination):
            if call.state.environments[side.key].status != "Ready":
                raise not_ready(side.name)
        for side in (source, destination):
            claim(call, side, "swap")
    call.fleet.begin(
        lambda key, request: call.fleet.swap(key, destination.key, request), source.key, call.request_id, locked=False
    )
    return {}


def abort_environment_update(call: Call, given: Structure) -> Structure:
    """AbortEnvironmentUpdate: the deployment under way ends at its next step."""
    environment = call.environment(given)
    with call.state.lock:
        environment = call.state.environments[environment.key]
        if environment.status != "Updating" or not environment.abortable:
            raise invalid(
                f"Environment named {environment.name} is in an invalid state for this operation. "
                "Must be pending deployment."
            )
        call.state.change(environment.key, status="Aborting", abortable=False)
        call.fleet.abort(environment.key)
    call.state.say(environment, "Aborting the environment update.", request_id=call.request_id)
    return {}


def restart_app_server(call: Call, given: Structure) -> Structure:
    """RestartAppServer."""
    environment = claim(call, call.environment(given), "restart")
    call.fleet.begin(call.fleet.restart_app_server, environment.key, call.request_id)
    return {}


def rebuild_environment(call: Call, given: Structure) -> Structure:
    """RebuildEnvironment: of one that runs, or of one that was terminated within six weeks."""
    gone = _terminated(call, given)
    if gone is None:
        environment = claim(call, call.environment(given), "rebuild")
    else:
        with call.state.lock:
            refuse_taken(call, gone)
            environment = call.state.change(gone.key, status="Launching", operation="rebuild")
    call.fleet.begin(call.fleet.rebuild, environment.key, call.request_id)
    return {}


def _terminated(call: Call, given: Structure) -> Environment | None:
    """The terminated environment that a request names by its id; None when that one lives or none is named."""
    found = call.state.environments.get(f"{call.region}/{given.get('EnvironmentId', '')}")
    return found if found and not found.alive and found.updated > now() - REBUILT else None


def refuse_taken(call: Call, wanted: Environment) -> None:
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
    found = call.shown("DescribeEnvironments", found, lambda item: item.created)
    shown, token = page(found, given, most=1000)
    return {"Environments": [describe(call, item) for item in shown], "NextToken": token}


def describe(call: Call, item: Environment) -> Structure:
    """EnvironmentDescription."""
    found: dict[str, Any] = {
        "EnvironmentName": item.name,
        "EnvironmentId": item.id,
        "ApplicationName": item.application,
        "VersionLabel": item.version_label,
        "SolutionStackName": platform_versions.solution_stack(item.platform_arn),
        "PlatformArn": item.platform_arn,
        "Description": item.description,
        "DateCreated": item.created,
        "DateUpdated": item.updated,
        "Status": item.status,
        "AbortableOperationInProgress": item.abortable,
        "Health": item.health,
        "Tier": templates.tier(item.tier),
        "EnvironmentLinks": [{"LinkName": name, "EnvironmentName": other} for name, other in item.links.items()],
        "EnvironmentArn": call.arn("environment", f"{item.application}/{item.name}"),
    }
    if item.cname:
        found["CNAME"] = item.cname
        found["EndpointURL"] = f"127.0.0.1:{item.port}" if item.port else None
    status = "" if basic(call, item) else item.health_status
    told = {"TemplateName": item.template, "HealthStatus": status, "OperationsRole": item.operations_role}
    return found | {name: value for name, value in told.items() if value}


def basic(call: Call, item: Environment) -> bool:
    """Whether an environment reports basic health: a colour and nothing more."""
    return item.alive and call.fleet.effective(item).get((options.HEALTH, "SystemType")) == "basic"


def refuse_settings(call: Call, stored: dict[str, str]) -> None:
    """Refuse settings that are not valid, or ask for a database where none is to be had. Raises ServiceError."""
    options.check(stored)
    wanted = Wanted.of(options.effective(stored, {}))
    if wanted and (why := wanted.refusal() or call.fleet.databases.unavailable()):
        raise invalid(why)
    if options.database(options.effective(stored, {})) and (why := call.fleet.databases.unavailable()):
        raise invalid(f"The option DBEngine in the namespace {options.DATABASE} cannot be met. {why}.")


def claim(call: Call, environment: Environment, operation: str) -> Environment:
    """Begin an operation on an environment that is Ready. Raises ServiceError."""
    with call.state.lock:
        if call.state.environments[environment.key].status != "Ready":
            raise not_ready(environment.name)
        return call.state.change(environment.key, status="Updating", operation=operation)


def associate_operations_role(call: Call, given: Structure) -> Structure:
    """AssociateEnvironmentOperationsRole. The role is kept and told; there is no IAM to ask here."""
    environment = call.environment(given)
    if not given["OperationsRole"].startswith("arn:"):
        raise invalid(f"Value '{given['OperationsRole']}' at 'OperationsRole' is no ARN of a role.")
    call.state.change(environment.key, operations_role=given["OperationsRole"])
    return {}


def disassociate_operations_role(call: Call, given: Structure) -> Structure:
    """DisassociateEnvironmentOperationsRole."""
    call.state.change(call.environment(given).key, operations_role="")
    return {}


SERVED: dict[str, Operation] = {
    "AssociateEnvironmentOperationsRole": associate_operations_role,
    "DisassociateEnvironmentOperationsRole": disassociate_operations_role,
    "UpdateEnvironment": update_environment,
    "TerminateEnvironment": terminate_environment,
    "SwapEnvironmentCNAMEs": swap_environment_cnames,
    "AbortEnvironmentUpdate": abort_environment_update,
    "RestartAppServer": restart_app_server,
    "RebuildEnvironment": rebuild_environment,
    "DescribeEnvironments": describe_environments,
}
