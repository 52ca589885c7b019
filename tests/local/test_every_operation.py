"""Every operation at what it is for, in one story: each is called so that it succeeds, with all that it takes, and what
it answers fits the model. And every error that the model declares, at every operation that declares it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, REGION, Local, bundle, running
from test_model import OPERATIONS, PUBLIC, check, members

OLDER = PLATFORM.replace("4.7.1", "4.7.0")
STACK = "64bit Amazon Linux 2023 v4.7.1 running Python 3.11"
ARN = f"arn:aws:elasticbeanstalk:{REGION}:123456789012:"
MANIFEST = f"""AWSConfigurationTemplateVersion: 1.1.0.0
EnvironmentName: told-composed+
CName: told-composed+
SolutionStack: {STACK}
"""
REFUSED_ALWAYS = {"CreatePlatformVersion", "DeletePlatformVersion"}
"""Custom platforms are machine images: there is nothing here to make them of."""


class Story:
    """Calls that succeed, each answer checked against the model."""

    def __init__(self, local: Local) -> None:
        self._client = local.client("elasticbeanstalk")
        self._methods = {value: key for key, value in self._client.meta.method_to_api_mapping.items()}
        self._local = local
        self.told: dict[str, set[str]] = {}
        """Operation → members that it was called with."""

    def __call__(self, operation: str, **given: Any) -> dict[str, Any]:
        answer: dict[str, Any] = getattr(self._client, self._methods[operation])(**given)
        assert answer.pop("ResponseMetadata")["HTTPStatusCode"] == 200
        shape = PUBLIC.operation_model(operation).output_shape
        if shape is None:
            assert answer == {}
        else:
            check(shape, answer, operation)
        self.told.setdefault(operation, set()).update(given)
        return answer

    def ready(self, name: str, status: str = "Ready") -> dict[str, Any]:
        return self._local.until(name, lambda item: item["Status"] == status)


def option(space: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": space, "OptionName": name, "Value": value}


def _applications(tell: Story) -> None:
    rule = {"MaxCountRule": {"Enabled": True, "MaxCount": 200, "DeleteSourceFromS3": True}}
    lifecycle = {"ServiceRole": "arn:aws:iam::123456789012:role/eb", "VersionLifecycleConfig": rule}
    made = tell(
        "CreateApplication",
        ApplicationName="told",
        Description="first",
        ResourceLifecycleConfig=lifecycle,
        Tags=[{"Key": "team", "Value": "a"}],
    )
    assert made["Application"]["ResourceLifecycleConfig"]["VersionLifecycleConfig"] == rule
    assert tell("UpdateApplication", ApplicationName="told", Description="second")["Application"]["Description"] == (
        "second"
    )
    found = tell("UpdateApplicationResourceLifecycle", ApplicationName="told", ResourceLifecycleConfig=lifecycle)
    assert found["ResourceLifecycleConfig"]["ServiceRole"].endswith("role/eb")
    assert tell("DescribeApplications", ApplicationNames=["told"])["Applications"][0]["Description"] == "second"
    assert tell("DescribeAccountAttributes")["ResourceQuotas"]["EnvironmentQuota"]["Maximum"] > 0
    assert tell("CreateStorageLocation") == {"S3Bucket": BUCKET}


def _versions(tell: Story, local: Local) -> None:
    s3 = local.client("s3")
    for label, content in (("v1", bundle("one")), ("v2", bundle("two")), ("group", bundle(**{"env.yaml": MANIFEST}))):
        s3.put_object(Bucket=BUCKET, Key=f"told/{label}.zip", Body=content)
        made = tell(
            "CreateApplicationVersion",
            ApplicationName="told",
            VersionLabel=label,
            Description="d",
            SourceBundle={"S3Bucket": BUCKET, "S3Key": f"told/{label}.zip"},
            AutoCreateApplication=False,
            Process=True,
            Tags=[{"Key": "sha", "Value": "abc"}],
        )
        assert made["ApplicationVersion"]["VersionLabel"] == label
    tell("UpdateApplicationVersion", ApplicationName="told", VersionLabel="v1", Description="changed")
    pages = [
        tell("DescribeApplicationVersions", ApplicationName="told", VersionLabels=["v1", "v2"], MaxRecords=1, **token)
        for token in ({}, {"NextToken": "1"})
    ]
    assert [page["ApplicationVersions"][0]["VersionLabel"] for page in pages] == ["v2", "v1"]
    assert ("NextToken" in pages[0], "NextToken" in pages[1]) == (True, False)


def _platforms(tell: Story) -> None:
    tell("ListAvailableSolutionStacks")
    named = [{"Type": "PlatformVersion", "Operator": "=", "Values": ["4.7.1"]}]
    first = tell("ListPlatformVersions", Filters=named, MaxRecords=1)
    second = tell("ListPlatformVersions", Filters=named, MaxRecords=1, NextToken=first["NextToken"])
    assert first["PlatformSummaryList"] != second["PlatformSummaryList"]
    branch = [{"Attribute": "BranchName", "Operator": "contains", "Values": ["3.11"]}]
    tell("ListPlatformBranches", Filters=branch, MaxRecords=5, NextToken="0")
    assert tell("DescribePlatformVersion", PlatformArn=PLATFORM)["PlatformDescription"]["PlatformArn"] == PLATFORM


def _templates(tell: Story) -> None:
    sizes = [option("aws:autoscaling:asg", "MinSize", "1")]
    tell(
        "CreateConfigurationTemplate",
        ApplicationName="told",
        TemplateName="kept",
        PlatformArn=PLATFORM,
        Description="d",
        OptionSettings=sizes,
        Tags=[{"Key": "a", "Value": "b"}],
    )
    tell(
        "CreateConfigurationTemplate",
        ApplicationName="told",
        TemplateName="copy",
        SourceConfiguration={"ApplicationName": "told", "TemplateName": "kept"},
    )
    changed = tell(
        "UpdateConfigurationTemplate",
        ApplicationName="told",
        TemplateName="kept",
        Description="e",
        OptionSettings=[option("aws:autoscaling:asg", "MaxSize", "2")],
        OptionsToRemove=[{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize"}],
    )
    assert {item["OptionName"] for item in changed["OptionSettings"]} == {"MaxSize"}
    tell("ValidateConfigurationSettings", ApplicationName="told", TemplateName="kept", OptionSettings=sizes)
    tell("DescribeConfigurationSettings", ApplicationName="told", TemplateName="kept")
    tell(
        "DescribeConfigurationOptions",
        ApplicationName="told",
        TemplateName="kept",
        Options=[{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize"}],
    )
    tell("DescribeConfigurationOptions", SolutionStackName=STACK)
    tell("DeleteConfigurationTemplate", ApplicationName="told", TemplateName="copy")
    said = tell("DescribeEvents", ApplicationName="told", TemplateName="kept")["Events"]
    assert {item["TemplateName"] for item in said} == {"kept"}
    assert tell("DescribeEvents", ApplicationName="told", PlatformArn=PLATFORM)["Events"] == []


def _environments(tell: Story) -> dict[str, Any]:
    assert tell("CheckDNSAvailability", CNAMEPrefix="told-live")["Available"]
    managed = [
        option("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true"),
        option("aws:elasticbeanstalk:managedactions", "PreferredStartTime", "Tue:10:00"),
        option("aws:elasticbeanstalk:managedactions:platformupdate", "UpdateLevel", "patch"),
    ]
    made = tell(
        "CreateEnvironment",
        ApplicationName="told",
        EnvironmentName="told-one",
        Description="d",
        CNAMEPrefix="told-live",
        VersionLabel="v1",
        PlatformArn=OLDER,
        OptionSettings=managed,
        Tier={"Name": "WebServer", "Type": "Standard", "Version": "1.0"},
        OperationsRole="role",
        OptionsToRemove=[{"Namespace": "aws:autoscaling:asg", "OptionName": "MaxSize"}],
        Tags=[{"Key": "stage", "Value": "x"}],
    )
    tell(
        "CreateEnvironment",
        ApplicationName="told",
        EnvironmentName="told-two",
        TemplateName="kept",
        VersionLabel="v1",
        GroupName="grp",
    )
    tell("CreateEnvironment", ApplicationName="told", EnvironmentName="told-sample", SolutionStackName=STACK)
    for name in ("told-one", "told-two", "told-sample"):
        tell.ready(name)
    composed = tell("ComposeEnvironments", ApplicationName="told", GroupName="grp", VersionLabels=["group"])
    assert composed["Environments"][0]["EnvironmentName"] == "told-composed-grp"
    tell.ready("told-composed-grp")
    for label in ("v2", "v1"):
        tell("UpdateEnvironment", ApplicationName="told", EnvironmentName="told-two", VersionLabel=label)
        tell.ready("told-two")
    tell(
        "UpdateEnvironment",
        EnvironmentName="told-two",
        Description="e",
        GroupName="grp",
        OptionSettings=[option("aws:elasticbeanstalk:application:environment", "COLOR", "red")],
        OptionsToRemove=[{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize"}],
    )
    tell.ready("told-two")
    return made


def _insight(tell: Story, environment_id: str) -> None:
    one = {"EnvironmentName": "told-one"}
    found = tell(
        "DescribeEnvironments",
        ApplicationName="told",
        VersionLabel="v1",
        EnvironmentIds=[environment_id],
        EnvironmentNames=["told-one"],
        IncludeDeleted=True,
        MaxRecords=5,
        NextToken="0",
        IncludedDeletedBackTo=datetime.now(UTC) - timedelta(days=1),
    )
    assert [item["EnvironmentName"] for item in found["Environments"]] == ["told-one"]
    tell("DescribeConfigurationSettings", ApplicationName="told", **one)
    tell("DescribeConfigurationOptions", ApplicationName="told", **one, PlatformArn=PLATFORM)
    tell("DescribeEnvironmentHealth", **one, EnvironmentId=environment_id, AttributeNames=["All"])
    assert tell("DescribeEnvironmentHealth", **one, AttributeNames=["Color"]).keys() == {"EnvironmentName", "Color"}
    tell("DescribeInstancesHealth", **one, EnvironmentId=environment_id, AttributeNames=["All"], NextToken="0")
    (item,) = tell("DescribeInstancesHealth", **one, AttributeNames=["Color"])["InstanceHealthList"]
    assert item.keys() == {"InstanceId", "Color"}
    tell("DescribeEnvironmentResources", EnvironmentId=environment_id)
    tell("RequestEnvironmentInfo", **one, InfoType="bundle")
    tell("RetrieveEnvironmentInfo", **one, InfoType="bundle")
    since = {"StartTime": datetime.now(UTC) - timedelta(days=1), "EndTime": datetime.now(UTC) + timedelta(days=1)}
    page = tell("DescribeEvents", ApplicationName="told", **one, Severity="INFO", MaxRecords=2, NextToken="0", **since)
    assert len(page["Events"]) == 2
    tell(
        "UpdateTagsForResource",
        ResourceArn=f"{ARN}environment/told/told-one",
        TagsToAdd=[{"Key": "new", "Value": "1"}],
        TagsToRemove=["stage"],
    )
    tell.ready("told-one")
    tags = tell("ListTagsForResource", ResourceArn=f"{ARN}environment/told/told-one")["ResourceTags"]
    own = {
        "Name": "told-one",
        "elasticbeanstalk:environment-name": "told-one",
        "elasticbeanstalk:environment-id": environment_id,
    }
    assert {item["Key"]: item["Value"] for item in tags} == {"new": "1", **own}


def _operations(tell: Story, environment_id: str) -> None:
    one = {"EnvironmentName": "told-one"}
    (due,) = tell("DescribeEnvironmentManagedActions", **one, Status="Scheduled")["ManagedActions"]
    tell("ApplyEnvironmentManagedAction", **one, EnvironmentId=environment_id, ActionId=due["ActionId"])
    assert tell.ready("told-one")["PlatformArn"] == PLATFORM
    (ran,) = tell("DescribeEnvironmentManagedActionHistory", **one, MaxItems=5)["ManagedActionHistoryItems"]
    assert (ran["ActionId"], ran["Status"]) == (due["ActionId"], "Completed")
    tell("AssociateEnvironmentOperationsRole", **one, OperationsRole="arn:aws:iam::123456789012:role/ops")
    assert tell.ready("told-one")["OperationsRole"].endswith("role/ops")
    tell("DisassociateEnvironmentOperationsRole", **one)
    tell("SwapEnvironmentCNAMEs", SourceEnvironmentName="told-one", DestinationEnvironmentName="told-two")
    assert tell.ready("told-two")["CNAME"].startswith("told-live.")
    tell.ready("told-one")
    tell("RestartAppServer", **one)
    tell.ready("told-one")
    tell("RebuildEnvironment", EnvironmentId=environment_id)
    tell.ready("told-one")
    tell("DeleteEnvironmentConfiguration", ApplicationName="told", **one)
    policy = option("aws:elasticbeanstalk:command", "DeploymentPolicy", "TrafficSplitting")
    tell("UpdateEnvironment", **one, OptionSettings=[policy])
    tell.ready("told-one")
    tell("UpdateEnvironment", **one, VersionLabel="v2")
    tell("AbortEnvironmentUpdate", **one)
    tell.ready("told-one")


def _ends(tell: Story) -> None:
    ended = tell("TerminateEnvironment", EnvironmentName="told-one", TerminateResources=True, ForceTerminate=True)
    assert ended["Status"] == "Terminating"
    tell.ready("told-one", "Terminated")
    tell("DeleteApplicationVersion", ApplicationName="told", VersionLabel="v2", DeleteSourceBundle=True)
    tell("DeleteApplication", ApplicationName="told", TerminateEnvByForce=True)
    assert tell("DescribeApplications", ApplicationNames=["told"])["Applications"] == []


def test_every_operation_succeeds_at_what_it_is_for(local: Local) -> None:
    tell = Story(local)
    _applications(tell)
    _versions(tell, local)
    _platforms(tell)
    _templates(tell)
    one = _environments(tell)["EnvironmentId"]
    _insight(tell, one)
    _operations(tell, one)
    _ends(tell)
    assert set(OPERATIONS) - tell.told.keys() == REFUSED_ALWAYS


def test_basic_health_has_a_colour_and_nothing_more(local: Local) -> None:
    local.publish("basic", "v1", bundle())
    local.launch("basic", "basic-one", "v1", **{"aws:elasticbeanstalk:healthreporting:system|SystemType": "basic"})
    assert "HealthStatus" not in local.describe("basic-one")
    eb = local.client("elasticbeanstalk")
    for call in (eb.describe_environment_health, eb.describe_instances_health):
        with pytest.raises(eb.exceptions.InvalidRequestException, match="is not supported"):
            call(EnvironmentName="basic-one", AttributeNames=["All"])
    eb.terminate_environment(EnvironmentName="basic-one")


@pytest.fixture(scope="module")
def faulty() -> Iterator[Local]:
    """A server whose calls nobody else makes."""
    with running() as server:
        yield server


DECLARED = [(name, shape.name) for name in OPERATIONS for shape in PUBLIC.operation_model(name).error_shapes]


def test_every_declared_error_can_be_provoked_at_its_operation(faulty: Local) -> None:
    client = faulty.client("elasticbeanstalk", Config(retries={"total_max_attempts": 1}))
    methods = {value: key for key, value in client.meta.method_to_api_mapping.items()}
    for operation, error in DECLARED:
        faulty.control("faults", kind="error", place=f"elasticbeanstalk:{operation}", code=error)
        with pytest.raises(getattr(client.exceptions, error, ClientError)) as raised:
            getattr(client, methods[operation])(**members(operation, full=False))
        response, shape = raised.value.response, PUBLIC.shape_for(error)
        assert response["Error"]["Code"] == shape.metadata.get("error", {}).get("code", error)
        assert response["ResponseMetadata"]["HTTPStatusCode"] == shape.metadata.get("error", {}).get(
            "httpStatusCode", 400
        )
