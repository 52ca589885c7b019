"""Instance logs streamed to CloudWatch Logs, which moto keeps, where an environment's option settings ask for it.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.cloudwatchlogs.html
"""

from __future__ import annotations

import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from ebcd_local.options import Options
from ebcd_local.own_clients import OwnClients

_NAMESPACE = "aws:elasticbeanstalk:cloudwatch:logs"
PIECE = 200_000
"""Bytes of a log that one look sends at most."""


def wanted(options: Options) -> bool:
    """Whether an environment's instance logs are streamed."""
    return options.get((_NAMESPACE, "StreamLogs"), "").lower() == "true"


class LogStreams:
    """Sends what logs have gained since they were read last."""

    def __init__(self, clients: OwnClients) -> None:
        self._sent: dict[Path, int] = {}
        self._client = cache(lambda region: clients.client("logs", region))

    def push(self, region: str, environment: str, instance_id: str, folder: Path) -> None:
        """Send the new lines of an instance's logs: a group for each log, a stream for each instance."""
        for path in folder.glob("*.log"):
            lines = self._new_lines(path)
            if lines:
                self._send(region, f"/aws/elasticbeanstalk/{environment}/var/log/{path.name}", instance_id, lines)

    def _new_lines(self, path: Path) -> list[str]:
        """Whole lines only: the rest is sent once it is one, or once it is too long to be waited for."""
        size, sent = path.stat().st_size, self._sent.get(path, 0)
        sent = 0 if size < sent else sent  # the log was turned over
        with path.open("rb") as log:
            log.seek(sent)
            piece = log.read(PIECE)
        text, end, rest = piece.rpartition(b"\n")
        if not end and len(piece) == PIECE:
            text = rest
        self._sent[path] = sent + len(text) + len(end)
        return [line for line in text.decode(errors="replace").splitlines() if line.strip()]

    def _send(self, region: str, group: str, stream: str, lines: list[str]) -> None:
        client, at = self._client(region), int(time.time() * 1000)
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_group(logGroupName=group)
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_stream(logGroupName=group, logStreamName=stream)
        events = [{"timestamp": at, "message": line} for line in lines]
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
