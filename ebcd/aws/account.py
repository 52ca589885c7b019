"""The account that the credentials belong to: the default bucket's name and its expected owner follow from it."""

from __future__ import annotations

import threading

from ebcd.aws.session import Clients, answering


class Account:
    """The account's id, asked of STS once, when it is needed; not at all where an ARN told it before.

    A rollback looks at its environments first, and their ARNs name the account: one call less while people wait.
    """

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._id = ""
        self._asking = threading.Lock()  # whoever reads several things at once asks once

    @property
    def id(self) -> str:
        """Twelve digits. Raises AwsRefused where there are no usable credentials."""
        with self._asking:
            if not self._id:
                with answering("sts:GetCallerIdentity"):
                    self._id = str(self._clients.sts.get_caller_identity()["Account"])
            return self._id

    def learn(self, arn: str) -> None:
        """Take the account from the ARN of something that is its own (`arn:aws:service:region:account:…`)."""
        parts = arn.split(":")
        if len(parts) > 5 and len(parts[4]) == 12 and parts[4].isdigit():
            self._id = parts[4]
