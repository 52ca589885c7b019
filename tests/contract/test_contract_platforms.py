"""Platform branches and their versions."""

from __future__ import annotations

import re
from typing import Any

import pytest
from account import Account
from ground import BRANCH, Ground


@pytest.fixture
def eb(account: Account) -> Any:
    return account.client("elasticbeanstalk")


def versions(eb: Any, branch: str) -> list[dict[str, Any]]:
    """All versions of a platform branch."""
    filters = [{"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]}]
    pages = eb.get_paginator("list_platform_versions").paginate(Filters=filters)
    return [item for page in pages for item in page["PlatformSummaryList"]]


@pytest.mark.row("platform-branch-filter")
def test_a_branch_has_versions_and_another_name_has_none(ground: Ground, eb: Any) -> None:
    found = versions(eb, BRANCH)
    assert {item["PlatformBranchName"] for item in found} == {BRANCH}
    assert ground.beanstalk.platform_arn(BRANCH) in {item["PlatformArn"] for item in found}
    assert versions(eb, f"{BRANCH} of nobody") == []
    assert ground.beanstalk.platform_arn(f"{BRANCH} of nobody") == ""


@pytest.mark.row("platform-arn")
def test_an_arn_ends_in_the_version_in_numbers(eb: Any) -> None:
    for item in versions(eb, BRANCH):
        assert item["PlatformArn"].rpartition("/")[2] == item["PlatformVersion"]
        assert re.fullmatch(r"\d+\.\d+\.\d+", item["PlatformVersion"])
        assert "::platform/" in item["PlatformArn"], "it is nobody's own: the account is empty"


@pytest.mark.row("platform-recommended")
def test_one_version_of_a_supported_branch_is_recommended(ground: Ground, eb: Any) -> None:
    found = [item for item in versions(eb, BRANCH) if item.get("PlatformLifecycleState", "").lower() == "recommended"]
    assert [item["PlatformArn"] for item in found] == [ground.beanstalk.platform_arn(BRANCH)]


@pytest.mark.row("platform-lifecycle")
def test_a_platform_version_tells_where_its_life_stands(ground: Ground) -> None:
    found = ground.beanstalk.platform(ground.beanstalk.platform_arn(BRANCH))
    assert found.branch_lifecycle.lower() == "supported"
    assert found.lifecycle.lower() in {"recommended", ""}


@pytest.mark.row("platform-arn-without-version")
def test_an_arn_without_a_version_is_the_newest(ground: Ground, eb: Any) -> None:
    name, newest = f"{ground.account.name}-newest", ground.beanstalk.platform_arn(BRANCH)
    made = eb.create_configuration_template(
        ApplicationName=ground.application, TemplateName=name, PlatformArn=newest.rpartition("/")[0]
    )
    assert made["PlatformArn"] == newest
    ground.beanstalk.delete_configuration(ground.application, name)
