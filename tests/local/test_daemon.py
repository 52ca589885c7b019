"""The daemon: one a home, nothing left behind, everything found again."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import urllib3
from running import BUCKET, PLATFORM, REGION, Local, brought_up, bundle, processes_of

from ebcd_local.state import State


def request(url: str, path: str = "/", host: str | None = None, **headers: str) -> tuple[int, dict[str, str], bytes]:
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", path, headers=({"Host": host} if host else {}) | headers)
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body


@pytest.fixture
def own() -> Iterator[Local]:
    """A server as `ebcd local up` starts it."""
    with brought_up() as server:
        yield server


def test_up_again_is_the_same_server(local: Local) -> None:
    told = [json.loads(local.run("up", "--json").stdout) for _ in range(2)]
    assert told[0]["pid"] == told[1]["pid"] == local.told["pid"]
    assert {"endpoint_url", "proxy_url", "pid", "state_dir", "environments"} <= told[0].keys()


def test_two_ups_at_once_give_one_server(tmp_path: Path, local: Local) -> None:
    environ = local.environ | {"EBCD_HOME": str(tmp_path / "h")}
    command = [sys.executable, "-m", "ebcd_local", "up", "--json", "--port", "0", "--lb-port", "0"]
    both = [subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    told = [json.loads(process.communicate(timeout=60)[0]) for process in both]
    assert told[0]["ok"]
    assert told[0]["pid"] == told[1]["pid"]
    local.run("down", EBCD_HOME=str(tmp_path / "h"))
    assert processes_of(tmp_path) == []


def test_a_second_server_on_the_same_state_is_refused_and_ends_nothing(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.launch("shop", "shop-r1", "v1", "shop")
    running = processes_of(own.home)
    for words in (("serve",), ("up", "--foreground", "--port", "0", "--lb-port", "0")):
        done = own.run(*words)
        assert done.returncode == 2
        assert f"Process {own.told['pid']} has the state" in done.stderr
        assert "→ ebcd local down" in done.stderr
    assert processes_of(own.home) == running
    assert own.describe("shop-r1")["Health"] == "Green"


def test_up_waits_for_a_server_that_does_not_answer_at_once(own: Local) -> None:
    pid = own.told["pid"]
    os.kill(pid, signal.SIGSTOP)
    timer = threading.Timer(6, os.kill, (pid, signal.SIGCONT))
    timer.start()
    try:
        told = json.loads(own.run("up", "--json").stdout)
    finally:
        timer.join()
    assert told["pid"] == pid
    assert len([line for line in processes_of(own.home) if " serve " in line]) == 1


def test_down_stops_a_server_that_has_not_told_where_it_is(own: Local) -> None:
    (own.home / "local" / "server.json").unlink()
    assert json.loads(own.run("down", "--json").stdout)["was_running"]
    assert processes_of(own.home) == []


@pytest.mark.parametrize("flag", ["--port", "--lb-port"])
def test_a_port_that_is_taken_is_told(tmp_path: Path, local: Local, flag: str) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        rest = "--lb-port" if flag == "--port" else "--port"
        done = local.run("up", flag, port, rest, "0", EBCD_HOME=str(tmp_path))
    assert done.returncode == 2
    assert f"Port {port}" in done.stderr
    assert "→" in done.stderr
    assert processes_of(tmp_path) == []


def test_down_and_status_of_what_does_not_run(tmp_path: Path, local: Local) -> None:
    home = {"EBCD_HOME": str(tmp_path)}
    assert local.run("down", **home).returncode == 0
    told = json.loads(local.run("status", "--json", **home).stdout)
    assert (told["ok"], told["pid"], told["environments"]) == (True, None, [])
    assert "ebcd local up" in local.run("status", **home).stdout


def test_reset_asks_first(local: Local) -> None:
    done = local.run("reset")
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert json.loads(local.run("status", "--json").stdout)["pid"] == local.told["pid"]


def test_what_tells_of_the_server_is_private(local: Local) -> None:
    assert (local.home / "local" / "server.json").stat().st_mode & 0o777 == 0o600


def test_a_web_page_cannot_drive_it(local: Local) -> None:
    url = local.told["endpoint_url"]
    status, headers, body = request(url, "/?Action=DescribeEnvironments")
    assert status == 403
    assert b"MissingAuthenticationToken" in body
    assert not [name for name in headers if name.startswith("access-control")]
    assert request(url, host="evil.example.com:80")[0] == 403
    assert request(url, "/_ebcd/status")[0] == 403
    assert request(url, "/_ebcd/status", **{"X-Ebcd-Token": "wrong"})[0] == 403
    assert request(url, "/_ebcd/status", **{"X-Ebcd-Token": local.told["token"]})[0] == 200


def drive(local: Local, url: str, method: str = "GET", body: bytes = b"", **headers: str) -> int:
    """The status that a request gets."""
    given = {name.replace("_", "-"): value for name, value in headers.items()}
    whole = local.told["endpoint_url"] + url
    return int(urllib3.request(method, whole, body=body or None, headers=given, retries=False, timeout=10).status)


def credential(service: str) -> str:
    """A signature of nobody's, as a URL has it."""
    now = f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    scope = f"X-Amz-Credential=a/{now[:8]}/{REGION}/{service}/aws4_request&X-Amz-Date={now}&X-Amz-Expires=900"
    return f"X-Amz-Algorithm=AWS4-HMAC-SHA256&{scope}&X-Amz-SignedHeaders=host&X-Amz-Signature={'0' * 64}"


