"""A worker's messages and periodic tasks, without a server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ebcd_local.worker import cron, posting
from ebcd_local.worker.queues import AGENT
from ebcd_local.worker.settings import NAMESPACE, Settings

QUEUE = "http://127.0.0.1:1/123456789012/awseb-queue"
CRON = b"""
version: 1
cron:
  - {name: backup-job, url: /backup, schedule: "0 */12 * * *"}
  - {name: audit, url: /audit, schedule: "0 23 * * *"}
"""


def message(**attributes: dict[str, str]) -> dict[str, object]:
    system = {
        "ApproximateReceiveCount": "2",
        "ApproximateFirstReceiveTimestamp": "1790000000000",
        "SentTimestamp": "1789999999000",
        "SenderId": "123456789012",
    }
    return {"MessageId": "m-1", "Body": '{"a": "\u00fc"}', "Attributes": system, "MessageAttributes": attributes}


def test_a_message_is_posted_with_the_daemon_s_headers() -> None:
    attributes = {
        "color": {"DataType": "String", "StringValue": "red"},
        "size": {"DataType": "Number.int", "StringValue": "7"},
        "raw": {"DataType": "Binary", "BinaryValue": "eA=="},
    }
    settings = Settings.of({(NAMESPACE, "HttpPath"): "work", (NAMESPACE, "MimeType"): "text/plain"})
    post = posting.of_message(message(**attributes), QUEUE, settings)
    assert (post.path, post.body.decode()) == ("/work", '{"a": "\u00fc"}')
    assert post.headers == {
        "Content-Type": "text/plain",
        "User-Agent": AGENT,
        "X-Aws-Sqsd-Msgid": "m-1",
        "X-Aws-Sqsd-Receive-Count": "2",
        "X-Aws-Sqsd-First-Received-At": "2026-09-21T14:13:20Z",
        "X-Aws-Sqsd-Sent-At": "2026-09-21T14:13:19Z",
        "X-Aws-Sqsd-Queue": "awseb-queue",
        "X-Aws-Sqsd-Sender-Id": "123456789012",
        "X-Aws-Sqsd-Attr-color": "red",
        "X-Aws-Sqsd-Attr-size": "7",
    }


def test_a_periodic_task_is_posted_to_its_own_path_without_a_body() -> None:
    (task, _) = cron.read(CRON)
    at = datetime(2026, 11, 29, 12, tzinfo=UTC)
    post = posting.of_message(message(**cron.attributes(task, at)), QUEUE, Settings.of({}))
    assert (post.path, post.body) == ("/backup", b"")
    assert post.headers["X-Aws-Sqsd-Taskname"] == "backup-job"
    assert post.headers["X-Aws-Sqsd-Scheduled-At"] == "2026-11-29T12:00:00Z"
    assert not [name for name in post.headers if "Attr" in name]


def test_settings_are_the_documented_defaults_unless_set() -> None:
    assert Settings.of({}) == Settings("", "/", "application/json", 50, 5, 299, 300, 2, 345600, 10)


@pytest.mark.parametrize(
    ("since", "now", "due"),
    [
        ((11, 59), (12, 0), (12, 0)),
        ((12, 0), (12, 1), None),
        ((0, 30), (12, 30), (12, 0)),
        ((12, 30), (23, 0), None),
    ],
)
def test_a_task_is_due_once(since: tuple[int, int], now: tuple[int, int], due: tuple[int, int] | None) -> None:
    def at(hour: int, minute: int) -> datetime:
        return datetime(2026, 11, 29, hour, minute, tzinfo=UTC)

    assert cron.read(CRON)[0].due(at(*since), at(*now)) == (due and at(*due))


def test_a_task_is_not_due_within_the_second_before_its_time() -> None:
    (task, _) = cron.read(CRON)
    noon = datetime(2026, 11, 29, 12, tzinfo=UTC)
    before, after = noon - timedelta(microseconds=1), noon + timedelta(microseconds=1)
    assert task.due(noon - timedelta(hours=1), before) is None
    assert task.due(before, noon) == task.due(before, after) == noon
    assert task.due(noon, after) is None


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"cron: []", "Cannot find 'version'"),
        (b"version: 2\ncron: []", "Not supported version '2'"),
        (b"a: [", "Failed of loading"),
        (b"", "Failed of loading"),
        (b"version: 1", "Failed of parsing"),
        (b"version: 1\ncron: [{name: a, url: /a}]", "schedule"),
        (b"version: 1\ncron: [{name: a, url: a, schedule: '* * * * *'}]", "is no path"),
        (b"version: 1\ncron: [{name: a, url: /a, schedule: '* * * *'}]", "five fields"),
        (b"version: 1\ncron: [{name: a, url: /a, schedule: '99 * * * *'}]", "Failed of parsing"),
        (
            b"version: 1\ncron: [{name: a, url: /a, schedule: '* * * * *'}, {name: a, url: /b, schedule: '* * * * *'}]",
            "two tasks have one name",
        ),
    ],
)
def test_a_cron_yaml_that_is_none_says_why(content: bytes, why: str) -> None:
    with pytest.raises(cron.BadCron, match=why):
        cron.read(content)
