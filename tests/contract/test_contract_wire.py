"""Requests as AWS's API reference prints them: by GET, with Operation or Action, answered in XML or JSON."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import urllib3
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from ground import Ground


def ask(ground: Ground, accept: str, **parameters: str) -> tuple[int, str]:
    """Send a request by hand: its status, and the text of its answer."""
    client = ground.eb
    address = f"{client.meta.endpoint_url.rstrip('/')}/?{urlencode({'Version': '2010-12-01', **parameters})}"
    request = AWSRequest("GET", address, headers={"Accept": accept})
    SigV4Auth(client._request_signer._credentials, "elasticbeanstalk", ground.account.region).add_auth(request)
    answer = urllib3.request("GET", address, headers=dict(request.headers), retries=False, timeout=30)
    return answer.status, answer.data.decode()


@pytest.mark.row("queries-as-printed")
@pytest.mark.parametrize("word", ["Action", "Operation"])
def test_a_query_names_what_it_asks_for_by_either_word(ground: Ground, word: str) -> None:
    asked = {word: "DescribeApplications", "ApplicationNames.member.1": ground.application}
    status, text = ask(ground, "application/xml", **asked)
    assert (status, ground.application in text) == (200, True)


@pytest.mark.row("answers-in-json")
def test_who_accepts_json_is_answered_in_it(ground: Ground) -> None:
    asked = {"Action": "DescribeApplications", "ApplicationNames.member.1": ground.application}
    status, text = ask(ground, "application/json", **asked)
    found: dict[str, Any] = json.loads(text)
    (application,) = found["DescribeApplicationsResponse"]["DescribeApplicationsResult"]["Applications"]
    assert (status, application["ApplicationName"]) == (200, ground.application)


@pytest.mark.row("lists-by-members")
def test_a_list_may_be_given_as_members(ground: Ground) -> None:
    asked = {"Action": "DescribeEnvironments", "EnvironmentNames.members.1": f"{ground.account.name}-nobody"}
    status, text = ask(ground, "application/xml", **asked)
    assert (status, "<EnvironmentName>" in text) == (200, False), "it is a filter, and not overlooked"
