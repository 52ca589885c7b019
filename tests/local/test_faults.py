"""Faults on demand: refused, cut, lost, slow, expired; instances that die and launches that fail."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError, ConnectionClosedError
from running import BUCKET, Local, bundle, running
from test_daemon import request

from ebcd_local.faults import Fault, Kind

ONCE = Config(retries={"total_max_attempts": 1})


@pytest.fixture(scope="module")
def server() -> Iterator[Local]:
    """A server with a version, whose calls nobody else makes."""
    with running() as found:
        found.publish("shop", "v1", bundle("one"))
        yield found


@pytest.fixture
def faulty(server: Local) -> Iterator[Local]:
    """The server, and no fault left behind."""
    yield server
    assert server.run("fault", "clear").returncode == 0


def set_fault(local: Local, *words: str) -> None:
    done = local.run("fault", *words, "--json")
    assert done.returncode == 0, done.stdout + done.stderr


def instances(local: Local, name: str, *statuses: str) -> set[str]:
    """An environment's instances, or those whose deployment has one of these statuses."""
    return {
        item["InstanceId"] for item in local.instances(name) if not statuses or item["Deployment"]["Status"] in statuses
    }


def test_calls_go_wrong_as_asked_and_only_then(faulty: Local) -> None:
    eb, s3 = faulty.client("elasticbeanstalk", ONCE), faulty.client("s3", ONCE)
    set_fault(faulty, "throttle", "DescribeApplications", "--nth", "2")
    eb.describe_applications()
    with pytest.raises(ClientError) as error:
        eb.describe_applications()
    assert error.value.response["Error"] == {"Type": "Sender", "Code": "Throttling", "Message": "Rate exceeded"}
    eb.describe_applications()

    set_fault(faulty, "throttle", "s3:GetObject")
    with pytest.raises(ClientError, match="SlowDown"):
        s3.get_object(Bucket=BUCKET, Key="shop/v1.zip")
    s3.get_object(Bucket=BUCKET, Key="shop/v1.zip")["Body"].read()

    set_fault(faulty, "error", "CreateEnvironment", "--code", "TooManyEnvironmentsException")
    with pytest.raises(eb.exceptions.TooManyEnvironmentsException):
        faulty.client("elasticbeanstalk", ONCE).create_environment(ApplicationName="shop")

    set_fault(faulty, "expired", "*", "--times", "2")
    for client, code in ((eb.describe_events, "ExpiredToken"), (s3.list_buckets, "ExpiredToken")):
        with pytest.raises(ClientError, match=code):
            client()
    assert s3.list_buckets()["Buckets"]


def test_a_lost_answer_took_effect_and_a_cut_connection_did_not(faulty: Local) -> None:
    eb = faulty.client("elasticbeanstalk", ONCE)
    for kind, name in (("cut", "undone"), ("lost", "done")):
        set_fault(faulty, kind, "CreateApplication")
        with pytest.raises(ConnectionClosedError):
            eb.create_application(ApplicationName=name)
    found = [item["ApplicationName"] for item in eb.describe_applications()["Applications"]]
    assert "done" in found
    assert "undone" not in found
    told = [
        (call["operation"], call["status"], call["code"]) for call in faulty.control("calls?after=0", "GET")["calls"]
    ][-3:]
    assert told == [
        ("CreateApplication", 0, "cut"),
        ("CreateApplication", 0, "lost"),
        ("DescribeApplications", 200, ""),
    ]


@pytest.mark.parametrize("kind", ["delay", "stall"])
def test_a_delayed_call_takes_effect_late_and_a_stalled_one_at_once(faulty: Local, kind: str) -> None:
    held = timedelta(seconds=1)
    set_fault(faulty, kind, "CreateApplication", "--seconds", "1s")
    asked = datetime.now(UTC)
    made = faulty.client("elasticbeanstalk").create_application(ApplicationName=kind)["Application"]["DateCreated"]
    answered = datetime.now(UTC)
    assert (made - asked if kind == "delay" else answered - made) >= held - timedelta(milliseconds=1)


def test_a_launch_fails_and_a_disk_is_full(faulty: Local) -> None:
    eb = faulty.client("elasticbeanstalk")
    for kind, cause in (("launch", "could not be launched"), ("disk", "Engine execution has encountered an error")):
        set_fault(faulty, kind, f"shop-{kind}")
        faulty.launch("shop", f"shop-{kind}", "v1", health="Red")
        messages = [event["Message"] for event in eb.describe_events(EnvironmentName=f"shop-{kind}")["Events"]]
        assert any(cause in message for message in messages)
        assert not any(message.startswith("Successfully launched") for message in messages)
    eb.request_environment_info(EnvironmentName="shop-disk", InfoType="tail")
    (info,) = eb.retrieve_environment_info(EnvironmentName="shop-disk", InfoType="tail")["EnvironmentInfo"]
    told = urllib3.request("GET", info["Message"]).data.decode()
    assert "[StageApplication]. Stop running the command. Error: [Errno 28] No space left on device" in told


