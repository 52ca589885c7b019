"""Each error that the model declares, provoked in the way a client would."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, REGION, Local, bundle

from ebcd_local.errors import ServiceError
from ebcd_local.operations import lifecycle, managed_actions
from ebcd_local.records import Application, Version

ARN = f"arn:aws:elasticbeanstalk:{REGION}:123456789012:"
AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
BUILD = {"CodeBuildServiceRole": "role", "Image": "python"}


def refused(call: Callable[..., Any], **given: Any) -> str:
    with pytest.raises(ClientError) as error:
        call(**given)
    return str(error.value.response["Error"]["Code"])


@pytest.fixture
def eb(local: Local) -> Any:
    client = local.client("elasticbeanstalk")
    if not client.describe_applications(ApplicationNames=["refuse"])["Applications"]:
        local.publish("refuse", "v1", bundle())
        local.launch("refuse", "refuse-r1", "v1")
    return client


def test_a_bundle_must_be_in_the_region_and_ready_made(local: Local, eb: Any) -> None:
    s3 = boto3.client("s3", endpoint_url=local.told["endpoint_url"], region_name="us-east-1", **local.keys)
    s3.create_bucket(Bucket="elsewhere")
    s3.put_object(Bucket="elsewhere", Key="v.zip", Body=bundle())
    s3.close()
    version = {"ApplicationName": "refuse", "VersionLabel": "v2"}
    create, source = eb.create_application_version, {"S3Bucket": "elsewhere", "S3Key": "v.zip"}
    assert refused(create, **version, SourceBundle=source) == "S3LocationNotInServiceRegionException"
    assert refused(create, **version, BuildConfiguration=BUILD) == "CodeBuildNotInServiceRegionException"


def test_what_is_in_use_is_not_deleted(eb: Any) -> None:
    version = {"ApplicationName": "refuse", "VersionLabel": "v1"}
    assert refused(eb.delete_application_version, **version) == "OperationInProgressFailure"
    assert refused(eb.delete_application, ApplicationName="refuse") == "OperationInProgressFailure"
    platform = eb.describe_environments(EnvironmentNames=["refuse-r1"])["Environments"][0]["PlatformArn"]
    assert refused(eb.delete_platform_version, PlatformArn=platform) == "PlatformVersionStillReferencedException"
    unused = PLATFORM.replace("3.11", "3.14")
    assert refused(eb.delete_platform_version, PlatformArn=unused) == "InsufficientPrivilegesException"


def test_a_version_is_deleted_though_its_bundle_is_gone(local: Local, eb: Any) -> None:
    local.publish("refuse", "gone", bundle())
    local.client("s3").delete_object(Bucket=BUCKET, Key="refuse/gone.zip")
    version = {"ApplicationName": "refuse", "VersionLabel": "gone", "DeleteSourceBundle": True}
    assert refused(eb.delete_application_version, **version) == "SourceBundleDeletionFailure"
    found = eb.describe_application_versions(ApplicationName="refuse", VersionLabels=["gone"])
    assert found["ApplicationVersions"] == []


def test_tags_have_rules(local: Local, eb: Any) -> None:
    update, versions = eb.update_tags_for_resource, f"{ARN}applicationversion/refuse/v1"
    many = [{"Key": f"k{number}", "Value": "v"} for number in range(51)]
    assert refused(update, ResourceArn=versions, TagsToAdd=many) == "TooManyTagsException"
    reserved = [{"Key": "aws:mine", "Value": "v"}]
    assert refused(update, ResourceArn=versions, TagsToAdd=reserved) == "InvalidParameterValue"
    nobody, platform = f"{ARN}application/nobody", f"{ARN}platform/mine/1.0.0"
    assert refused(eb.list_tags_for_resource, ResourceArn=nobody) == "ResourceNotFoundException"
    assert refused(eb.list_tags_for_resource, ResourceArn=platform) == "ResourceTypeNotSupportedException"
    for arn in (versions, f"{ARN}application/refuse", f"{ARN}environment/refuse/refuse-r1"):
        for change in ({"TagsToAdd": many[:2]}, {"TagsToRemove": ["k0"]}):
            update(ResourceArn=arn, **change)
            local.until("refuse-r1", lambda item: item["Status"] == "Ready")
        tags = eb.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]
        own = {"Name", "elasticbeanstalk:environment-name", "elasticbeanstalk:environment-id"}
        expected = {"k1"} | (own if "environment" in arn else set())
        assert {item["Key"] for item in tags} == expected
    for given in (
        {"TagsToAdd": [{"Key": "Name", "Value": "v"}]},
        {"TagsToRemove": ["elasticbeanstalk:environment-id"]},
        {"TagsToAdd": [{"Key": "elasticbeanstalk:x", "Value": "v"}]},
    ):
        assert refused(update, ResourceArn=arn, **given) == "InvalidParameterValue"
    assert refused(update, ResourceArn=arn, TagsToAdd=many[:48]) == "TooManyTagsException", "three are the service's"
    said = [item["Message"] for item in eb.describe_events(EnvironmentName="refuse-r1")["Events"]]
    assert "Environment tag update completed successfully." in said


def test_custom_platforms_are_not_built(eb: Any) -> None:
    source = {"S3Bucket": BUCKET, "S3Key": "refuse/v1.zip"}
    given = {"PlatformName": "mine", "PlatformVersion": "1.0.0", "PlatformDefinitionBundle": source}
    assert refused(eb.create_platform_version, **given) == "ElasticBeanstalkServiceException"


def test_the_quota_of_applications_is_enforced(own: Local) -> None:
    eb = own.client("elasticbeanstalk")
    most = eb.describe_account_attributes()["ResourceQuotas"]["ApplicationQuota"]["Maximum"]
    for number in range(most):
        eb.create_application(ApplicationName=f"a{number}")
    assert refused(eb.create_application, ApplicationName="more") == "TooManyApplicationsException"


@pytest.mark.parametrize(
    "given", [{"MaxRecords": 1001}, {"NextToken": "garbage"}, {"NextToken": "-1"}, {"NextToken": "999"}]
)
def test_pages_that_are_none_are_refused(eb: Any, given: dict[str, Any]) -> None:
    assert refused(eb.describe_application_versions, ApplicationName="refuse", **given) == "InvalidParameterValue"
    assert refused(eb.describe_environments, **given) == "InvalidParameterValue"


def test_platforms_are_filtered_as_documented(eb: Any) -> None:
    def found(kind: str, operator: str, *values: str) -> int:
        filters = [{"Type": kind, "Operator": operator, "Values": list(values)}]
        return len(eb.list_platform_versions(Filters=filters)["PlatformSummaryList"])

    assert found("PlatformVersion", "<", "4.7.1") == found("PlatformVersion", "=", "4.7.0") == 4
    assert found("PlatformName", "contains", "3.12") == 2
    assert found("SupportedTier", "begins_with", "Worker") == 8
    assert found("PlatformLifecycleState", "!=", "Recommended") == 4
    one = [{"Type": "Colour", "Operator": "=", "Values": ["red"]}]
    assert refused(eb.list_platform_versions, Filters=one) == "InvalidParameterValue"
    described = eb.describe_platform_version(PlatformArn=PLATFORM)["PlatformDescription"]
    assert described["ProgrammingLanguages"] == [{"Name": "Python", "Version": "3.11"}]
    assert [image["VirtualizationType"] for image in described["CustomAmiList"] if image["ImageId"]] == ["hvm"]


def test_a_lifecycle_rule_spares_what_runs(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("aging", "v1", bundle())
    local.launch("aging", "aging-r1", "v1")
    rule = {"MaxCountRule": {"Enabled": True, "MaxCount": 2, "DeleteSourceFromS3": True}}
    update = eb.update_application_resource_lifecycle
    config = {"VersionLifecycleConfig": rule}
    assert refused(update, ApplicationName="aging", ResourceLifecycleConfig=config) == "InvalidParameterValue"
    update(ApplicationName="aging", ResourceLifecycleConfig=config | {"ServiceRole": "role"})
    for label in ("v2", "v3", "v4"):
        local.publish("aging", label, bundle())
    (found,) = eb.describe_applications(ApplicationNames=["aging"])["Applications"]
    assert found["Versions"] == ["v4", "v3", "v1"]
    keys = local.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="aging/")["Contents"]
    assert [item["Key"] for item in keys] == ["aging/v1.zip", "aging/v3.zip", "aging/v4.zip"]


def test_versions_expire_by_age() -> None:
    rule = {"MaxAgeRule": {"Enabled": True, "MaxAgeInDays": 10}}
    application = Application(REGION, "a", "", AT, AT, lifecycle={"VersionLifecycleConfig": rule})
    versions = [
        Version(REGION, "a", f"d{days}", "", "b", "k", "Processed", AT - timedelta(days=days), AT)
        for days in (1, 11, 30)
    ]
    found = [(version.label, source) for version, source in lifecycle.expired(application, versions, AT)]
    assert found == [("d30", False), ("d11", False)]


@pytest.mark.parametrize(
    ("rules", "code"),
    [
        ({"MaxCountRule": {"Enabled": True}}, "InvalidParameterValue"),
        ({"MaxCountRule": {"Enabled": True, "MaxCount": 0}}, "InvalidParameterValue"),
        (
            {"MaxCountRule": {"Enabled": True, "MaxCount": 1}, "MaxAgeRule": {"Enabled": True, "MaxAgeInDays": 1}},
            "InvalidParameterCombination",
        ),
    ],
)
def test_lifecycle_rules_are_checked(rules: dict[str, Any], code: str) -> None:
    with pytest.raises(ServiceError) as error:
        lifecycle.checked({"VersionLifecycleConfig": rules})
    assert error.value.code == code


@pytest.mark.parametrize(
    ("start", "window"),
    [
        ("Wed:13:00", datetime(2026, 3, 4, 13, tzinfo=UTC)),
        ("Wed:12:00", datetime(2026, 3, 11, 12, tzinfo=UTC)),
        ("Tue:23:59", datetime(2026, 3, 10, 23, 59, tzinfo=UTC)),
    ],
)
def test_a_window_is_the_next_one(start: str, window: datetime) -> None:
    assert managed_actions.next_window(start, AT) == window
