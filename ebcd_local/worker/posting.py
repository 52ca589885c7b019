"""One message of a queue: the request that it becomes, and its answer.

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html#worker-daemon;
the daemon itself (the gem aws-sqsd).
"""

from __future__ import annotations

import http.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ebcd_local.worker.queues import AGENT
from ebcd_local.worker.settings import Settings

_OWN = "beanstalk.sqsd."
"""What the daemon's own attributes of a message begin with."""


@dataclass(frozen=True, slots=True)
class Post:
    """A request."""

    path: str
    headers: Mapping[str, str]
    body: bytes


def of_message(message: Mapping[str, Any], queue_url: str, settings: Settings) -> Post:
    """What a message is posted as: a periodic task to its own path and without a body, any other to HttpPath."""
    system, own = message["Attributes"], message.get("MessageAttributes", {})
    headers = {
        "Content-Type": settings.mime_type,
        "User-Agent": AGENT,
        "X-Aws-Sqsd-Msgid": message["MessageId"],
        "X-Aws-Sqsd-Receive-Count": system["ApproximateReceiveCount"],
        "X-Aws-Sqsd-First-Received-At": _time(first_received(message)),
        "X-Aws-Sqsd-Sent-At": _time(_moment(system["SentTimestamp"])),
        "X-Aws-Sqsd-Queue": queue_url.rpartition("/")[2],
        "X-Aws-Sqsd-Sender-Id": system.get("SenderId", ""),
        **dict(_attributes(own)),
    }
    scheduled = _text(own, "scheduled_time")
    if not scheduled:
        return Post(settings.path, headers, message["Body"].encode())
    headers |= {
        "X-Aws-Sqsd-Taskname": _text(own, "task_name"),
        "X-Aws-Sqsd-Path": _text(own, "path"),
        "X-Aws-Sqsd-Scheduled-At": scheduled.removesuffix(" UTC").replace(" ", "T") + "Z",
    }
    return Post(_text(own, "path"), headers, b"")


def first_received(message: Mapping[str, Any]) -> datetime:
    """When a message was received for the first time."""
    return _moment(message["Attributes"]["ApproximateFirstReceiveTimestamp"])


def send(post: Post, port: int, settings: Settings) -> int:
    """Post to an instance; the status of its answer. Raises OSError, http.client.HTTPException and ValueError."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=settings.connect_timeout)
    try:
        connection.connect()
        connection.sock.settimeout(settings.inactivity_timeout)
        connection.request("POST", post.path, post.body, {"Host": "localhost", **post.headers})
        answer = connection.getresponse()
        answer.read()
        return answer.status
    finally:
        connection.close()


def _attributes(own: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """A header for each attribute that is a text or a number; binary ones have none."""
    for name, item in own.items():
        if not name.startswith(_OWN) and str(item["DataType"]).startswith(("String", "Number")):
            yield f"X-Aws-Sqsd-Attr-{name}", item["StringValue"]


def _text(own: Mapping[str, Any], name: str) -> str:
    return str(own.get(f"{_OWN}{name}", {}).get("StringValue", ""))


def _moment(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _time(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
