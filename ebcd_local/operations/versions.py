"""Application versions: created from bundles in S3 or of the sample application, validated, deleted."""

from __future__ import annotations

import io
import re
import tempfile
import threading
from dataclasses import replace
from pathlib import Path

from ebcd_local import ebextensions, plain_yaml, sample, saved_configuration
from ebcd_local.archive import BadArchive, opened
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.object_store import ObjectStore
from ebcd_local.operations import lifecycle, quotas, tags
from ebcd_local.operations.applications import create_application
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.records import Version
from ebcd_local.saved_configuration import SavedConfiguration
from ebcd_local.state import State, now, storage_bucket


def create_application_version(call: Call, given: Structure) -> Structure:
    """CreateApplicationVersion. Without a source it is the sample application; with Process the bundle is validated."""
    name, label = given["ApplicationName"], given["VersionLabel"]
    if "/" in label or not label.strip() or re.search(r"[^ -~]", label):
        raise invalid(f"Value '{label}' at 'VersionLabel' is invalid.")
    bucket, key = _source(call, given) or _sample(call)
    version_tags = tags.of_request(given.get("Tags", []))
    if f"{call.region}/{name}" not in call.state.applications and given.get("AutoCreateApplication"):
        create_application(call, {"ApplicationName": name})
    application = call.application(name)
    status = "PROCESSING" if given.get("Process") else "UNPROCESSED"
    version = Version(
        call.region, name, label, given.get("Description", ""), bucket, key, status, now(), now(), version_tags
    )
    with call.state.lock:
        if version.key in call.state.versions:
            raise invalid(f"Application Version {label} already exists.")
        quotas.refuse_more(call, "ApplicationVersions", call.state.versions, quotas.VERSIONS)
        call.state.save(version)
        gone = lifecycle.apply(call, application)
    say(call.state, version, f"Created new Application Version: {label}", request_id=call.request_id)
    for old in gone:
        say(call.state, old, f"Deleted Application Version: {old.label}", request_id=call.request_id)
    if given.get("Process"):
        _begin_processing(call, version)
    return {"ApplicationVersion": describe(call, version)}


def _source(call: Call, given: Structure) -> tuple[str, str] | None:
    """Bucket and key of a request's bundle; None where it names none. Raises ServiceError."""
    if given.get("ImageConfiguration"):
        raise invalid("The local Beanstalk has no Amazon EKS: an application version cannot be a container image.")
    if given.get("BuildConfiguration"):
        raise ServiceError(
            "CodeBuildNotInServiceRegionException", "AWS CodeBuild is not available in the specified region."
        )
    source, build = given.get("SourceBundle"), given.get("SourceBuildInformation")
    if source and build:
        raise ServiceError("InvalidParameterCombination", "Specify SourceBundle or SourceBuildInformation, not both.")
    if build:
        if build["SourceRepository"] != "S3" or build["SourceType"] != "Zip":
            raise invalid("The local Beanstalk has no CodeCommit: the source must be a Zip in S3.")
        bucket, _, key = build["SourceLocation"].partition("/")
        source = {"S3Bucket": bucket, "S3Key": key}
    if source is None:
        return None
    bucket, key = source.get("S3Bucket", ""), source.get("S3Key", "")
    if not bucket or not key:
        raise invalid("Both S3 bucket and key must be specified.")
    region = call.objects.region(bucket)
    if region not in (None, call.region):
        raise ServiceError(
            "S3LocationNotInServiceRegionException", f"The bucket {bucket} is in {region}, not in {call.region}."
        )
    if not call.objects.exists(bucket, key):
        raise invalid(f"Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found")
    return bucket, key


def _begin_processing(call: Call, version: Version) -> None:
    """Process a version, which takes its time where the simulation says so."""
    seconds, work = call.fleet.simulation.processing, (call.state, call.objects, version, call.request_id)
    if not seconds:
        process(*work)
        return
    timer = threading.Timer(seconds, process, work)
    timer.daemon = True  # a server that ends leaves the rest to `recover`
    timer.start()


def _sample(call: Call) -> tuple[str, str]:
    """Bucket and key of the sample application's bundle. On AWS that lies in a bucket of the service's own."""
    bucket, key = storage_bucket(call.region), "sample-application.zip"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.zip"
        sample.write(path)
        call.objects.ensure_bucket(bucket, call.region)
        call.objects.put(bucket, key, path.read_bytes())
    return bucket, key