def test_a_url_is_presigned_for_s3_and_for_nothing_else(local: Local) -> None:
    eb, s3, sqs = local.client("elasticbeanstalk"), local.client("s3"), local.client("sqs")
    eb.create_application(ApplicationName="kept")
    eb.create_storage_location()
    s3.put_object(Bucket=BUCKET, Key="presigned/a b", Body=b"x")
    queue = sqs.create_queue(QueueName="kept")["QueueUrl"]
    name = "Action=DeleteApplication&ApplicationName=kept"
    assert drive(local, f"/?{credential('elasticbeanstalk')}&{name}") == 403
    assert drive(local, f"/?{credential('elasticbeanstalk')}", "POST", name.encode()) == 403
    assert drive(local, f"/{BUCKET}/presigned/evil?{credential('s3')}", "PUT", b"x") == 403
    assert drive(local, f"/{BUCKET}/presigned/a%20b?{credential('s3')}", "DELETE") == 403
    assert drive(local, f"/{BUCKET}?{credential('s3')}", "POST", b"x") == 403
    assert drive(local, f"/sqs_{REGION}/?{credential('s3')}&Action=DeleteQueue&QueueUrl={queue}") == 403
    presigned = eb.generate_presigned_url("delete_application", Params={"ApplicationName": "kept"})
    assert drive(local, presigned.removeprefix(local.told["endpoint_url"]), "POST", name.encode()) == 403
    assert sqs.list_queues(QueueNamePrefix="kept")["QueueUrls"] == [queue]
    assert eb.describe_applications(ApplicationNames=["kept"])["Applications"]
    assert [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="presigned/")["Contents"]] == [
        "presigned/a b"
    ]
    for method in ("get_object", "head_object"):
        url = s3.generate_presigned_url(method, Params={"Bucket": BUCKET, "Key": "presigned/a b"})
        assert drive(local, url.removeprefix(local.told["endpoint_url"]), "HEAD" if "head" in method else "GET") == 200
    url = s3.generate_presigned_url("put_object", Params={"Bucket": BUCKET, "Key": "presigned/put"})
    assert drive(local, url.removeprefix(local.told["endpoint_url"]), "PUT", b"x") == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example.com"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Sec_Fetch_Site": "same-origin"},
    ],
)
def test_what_a_browser_asks_for_a_page_is_refused(local: Local, headers: dict[str, str]) -> None:
    url = "/?Action=DescribeApplications"
    signed = {name.replace("-", "_"): value for name, value in local.signed(url).items()}
    for allowed in ({}, {"Sec_Fetch_Site": "none"}):
        assert drive(local, url, **signed, **allowed) == 200
    assert drive(local, url, **signed, **headers) == 403
    assert drive(local, "/_ebcd/status", X_Ebcd_Token=local.told["token"]) == 200
    assert drive(local, "/_ebcd/status", X_Ebcd_Token=local.told["token"], **headers) == 403
    presigned = local.client("s3").generate_presigned_url("list_buckets").removeprefix(local.told["endpoint_url"])
    assert drive(local, presigned) == 200
    assert drive(local, presigned, **headers) == 403


