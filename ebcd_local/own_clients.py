"""Clients by which the server calls the services that it serves itself: moto's CloudFormation, SQS and Logs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import boto3
from botocore.config import Config

from ebcd_local.keys import Key


@dataclass(frozen=True, slots=True)
class OwnClients:
    """Makes clients with the server's own key."""

    key: Key
    endpoint: Callable[[], str]
    """Where AWS is served, known once the server listens."""

    def client(self, service: str, region: str, config: Config | None = None) -> Any:
        """A client of its own for whoever asks."""
        session = boto3.Session(self.key.id, self.key.secret, region_name=region)
        return session.client(service, endpoint_url=self.endpoint(), config=config)
