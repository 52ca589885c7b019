"""Queries as AWS's API reference and guide print them, sent as they are: `Operation`, no Version, names in any order.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_Operations.html (the samples of each operation)
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import urllib3
from running import BUCKET, PLATFORM, Local, bundle, running

from ebcd_local.protocol import NAMESPACE

STACK = quote("64bit Amazon Linux 2023 v4.7.1 running Python 3.11")


@pytest.fixture(scope="module")
def server() -> Iterator[Local]:
    with running() as made:
        yield made


def send(server: Local, query: str, method: str = "GET", **headers: str) -> urllib3.BaseHTTPResponse:
    path, body = ("/", query.encode()) if method == "POST" else (f"/?{query}", b"")
    given, url = server.signed(path, method, body, **headers), server.told["endpoint_url"] + path
    return urllib3.request(method, url, body=body or None, headers=given, timeout=30, retries=False)


def ask(server: Local, query: str, method: str = "GET") -> ET.Element:
    answer = send(server, query.replace("\n", ""), method)
    assert answer.status == 200, answer.data
    return ET.fromstring(answer.data)


def texts(found: ET.Element, name: str) -> list[str | None]:
    return [item.text for item in found.iter(f"{{{NAMESPACE}}}{name}")]


def test_the_samples_of_the_reference_in_their_order(server: Local) -> None:
    server.client("elasticbeanstalk").create_storage_location()
    server.client("s3").put_object(Bucket=BUCKET, Key="sample.zip", Body=bundle())
    made = ask(server, "ApplicationName=SampleApp\n&Description=Sample%20Description\n&Operation=CreateApplication\n")
    assert made.tag == f"{{{NAMESPACE}}}CreateApplicationResponse"
    assert texts(made, "Description") == ["Sample Description"]
    ask(
        server,
        f"""ApplicationName=SampleApp
&VersionLabel=Version1
&Description=description
&SourceBundle.S3Bucket={BUCKET}
&SourceBundle.S3Key=sample.zip
&AutoCreateApplication=true
&Operation=CreateApplicationVersion
""",
    )
    free = ask(server, "CNAMEPrefix=sampleapplication\n&Operation=CheckDNSAvailability\n")
    assert texts(free, "Available") == ["true"]
    ask(
        server,
        f"""ApplicationName=SampleApp
&TemplateName=AppTemplate
&SolutionStackName={STACK}
&Description=ConfigTemplateDescription
&Operation=CreateConfigurationTemplate
""",
    )
    launched = ask(
        server,
        f"""ApplicationName=SampleApp
&EnvironmentName=SampleApp
&VersionLabel=Version1
&SolutionStackName={STACK}
&Description=EnvDescrip
&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Alaunchconfiguration
&OptionSettings.member.1.OptionName=IamInstanceProfile
&OptionSettings.member.1.Value=aws-elasticbeanstalk-ec2-role
&Operation=CreateEnvironment
""",
        "POST",
    )
    assert texts(launched, "Status") == ["Launching"]
    server.until("SampleApp", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    found = ask(
        server,
        """ApplicationName=SampleApp
&IncludeDeleted=true
&IncludedDeletedBackTo=2008-11-05T06%3A00%3A00Z
&Operation=DescribeEnvironments
""",
    )
    assert texts(found, "EnvironmentName") == ["SampleApp"]
    assert texts(
        ask(server, "EnvironmentNames.members.1=SampleApp&Operation=DescribeEnvironments"), "EnvironmentName"
    ) == ["SampleApp"]
    assert (
        texts(ask(server, "EnvironmentNames.members.1=nobody&Operation=DescribeEnvironments"), "EnvironmentName") == []
    ), "a filter, not all"
    resources = ask(server, "EnvironmentName=SampleApp\n&Operation=DescribeEnvironmentResources\n")
    assert next(resources.iter(f"{{{NAMESPACE}}}Queues"), None) is not None
    ask(
        server,
        """ApplicationName=SampleApp
