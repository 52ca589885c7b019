"""Mail."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Protocol


class Mail(Protocol):
    """What sends mail."""

    stays: bool
    """Whether a mail that was sent can be read in the outbox alone, and stays there. It may have a one-time link."""

    def send(self, recipient: str, subject: str, body: str) -> None:
        """Send a mail. Raises an error where it was not taken."""


class NoMail:
    """The local twin: mail stays in the workspace's outbox."""

    stays = True

    def send(self, recipient: str, subject: str, body: str) -> None:
        """Nothing: the outbox page shows it."""


class SesMail:
    """SES, version 2 of its API."""

    stays = False

    def __init__(self, sender: str, client: Any = None) -> None:
        self._sender = sender
        self._given = client

    @cached_property
    def _client(self) -> Any:
        import boto3

        return self._given or boto3.client("sesv2")

    def send(self, recipient: str, subject: str, body: str) -> None:
        """Send a mail."""
        text = {"Subject": {"Data": subject, "Charset": "UTF-8"}, "Body": {"Text": {"Data": body, "Charset": "UTF-8"}}}
        destination = {"ToAddresses": [recipient]}
        self._client.send_email(FromEmailAddress=self._sender, Destination=destination, Content={"Simple": text})
