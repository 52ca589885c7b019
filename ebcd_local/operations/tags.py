"""Tags of applications, versions, saved configurations and environments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ebcd_local.errors import NOT_READY, ServiceError, invalid
from ebcd_local.fleet.tagging import tag
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.records import Application, Environment, Template, Version
from ebcd_local.state import ACCOUNT

LIMIT = 50
"""Tags of one resource. Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html"""
OF_ENVIRONMENT = 47
"""Tags of one environment beside those that the service gives it."""
_RESERVED = ("aws:", "elasticbeanstalk:")
"""What no key begins with that a client gives."""
_NAME = "Name"
_ARN = re.compile(
    r"arn:aws[a-z-]*:elasticbeanstalk:(?P<region>[a-z0-9-]+):(?P<account>\d*):(?P<kind>[a-z]+)/(?P<name>.+)"
)


def of_request(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags as a resource stores them. Raises ServiceError for a reserved key and for too many."""
    found = {str(item.get("Key", "")): str(item.get("Value", "")) for item in items}
    for key in found:
        if not key:
            raise invalid("A tag needs a Key.")
        if key.lower().startswith(_RESERVED):
            raise invalid(f"Tag key '{key}' is reserved: keys cannot begin with {' or '.join(_RESERVED)}.")
    _refuse_many(found, LIMIT)
    return found


def of_environment(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags of a new environment, beside the service's own. Raises ServiceError."""
    found = of_request(items)
    _refuse_of_service(found)
    _refuse_many(found, OF_ENVIRONMENT)
    return found


def _of_service(environment: Environment) -> dict[str, str]:
    """The tags that the service gives an environment, which nobody can change.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features.tagging.html
    """
    return {
        "elasticbeanstalk:environment-id": environment.id,
        "elasticbeanstalk:environment-name": environment.name,
        _NAME: environment.name,
    }


def _refuse_of_service(keys: Iterable[str]) -> None:
    if _NAME in keys:
        raise invalid(f"Tag key '{_NAME}' is one that Elastic Beanstalk gives an environment: it cannot be changed.")


def list_tags_for_resource(call: Call, given: Structure) -> Structure:
    """ListTagsForResource."""
    tagged = _tagged(call, given["ResourceArn"])
    tags = tagged.tags | (_of_service(tagged) if isinstance(tagged, Environment) else {})
    found = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return {"ResourceArn": given["ResourceArn"], "ResourceTags": found}


def update_tags_for_resource(call: Call, given: Structure) -> Structure:
    """UpdateTagsForResource. An environment must be Ready, is Updating meanwhile, and tells of it by events.

    The code of the refusal is the one that the API declares (OperationInProgressException); its text is not published.
    """
    added, removed = of_request(given.get("TagsToAdd", [])), set(given.get("TagsToRemove", []))
    if not added and not removed:
        raise invalid("Specify TagsToAdd or TagsToRemove.")
    if reserved := [key for key in removed if key.lower().startswith(_RESERVED)]:
        raise invalid(f"Tag key '{min(reserved)}' is reserved: it cannot be removed.")
    if both := added.keys() & removed:
        raise invalid(f"Tag key '{min(both)}' is both to be added and to be removed.")
    with call.state.lock:
        found = _tagged(call, given["ResourceArn"])
        tags = {key: value for key, value in (found.tags | added).items() if key not in removed}
        _refuse_many(tags, OF_ENVIRONMENT if isinstance(found, Environment) else LIMIT)
        if not isinstance(found, Environment):
            call.state.save(replace(found, tags=tags))
            return {}
        _refuse_of_service(added.keys() | removed)
        if found.status != "Ready":
            raise ServiceError("OperationInProgressFailure", NOT_READY.format(name=found.name))
        call.state.change(found.key, status="Updating", operation="tags")
    call.fleet.begin(lambda key, request: tag(call.fleet, key, request, tags), found.key, call.request_id)
    return {}


def _refuse_many(tags: Mapping[str, str], most: int) -> None:
    if len(tags) > most:
        raise ServiceError("TooManyTagsException", f"This resource has at most {most} tags.")


def _tagged(call: Call, arn: str) -> Application | Version | Template | Environment:
    """What an ARN names. Raises ServiceError."""
    match = _ARN.fullmatch(arn)
    if match is None:
        raise invalid(f"Value '{arn[:200]}' at 'ResourceArn' is no ARN of Elastic Beanstalk.")
    kind, key = match["kind"], f"{match['region']}/{match['name']}"
    places: dict[str, Mapping[str, Any]] = {
        "application": call.state.applications,
        "applicationversion": call.state.versions,
        "configurationtemplate": call.state.templates,
        "environment": {f"{item.region}/{item.application}/{item.name}": item for item in call.living()},
    }
    if kind not in places:
        raise ServiceError("ResourceTypeNotSupportedException", f"Resources of the type {kind} have no tags here.")
    found = places[kind].get(key) if (match["region"], match["account"]) == (call.region, ACCOUNT) else None
    if found is None:
        raise ServiceError("ResourceNotFoundException", f"Resource not found for ARN '{arn}'.")
    return found  # type: ignore[no-any-return]


SERVED: dict[str, Operation] = {
    "ListTagsForResource": list_tags_for_resource,
    "UpdateTagsForResource": update_tags_for_resource,
}
