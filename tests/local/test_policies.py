"""Deployment policies: what runs while a version comes, and what a failure or an abort leaves."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import Any

import pytest
from running import SERVER, Local, bundle, running
from test_daemon import request

COMMAND = "aws:elasticbeanstalk:command"
SIZE = {"aws:autoscaling:asg|MinSize": "4", "aws:autoscaling:asg|MaxSize": "4"}
ASKED = {"aws:elasticbeanstalk:environment|LoadBalancerType": "application"}
"""A load balancer whose health check asks for a page: a classic one only connects."""
SICK = SERVER.replace(
    "self.send_response(200)", "self.send_response(503 if os.path.exists(os.environ['HOME'] + '/sick') else 200)"
)
"""A server that is healthy until there is a file `sick` in its instance's root."""
UNWELL = f"TEXT = 'unwell'\n{SERVER.replace('self.send_response(200)', 'self.send_response(503)')}"
BROKEN = bundle("two", **{"server.py": "raise SystemExit(3)\n"})


@pytest.fixture(scope="module")
def versions(local: Local) -> Local:
    local.publish("rolled", "v1", bundle("one"))
    local.publish("rolled", "v2", bundle("two"))
    local.publish("rolled", "broken", BROKEN)
    return local


def instances(local: Local, name: str) -> dict[str, str]:
    return {item["InstanceId"]: item["Deployment"]["VersionLabel"] for item in local.instances(name)}


def update(local: Local, name: str, label: str) -> dict[str, Any]:
    local.client("elasticbeanstalk").update_environment(EnvironmentName=name, VersionLabel=label)
    return local.until(name, lambda item: item["Status"] == "Ready")


def messages(local: Local, name: str) -> list[str]:
    found = local.client("elasticbeanstalk").describe_events(EnvironmentName=name)["Events"]
    return [event["Message"] for event in reversed(found)]


class Traffic:
    """Requests to a CNAME, one after the other, and what they got."""

    def __init__(self, local: Local, name: str) -> None:
        self.seen: Counter[str] = Counter()
        self._url, self._host = local.told["proxy_url"], local.describe(name)["CNAME"]
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Traffic:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10)

    def _run(self) -> None:
        while not self._stop.is_set():
            status, _, body = request(self._url, host=self._host)
            self.seen[body.split()[0].decode() if status == 200 else str(status)] += 1
            time.sleep(0.005)


@pytest.mark.parametrize(
    ("policy", "options", "replaced"),
    [
        ("Rolling", {"BatchSizeType": "Percentage", "BatchSize": "50"}, False),
        ("RollingWithAdditionalBatch", {"BatchSizeType": "Fixed", "BatchSize": "1"}, False),
        ("Immutable", {}, True),
    ],
)
def test_no_request_fails_while_a_version_comes(
    versions: Local, policy: str, options: dict[str, str], replaced: bool
) -> None:
    name = f"x-{policy.lower()[:20]}"
    settings = {f"{COMMAND}|{key}": value for key, value in ({"DeploymentPolicy": policy} | options).items()}
    versions.launch("rolled", name, "v1", **SIZE, **settings)
    before = instances(versions, name)
    with Traffic(versions, name) as traffic:
        assert update(versions, name, "v2")["VersionLabel"] == "v2"
        time.sleep(0.2)
    assert set(traffic.seen) == {"one", "two"}, traffic.seen
    after = instances(versions, name)
    assert set(after.values()) == {"v2"}
    assert len(after) == 4
    assert (before.keys() & after.keys() == set()) is replaced
    if policy == "Rolling":
        batches = [text for text in messages(versions, name) if text.endswith("Completed application deployment.")]
        assert batches == [f"Batch {number}: Completed application deployment." for number in (1, 2)]
    versions.client("elasticbeanstalk").terminate_environment(EnvironmentName=name)


