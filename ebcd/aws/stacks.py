"""CloudFormation as ebcd uses it: one stack, created or updated, and its events.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_CreateStack.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ebcd.aws.session import Clients, answering, error_code

CAPABILITIES = ("CAPABILITY_IAM",)
"""Roles are made, under names that CloudFormation chooses."""


@dataclass(frozen=True, slots=True)
class Stack:
    """A stack as CloudFormation describes it."""

    id: str
    name: str
    status: str
    """CREATE_COMPLETE, UPDATE_IN_PROGRESS, ROLLBACK_COMPLETE …"""
    reason: str = ""
    outputs: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StackEvent:
    """One thing that happened to a stack's resource."""

    id: str
    time: datetime
    resource: str
    status: str
    reason: str = ""


class Stacks:
    """The stacks of a region. Each method raises AwsRefused or one of its kinds."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def find(self, name: str) -> Stack | None:
        """The stack of a name or id; None when there is none."""
        with answering("cloudformation:DescribeStacks"):
            try:
                found = self._clients.cloudformation.describe_stacks(StackName=name)["Stacks"]
            except Exception as error:
                if error_code(error) == "ValidationError" and "does not exist" in str(error):
                    return None
                raise
        return next((_stack(item) for item in found if item["StackStatus"] != "DELETE_COMPLETE"), None)

    def create(self, name: str, body: str, token: str, tags: Mapping[str, str]) -> None:
        """Begin to create a stack; nothing where it is there already. token: what makes a repeat the same request."""
        with answering("cloudformation:CreateStack"):
            try:
                self._clients.cloudformation.create_stack(**_request(name, body, token, tags))
            except Exception as error:
                if error_code(error) != "AlreadyExistsException":  # botocore's repeat of our own
                    raise

    def update(self, name: str, body: str, token: str, tags: Mapping[str, str]) -> bool:
        """Begin to update a stack; False where there is nothing to update."""
        with answering("cloudformation:UpdateStack"):
            try:
                self._clients.cloudformation.update_stack(**_request(name, body, token, tags))
            except Exception as error:
                if error_code(error) == "ValidationError" and "No updates are to be performed" in str(error):
                    return False
                raise
        return True

    def events(self, stack: str) -> tuple[StackEvent, ...]:
        """The newest events, oldest of them first."""
        with answering("cloudformation:DescribeStackEvents"):
            found = self._clients.cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        return tuple(
            StackEvent(
                item["EventId"],
                item["Timestamp"],
                item.get("LogicalResourceId", ""),
                item.get("ResourceStatus", ""),
                item.get("ResourceStatusReason", ""),
            )
            for item in reversed(found)
        )


def _request(name: str, body: str, token: str, tags: Mapping[str, str]) -> dict[str, Any]:
    return {
        "StackName": name,
        "TemplateBody": body,
        "Capabilities": [*CAPABILITIES],
        "ClientRequestToken": token,
        "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
    }


def _stack(item: Mapping[str, Any]) -> Stack:
    outputs = {output["OutputKey"]: output["OutputValue"] for output in item.get("Outputs", [])}
    return Stack(item["StackId"], item["StackName"], item["StackStatus"], item.get("StackStatusReason", ""), outputs)
