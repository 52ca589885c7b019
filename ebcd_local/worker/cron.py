"""Periodic tasks: what cron.yaml in a worker's source bundle says, and which are due. Times are UTC. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html#worker-periodictasks
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml
from cronsim import CronSim, CronSimError

from ebcd_local import plain_yaml

FILE = "cron.yaml"
BODY = "elasticbeanstalk scheduled job"
"""Of the message that a task becomes."""


class BadCron(Exception):
    """cron.yaml cannot be used; the message says why, as the daemon words it."""


@dataclass(frozen=True, slots=True)
class Task:
    """One periodic task."""

    name: str
    url: str
    schedule: str

    def due(self, since: datetime, now: datetime) -> datetime | None:
        """When it was due last, after `since` and not after `now`; None where it was not."""
        # CronSim begins before the moment that it is given, and counts whole seconds.
        last = next(CronSim(self.schedule, now.replace(microsecond=0) + timedelta(seconds=1), reverse=True), None)
        return last if last and last > since else None


def of_application(folder: Path) -> tuple[Task, ...]:
    """The tasks of an application, from its cron.yaml; none where it has none. Raises BadCron and OSError."""
    path = folder / FILE
    if not path.is_file():
        return ()
    with path.open("rb") as stream:
        return read(stream.read(plain_yaml.FILE_LIMIT + 1))


def read(content: bytes) -> tuple[Task, ...]:
    """The tasks of a cron.yaml. Raises BadCron."""
    try:
        found = plain_yaml.mapping(content)
    except (ValueError, yaml.YAMLError) as error:
        raise BadCron(f"Failed of loading file '{FILE}', because: {' '.join(str(error).split())[:300]}") from error
    if "version" not in found:
        raise BadCron(f"Cannot find 'version' attribute from schedule file '{FILE}'")
    if found["version"] != 1:
        raise BadCron(f"Not supported version '{found['version']}' for schedule file '{FILE}'")
    try:
        tasks = tuple(_tasks(found["cron"]))
    except (KeyError, TypeError, ValueError, CronSimError) as error:
        raise BadCron(f"Failed of parsing file '{FILE}', because: {error}") from error
    if len({task.name for task in tasks}) < len(tasks):
        raise BadCron(f"Failed of parsing file '{FILE}', because: two tasks have one name")
    return tasks


def attributes(task: Task, at: datetime) -> dict[str, dict[str, str]]:
    """The attributes of the message that a task becomes: which one it is, where it is posted, when it was due."""
    told = {"path": task.url, "task_name": task.name, "scheduled_time": at.strftime("%Y-%m-%d %H:%M:%S UTC")}
    return {f"beanstalk.sqsd.{name}": {"DataType": "String", "StringValue": value} for name, value in told.items()}


def _tasks(found: Sequence[Any]) -> Iterator[Task]:
    for item in found:
        task = Task(str(item["name"]), str(item["url"]), str(item["schedule"]))
        if not task.url.startswith("/") or any(character.isspace() for character in task.url):
            raise ValueError(f"{task.url!r} is no path")
        if len(task.schedule.split()) != 5:
            raise ValueError(f"{task.schedule!r} is no cron expression of five fields")
        CronSim(task.schedule, datetime(2000, 1, 1, tzinfo=UTC))
        yield task