def known(local: Local) -> dict[str, Any]:
    """All that a client can see and that is to survive."""
    eb, s3 = local.client("elasticbeanstalk"), local.client("s3")
    environments = eb.describe_environments(ApplicationName="shop")["Environments"]
    kept = ("EnvironmentName", "EnvironmentId", "CNAME", "VersionLabel", "EndpointURL", "DateCreated", "Status")
    arns = [item["EnvironmentArn"] for item in environments if item["Status"] == "Ready"]
    settings = eb.describe_configuration_settings(ApplicationName="shop", EnvironmentName="shop-r1")
    found = s3.get_object(Bucket=BUCKET, Key="a/b c.json")
    return {
        "applications": eb.describe_applications(ApplicationNames=["shop"])["Applications"],
        "versions": eb.describe_application_versions(ApplicationName="shop")["ApplicationVersions"],
        "template": eb.describe_configuration_settings(ApplicationName="shop", TemplateName="kept"),
        "environments": [{name: item.get(name) for name in kept} for item in environments],
        "tags": [eb.list_tags_for_resource(ResourceArn=arn)["ResourceTags"] for arn in arns],
        "settings": settings["ConfigurationSettings"][0]["OptionSettings"],
        "object": (found["ETag"], found["Body"].read(), found["Metadata"], found["LastModified"]),
    }


def without_metadata(found: Any) -> Any:
    """Answers without what names the request."""
    if isinstance(found, dict):
        return {name: without_metadata(item) for name, item in found.items() if name != "ResponseMetadata"}
    return [without_metadata(item) for item in found] if isinstance(found, list) else found


