"""Environments are created: one by one, from saved configurations or other environments, or composed into a group."""

from __future__ import annotations

import re
from typing import Any

from ebcd_local import options, sample
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations import environments, platforms, quotas, tags, templates, versions
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.operations.templates import Base
from ebcd_local.records import Environment
from ebcd_local.saved_configuration import TIERS, SavedConfiguration
from ebcd_local.state import now, random_id

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,38}[A-Za-z0-9])")
_PREFIX = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{2,61}[A-Za-z0-9])")


def check_dns_availability(call: Call, given: Structure) -> Structure:
    """CheckDNSAvailability."""
    cname = _cname(call, given["CNAMEPrefix"])
    taken = any(item.cname == cname for item in call.living())
    return {"Available": not taken, "FullyQualifiedCNAME": cname}


def create_environment(call: Call, given: Structure) -> Structure:
    """CreateEnvironment: from a version, else from the sample application, with settings of a saved configuration or
    another environment below the request's own.
    """
    base = _base(call, given)
    label, manifest = given.get("VersionLabel") or base.version_label or sample.LABEL, None
    if label != sample.LABEL:
        manifest = versions.manifest(call, versions.deployable(call, given["ApplicationName"], label))
    manifest = manifest or SavedConfiguration()
    environment = _new(call, given, base, manifest, label)
    with call.state.lock:
        environments.refuse_taken(call, environment)
        quotas.refuse_more(call, "Environments", [item.key for item in call.living()], quotas.ENVIRONMENTS)
        call.state.save(environment)
    call.fleet.begin(call.fleet.launch, environment.key, call.request_id)
    return environments.describe(call, environment)


def compose_environments(call: Call, given: Structure) -> Structure:
    """ComposeEnvironments: for each version the environment that its env.yaml names, made or updated.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/environment-mgmt-compose.html
    """
    for name in ("ApplicationName", "VersionLabels"):
        if not given.get(name):
            raise ServiceError("MissingRequiredParameter", f"{name} is required.")
    application = call.application(given["ApplicationName"]).name
    planned = [_member(call, application, label, given.get("GroupName", "")) for label in given["VersionLabels"]]
    names = {item.name: item for item in call.living()}
    found = []
    for request in planned:
        if request["EnvironmentName"] in names:
            update = {name: request[name] for name in ("EnvironmentName", "VersionLabel")}
            found.append(environments.update_environment(call, update))
        else:
            found.append(create_environment(call, request))
    return {"Environments": found}


def _member(call: Call, application: str, label: str, group: str) -> Structure:
    """The CreateEnvironment request of a version's env.yaml. Raises ServiceError."""
    manifest = versions.manifest(call, versions.deployable(call, application, label))
    if manifest is None or not manifest.environment:
        raise invalid(f"Application Version {label} has no env.yaml with an EnvironmentName.")
    name = _grouped(manifest.environment, group)
    return {"ApplicationName": application, "VersionLabel": label, "EnvironmentName": name, "GroupName": group}


def _base(call: Call, given: Structure) -> Base:
    """What an environment starts from. Raises ServiceError."""
    application = call.application(given["ApplicationName"]).name
    if not given.get("TemplateName"):
        return templates.of_specification(call, given)
    if given.get("SolutionStackName"):
        raise ServiceError("InvalidParameterCombination", "Specify TemplateName or SolutionStackName, not both.")
    return templates.of_template(templates.find(call, application, given["TemplateName"]))


def _new(call: Call, given: Structure, base: Base, manifest: SavedConfiguration, label: str) -> Environment:
    """The record of a new environment. Raises ServiceError."""
    group = given.get("GroupName", "")
    name = given.get("EnvironmentName") or _grouped(manifest.environment, group)
    name = name or f"{given['ApplicationName'][:30]}-{random_id(6)}"
    if not _NAME.fullmatch(name):
        raise invalid(
            f"Value {name} at 'EnvironmentName' failed to satisfy constraint: Member must be from 4 to 40 "
            "characters in length, letters, digits and hyphens, none at an edge."
        )
    stored = {**manifest.options, **base.options}
    stored = options.without(stored, given.get("OptionsToRemove", []))
    stored |= options.from_request(given.get("OptionSettings", []))
    stored |= templates.of_snippets(given)
    environments.refuse_settings(call, stored)
    fallback = base.platform_arn or (platforms.resolve(call, manifest.platform) if manifest.platform else "")
    tier = _tier(given.get("Tier") or {}, base.tier or manifest.tier)
    return Environment(
        region=call.region,
        id=f"e-{random_id(10)}",
        name=name,
        application=given["ApplicationName"],
        version_label=label,
        cname=_own_cname(call, given, name, _grouped(manifest.cname, group), tier),
        status="Launching",
        health="Grey",
        health_status="Pending",
        platform_arn=platforms.choose(call, given, fallback),
        description=given.get("Description", base.description),
        created=now(),
        updated=now(),
        options=stored,
        tags=tags.of_environment(given.get("Tags", [])),
        operation="create",
        tier=tier,
        template=given.get("TemplateName", ""),
        operations_role=given.get("OperationsRole", ""),
        links={link: _grouped(other, group) for link, other in manifest.links.items()},
    )


def _own_cname(call: Call, given: Structure, name: str, of_manifest: str, tier: str) -> str:
    """The CNAME of a new environment; a worker has none. Raises ServiceError."""
    prefix = given.get("CNAMEPrefix") or of_manifest
    if tier == "Worker":
        if given.get("CNAMEPrefix"):
            raise ServiceError("InvalidParameterCombination", "A worker environment has no CNAME.")
        return ""
    own = f"{name}.eba-{random_id(8)}".lower()
    return _cname(call, prefix) if prefix else f"{own}.{call.region}.{call.fleet.site.domain}"


def _tier(given: dict[str, Any], fallback: str) -> str:
    """The tier of a request. Raises ServiceError."""
    name = given.get("Name") or fallback or "WebServer"
    if name == "Cluster":
        raise invalid("The local Beanstalk has no Amazon EKS: there are the tiers WebServer and Worker.")
    if name not in TIERS or given.get("Type", TIERS[name]) != TIERS[name]:
        raise invalid(f"No Environment Tier found for name = '{name}' and type = '{given.get('Type', '')}'.")
    return str(name)


def _grouped(name: str, group: str) -> str:
    """A manifest's name: a + at its end stands for the group."""
    if not name.endswith("+"):
        return name
    if not group:
        raise ServiceError("MissingRequiredParameter", f"The environment name {name} in env.yaml needs a GroupName.")
    return f"{name[:-1]}-{group}"


def _cname(call: Call, prefix: str) -> str:
    if not _PREFIX.fullmatch(prefix):
        raise invalid(
            f"Value {prefix} at 'CNAMEPrefix' failed to satisfy constraint: 4 to 63 letters, digits and "
            "hyphens, none at an edge."
        )
    return f"{prefix.lower()}.{call.region}.{call.fleet.site.domain}"


SERVED: dict[str, Operation] = {
    "CheckDNSAvailability": check_dns_availability,
    "CreateEnvironment": create_environment,
    "ComposeEnvironments": compose_environments,
}
