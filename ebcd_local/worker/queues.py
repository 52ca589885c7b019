"""A worker environment's queue and its dead-letter queue, in moto's SQS.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/using-features-managing-env-tiers.html
"""

from __future__ import annotations

import hashlib
import json
import threading
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ebcd_local.own_clients import OwnClients
from ebcd_local.records import Environment
from ebcd_local.worker.settings import Settings

AGENT = "aws-sqsd/3.0.4"
"""What the daemon calls itself, to SQS and to the application."""
MAIN, DEAD = "WorkerQueue", "WorkerDeadLetterQueue"
"""What the queues are called in DescribeEnvironmentResources."""


class QueueFailed(Exception):
    """A queue cannot be made or deleted; the message says why."""


class Queues:
    """The queues of all worker environments."""

    def __init__(self, clients: OwnClients) -> None:
        self._own = clients
        self._lock = threading.Lock()
        self._clients: dict[str, Any] = {}

    def client(self, region: str) -> Any:
        """The region's SQS; threads may share it."""
        with self._lock:
            if region not in self._clients:
                self._clients[region] = self._own.client("sqs", region, Config(user_agent=AGENT))
            return self._clients[region]

    def close(self) -> None:
        """Let go of all connections."""
        with self._lock:
            for client in self._clients.values():
                client.close()
            self._clients = {}

    def bring(self, environment: Environment, settings: Settings) -> dict[str, str]:
        """Make an environment's queues, or bring them up to its settings; what each is called → its URL. A queue of the
        user's own is left as it is, and gets no dead-letter queue. Raises QueueFailed.
        """
        if settings.queue_url:
            return {MAIN: settings.queue_url}
        client, kept = self.client(environment.region), {"MessageRetentionPeriod": str(settings.retention)}
        try:
            dead = _brought(client, _name(environment, DEAD), kept)
            arn = client.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": settings.max_retries})
            own = {"VisibilityTimeout": str(settings.visibility_timeout), "RedrivePolicy": redrive}
            return {MAIN: _brought(client, _name(environment, MAIN), kept | own), DEAD: dead}
        except (ClientError, BotoCoreError, KeyError) as error:
            raise QueueFailed(f"The worker's queue cannot be made: {error}") from error

    def delete(self, environment: Environment) -> None:
        """Delete the queues that the environment was given; not one of the user's own. Raises QueueFailed."""
        if DEAD not in environment.queues:
            return
        client = self.client(environment.region)
        for url in environment.queues.values():
            try:
                client.delete_queue(QueueUrl=url)
            except client.exceptions.QueueDoesNotExist:
                continue
            except (ClientError, BotoCoreError) as error:
                raise QueueFailed(f"The worker's queue cannot be deleted: {error}") from error


def _brought(client: Any, name: str, attributes: dict[str, str]) -> str:
    """The URL of a queue with these attributes: with other ones it could not be made a second time."""
    try:
        url = str(client.get_queue_url(QueueName=name)["QueueUrl"])
    except client.exceptions.QueueDoesNotExist:
        url = str(client.create_queue(QueueName=name)["QueueUrl"])
    client.set_queue_attributes(QueueUrl=url, Attributes=attributes)
    return url


def _name(environment: Environment, queue: str) -> str:
    digest = hashlib.sha256(f"{environment.id}/{queue}".encode()).hexdigest()[:12].upper()
    return f"awseb-{environment.id}-stack-AWSEB{queue}-{digest}"
