"""Platform versions: several of a branch, one marked, newer ones published; what instances run of them; statuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import PLATFORM, REGION, Local, bundle

from ebcd_local import ec2, options
from ebcd_local.platform_versions import image, newer, publish, recommended
from ebcd_local.records import Version
from ebcd_local.state import State

BRANCH = PLATFORM.rpartition("/")[0]


@pytest.fixture
def published(local: Local) -> Iterator[Local]:
    """A server on which platform versions may be published."""
    yield local
    local.control("platforms", "DELETE")


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def versions(local: Local, branch: str) -> dict[str, str]:
    """The branch's versions, and the state of each in its lifecycle."""
    filters = [{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
    found = local.client("elasticbeanstalk").list_platform_versions(Filters=filters)["PlatformSummaryList"]
    return {item["PlatformVersion"]: item.get("PlatformLifecycleState", "") for item in found}


def test_a_newer_version_is_published_and_takes_the_mark(published: Local) -> None:
    branch = "Python 3.11 running on 64bit Amazon Linux 2023"
    assert versions(published, branch) == {"4.7.1": "Recommended", "4.7.0": ""}
    told = json.loads(published.run("platform", "3.11", "--json").stdout)
    assert (told["published"], told["recommended"]) == ("4.7.2", True)
    assert versions(published, branch) == {"4.7.2": "Recommended", "4.7.1": "", "4.7.0": ""}
    assert "4.7.2  recommended" in published.run("platform").stdout
    assert "4.10.0" in published.run("platform", "3.11", "4.10.0", "--not-recommended").stdout
    assert versions(published, branch)["4.7.2"] == "Recommended", "the mark stays where it is"
    again = published.run("platform", "3.11", "4.10.0")
    assert (again.returncode, "already" in again.stderr) == (2, True)
    assert published.run("platform", "2.7").returncode == published.run("platform", "3.11", "newest").returncode == 2


def test_an_arn_without_its_version_is_the_newest_one(published: Local) -> None:
    eb = published.client("elasticbeanstalk")
    published.publish("newest", "v1", bundle())
    published.control("platforms", python="3.11", version="4.9.0")
    published.control("platforms", python="3.11", version="4.10.0")
    found = eb.describe_platform_version(PlatformArn=BRANCH)["PlatformDescription"]
    assert (found["PlatformArn"], found["PlatformLifecycleState"]) == (f"{BRANCH}/4.10.0", "Recommended")
    made = eb.create_environment(
        ApplicationName="newest", EnvironmentName="newest-r1", VersionLabel="v1", PlatformArn=BRANCH
    )
    assert made["PlatformArn"] == f"{BRANCH}/4.10.0"
    published.until("newest-r1", lambda item: item["Status"] == "Ready")
    published.control("platforms", "DELETE")
    assert published.describe("newest-r1")["SolutionStackName"] == "64bit Amazon Linux 2023 v4.10.0 running Python 3.11"


def test_another_platform_than_python_is_refused_plainly(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("docker", "v1", bundle())
    arn = f"arn:aws:elasticbeanstalk:{REGION}::platform/Docker running on 64bit Amazon Linux 2023/4.3.0"
    stack = "64bit Amazon Linux 2023 v4.3.0 running Docker"
    for given in ({"PlatformArn": arn}, {"SolutionStackName": stack}):
        with pytest.raises(ClientError, match="The local Beanstalk runs Python platforms only"):
            eb.create_environment(ApplicationName="docker", EnvironmentName="docker-r1", VersionLabel="v1", **given)
    with pytest.raises(ClientError, match="has no Amazon EKS"):
        eb.create_environment(
            ApplicationName="docker",
            EnvironmentName="docker-r1",
            VersionLabel="v1",
            PlatformArn=PLATFORM,
            Tier={"Name": "Cluster", "Type": "EKS"},
        )
    with pytest.raises(ClientError, match="has no Amazon EKS"):
        eb.create_application_version(
            ApplicationName="docker", VersionLabel="v2", ImageConfiguration={"Source": {"Uri": "ecr/x:1"}}
        )


def test_a_versions_status_is_in_capitals(local: Local) -> None:
    assert local.publish("statuses", "good", bundle()) == "PROCESSED"
    assert local.publish("statuses", "bad", bundle(**{".ebextensions/a.config": "a: [b"})) == "FAILED"
    eb = local.client("elasticbeanstalk")
    source = eb.describe_application_versions(ApplicationName="statuses")["ApplicationVersions"][0]["SourceBundle"]
    given = {"ApplicationName": "statuses", "VersionLabel": "new", "SourceBundle": source}
    assert eb.create_application_version(**given)["ApplicationVersion"]["Status"] == "UNPROCESSED"
    given["VersionLabel"] = "soon"
    assert eb.create_application_version(**given, Process=True)["ApplicationVersion"]["Status"] == "PROCESSING"
    with pytest.raises(ClientError, match="is FAILED"):
        eb.create_environment(ApplicationName="statuses", VersionLabel="bad", PlatformArn=PLATFORM)


def test_what_was_stored_in_mixed_case_is_told_in_capitals() -> None:
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert Version(REGION, "shop", "v1", "", "b", "k", "Processed", at, at).status == "PROCESSED"


def test_a_version_without_a_source_is_the_sample_application(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    eb.create_application(ApplicationName="sampled")
    eb.create_application_version(ApplicationName="sampled", VersionLabel="Sample Application", Process=True)
    (found,) = eb.describe_application_versions(ApplicationName="sampled")["ApplicationVersions"]
    assert found["Status"] == "PROCESSED"
    local.launch("sampled", "sampled-r1", "Sample Application")
    other = {"ApplicationName": "sampled", "VersionLabel": "another"}
    assert eb.create_application_version(**other)["ApplicationVersion"]["Status"] == "UNPROCESSED"
    with pytest.raises(ClientError) as error:
        eb.create_application_version(**other, SourceBundle={"S3Bucket": "b"})
    assert code(error) == "InvalidParameterValue", "half a source is none"


def images(local: Local, **filters: str) -> dict[str, str]:
    """The images of instances, by id."""
    asked = [{"Name": name, "Values": [value]} for name, value in filters.items()]
    found = local.client("ec2").describe_instances(Filters=asked)["Reservations"]
    return {item["InstanceId"]: item["ImageId"] for each in found for item in each["Instances"]}


def test_ec2_tells_which_image_each_instance_runs(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("imaged", "v1", bundle())
    own = {"aws:autoscaling:launchconfiguration|ImageId": "ami-0123456789abcdef0"}
    local.launch("imaged", "imaged-r1", "v1", **{"aws:autoscaling:asg|MinSize": "2"})
    local.launch("imaged", "imaged-r2", "v1", **own)
    resources = eb.describe_environment_resources(EnvironmentName="imaged-r1")["EnvironmentResources"]
    (default,) = (
        item["ImageId"]
        for item in eb.describe_platform_version(PlatformArn=PLATFORM)["PlatformDescription"]["DefaultAmiList"]
        if item["Architecture"] == "x86_64"
    )
    found = images(local, **{"tag:elasticbeanstalk:environment-name": "imaged-r1", "instance-state-name": "running"})
    assert found == {item["Id"]: default for item in resources["Instances"]}
    assert len(found) == 2
    assert set(images(local, **{"tag:elasticbeanstalk:environment-name": "imaged-r2"}).values()) == {
        "ami-0123456789abcdef0"
    }
    assert images(local, **{"instance-id": "i-0"}) == {}
    client: Any = local.client("ec2")
    with pytest.raises(ClientError) as error:
        client.describe_instances(InstanceIds=["i-00000000000000000"])
    assert code(error) == "InvalidInstanceID.NotFound"
    with pytest.raises(ClientError, match="is not served"):
        images(local, **{"vpc-id": "vpc-1"})


@pytest.mark.parametrize(
    ("space", "name", "value", "expected"),
    [
        ("aws:ec2:instances", "SupportedArchitectures", "arm64", "arm64"),
        ("aws:ec2:instances", "SupportedArchitectures", "x86_64,arm64", "x86_64"),
        ("aws:ec2:instances", "InstanceTypes", "t4g.small,t3.small", "arm64"),
        ("aws:ec2:instances", "InstanceTypes", "im4gn.large", "arm64"),
        ("aws:autoscaling:launchconfiguration", "InstanceType", "g4dn.xlarge", "x86_64"),
        ("aws:autoscaling:launchconfiguration", "InstanceType", "c7gd.large", "arm64"),
    ],
)
def test_an_instances_architecture_follows_its_type(space: str, name: str, value: str, expected: str) -> None:
    found: options.Options = {(space, name): value}
    assert ec2.instance_type(found)[1] == expected
    assert image(PLATFORM, "arm64") != image(PLATFORM, "x86_64")


def test_versions_are_ordered_as_numbers(tmp_path: Any) -> None:
    state = State(tmp_path / "state.db")
    for version in ("4.7.9", "4.7.10"):
        publish(state, "3.11", version)
    assert newer(state, PLATFORM, "patch") == f"{BRANCH}/4.7.10"
    assert newer(state, f"{BRANCH}/4.7.10", "minor") == ""
    publish(state, "3.11", "4.8.0", recommend=False)
    assert (recommended(state, "3.11"), recommended(state, "3.12")) == ("4.7.10", "4.7.1")
    assert newer(state, PLATFORM, "minor") == f"{BRANCH}/4.8.0"
    assert publish(state, "3.11").version == "4.8.1"
    state.close()
    again = State(tmp_path / "state.db")
    assert recommended(again, "3.11") == "4.8.1", "what was published survives a restart"
    again.close()