def test_a_share_of_the_requests_goes_to_the_new_version_while_it_is_watched(versions: Local) -> None:
    options = {
        f"{COMMAND}|DeploymentPolicy": "TrafficSplitting",
        "aws:elasticbeanstalk:trafficsplitting|NewVersionPercent": "20",
        "aws:elasticbeanstalk:trafficsplitting|EvaluationTime": "3",
    }
    versions.launch("rolled", "x-split", "v1", **options)
    host = versions.describe("x-split")["CNAME"]
    eb = versions.client("elasticbeanstalk")
    eb.update_environment(EnvironmentName="x-split", VersionLabel="v2")
    deadline = time.monotonic() + 20
    while not any("Sending 20 percent" in text for text in messages(versions, "x-split")):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(0.5)
    seen = Counter(request(versions.told["proxy_url"], host=host)[2].split()[0].decode() for _ in range(300))
    assert 30 <= seen["two"] <= 90, seen
    eb.abort_environment_update(EnvironmentName="x-split")
    versions.until("x-split", lambda item: item["Status"] == "Ready")
    assert set(instances(versions, "x-split").values()) == {"v1"}
    eb.terminate_environment(EnvironmentName="x-split")


def test_traffic_splitting_ends_with_the_new_version_or_without_it() -> None:
    """At sixty times the speed: the shortest evaluation is three minutes."""
    options = {
        f"{COMMAND}|DeploymentPolicy": "TrafficSplitting",
        "aws:elasticbeanstalk:trafficsplitting|EvaluationTime": "3",
    }
    fails_later = bundle("sick", **{"server.py": f"TEXT = 'sick'\n{SICK}"})
    with running("--speed", "60") as local:
        for label, content in (("v1", bundle("one")), ("v2", bundle("two")), ("sick", fails_later)):
            local.publish("split", label, content)
        local.launch("split", "split-one", "v1", **ASKED, **options)
        host, before = local.describe("split-one")["CNAME"], instances(local, "split-one")
        with Traffic(local, "split-one") as traffic:
            assert update(local, "split-one", "v2")["VersionLabel"] == "v2"
        assert set(traffic.seen) == {"one", "two"}, traffic.seen
        after = instances(local, "split-one")
        assert list(after.values()) == ["v2"]
        assert not before.keys() & after.keys()
        local.client("elasticbeanstalk").update_environment(EnvironmentName="split-one", VersionLabel="sick")
        local.wait(
            lambda: messages(local, "split-one").count("Sending 10 percent of the traffic to the new version.") == 2
        )
        (added,) = instances(local, "split-one").keys() - after.keys()
        (root,) = (local.home / "local" / "environments").glob(f"*/{added}")
        (root / "sick").touch()
        assert local.until("split-one", lambda item: item["Status"] == "Ready")["VersionLabel"] == "v2"
        assert instances(local, "split-one") == after
        assert request(local.told["proxy_url"], host=host)[2].startswith(b"two")
        assert "while the traffic was split" in " ".join(messages(local, "split-one"))


@pytest.mark.parametrize(
    ("policy", "left"),
    [
        ("Rolling", {"v1": 3, "broken": 1}),
        ("RollingWithAdditionalBatch", {"v1": 4}),
        ("Immutable", {"v1": 4}),
        ("AllAtOnce", {"broken": 4}),
    ],
)
def test_what_a_failure_leaves(versions: Local, policy: str, left: dict[str, int]) -> None:
    name = f"f-{policy.lower()[:20]}"
    options = {f"{COMMAND}|DeploymentPolicy": policy, f"{COMMAND}|BatchSizeType": "Fixed", f"{COMMAND}|BatchSize": "1"}
    versions.launch("rolled", name, "v1", **SIZE, **options)
    assert update(versions, name, "broken")["VersionLabel"] == "v1"
    assert Counter(instances(versions, name).values()) == left
    assert "Failed to deploy application." in messages(versions, name)
    assert versions.until(name, lambda item: item["Health"] == "Red")["HealthStatus"] in {"Degraded", "Severe"}
    assert update(versions, name, "v2")["VersionLabel"] == "v2"
    assert Counter(instances(versions, name).values()) == {"v2": 4}
    versions.until(name, lambda item: item["Health"] == "Green")
    versions.client("elasticbeanstalk").terminate_environment(EnvironmentName=name)


