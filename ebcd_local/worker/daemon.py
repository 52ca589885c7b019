"""The daemon of worker environments. On AWS each instance has one; here one thread reads for all of them, and an
instance has as many messages at the same time as HttpConnections allows.
"""

from __future__ import annotations

import http.client
import logging
import threading
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from ebcd_local.fleet import Fleet, Member
from ebcd_local.records import Environment
from ebcd_local.state import now
from ebcd_local.worker import cron, posting
from ebcd_local.worker.queues import MAIN, Queues
from ebcd_local.worker.settings import Settings

log = logging.getLogger(__name__)

INTERVAL = 1.0
"""Seconds between two rounds."""
AT_ONCE = 100
"""Messages that are posted at the same time, over all environments."""
BATCH = 10
"""Messages that one call receives at most."""
STOP_DEADLINE = 10.0


@dataclass(frozen=True, slots=True)
class Work:
    """A message on its way to an instance."""

    environment: Environment
    member: Member
    message: dict[str, Any]
    settings: Settings


class Daemons:
    """Reads the queues of every worker environment."""

    def __init__(self, fleet: Fleet, queues: Queues) -> None:
        self._fleet = fleet
        self._queues = queues
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._under_way: Counter[str] = Counter()
        """Messages by instance."""
        self._scheduled_until: dict[str, datetime] = {}
        self._pool = ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="sqsd")
        self._thread = threading.Thread(target=self._run, name="sqsd", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End, and leave what is under way: its messages will be visible again."""
        self._stop.set()
        self._thread.join(STOP_DEADLINE)
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._queues.close()

    def _run(self) -> None:
        while not self._stop.wait(INTERVAL / self._fleet.speed):
            for environment in [item for item in self._fleet.state.living() if item.queues]:
                try:
                    self._round(environment)
                except (ClientError, BotoCoreError) as error:  # the next round tries again
                    log.warning("the queue of %s: %s", environment.name, error)
                except Exception:
                    log.exception("the queue of %s", environment.name)

    def _round(self, environment: Environment) -> None:
        """Queue the tasks that are due, and post what is in the queue while an instance can take more."""
        members = [member for member in self._fleet.members(environment.key) if _works(member)]
        if not members or environment.status in {"Terminating", "Launching"}:
            return
        settings = Settings.of(self._fleet.effective(environment))
        self._queue_tasks(environment, members[0].instance.application, self._fleet.site.clock())
        while free := self._free(members, settings):
            received = self._receive(environment, min(free, BATCH), settings)
            for message in received:
                self._pool.submit(self._deliver, Work(environment, self._taken(members), message, settings))
            if not received:
                return

    def _free(self, members: Sequence[Member], settings: Settings) -> int:
        """How many more messages may be posted now."""
        with self._lock:
            own = sum(max(0, settings.connections - self._under_way[member.instance.id]) for member in members)
            return max(0, min(own, AT_ONCE - self._under_way.total()))

    def _taken(self, members: Sequence[Member]) -> Member:
        """The instance that has the least to do, with one message more."""
        with self._lock:
            member = min(members, key=lambda item: self._under_way[item.instance.id])
            self._under_way[member.instance.id] += 1
            return member

    def _receive(self, environment: Environment, most: int, settings: Settings) -> list[dict[str, Any]]:
        answer = self._queues.client(environment.region).receive_message(
            QueueUrl=environment.queues[MAIN],
            MaxNumberOfMessages=most,
            VisibilityTimeout=settings.visibility_timeout,
            AttributeNames=["All"],
            MessageAttributeNames=["All"],
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found

    def _deliver(self, work: Work) -> None:
        """Post a message. Delete it where it was worked on, or is too old; let it be tried again where not."""
        client, environment = self._queues.client(work.environment.region), work.environment
        named = {"QueueUrl": environment.queues[MAIN], "ReceiptHandle": work.message["ReceiptHandle"]}
        expires = posting.first_received(work.message) + timedelta(seconds=work.settings.retention)
        try:
            if now() > expires or self._posted(work) == 200:
                client.delete_message(**named)
            else:
                client.change_message_visibility(**named, VisibilityTimeout=work.settings.error_visibility_timeout)
        except (ClientError, BotoCoreError) as error:  # it is visible again after its time
            log.warning("message %s of %s: %s", work.message["MessageId"], environment.name, error)
        finally:
            with self._lock:
                self._under_way[work.member.instance.id] -= 1

    def _posted(self, work: Work) -> int | None:
        """The status that the instance answered with; None where it did not answer."""
        environment, instance, started = work.environment, work.member.instance, time.monotonic()
        status = None
        with self._fleet.balancer.counted(environment.id, instance.id) as done:
            try:
                post = posting.of_message(work.message, environment.queues[MAIN], work.settings)
                status = posting.send(post, instance.port, work.settings)
            except (OSError, http.client.HTTPException, ValueError) as error:
                log.info("message %s of %s: %s", work.message["MessageId"], environment.name, error)
            done(status or 502, time.monotonic() - started)
        return status

    def _queue_tasks(self, environment: Environment, application: Path, at: datetime) -> None:
        """Put the periodic tasks that have become due into the queue: once for the environment, as its leader does."""
        since, self._scheduled_until[environment.key] = self._scheduled_until.get(environment.key, at), at
        for task in _tasks(application):
            if moment := task.due(since, at):
                self._queues.client(environment.region).send_message(
                    QueueUrl=environment.queues[MAIN],
                    MessageBody=cron.BODY,
                    MessageAttributes=cron.attributes(task, moment),
                )


def _tasks(application: Path) -> tuple[cron.Task, ...]:
    """The periodic tasks of an application that is deployed; none where its cron.yaml was spoilt since."""
    try:
        return cron.of_application(application)
    except (OSError, cron.BadCron):
        return ()


def _works(member: Member) -> bool:
    return member.status == "Deployed" and member.registered and member.instance.alive
