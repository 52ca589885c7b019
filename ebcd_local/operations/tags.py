"""Tags of applications, versions, saved configurations and environments."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.records import Application, Environment, Template, Version
from ebcd_local.state import ACCOUNT

LIMIT = 50
"""Tags of one resource. Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/applications-tagging-resources.html"""
_ARN = re.compile(
    r"arn:aws[a-z-]*:elasticbeanstalk:(?P<region>[a-z0-9-]+):(?P<account>\d*):(?P<kind>[a-z]+)/(?P<name>.+)"
)


def of_request(items: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Tags as a resource stores them. Raises ServiceError for a reserved key and for too many."""
    found = {str(item.get("Key", "")): str(item.get("Value", "")) for item in items}
    for key in found:
        if not key:
            raise invalid("A tag needs a Key.")
        if key.lower().startswith("aws:"):
            raise invalid(f"Tag key '{key}' is reserved: keys cannot begin with aws:.")
    _refuse_many(found)
    return found


def list_tags_for_resource(call: Call, given: Structure) -> Structure:
    """ListTagsForResource."""
    tags = _tagged(call, given["ResourceArn"]).tags
    found = [{"Key": key, "Value": value} for key, value in sorted(tags.items())]
    return {"ResourceArn": given["ResourceArn"], "ResourceTags": found}


def update_tags_for_resource(call: Call, given: Structure) -> Structure:
    """UpdateTagsForResource. An environment must be Ready, and tells of it by events."""
    added, removed = of_request(given.get("TagsToAdd", [])), set(given.get("TagsToRemove", []))
    if not added and not removed:
        raise invalid("Specify TagsToAdd or TagsToRemove.")
    if both := added.keys() & removed:
        raise invalid(f"Tag key '{min(both)}' is both to be added and to be removed.")
    with call.state.lock:
        found = _tagged(call, given["ResourceArn"])
        if isinstance(found, Environment) and found.status != "Ready":
            raise ServiceError("OperationInProgressFailure", f"Environment named {found.name} is not Ready.")
        tags = {key: value for key, value in (found.tags | added).items() if key not in removed}
        _refuse_many(tags)
        call.state.save(replace(found, tags=tags))
    if isinstance(found, Environment):
        for message in ("Environment tag update is starting.", "Environment tag update completed successfully."):
            call.state.say(found, message, request_id=call.request_id)
    return {}


def _refuse_many(tags: Mapping[str, str]) -> None:
    if len(tags) > LIMIT:
        raise ServiceError("TooManyTagsException", f"A resource has at most {LIMIT} tags.")


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