def test_an_aborted_rolling_deployment_ends_behind_its_batch(versions: Local) -> None:
    slow = bundle("slow", **{".ebextensions/wait.config": "container_commands: {wait: {command: sleep 1}}\n"})
    versions.publish("rolled", "slow", slow)
    options = {
        f"{COMMAND}|DeploymentPolicy": "Rolling",
        f"{COMMAND}|BatchSizeType": "Fixed",
        f"{COMMAND}|BatchSize": "1",
    }
    versions.launch("rolled", "x-abort", "v1", **SIZE, **options)
    eb = versions.client("elasticbeanstalk")
    with pytest.raises(eb.exceptions.ClientError, match="invalid state"):
        eb.abort_environment_update(EnvironmentName="x-abort")
    eb.update_environment(EnvironmentName="x-abort", VersionLabel="slow")
    versions.until("x-abort", lambda item: item["AbortableOperationInProgress"])
    eb.abort_environment_update(EnvironmentName="x-abort")
    assert versions.until("x-abort", lambda item: item["Status"] == "Ready")["VersionLabel"] == "v1"
    assert Counter(instances(versions, "x-abort").values())["v1"] >= 2
    assert any("aborted deployment" in text for text in messages(versions, "x-abort"))
    eb.terminate_environment(EnvironmentName="x-abort")


def test_a_batch_that_was_aborted_before_it_was_healthy_is_in_service_again(versions: Local) -> None:
    versions.publish("rolled", "unwell", bundle("unwell", **{"server.py": UNWELL}))
    versions.launch("rolled", "x-unwell", "v1", **ASKED, **{f"{COMMAND}|DeploymentPolicy": "Rolling"})
    eb, host = versions.client("elasticbeanstalk"), versions.describe("x-unwell")["CNAME"]
    eb.update_environment(EnvironmentName="x-unwell", VersionLabel="unwell")
    versions.wait(lambda: any("waiting for them to be healthy" in text for text in messages(versions, "x-unwell")))
    eb.abort_environment_update(EnvironmentName="x-unwell")
    versions.until("x-unwell", lambda item: item["Status"] == "Ready")
    versions.wait(lambda: request(versions.told["proxy_url"], host=host)[2].startswith(b"unwell"), 10)
    eb.terminate_environment(EnvironmentName="x-unwell")


def test_a_deployment_has_the_time_that_the_option_timeout_gives_it(versions: Local) -> None:
    endless = bundle("endless", **{".ebextensions/wait.config": "container_commands: {wait: {command: sleep 62}}\n"})
    versions.publish("rolled", "endless", endless)
    versions.launch("rolled", "x-endless", "v1", **{f"{COMMAND}|Timeout": "2"})
    assert update(versions, "x-endless", "endless")["VersionLabel"] == "v1"
    told = "have not responded in the allowed command timeout time"
    assert any(told in text for text in messages(versions, "x-endless"))
    versions.client("elasticbeanstalk").terminate_environment(EnvironmentName="x-endless")


def test_an_environment_is_restarted_rebuilt_and_brought_back(versions: Local) -> None:
    eb = versions.client("elasticbeanstalk")
    versions.launch("rolled", "x-rebuilt", "v1", prefix="rebuilt")
    before, found = versions.describe("x-rebuilt"), instances(versions, "x-rebuilt")
    eb.restart_app_server(EnvironmentName="x-rebuilt")
    versions.until("x-rebuilt", lambda item: item["Status"] == "Ready")
    assert instances(versions, "x-rebuilt") == found
    eb.rebuild_environment(EnvironmentName="x-rebuilt")
    after = versions.until("x-rebuilt", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert instances(versions, "x-rebuilt").keys().isdisjoint(found)
    eb.terminate_environment(EnvironmentName="x-rebuilt")
    versions.until("x-rebuilt", lambda item: item["Status"] == "Terminated")
    eb.rebuild_environment(EnvironmentId=before["EnvironmentId"])
    again = versions.until("x-rebuilt", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    for name in ("EnvironmentId", "CNAME", "VersionLabel"):
        assert before[name] == after[name] == again[name]
    assert request(versions.told["proxy_url"], host=before["CNAME"])[2].startswith(b"one")
    eb.terminate_environment(EnvironmentName="x-rebuilt")


def test_sizes_are_followed_both_ways(versions: Local) -> None:
    eb = versions.client("elasticbeanstalk")
    versions.launch("rolled", "x-sized", "v1")
    for size in (3, 1):
        options = [
            {"Namespace": "aws:autoscaling:asg", "OptionName": name, "Value": str(size)}
            for name in ("MinSize", "MaxSize")
        ]
        eb.update_environment(EnvironmentName="x-sized", OptionSettings=options)
        versions.until("x-sized", lambda item: item["Status"] == "Ready")
        assert len(instances(versions, "x-sized")) == size
    eb.terminate_environment(EnvironmentName="x-sized")
