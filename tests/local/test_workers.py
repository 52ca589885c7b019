"""A worker environment: a queue, a dead-letter queue, and a daemon that posts from it to the application."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from running import PLATFORM, Local, bundle, running

from ebcd_local.fleet import Fleet
from ebcd_local.records import Environment
from ebcd_local.worker.daemon import Daemons
from ebcd_local.worker.queues import Queues

APPLICATION = """
import json, os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        with open(os.environ["HOME"] + "/posts", "a") as posts:
            posts.write(json.dumps([self.path, body, dict(self.headers)]) + "\\n")
        self.send_response(500 if "fail" in body else 200)
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass

ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""
SQSD = "aws:elasticbeanstalk:sqsd"


@pytest.fixture(scope="module")
def server() -> Iterator[Local]:
    with running() as made:
        yield made


def launch(server: Local, name: str, settings: dict[str, str], **files: str) -> dict[str, str]:
    """Launch a worker; its queues."""
    server.publish(name, "v1", bundle(**{"server.py": APPLICATION, **files}))
    eb = server.client("elasticbeanstalk")
    options = [{"Namespace": SQSD, "OptionName": key, "Value": value} for key, value in settings.items()]
    eb.create_environment(
        ApplicationName=name,
        EnvironmentName=name,
        VersionLabel="v1",
        PlatformArn=PLATFORM,
        Tier={"Name": "Worker", "Type": "SQS/HTTP"},
        OptionSettings=options,
    )
    server.until(name, lambda item: item["Status"] == "Ready" and item["Health"] in {"Green", "Red"})
    found = eb.describe_environment_resources(EnvironmentName=name)["EnvironmentResources"]
    assert found["LoadBalancers"] == []
    return {item["Name"]: item["URL"] for item in found["Queues"]}


def posts(server: Local) -> list[Any]:
    files = server.home.glob("local/environments/*/*/posts")
    return [json.loads(line) for path in files for line in path.read_text().splitlines()]


