"""The stack of `ebcd bootstrap` on a bad day: busy, unusable, failed, too slow; and when there is nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from stages import NOW

from ebcd.aws.stacks import Stacks
from ebcd.bootstrap import Brought, bring
from ebcd.errors import AwsRefused, EbcdError, OutcomeUnknown, Refused
from ebcd.model import Reach
from ebcd.permissions.template import Wanted

WANTED = Wanted("shop")


def refusal(code: str, message: str) -> ClientError:
    status = 500 if code == "InternalFailure" else 400
    told: Any = {"Error": {"Code": code, "Message": message}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Operation")


class CloudFormation:
    """A stack that goes through some statuses, one at each look, and each with an event of its own.

    reason: why the role could not be created. before: why it could not in an earlier attempt. stale: how often it still
    shows the status from before once it was changed.
    """

    def __init__(
        self, *statuses: str, update: Exception | None = None, reason: str = "", before: str = "", stale: int = 0
    ) -> None:
        self.statuses = list(statuses)
        self.update, self.reason, self.before, self.stale = update, reason, before, stale
        self.sent: list[str] = []
        self.seen: list[str] = []

    def describe_stacks(self, StackName: str) -> dict[str, Any]:
        if self.sent and self.stale:
            self.stale -= 1
            return self._described(StackName, self.seen[0])
        status = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if status in {"Throttling", "InternalFailure"}:
            raise refusal(status, "Not now.")
        if status == "none":
            raise refusal("ValidationError", f"Stack with id {StackName} does not exist")
        if status not in self.seen:
            self.seen.append(status)
        return self._described(StackName, status)

    def _described(self, name: str, status: str) -> dict[str, Any]:
        outputs = [{"OutputKey": "ServiceRole", "OutputValue": "role"}]
        return {"Stacks": [{"StackId": "arn", "StackName": name, "StackStatus": status, "Outputs": outputs}]}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:
        own = [self._event(status, WANTED.stack, status) for status in self.seen]
        role = [
            self._event(f"role {why}", "DeployRole", "CREATE_FAILED", why)
            for why in (self.reason if self.sent else "", self.before)
            if why
        ]
        return {"StackEvents": [*reversed(own), *role]}

    def _event(self, name: str, resource: str, status: str, reason: str = "") -> dict[str, Any]:
        return {
            "EventId": name,
            "Timestamp": NOW,
            "LogicalResourceId": resource,
            "ResourceStatus": status,
            "ResourceStatusReason": reason,
        }

    def create_stack(self, **given: Any) -> None:
        assert given["Capabilities"] == ["CAPABILITY_IAM"]
        self.sent.append("create")

    def update_stack(self, **given: Any) -> None:
        self.sent.append("update")
        if self.update:
            raise self.update


class Clock:
    """A clock whose waits take no time."""

    def __init__(self) -> None:
        self.at = 0.0

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.at, UTC)

    def monotonic(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds

    def check(self) -> None:
        return

    def uninterrupted(self, *, even_twice: bool = False) -> AbstractContextManager[None]:
        return nullcontext()


def brought(cloudformation: CloudFormation, note: Callable[[str], None] = lambda _: None) -> Brought:
    clients: Any = SimpleNamespace(cloudformation=cloudformation)
    return bring(Stacks(clients), Clock(), WANTED, {"Resources": {}}, note, Reach("eu-west-1", "ops"))


def test_a_stack_is_created_and_waited_for() -> None:
    cloudformation = CloudFormation(
        "none", "none", "CREATE_IN_PROGRESS", "Throttling", "InternalFailure", "CREATE_COMPLETE"
    )
    done = brought(cloudformation)
    assert (done.change, done.stack.outputs, cloudformation.sent) == ("created", {"ServiceRole": "role"}, ["create"])


def test_a_stack_that_needs_nothing_is_left_as_it_is() -> None:
    nothing = refusal("ValidationError", "No updates are to be performed.")
    done = brought(CloudFormation("UPDATE_COMPLETE", update=nothing))
    assert (done.change, done.stack.status) == ("unchanged", "UPDATE_COMPLETE")


def test_another_refusal_of_an_update_is_no_success() -> None:
    with pytest.raises(AwsRefused):
        brought(CloudFormation("CREATE_COMPLETE", update=refusal("ValidationError", "Template format error")))


@pytest.mark.parametrize(
    ("cloudformation", "kind", "code", "said"),
    [
        (CloudFormation("ROLLBACK_COMPLETE"), Refused, "stack-unusable", "delete-stack"),
        (CloudFormation("UPDATE_IN_PROGRESS"), Refused, "stack-busy", "describe-stack-events"),
        (
            CloudFormation("none", "CREATE_IN_PROGRESS", "ROLLBACK_COMPLETE", reason="Not allowed"),
            AwsRefused,
            "stack-failed",
            "delete-stack",
        ),
        (
            CloudFormation("CREATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", reason="Not allowed"),
            AwsRefused,
            "stack-failed",
            "run the same command again",
        ),
        (CloudFormation("none", "CREATE_IN_PROGRESS"), OutcomeUnknown, "deadline", "describe-stack-events"),
    ],
)
def test_what_goes_wrong_is_told_with_a_way_out(
    cloudformation: CloudFormation, kind: type[EbcdError], code: str, said: str
) -> None:
    with pytest.raises(kind) as error:
        brought(cloudformation)
    assert error.value.code == code
    assert said in error.value.hint
    if code == "stack-failed":
        assert error.value.why == "DeployRole CREATE_FAILED: Not allowed"


def test_each_event_is_told_once() -> None:
    lines: list[str] = []
    with pytest.raises(OutcomeUnknown):
        brought(CloudFormation("none", "CREATE_IN_PROGRESS", reason="Denied"), lines.append)
    assert lines == ["DeployRole CREATE_FAILED: Denied", "ebcd-shop CREATE_IN_PROGRESS"]


def test_what_the_stack_was_before_is_not_taken_for_the_end() -> None:
    cloudformation = CloudFormation(
        "UPDATE_COMPLETE", "UPDATE_IN_PROGRESS", "UPDATE_ROLLBACK_COMPLETE", stale=2, reason="Not allowed"
    )
    with pytest.raises(AwsRefused) as error:
        brought(cloudformation)
    assert error.value.code == "stack-failed"
    assert cloudformation.stale == 0


def test_the_reason_of_an_earlier_attempt_is_not_told_again() -> None:
    with pytest.raises(AwsRefused) as error:
        brought(
            CloudFormation(
                "UPDATE_ROLLBACK_COMPLETE",
                "UPDATE_IN_PROGRESS",
                "UPDATE_FAILED",
                reason="Not allowed",
                before="A name that was too long",
            )
        )
    assert error.value.why == "DeployRole CREATE_FAILED: Not allowed"
