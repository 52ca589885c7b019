"""Applications and their versions: which there are, what they may be called, and what becomes of a bundle."""

from __future__ import annotations

from typing import Any

import pytest
from account import Account
from botocore.exceptions import ClientError
from ground import Ground, refusal
from source import BUNDLES

from ebcd.errors import AwsRefused
from ebcd.model import ApplicationVersion

STATUSES = {"UNPROCESSED", "PROCESSING", "BUILDING", "PROCESSED", "FAILED"}


@pytest.fixture
def eb(account: Account) -> Any:
    return account.client("elasticbeanstalk")


def version(ground: Ground, label: str, key: str = "one.zip", description: str = "") -> ApplicationVersion:
    return ApplicationVersion(label, "", ground.account.storage.bucket, ground.key(key), description)


@pytest.mark.row("unknown-application")
def test_an_application_that_is_not_there_has_nothing_and_is_no_error(ground: Ground) -> None:
    name = f"{ground.account.name}-none"
    assert ground.beanstalk.application_exists(name) is False
    assert ground.beanstalk.version(name, "one") is None
    assert ground.beanstalk.versions(name) == ()
    assert ground.beanstalk.environments(name) == ()
    assert ground.beanstalk.environment(name, f"{name}-r1") is None
    assert ground.beanstalk.events(name) == ()


@pytest.mark.row("application-unique")
def test_an_application_is_created_once(ground: Ground) -> None:
    with pytest.raises(AwsRefused) as error:
        ground.beanstalk.create_application(ground.application)
    assert error.value.code == "InvalidParameterValue"
    assert "already exists" in error.value.why
    assert ground.application in ground.beanstalk.applications()


@pytest.mark.row("label-unique")
def test_a_label_names_one_version_of_an_application(ground: Ground) -> None:
    assert ground.application
    with pytest.raises(AwsRefused) as error:
        ground.beanstalk.create_version(version(ground, "one", "two.zip"), ground.application)
    assert error.value.code == "InvalidParameterValue"
    assert "already exists" in error.value.why
    found = ground.beanstalk.version(ground.application, "one")
    assert found is not None
    assert found.key == ground.key("one.zip"), "the first one stays"


@pytest.mark.row("version-status-upper-case")
def test_a_versions_status_is_in_upper_case_on_the_wire(ground: Ground, eb: Any) -> None:
    found = eb.describe_application_versions(ApplicationName=ground.application)["ApplicationVersions"]
    assert {item["Status"] for item in found} <= STATUSES


@pytest.mark.row("process-validates")
def test_process_ends_in_processed_or_failed_with_the_reason_in_an_event(ground: Ground) -> None:
    found = ground.beanstalk.version(ground.application, "one")
    assert found is not None
    assert found.status.lower() == "processed"
    ground.account.storage.create(ground.key("broken.zip"), BUNDLES["broken"])
    ground.beanstalk.create_version(version(ground, "broken", "broken.zip"), ground.application)
    assert ground.processed("broken").status.lower() == "failed"
    events = ground.beanstalk.events(ground.application, limit=50)
    told = [item.message for item in events if (item.version_label, item.severity) == ("broken", "ERROR")]
    assert told, "the event names the version"


@pytest.mark.row("version-needs-its-bundle")
def test_a_version_without_its_bundle_in_s3_is_refused(ground: Ground) -> None:
    with pytest.raises(AwsRefused) as error:
        ground.beanstalk.create_version(version(ground, "nothing", "nothing.zip"), ground.application)
    assert error.value.code == "InvalidParameterValue"
    assert ground.beanstalk.version(ground.application, "nothing") is None


@pytest.mark.row("label-limits")
def test_a_label_has_100_characters(ground: Ground) -> None:
    with pytest.raises(AwsRefused) as error:
        ground.beanstalk.create_version(version(ground, "x" * 101), ground.application)
    assert error.value.code in {"InvalidParameterValue", "ValidationError"}


@pytest.mark.row("description-limit")
def test_a_description_has_200_characters_and_ebcd_cuts_longer_ones(ground: Ground, eb: Any) -> None:
    source = {"S3Bucket": ground.account.storage.bucket, "S3Key": ground.key("one.zip")}
    with pytest.raises(ClientError) as error:
        eb.create_application_version(
            ApplicationName=ground.application, VersionLabel="long", SourceBundle=source, Description="x" * 201
        )
    assert refusal(error.value)[0] in {"InvalidParameterValue", "ValidationError"}
    ground.beanstalk.create_version(version(ground, "cut", description="x" * 300), ground.application)
    found = ground.processed("cut")
    assert found.description == "x" * 200


@pytest.mark.row("version-deletion-keeps-its-bundle")
def test_a_versions_deletion_keeps_its_bundle(ground: Ground) -> None:
    ground.beanstalk.create_version(version(ground, "short-lived"), ground.application)
    ground.processed("short-lived")
    ground.beanstalk.delete_version(ground.application, "short-lived")
    assert ground.beanstalk.version(ground.application, "short-lived") is None
    assert ground.account.storage.exists(ground.key("one.zip"))


@pytest.mark.row("versions-in-pages")
def test_versions_come_in_pages(ground: Ground, eb: Any) -> None:
    assert ground.application
    labels: list[Any] = []
    token: dict[str, str] = {}
    while True:
        page = eb.describe_application_versions(ApplicationName=ground.application, MaxRecords=1, **token)
        labels += [item["VersionLabel"] for item in page["ApplicationVersions"]]
        if not page.get("NextToken"):
            break
        token = {"NextToken": page["NextToken"]}
    assert {"one", "two", "fails"} <= set(labels)
    assert len(labels) == len(set(labels)) == len(ground.beanstalk.versions(ground.application))


@pytest.mark.row("tags-of-an-application")
def test_what_is_tagged_tells_its_tags(ground: Ground, eb: Any) -> None:
    (described,) = eb.describe_applications(ApplicationNames=[ground.application])["Applications"]
    found = eb.list_tags_for_resource(ResourceArn=described["ApplicationArn"])["ResourceTags"]
    assert found == ground.account.tags


@pytest.mark.row("quotas")
def test_the_account_tells_its_quotas(ground: Ground) -> None:
    quotas = ground.beanstalk.quotas()
    assert quotas.versions >= len(ground.beanstalk.versions(ground.application)) > 0
    for used, limit in ((quotas.versions, quotas.versions_limit), (quotas.environments, quotas.environments_limit)):
        assert 0 <= used <= limit
    assert quotas.applications_limit > 0