def test_everything_is_found_again_after_the_server_was_killed(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.publish("shop", "v2", bundle("two"))
    own.launch("shop", "shop-r1", "v1", "shop", **{"aws:elasticbeanstalk:application:environment|COLOR": "blue"})
    own.launch("shop", "shop-r2", "v2", **{"aws:autoscaling:asg|MinSize": "2"})
    own.launch("shop", "shop-gone", "v1")
    s3, eb = own.client("s3"), own.client("elasticbeanstalk")
    eb.create_configuration_template(ApplicationName="shop", TemplateName="kept", PlatformArn=PLATFORM)
    eb.update_tags_for_resource(
        ResourceArn=own.describe("shop-r1")["EnvironmentArn"], TagsToAdd=[{"Key": "stage", "Value": "x"}]
    )
    own.until("shop-r1", lambda item: item["Status"] == "Ready")
    s3.put_object(Bucket=BUCKET, Key="a/b c.json", Body=b"{}", Metadata={"who": "ada"})
    eb.terminate_environment(EnvironmentName="shop-gone")
    own.until("shop-gone", lambda item: item["Status"] == "Terminated")
    eb.swap_environment_cnames(SourceEnvironmentName="shop-r1", DestinationEnvironmentName="shop-r2")
    for name in ("shop-r1", "shop-r2"):
        own.until(name, lambda item: item["Status"] == "Ready")
    live = own.describe("shop-r2")["CNAME"]
    assert live.startswith("shop.")
    before, events, told = known(own), eb.describe_events(ApplicationName="shop")["Events"], own.told
    assert len([line for line in processes_of(own.home) if "server.py" in line]) >= 3
    os.kill(told["pid"], signal.SIGKILL)
    left = processes_of(own.home)
    assert own.run("up", "--json").returncode == 0
    assert (own.told["endpoint_url"], own.told["proxy_url"]) == (told["endpoint_url"], told["proxy_url"])
    for name in ("shop-r1", "shop-r2"):
        own.until(name, lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert without_metadata(known(own)) == without_metadata(before)
    assert request(told["proxy_url"], host=live)[2].startswith(b"two")
    assert request(told["proxy_url"], host=own.describe("shop-r1")["CNAME"])[2].startswith(b"one blue")
    again = own.client("elasticbeanstalk").describe_events(ApplicationName="shop")["Events"]
    assert [item["Message"] for item in again][-len(events) :] == [item["Message"] for item in events]
    assert len(processes_of(own.home)) == len(left) + 1, "those that were left were ended, and as many run again"


def test_what_a_kill_interrupts_comes_to_an_end(own: Local) -> None:
    slow = bundle("slow", **{".ebextensions/a.config": "container_commands: {a: {command: 'sleep 2'}}\n"})
    own.publish("shop", "v1", bundle("one"))
    own.publish("shop", "slow", slow)
    own.launch("shop", "shop-r1", "v1", "shop")
    eb = own.client("elasticbeanstalk")
    eb.update_environment(EnvironmentName="shop-r1", VersionLabel="slow")
    eb.create_environment(ApplicationName="shop", EnvironmentName="shop-r2", VersionLabel="slow", PlatformArn=PLATFORM)
    own.wait(lambda: len([line for line in processes_of(own.home) if "sleep 2" in line]) >= 2)
    os.kill(own.told["pid"], signal.SIGKILL)
    assert own.run("up").returncode == 0
    for name in ("shop-r1", "shop-r2"):
        found = own.until(name, lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
        assert found["VersionLabel"] == "slow"
    assert request(own.told["proxy_url"], host=own.describe("shop-r1")["CNAME"])[2].startswith(b"slow")
    events = own.client("elasticbeanstalk").describe_events(EnvironmentName="shop-r1")["Events"]
    assert "The operation update was interrupted and has ended." in [event["Message"] for event in events]


def test_bundles_of_versions_that_are_gone_go_at_the_next_start(own: Local) -> None:
    own.publish("shop", "v1", bundle("one"))
    own.publish("shop", "v2", bundle("two"))
    own.launch("shop", "shop-r1", "v1")
    own.client("elasticbeanstalk").update_environment(EnvironmentName="shop-r1", VersionLabel="v2")
    own.until("shop-r1", lambda item: item["Status"] == "Ready")
    kept = own.home / "local" / "bundles"
    assert len(list(kept.iterdir())) == 2
    own.client("elasticbeanstalk").delete_application_version(ApplicationName="shop", VersionLabel="v1")
    own.run("down")
    own.run("up")
    own.until("shop-r1", lambda item: item["Health"] == "Green")
    assert len(list(kept.iterdir())) == 1


def test_a_version_that_was_being_processed_is_processed_at_the_next_start(own: Local) -> None:
    own.publish("shop", "good", bundle("one"))
    own.publish("shop", "gone", bundle("one"))
    own.client("s3").delete_object(Bucket=BUCKET, Key="shop/gone.zip")
    own.run("down")
    state = State(own.home / "local" / "state.db")
    for version in list(state.versions.values()):
        state.save(replace(version, status="Processing"))
    state.close()
    own.run("up")
    found = own.client("elasticbeanstalk").describe_application_versions(ApplicationName="shop")
    assert {item["VersionLabel"]: item["Status"] for item in found["ApplicationVersions"]} == {
        "good": "PROCESSED",
        "gone": "FAILED",
    }


def test_down_in_the_middle_of_everything_leaves_no_process(own: Local) -> None:
    own.publish(
        "shop", "v1", bundle("one", **{".ebextensions/a.config": "container_commands: {a: {command: 'sleep 1'}}\n"})
    )
    own.launch("shop", "shop-gone", "v1")
    eb = own.client("elasticbeanstalk")
    for number in range(4):
        eb.create_environment(
            ApplicationName="shop", EnvironmentName=f"shop-{number}", VersionLabel="v1", PlatformArn=PLATFORM
        )
    eb.terminate_environment(EnvironmentName="shop-gone")
    own.wait(lambda: any("sleep 1" in line for line in processes_of(own.home)))
    assert own.run("down").returncode == 0
    assert processes_of(own.home) == []


def test_down_after_a_kill_sweeps_what_it_left(own: Local) -> None:
    own.publish("shop", "v1", bundle())
    own.launch("shop", "shop-r1", "v1")
    os.kill(own.told["pid"], signal.SIGKILL)
    time.sleep(0.2)
    assert [line for line in processes_of(own.home) if "server.py" in line]
    assert own.run("down").returncode == 0
    assert processes_of(own.home) == []
