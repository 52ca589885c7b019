"""Instance logs that go to CloudWatch Logs."""

from __future__ import annotations

import time
from pathlib import Path

from running import Local, bundle

from ebcd_local.keys import Key
from ebcd_local.log_stream import PIECE, LogStreams
from ebcd_local.own_clients import OwnClients

GROUP = "/aws/elasticbeanstalk/streamed-one/var/log/"


def test_logs_are_streamed_once_where_the_settings_ask_for_it(local: Local) -> None:
    local.publish("streamed", "v1", bundle("one"))
    local.launch("streamed", "streamed-one", "v1", **{"aws:elasticbeanstalk:cloudwatch:logs|StreamLogs": "true"})
    local.launch("streamed", "streamed-two", "v1")
    logs = local.client("logs")
    (instance,) = local.client("elasticbeanstalk").describe_instances_health(
        EnvironmentName="streamed-one", AttributeNames=["All"]
    )["InstanceHealthList"]

    def messages(name: str) -> list[str]:
        found = logs.get_log_events(logGroupName=GROUP + name, logStreamName=instance["InstanceId"])
        return [event["message"] for event in found["events"]]

    deadline = time.monotonic() + 20
    while not logs.describe_log_groups(logGroupNamePrefix=GROUP + "web")["logGroups"]:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    assert messages("web.stdout.log") == ["starting"], "each line once"
    assert messages("eb-engine.log") == ["Deploying the application version v1.", "The deployment has ended."]
    assert not logs.describe_log_groups(logGroupNamePrefix="/aws/elasticbeanstalk/streamed-two")["logGroups"]
    for name in ("streamed-one", "streamed-two"):
        local.client("elasticbeanstalk").terminate_environment(EnvironmentName=name)


def test_a_line_of_any_length_keeps_no_other_one_waiting(tmp_path: Path) -> None:
    log, streams = tmp_path / "web.stdout.log", LogStreams(OwnClients(Key("unused"), str))
    log.write_bytes(b"first\n" + b"x" * (2 * PIECE + 5) + b"\nlast\nnot yet")
    lines = [line for _ in range(5) for line in streams._new_lines(log)]
    assert lines[0] == "first"
    assert "".join(lines[1:-1]) == "x" * (2 * PIECE + 5)
    assert lines[-1] == "last"