&TemplateName=AppTemplate
&Operation=DescribeConfigurationSettings
""",
    )
    ask(server, "ApplicationName=SampleApp\n&EnvironmentName=SampleApp\n&Operation=DescribeConfigurationOptions\n")
    valid = ask(
        server,
        """ApplicationName=SampleApp
&EnvironmentName=SampleApp
&OptionSettings.member.1.Namespace=aws%3Aautoscaling%3Atrigger
&OptionSettings.member.1.OptionName=LowerThreshold
&OptionSettings.member.1.Value=1000000
&Operation=ValidateConfigurationSettings
""",
    )
    assert [list(item) for item in valid.iter(f"{{{NAMESPACE}}}Messages")] == [[]]
    events = ask(
        server,
        """ApplicationName=SampleApp
&Severity=TRACE
&StartTime=2010-11-17T10%3A26%3A40Z
&Operation=DescribeEvents
""",
    )
    assert "Successfully launched environment: SampleApp" in texts(events, "Message")
    ask(server, "EnvironmentName=SampleApp\n&InfoType=tail\n&Operation=RequestEnvironmentInfo\n")
    ask(server, "EnvironmentName=SampleApp\n&InfoType=tail\n&Operation=RetrieveEnvironmentInfo\n")
    assert texts(ask(server, "Operation=ListAvailableSolutionStacks"), "SolutionStackName")
    ask(server, "ApplicationName=SampleApp\n&Description=Another\n&Operation=UpdateApplication\n")
    ask(server, "EnvironmentName=SampleApp\n&Operation=TerminateEnvironment\n")
    server.until("SampleApp", lambda item: item["Status"] == "Terminated")
    ask(server, "ApplicationName=SampleApp&TemplateName=AppTemplate&Operation=DeleteConfigurationTemplate")
    ask(
        server,
        "ApplicationName=SampleApp&VersionLabel=Version1&DeleteSourceBundle=true&Operation=DeleteApplicationVersion",
    )
    ask(server, "ApplicationName=SampleApp\n&Operation=DeleteApplication\n")


@pytest.mark.parametrize("asking", [{"Accept": "application/json"}, {}], ids=["Accept", "ContentType"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_who_asks_for_json_is_answered_in_it(server: Local, asking: dict[str, str], method: str) -> None:
    def told(query: str) -> tuple[int, Any]:
        answer = send(server, query if asking else f"{query}&ContentType=JSON", method, **asking)
        assert answer.headers["Content-Type"] == "application/json"
        return answer.status, json.loads(answer.data)

    status, answer = told("Action=CheckDNSAvailability&CNAMEPrefix=free-name&Version=2010-12-01")
    (response,) = answer.values()
    assert (status, *answer) == (200, "CheckDNSAvailabilityResponse")
    assert response["CheckDNSAvailabilityResult"]["Available"] is True
    assert response["ResponseMetadata"]["RequestId"]
    name = f"json-{method}-{'Accept' in asking}"
    _, answer = told(f"Action=CreateApplication&ApplicationName={name}")
    application = answer["CreateApplicationResponse"]["CreateApplicationResult"]["Application"]
    assert isinstance(application["DateCreated"], float)
    assert (application["Versions"], application["Description"]) == ([], "")
    status, answer = told(f"Action=CreateApplication&ApplicationName={name}")
    assert (status, answer["Error"]["Code"], answer["Error"]["Type"]) == (400, "InvalidParameterValue", "Sender")
    assert told("Action=MakeCoffee")[1]["Error"]["Code"] == "InvalidAction"


def test_everybody_else_is_answered_in_xml(server: Local) -> None:
    for headers in ({}, {"Accept": "*/*"}, {"Accept": "text/xml"}):
        answer = send(server, "Operation=DescribeApplications", **headers)
        assert answer.headers["Content-Type"].startswith("text/xml")
    platform = quote(PLATFORM)
    assert ask(server, f"Operation=DescribePlatformVersion&PlatformArn={platform}").tag.endswith("VersionResponse")
