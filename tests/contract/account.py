"""The account that the contract is tried on: one of AWS, or the local Beanstalk that stands in for one.

All that a run makes has a name that begins with `ebcd-contract-` and the run's id, and where AWS takes tags the tag
`ebcd-contract` with that id.
"""

from __future__ import annotations

import os
import re
import secrets
import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from ebcd.aws.account import Account as Identity
from ebcd.aws.beanstalk import Beanstalk
from ebcd.aws.session import Access, Clients
from ebcd.aws.stacks import Stacks
from ebcd.aws.storage import Storage

T = TypeVar("T")
PREFIX = "ebcd-contract-"
TAG = "ebcd-contract"
NAME = re.compile(rf"{PREFIX}([0-9a-f]{{8}})")
"""What the application of a run is called; the id is in the brackets."""
SHORTEST, LONGEST, GROWTH = 0.1, 8.0, 1.15
"""Seconds between two reads at first, at most, and how much longer each pause is than the one before: the local
Beanstalk is waited for no longer than it takes, and AWS is not asked more often than it bears."""

RUN = "EBCD_CONTRACT_RUN"
"""The variable with the id of a run on an account. `on_account.py` sets it, for it removes what the run makes."""
ENDPOINT = "EBCD_TEST_AWS_ENDPOINT"
"""The variable with another endpoint than AWS's."""
LOCAL_SHARE = 0.1
"""Share of AWS's time that the local Beanstalk in its place has for the same."""


def new_run() -> str:
    """The id of a run, which no other has."""
    return secrets.token_hex(4)


def region_of(environ: Mapping[str, str]) -> str:
    """The region that boto3 would take of variables; empty where none is set."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


class Account:
    """An account in a region, and ebcd's adapters and boto3's clients for it."""

    def __init__(
        self, run: str, region: str, endpoint_url: str | None = None, keys: tuple[str, str] | None = None
    ) -> None:
        """endpoint_url: None for AWS. keys: an access key and its secret; None: as boto3 finds them."""
        self.run = run
        self.region = region
        self._endpoint_url = endpoint_url
        self._keys = keys or (None, None)
        self._made: dict[str, Any] = {}

    def until(self, read: Callable[[], T], done: Callable[[T], bool], seconds: float) -> T:
        """What `read` returns, as soon as it is as wanted. Fails with what was read last.

        seconds: how long AWS has for it.
        """
        patience = seconds * (LOCAL_SHARE if self._endpoint_url else 1.0)
        deadline, pause = time.monotonic() + patience, SHORTEST
        while not done(found := read()):
            assert time.monotonic() < deadline, f"After {patience:g} s it is still so: {found}"
            time.sleep(pause)
            pause = min(pause * GROWTH, LONGEST)
        return found

    @property
    def name(self) -> str:
        """What the run's application is called, and how the names of all else begin."""
        return PREFIX + self.run

    @property
    def tags(self) -> list[dict[str, str]]:
        """What the run tags all that it makes with."""
        return [{"Key": TAG, "Value": self.run}]

    def client(self, service: str) -> Any:
        """boto3's client of a service. Nothing is asked twice but what AWS throttled or failed on."""
        if service not in self._made:
            config = Config(retries={"mode": "standard", "total_max_attempts": 6})
            access_key, secret_key = self._keys
            self._made[service] = boto3.client(
                service,
                self.region,
                endpoint_url=self._endpoint_url,
                config=config,
                aws_access_key_id=access_key,
                aws_secret_access_key=secret_key,
            )
        return self._made[service]

    @cached_property
    def clients(self) -> Clients:
        """The clients of ebcd's adapters."""
        access_key, secret_key = self._keys
        return Clients(
            Access(self.region, endpoint_url=self._endpoint_url, access_key_id=access_key, secret_access_key=secret_key)
        )

    @cached_property
    def _identity(self) -> Identity:
        return Identity(self.clients)

    @cached_property
    def beanstalk(self) -> Beanstalk:
        """ebcd's adapter of Elastic Beanstalk."""
        return Beanstalk(self.clients, self._identity)

    @cached_property
    def storage(self) -> Storage:
        """ebcd's adapter of S3."""
        return Storage(self.clients, self.region, self._identity)

    @cached_property
    def stacks(self) -> Stacks:
        """ebcd's adapter of CloudFormation."""
        return Stacks(self.clients)

    def close(self) -> None:
        """Close all connections."""
        for client in self._made.values():
            client.close()
        for name in ("beanstalk", "beanstalk_once", "s3", "s3_bulk", "sts", "iam", "cloudformation"):
            if name in vars(self.clients):
                getattr(self.clients, name).close()


def of_environ(run: str) -> Account:
    """The account that the variables lead to, for a run."""
    endpoint = os.environ.get(ENDPOINT) or os.environ.get("AWS_ENDPOINT_URL") or None
    return Account(run, region_of(os.environ), endpoint)
