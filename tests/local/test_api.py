"""Elastic Beanstalk's operations through boto3, with environments that really run."""

from __future__ import annotations

import http.client
import threading
import time
from urllib.parse import urlsplit

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, Local, bundle


def ask(local: Local, host: str, path: str = "/") -> tuple[int, bytes]:
    connection = http.client.HTTPConnection(urlsplit(local.told["proxy_url"]).netloc, timeout=10)
    connection.request("GET", path, headers={"Host": host})
    answer = connection.getresponse()
    found = answer.status, answer.read()
    connection.close()
    return found


def refusal(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    return error.value.response["Error"]["Code"], error.value.response["Error"]["Message"]


def test_a_version_is_validated(local: Local) -> None:
    assert local.publish("valid", "v1", bundle()) == "PROCESSED"
    assert local.publish("valid", "v2", b"no zip") == "FAILED"
    assert local.publish("valid", "v3", bundle(**{".ebextensions/a.config": "a: ["})) == "FAILED"
    events = local.client("elasticbeanstalk").describe_events(ApplicationName="valid", VersionLabel="v3")["Events"]
    assert ".ebextensions/a.config" in events[0]["Message"]
    assert events[0]["Severity"] == "ERROR"


def test_refusals_are_the_service_s_own(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("refused", "v1", bundle())
    source = {"S3Bucket": BUCKET, "S3Key": "refused/v1.zip"}
    cases = [
        (eb.create_application, {"ApplicationName": "refused"}, "Application refused already exists."),
        (
            eb.create_application_version,
            {"ApplicationName": "refused", "VersionLabel": "v1", "SourceBundle": source},
            "Application Version v1 already exists.",
        ),
        (
            eb.create_application_version,
            {"ApplicationName": "nobody", "VersionLabel": "v1", "SourceBundle": source},
            "No Application named 'nobody' found.",
        ),
        (
            eb.create_environment,
            {"ApplicationName": "refused", "EnvironmentName": "-abcd", "VersionLabel": "v1", "PlatformArn": PLATFORM},
            "4 to 40 characters",
        ),
        (
            eb.create_environment,
            {
                "ApplicationName": "refused",
                "EnvironmentName": "refused-1",
                "VersionLabel": "v9",
                "PlatformArn": PLATFORM,
            },
            "v9",
        ),
        (eb.terminate_environment, {"EnvironmentName": "nobody"}, "nobody"),
    ]
    for call, given, said in cases:
        with pytest.raises(ClientError) as error:
            call(**given)
        assert refusal(error)[0] == "InvalidParameterValue"
        assert said in refusal(error)[1]


def test_an_environment_runs_its_bundle(local: Local) -> None:
    local.publish("runs", "v1", bundle("hello"))
    options = {"aws:elasticbeanstalk:application:environment|COLOR": "blue", "aws:autoscaling:asg|MinSize": "2"}
    local.launch("runs", "runs-r1", "v1", prefix="runs", **options)
    found = local.describe("runs-r1")
    assert found["CNAME"] == "runs.eu-central-1.elasticbeanstalk.localhost"
    assert (found["Health"], found["HealthStatus"]) == ("Green", "Ok")
    for host in (found["CNAME"], f"acme.{found['CNAME']}", found["CNAME"].upper(), f"{found['CNAME']}.:80"):
        assert ask(local, host) == (200, b"hello blue []")  # and nothing of the server's AWS_ variables
    own = urllib3.request("GET", f"http://{found['EndpointURL']}/", headers={"Host": "anything"})
    assert own.data == b"hello blue []"
    assert ask(local, "other.eu-central-1.elasticbeanstalk.localhost")[0] == 404
    eb = local.client("elasticbeanstalk")
    health = eb.describe_instances_health(EnvironmentName="runs-r1", AttributeNames=["All"])["InstanceHealthList"]
    assert [(item["Deployment"]["VersionLabel"], item["Deployment"]["Status"], item["Color"]) for item in health] == [
        ("v1", "Deployed", "Green")
    ] * 2
    resources = eb.describe_environment_resources(EnvironmentName="runs-r1")["EnvironmentResources"]
    assert {item["Id"] for item in resources["Instances"]} == {item["InstanceId"] for item in health}


def test_events_come_newest_first_with_strictly_increasing_times(local: Local) -> None:
    local.publish("events", "v1", bundle())
    local.launch("events", "events-r1", "v1")
    events = local.client("elasticbeanstalk").describe_events(EnvironmentName="events-r1")["Events"]
    times = [item["EventDate"] for item in events]
    assert times == sorted(set(times), reverse=True)
    said = [item["Message"] for item in events]
    assert "Successfully launched environment: events-r1" in said
    assert said[-1] == "createEnvironment is starting."


def test_names_and_cnames_are_taken_once_and_freed_by_termination(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("names", "v1", bundle())
    local.launch("names", "names-r1", "v1", prefix="names-live")
    for given in ({"EnvironmentName": "names-r1"}, {"EnvironmentName": "names-r2", "CNAMEPrefix": "Names-Live"}):
        with pytest.raises(ClientError) as error:
            eb.create_environment(ApplicationName="names", VersionLabel="v1", PlatformArn=PLATFORM, **given)
        assert refusal(error)[0] == "InvalidParameterValue"
    assert eb.check_dns_availability(CNAMEPrefix="names-live")["Available"] is False
    eb.terminate_environment(EnvironmentName="names-r1")
    local.until("names-r1", lambda item: item["Status"] == "Terminated")
    assert eb.check_dns_availability(CNAMEPrefix="names-live")["Available"] is True
    assert eb.describe_environments(EnvironmentNames=["names-r1"], IncludeDeleted=False)["Environments"] == []
    assert ask(local, "names-live.eu-central-1.elasticbeanstalk.localhost")[0] == 404


def test_a_swap_under_traffic_loses_nothing(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("swap", "v1", bundle("one"))
    local.publish("swap", "v2", bundle("two"))
    local.launch("swap", "swap-r1", "v1", prefix="swap-live")
    local.launch("swap", "swap-r2", "v2")
    one, two = local.describe("swap-r1")["CNAME"], local.describe("swap-r2")["CNAME"]
    stop, failures, seen = threading.Event(), [], []

    def client(keep_alive: bool) -> None:
        connection = http.client.HTTPConnection(urlsplit(local.told["proxy_url"]).netloc, timeout=10)
        while not stop.is_set():
            try:
                connection.request("GET", "/", headers={"Host": one})
                answer = connection.getresponse()
                body = answer.read()
                seen.append(body[:3])
                if answer.status != 200:
                    failures.append(str(answer.status))
            except (OSError, http.client.HTTPException) as error:
                failures.append(repr(error))
                connection.close()
            if not keep_alive:
                connection.close()
        connection.close()

    threads = [threading.Thread(target=client, args=(number % 2 == 0,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(3):
        eb.swap_environment_cnames(SourceEnvironmentName="swap-r1", DestinationEnvironmentName="swap-r2")
        for name in ("swap-r1", "swap-r2"):
            local.until(name, lambda item: item["Status"] == "Ready")
        time.sleep(0.2)
    stop.set()
    for thread in threads:
        thread.join(15)
    assert failures == []
    assert {b"one", b"two"} == set(seen)
    assert (local.describe("swap-r1")["CNAME"], local.describe("swap-r2")["CNAME"]) == (two, one)
    assert ask(local, one)[1].startswith(b"two")


def test_an_update_that_fails_leaves_the_earlier_version(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("update", "v1", bundle("one"))
    local.publish("update", "v2", bundle("two"))
    local.publish(
        "update", "v3", bundle("three", **{".ebextensions/a.config": "container_commands:\n  a: {command: exit 4}\n"})
    )
    local.launch("update", "update-r1", "v1", prefix="update-live")
    cname = local.describe("update-r1")["CNAME"]
    eb.update_environment(EnvironmentName="update-r1", VersionLabel="v2")
    local.until("update-r1", lambda item: item["Status"] == "Ready")
    assert ask(local, cname)[1].startswith(b"two")
    eb.update_environment(EnvironmentName="update-r1", VersionLabel="v3")
    found = local.until("update-r1", lambda item: item["Status"] == "Ready" and item["Health"] == "Red")
    assert found["VersionLabel"] == "v2"
    assert ask(local, cname)[1].startswith(b"two")
    said = [item["Message"] for item in eb.describe_events(EnvironmentName="update-r1", Severity="ERROR")["Events"]]
    assert "Failed to deploy application." in said
    assert any(text.endswith("Output: Engine execution has encountered an error..") for text in said)


def test_a_raised_minimum_launches_and_a_lowered_one_keeps(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("resize", "v1", bundle())
    local.launch("resize", "resize-r1", "v1")
    for minimum, instances in (("3", 3), ("1", 3)):
        option = {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": minimum}
        eb.update_environment(EnvironmentName="resize-r1", OptionSettings=[option])
        local.until("resize-r1", lambda item: item["Status"] == "Ready")
        resources = eb.describe_environment_resources(EnvironmentName="resize-r1")["EnvironmentResources"]
        assert len(resources["Instances"]) == instances


def test_an_instance_that_dies_is_restarted_and_health_says_so(local: Local) -> None:
    local.publish("dies", "v1", bundle())
    local.launch("dies", "dies-r1", "v1", prefix="dies-live")
    cname = local.describe("dies-r1")["CNAME"]
    assert ask(local, cname, "/die")[0] == 502
    eb = local.client("elasticbeanstalk")
    local.until("dies-r1", lambda item: ask(local, cname, "/die") and item["Health"] != "Green")  # it is back at once
    deadline = time.monotonic() + 15
    while ask(local, cname)[0] != 200:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    local.until("dies-r1", lambda item: item["Health"] == "Green")
    said = [item["Message"] for item in eb.describe_events(EnvironmentName="dies-r1", Severity="WARN")["Events"]]
    assert any("Following services are not running: web." in text or "ELB health" in text for text in said)


def test_the_log_tail_is_where_a_presigned_url_says(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("logs", "v1", bundle())
    local.launch("logs", "logs-r1", "v1")
    eb.request_environment_info(EnvironmentName="logs-r1", InfoType="tail")
    (info,) = eb.retrieve_environment_info(EnvironmentName="logs-r1", InfoType="tail")["EnvironmentInfo"]
    answer = urllib3.request("GET", info["Message"])
    assert answer.status == 200
    assert b"starting" in answer.data


def test_settings_show_what_holds(local: Local) -> None:
    extension = "option_settings:\n  aws:elasticbeanstalk:application:environment:\n    COLOR: red\n    SIZE: 3\n"
    local.publish("settings", "v1", bundle(**{".ebextensions/a.config": extension}))
    options = {"aws:elasticbeanstalk:application:environment|COLOR": "green"}
    local.launch("settings", "settings-r1", "v1", **options)
    eb = local.client("elasticbeanstalk")
    found = eb.describe_configuration_settings(ApplicationName="settings", EnvironmentName="settings-r1")
    settings = {item["OptionName"]: item.get("Value") for item in found["ConfigurationSettings"][0]["OptionSettings"]}
    assert (settings["COLOR"], settings["SIZE"]) == ("green", "3")


def test_a_platform_is_found_by_its_branch(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    branch = "Python 3.12 running on 64bit Amazon Linux 2023"
    filters = [
        {"Type": "PlatformBranchName", "Operator": "=", "Values": [branch]},
        {"Type": "PlatformLifecycleState", "Operator": "=", "Values": ["Recommended"]},
    ]
    (found,) = eb.list_platform_versions(Filters=filters)["PlatformSummaryList"]
    assert branch in found["PlatformArn"]
    assert eb.list_platform_versions(Filters=[filters[0] | {"Values": ["COBOL"]}])["PlatformSummaryList"] == []


def test_tags_are_kept(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    local.publish("tags", "v1", bundle())
    eb.create_environment(
        ApplicationName="tags",
        EnvironmentName="tags-r1",
        VersionLabel="v1",
        PlatformArn=PLATFORM,
        Tags=[{"Key": "ebcd:stage", "Value": "prod"}, {"Key": "at", "Value": "x"}],
    )
    arn = local.describe("tags-r1")["EnvironmentArn"]
    tags = eb.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]
    own = {"Name", "elasticbeanstalk:environment-name", "elasticbeanstalk:environment-id"}
    assert {item["Key"]: item["Value"] for item in tags if item["Key"] not in own} == {"ebcd:stage": "prod", "at": "x"}
    assert own < {item["Key"] for item in tags}


def test_regions_are_apart(local: Local) -> None:
    local.publish("apart", "v1", bundle())
    elsewhere = boto3.client(
        "elasticbeanstalk", endpoint_url=local.told["endpoint_url"], region_name="us-east-1", **local.keys
    )
    assert elsewhere.describe_applications(ApplicationNames=["apart"])["Applications"] == []