def test_a_replacement_that_cannot_be_launched_is_tried_again_and_takes_requests(faulty: Local) -> None:
    faulty.launch("shop", "shop-alone", "v1", "alone")
    (before,) = instances(faulty, "shop-alone")
    set_fault(faulty, "launch", "shop-alone")
    faulty.control("kill", environment="shop-alone")
    faulty.until("shop-alone", lambda item: item["Health"] == "Red")
    faulty.until("shop-alone", lambda item: item["Health"] == "Green")
    (after,) = instances(faulty, "shop-alone")
    assert after != before
    status, _, body = request(faulty.told["proxy_url"], host=faulty.describe("shop-alone")["CNAME"])
    assert (status, body[:3]) == (200, b"one")


def test_an_instance_cannot_be_launched_once_the_live_bundle_is_deleted(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.launch("shop", "shop-live", "v1")
    eb, s3 = own.client("elasticbeanstalk"), own.client("s3")
    s3.delete_object(Bucket=BUCKET, Key="shop/v1.zip")
    sizes = [{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "2"}]
    eb.update_environment(EnvironmentName="shop-live", OptionSettings=sizes)
    own.until("shop-live", lambda item: item["Status"] == "Ready" and item["Health"] == "Red")
    messages = [event["Message"] for event in eb.describe_events(EnvironmentName="shop-live")["Events"]]
    assert any("The source bundle is not in S3." in text for text in messages)
    (serving,) = instances(own, "shop-live", "Deployed")
    eb.restart_app_server(EnvironmentName="shop-live")
    own.until("shop-live", lambda item: item["Status"] == "Ready")
    s3.put_object(Bucket=BUCKET, Key="shop/v1.zip", Body=bundle("one"))
    eb.update_environment(EnvironmentName="shop-live", OptionSettings=sizes)  # an update that fails leaves no setting
    own.wait(lambda: len(instances(own, "shop-live", "Deployed")) == 2)
    assert serving in instances(own, "shop-live", "Deployed"), "it has served on"


def test_a_killed_instance_is_replaced(faulty: Local) -> None:
    faulty.launch("shop", "shop-two", "v1", **{"aws:autoscaling:asg|MinSize": "2"})
    eb, before = faulty.client("elasticbeanstalk"), instances(faulty, "shop-two")
    done = faulty.run("fault", "kill", "shop-two", "--json")
    killed = json.loads(done.stdout)["killed"]
    assert killed in before
    faulty.wait(lambda: killed not in (found := instances(faulty, "shop-two")) and len(found) == 2)
    faulty.until("shop-two", lambda item: item["Health"] == "Green")
    messages = [event["Message"] for event in eb.describe_events(EnvironmentName="shop-two")["Events"]]
    assert f"Removed instance [{killed}] from your environment due to a EC2 health check failure." in messages


@pytest.mark.parametrize(
    ("kind", "place", "passed", "meant"),
    [
        ("throttle", "*", "s3:PutObject", True),
        ("throttle", "s3:*", "elasticbeanstalk:DescribeEvents", False),
        ("throttle", "DescribeEvents", "elasticbeanstalk:DescribeEvents", True),
        ("expired", "*", "launch:shop-one", False),
        ("launch", "launch:shop-*", "launch:shop-one", True),
        ("launch", "launch:*", "elasticbeanstalk:CreateEnvironment", False),
        ("disk", "disk:shop-one", "launch:shop-one", False),
    ],
)
def test_a_fault_is_meant_for_its_place(kind: str, place: str, passed: str, meant: bool) -> None:
    assert Fault(Kind(kind), place).matches(passed) is meant


def test_what_is_no_fault_is_refused_with_the_next_command(local: Local) -> None:
    for words, said in (
        (["throttle"], "needs to know where"),
        (["kill", "nobody"], "There is no environment nobody."),
        (["--seconds", "soon", "delay", "X"], "no duration"),
        (["explode", "X"], "There is no kind 'explode'"),
        (["throttle", "DescribeEnvironmnts"], "Did you mean DescribeEnvironments?"),
    ):
        done = local.run("fault", *words)
        assert done.returncode == 2
        assert said in done.stderr
    assert "No fault is set" in local.run("fault").stdout


@pytest.mark.parametrize(("kind", "code"), [("throttle", "Throttling"), ("error", "InternalFailure")])
def test_a_refusal_in_cbor_is_the_error_that_it_names(own: Local, kind: str, code: str) -> None:
    """Newer clients of CloudWatch speak Smithy's RPC v2, whose operation is in the path."""
    client = own.client("cloudwatch", Config(retries={"total_max_attempts": 1}))
    own.control("faults", kind=kind, place="monitoring:ListMetrics", nth=1, times=1)
    with pytest.raises(ClientError) as refused:
        client.list_metrics()
    assert refused.value.response["Error"]["Code"] == code
    assert client.list_metrics()["Metrics"] == []