def process(state: State, objects: ObjectStore, version: Version, request_id: str = "") -> None:
    """Validate a bundle as the service does: a zip whose .ebextensions can be read."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bundle.zip"
        try:
            objects.copy_to(version.bucket, version.s3_key, path)
            problems = ebextensions.read(path).problems
        except ServiceError as error:
            problems = (error.message,)
    for problem in problems:
        say(state, version, problem, "ERROR", request_id)
    with state.lock:
        if version.key in state.versions:
            state.save(replace(version, status="FAILED" if problems else "PROCESSED", updated=now()))


def recover(state: State, objects: ObjectStore) -> None:
    """After a start: process the versions that an earlier life has not come to the end of."""
    for version in [item for item in state.versions.values() if item.status == "PROCESSING"]:
        process(state, objects, version)


def describe_application_versions(call: Call, given: Structure) -> Structure:
    """DescribeApplicationVersions, newest first."""
    name, labels = given.get("ApplicationName"), given.get("VersionLabels")
    found = [
        item
        for item in list(call.state.versions.values())
        if item.region == call.region and name in (None, item.application) and (not labels or item.label in labels)
    ]
    found.sort(key=lambda item: item.created, reverse=True)
    found = call.shown("DescribeApplicationVersions", found, lambda item: item.created)
    shown, token = page(found, given, most=1000)
    return {"ApplicationVersions": [describe(call, item) for item in shown], "NextToken": token}


def update_application_version(call: Call, given: Structure) -> Structure:
    """UpdateApplicationVersion: its description."""
    version = find(call, given["ApplicationName"], given["VersionLabel"])
    changed = replace(version, description=given.get("Description", version.description), updated=now())
    call.state.save(changed)
    return {"ApplicationVersion": describe(call, changed)}


def delete_application_version(call: Call, given: Structure) -> Structure:
    """DeleteApplicationVersion. One that an environment runs is refused."""
    version = find(call, given["ApplicationName"], given["VersionLabel"])
    for environment in call.living():
        if (environment.application, environment.version_label) == (version.application, version.label):
            raise ServiceError(
                "OperationInProgressFailure",
                f"Unable to delete application version {version.label} because it is deployed to {environment.name}.",
            )
    call.state.delete(version)
    say(call.state, version, f"Deleted Application Version: {version.label}", request_id=call.request_id)
    if given.get("DeleteSourceBundle"):
        if not call.objects.exists(version.bucket, version.s3_key):
            raise ServiceError(
                "SourceBundleDeletionFailure",
                f"Unable to delete the source bundle of {version.label} from Amazon S3; the version was deleted.",
            )
        call.objects.delete(version.bucket, version.s3_key)
    return {}


def find(call: Call, application: str, label: str) -> Version:
    """A version. Raises ServiceError."""
    call.application(application)
    version = call.state.versions.get(f"{call.region}/{application}/{label}")
    if version is None:
        raise invalid(f"No Application Version named '{label}' found.")
    return version


def deployable(call: Call, application: str, label: str) -> Version:
    """A version that an environment may run. Raises ServiceError."""
    version = find(call, application, label)
    if version.status in {"PROCESSING", "FAILED"}:
        raise invalid(f"Application Version {label} is {version.status} and cannot be deployed.")
    return version


def manifest(call: Call, version: Version) -> SavedConfiguration | None:
    """What env.yaml in a version's bundle says; None when there is none. Raises ServiceError when it is invalid."""
    content = call.objects.read(version.bucket, version.s3_key)
    try:
        with opened(io.BytesIO(content or b"")) as archive, archive.open("env.yaml") as stream:
            return saved_configuration.read(stream.read(plain_yaml.FILE_LIMIT + 1))
    except (KeyError, BadArchive):
        return None
    except ValueError as error:
        raise invalid(f"env.yaml in Application Version {version.label} is invalid: {error}") from error


def describe(call: Call, version: Version) -> Structure:
    """ApplicationVersionDescription."""
    return {
        "ApplicationVersionArn": call.arn("applicationversion", f"{version.application}/{version.label}"),
        "ApplicationName": version.application,
        "Description": version.description,
        "VersionLabel": version.label,
        "SourceBundle": {"S3Bucket": version.bucket, "S3Key": version.s3_key},
        "DateCreated": version.created,
        "DateUpdated": version.updated,
        "Status": version.status,
    }


def say(state: State, version: Version, message: str, severity: str = "INFO", request_id: str = "") -> None:
    """An event about a version."""
    state.say(
        None,
        message,
        severity=severity,
        request_id=request_id,
        region=version.region,
        application=version.application,
        version_label=version.label,
    )


SERVED: dict[str, Operation] = {
    "CreateApplicationVersion": create_application_version,
    "DescribeApplicationVersions": describe_application_versions,
    "UpdateApplicationVersion": update_application_version,
    "DeleteApplicationVersion": delete_application_version,
}