def until(check: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"].values()))


def test_messages_reach_the_application_and_failures_the_dead_letter_queue(server: Local) -> None:
    queues = launch(server, "works", {"HttpPath": "/work", "MaxRetries": "2", "ErrorVisibilityTimeout": "0"})
    assert list(queues) == ["WorkerQueue", "WorkerDeadLetterQueue"]
    assert "AWSEBWorkerQueue" in queues["WorkerQueue"]
    described, sqs = server.describe("works"), server.client("sqs")
    assert "CNAME" not in described
    assert "EndpointURL" not in described
    sent = sqs.send_message(
        QueueUrl=queues["WorkerQueue"],
        MessageBody="good",
        MessageAttributes={"color": {"DataType": "String", "StringValue": "red"}},
    )
    until(lambda: len(posts(server)) == 1)
    ((path, body, headers),) = posts(server)
    assert (path, body, headers["X-Aws-Sqsd-Attr-color"]) == ("/work", "good", "red")
    assert headers["X-Aws-Sqsd-Msgid"] == sent["MessageId"]
    until(lambda: depth(sqs, queues["WorkerQueue"]) == 0)
    sqs.send_message(QueueUrl=queues["WorkerQueue"], MessageBody="fail")
    until(lambda: depth(sqs, queues["WorkerDeadLetterQueue"]) == 1)
    assert [item[2]["X-Aws-Sqsd-Receive-Count"] for item in posts(server)] == ["1", "1", "2"]
    eb = server.client("elasticbeanstalk")
    update = [
        {"Namespace": SQSD, "OptionName": "HttpPath", "Value": "/other"},
        {"Namespace": SQSD, "OptionName": "MaxRetries", "Value": "7"},
    ]
    eb.update_environment(EnvironmentName="works", OptionSettings=update)
    server.until("works", lambda item: item["Status"] == "Ready")
    told = sqs.get_queue_attributes(QueueUrl=queues["WorkerQueue"], AttributeNames=["RedrivePolicy"])["Attributes"]
    assert int(json.loads(told["RedrivePolicy"])["maxReceiveCount"]) == 7
    sqs.send_message(QueueUrl=queues["WorkerQueue"], MessageBody="again")
    until(lambda: bool(posts(server)) and posts(server)[-1][:2] == ["/other", "again"])
    assert not [
        item
        for item in server.control("calls?after=0", "GET")["calls"]
        if item["service"] == "sqs" and item["operation"] == "ReceiveMessage"
    ], "the daemon's own calls are no client's"
    eb.terminate_environment(EnvironmentName="works")
    server.until("works", lambda item: item["Status"] == "Terminated")
    assert [url for url in sqs.list_queues().get("QueueUrls", []) if "AWSEBWorker" in url] == []


def test_a_queue_of_the_user_s_own_is_read_and_stays(server: Local) -> None:
    sqs = server.client("sqs")
    url = sqs.create_queue(QueueName="own-queue")["QueueUrl"]
    assert launch(server, "owning", {"WorkerQueueURL": url}) == {"WorkerQueue": url}
    sqs.send_message(QueueUrl=url, MessageBody="to the owner")
    until(lambda: any(body == "to the owner" for _, body, _ in posts(server)))
    server.client("elasticbeanstalk").terminate_environment(EnvironmentName="owning")
    server.until("owning", lambda item: item["Status"] == "Terminated")
    assert sqs.get_queue_url(QueueName="own-queue")["QueueUrl"] == url


class Recorded:
    """SQS as far as a task that is due needs it: what was sent is kept."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []

    def client(self, _: str) -> Any:
        return self

    def send_message(self, **message: Any) -> None:
        self.sent.append(message)


def test_a_task_that_is_due_is_queued_once(tmp_path: Path) -> None:
    (tmp_path / "cron.yaml").write_text("version: 1\ncron: [{name: tick, url: /tick, schedule: '0 12 * * *'}]\n")
    recorded, noon = Recorded(), datetime(2026, 11, 29, 12, tzinfo=UTC)
    daemons = Daemons(cast(Fleet, None), cast(Queues, recorded))
    environment = cast(Environment, SimpleNamespace(key="a/b", region="a", queues={"WorkerQueue": "url"}))
    for minutes in (-2, -1, 0, 1, 2):
        daemons._queue_tasks(environment, tmp_path, noon + timedelta(minutes=minutes))
    (message,) = recorded.sent
    assert message["MessageBody"] == "elasticbeanstalk scheduled job"
    assert message["MessageAttributes"]["beanstalk.sqsd.scheduled_time"]["StringValue"] == "2026-11-29 12:00:00 UTC"


@pytest.mark.long
def test_a_periodic_task_is_posted_once_when_it_is_due(server: Local) -> None:
    due = datetime.now(UTC) + timedelta(seconds=75)
    schedule = f"{due.minute} {due.hour} * * *"
    launch(
        server,
        "periodic",
        {},
        **{"cron.yaml": json.dumps({"version": 1, "cron": [{"name": "tick", "url": "/tick", "schedule": schedule}]})},
    )
    until(lambda: any(path == "/tick" for path, _, _ in posts(server)), 140)
    time.sleep(2)
    ((_, body, headers),) = [item for item in posts(server) if item[0] == "/tick"]
    assert (body, headers["X-Aws-Sqsd-Taskname"]) == ("", "tick")
    assert headers["X-Aws-Sqsd-Scheduled-At"] == due.strftime("%Y-%m-%dT%H:%M:00Z")


def test_a_cron_yaml_that_is_none_fails_the_deployment(server: Local) -> None:
    launch(server, "spoilt", {}, **{"cron.yaml": "version: 1\n"})
    events = server.client("elasticbeanstalk").describe_events(EnvironmentName="spoilt", Severity="ERROR")["Events"]
    assert "Failed of parsing file 'cron.yaml'" in server.log_tail("spoilt")
    assert not any("ELB" in event["Message"] for event in events)
