"""What each operation of Elastic Beanstalk asks for: its action, on which of its resources, and what is known.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticbeanstalk.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.iam.policies.actions.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ebcd_local.access.statements import Asked
from ebcd_local.operations.call import Call, Structure
from ebcd_local.partitions import arn
from ebcd_local.records import Environment

_WITHOUT = frozenset(
    {
        "CheckDNSAvailability",
        "CreateStorageLocation",
        "DescribeAccountAttributes",
        "ListAvailableSolutionStacks",
        "ListPlatformBranches",
    }
)
"""Operations that know no resource."""
_KINDS: Mapping[str, tuple[str, ...]] = {
    "Application": (
        "ComposeEnvironments",
        "CreateApplication",
        "DeleteApplication",
        "DescribeApplications",
        "UpdateApplication",
        "UpdateApplicationResourceLifecycle",
    ),
    "ApplicationVersion": (
        "CreateApplicationVersion",
        "DeleteApplicationVersion",
        "DescribeApplicationVersions",
        "UpdateApplicationVersion",
    ),
    "ConfigurationTemplate": (
        "CreateConfigurationTemplate",
        "DeleteConfigurationTemplate",
        "UpdateConfigurationTemplate",
    ),
    "Platform": ("CreatePlatformVersion", "DeletePlatformVersion", "DescribePlatformVersion", "ListPlatformVersions"),
}
"""Kind of resource → operations about it; others are about environments, or saved configurations if these are named."""
_KIND_OF = {operation: kind for kind, operations in _KINDS.items() for operation in operations}
_NAMES = {"ApplicationVersion": ("VersionLabel", "VersionLabels"), "ConfigurationTemplate": ("TemplateName", "")}


def asked(call: Call, operation: str, given: Structure) -> list[Asked]:
    """All that a request asks for in its own name."""
    if operation in {"ListTagsForResource", "UpdateTagsForResource"}:
        return list(_about_tags(call, operation, given))
    found = [(resource, context | _of_request(call, given)) for resource, context in _resources(call, operation, given)]
    asks = [Asked(f"elasticbeanstalk:{operation}", resource, context) for resource, context in found]
    if given.get("Tags"):
        asks += [Asked("elasticbeanstalk:AddTags", item.resource, item.context) for item in asks]
    return asks


def environment_of(call: Call, given: Structure, prefix: str = "Environment") -> Environment | None:
    """The environment that a request names, be it terminated."""
    wanted_id, name = given.get(f"{prefix}Id"), given.get(f"{prefix}Name")
    if not wanted_id and not name:
        return None
    found = [
        item
        for item in call.state.environments.values()
        if item.region == call.region and wanted_id in (None, item.id) and name in (None, item.name)
    ]
    return max(found, key=lambda item: (item.alive, item.created), default=None)


def _resources(call: Call, operation: str, given: Structure) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """ARNs, each with what is known of it."""
    if operation in _WITHOUT:
        yield "*", {}
        return
    match _KIND_OF.get(operation, "Environment"):
        case "Platform":
            yield str(given.get("PlatformArn") or arn("elasticbeanstalk", call.region, "", "platform/*")), {}
        case "Application":
            for name in given.get("ApplicationNames") or [given.get("ApplicationName") or "*"]:
                yield call.arn("application", name), {}
        case ("ApplicationVersion" | "ConfigurationTemplate") as kind:
            yield from _of_application(call, kind, given)
        case _ if operation == "SwapEnvironmentCNAMEs":
            yield from _swapped(call, given)
        case _ if given.get("TemplateName") and not _names_environment(given):
            yield from _of_application(call, "ConfigurationTemplate", given)
        case _:
            yield from _environments(call, given)


def _names_environment(given: Structure) -> bool:
    return bool(given.get("EnvironmentName") or given.get("EnvironmentId"))


def _of_application(call: Call, kind: str, given: Structure) -> Iterator[tuple[str, dict[str, list[str]]]]:
    application, (one, many) = given.get("ApplicationName") or "*", _NAMES[kind]
    for name in given.get(many) or [given.get(one) or "*"]:
        yield call.arn(kind.lower(), f"{application}/{name}"), _in(call, application)


def _swapped(call: Call, given: Structure) -> Iterator[tuple[str, dict[str, list[str]]]]:
    """Both environments, each with the other as the one that the CNAME comes from."""
    sides = [next(_environment(call, given, side)) for side in ("SourceEnvironment", "DestinationEnvironment")]
    for (resource, context), (other, _) in (sides, reversed(sides)):
        yield resource, context | {"elasticbeanstalk:fromenvironment": [other]}


def _environments(call: Call, given: Structure) -> Iterator[tuple[str, dict[str, list[str]]]]:
    named = [{"EnvironmentName": name} for name in given.get("EnvironmentNames") or ()]
    named += [{"EnvironmentId": name} for name in given.get("EnvironmentIds") or ()]
    for item in named or [given]:
        yield from _environment(call, {"ApplicationName": given.get("ApplicationName"), **item}, "Environment")


def _environment(call: Call, given: Structure, prefix: str) -> Iterator[tuple[str, dict[str, list[str]]]]:
    found = environment_of(call, given, prefix)
    application = found.application if found else given.get("ApplicationName") or "*"
    name = found.name if found else given.get(f"{prefix}Name") or given.get(f"{prefix}Id") or "*"
    tags = {f"aws:resourcetag/{key.lower()}": [value] for key, value in (found.tags if found else {}).items()}
    yield call.arn("environment", f"{application}/{name}"), _in(call, application) | tags


def _about_tags(call: Call, operation: str, given: Structure) -> Iterator[Asked]:
    resource = given["ResourceArn"]
    kind, _, name = resource.rpartition(":")[2].partition("/")
    context: dict[str, list[str]] = _in(call, name.partition("/")[0])
    if kind == "environment":
        _, context = next(_environment(call, {"EnvironmentName": name.rpartition("/")[2]}, "Environment"))
    if operation == "ListTagsForResource":
        yield Asked("elasticbeanstalk:ListTagsForResource", resource, context)
    if added := given.get("TagsToAdd"):
        yield Asked("elasticbeanstalk:AddTags", resource, context | _tagged(added))
    if removed := given.get("TagsToRemove"):
        yield Asked("elasticbeanstalk:RemoveTags", resource, context | {"aws:tagkeys": list(removed)})


def _in(call: Call, application: str) -> dict[str, list[str]]:
    return {"elasticbeanstalk:inapplication": [call.arn("application", application)]}


def _of_request(call: Call, given: Structure) -> dict[str, list[str]]:
    """What a request says that something is made from, and its tags."""
    application, source = given.get("ApplicationName") or "*", given.get("SourceConfiguration") or {}
    template = given.get("TemplateName") or source.get("TemplateName")
    stack, platform = given.get("SolutionStackName"), given.get("PlatformArn")
    known: dict[str, Any] = {
        "fromapplicationversion": given.get("VersionLabel")
        and call.arn("applicationversion", f"{application}/{given['VersionLabel']}"),
        "fromconfigurationtemplate": template and call.arn("configurationtemplate", f"{application}/{template}"),
        "fromsolutionstack": stack and arn("elasticbeanstalk", call.region, "", f"solutionstack/{stack}"),
        "fromplatform": platform,
    }
    found = {f"elasticbeanstalk:{name}": [value] for name, value in known.items() if value}
    return found | _tagged(given.get("Tags") or [])


def _tagged(tags: list[Mapping[str, str]]) -> dict[str, list[str]]:
    found = {f"aws:requesttag/{item.get('Key', '').lower()}": [item.get("Value", "")] for item in tags}
    return found | ({"aws:tagkeys": [item.get("Key", "") for item in tags]} if tags else {})
