"""Applications and the storage location."""

from __future__ import annotations

import re
from dataclasses import replace

from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations import lifecycle, quotas, tags, templates
from ebcd_local.operations.call import Call, Operation, Structure
from ebcd_local.records import Application
from ebcd_local.state import now, storage_bucket

_KEEPS_ALL = {
    "VersionLifecycleConfig": {
        "MaxCountRule": {"Enabled": False, "MaxCount": 200, "DeleteSourceFromS3": False},
        "MaxAgeRule": {"Enabled": False, "MaxAgeInDays": 180, "DeleteSourceFromS3": False},
    }
}
"""The lifecycle of an application that has none of its own."""


def create_application(call: Call, given: Structure) -> Structure:
    """CreateApplication."""
    name = given["ApplicationName"]
    if re.search(r"[/\x00-\x1f\x7f]", name) or not name.strip():
        raise invalid(f"Value '{name}' at 'ApplicationName' must not contain a slash or a control character.")
    with call.state.lock:
        if f"{call.region}/{name}" in call.state.applications:
            raise invalid(f"Application {name} already exists.")
        quotas.refuse_more(call, "Applications", call.state.applications, quotas.APPLICATIONS)
        application = Application(
            call.region,
            name,
            given.get("Description", ""),
            now(),
            now(),
            tags.of_request(given.get("Tags", [])),
            lifecycle.checked(given.get("ResourceLifecycleConfig", {})),
        )
        call.state.save(application)
    call.state.say(
        None, f"Created new Application: {name}", request_id=call.request_id, region=call.region, application=name
    )
    return {"Application": describe(call, application)}


def describe_applications(call: Call, given: Structure) -> Structure:
    """DescribeApplications."""
    wanted = given.get("ApplicationNames")
    found = [item for item in list(call.state.applications.values()) if item.region == call.region]
    found = call.shown("DescribeApplications", found, lambda item: item.created)
    return {"Applications": [describe(call, item) for item in found if not wanted or item.name in wanted]}


def update_application(call: Call, given: Structure) -> Structure:
    """UpdateApplication."""
    application = call.application(given["ApplicationName"])
    changed = replace(application, description=given.get("Description", application.description), updated=now())
    call.state.save(changed)
    return {"Application": describe(call, changed)}


def delete_application(call: Call, given: Structure) -> Structure:
    """DeleteApplication, with its versions; environments that run are in the way unless they are to be terminated."""
    application = call.application(given["ApplicationName"])
    running = [item for item in call.living() if item.application == application.name]
    if running and not given.get("TerminateEnvByForce"):
        raise ServiceError("OperationInProgressFailure", f"Application {application.name} has running environments.")
    for environment in [item for item in running if item.status != "Terminating"]:
        call.state.change(environment.key, status="Terminating", operation="terminate")
        call.fleet.begin(call.fleet.terminate, environment.key, call.request_id)
    for version in [item for item in list(call.state.versions.values()) if item.key.startswith(f"{application.key}/")]:
        call.state.delete(version)
    for name in templates.names(call, application.name):
        templates.forget(call, application.name, name)
    call.state.delete(application)
    return {}


def describe(call: Call, application: Application) -> Structure:
    """ApplicationDescription."""
    labels = [
        item.label
        for item in list(call.state.versions.values())
        if (item.region, item.application) == (application.region, application.name)
    ]
    return {
        "ApplicationArn": call.arn("application", application.name),
        "ApplicationName": application.name,
        "Description": application.description,
        "DateCreated": application.created,
        "DateUpdated": application.updated,
        "Versions": labels[::-1],
        "ConfigurationTemplates": templates.names(call, application.name),
        "ResourceLifecycleConfig": application.lifecycle or _KEEPS_ALL,
    }


def create_storage_location(call: Call, _: Structure) -> Structure:
    """CreateStorageLocation."""
    bucket = storage_bucket(call.region)
    call.objects.ensure_bucket(bucket, call.region)
    return {"S3Bucket": bucket}


SERVED: dict[str, Operation] = {
    "CreateApplication": create_application,
    "DescribeApplications": describe_applications,
    "UpdateApplication": update_application,
    "DeleteApplication": delete_application,
    "CreateStorageLocation": create_storage_location,
}
