"""Whose credentials these are, what time AWS says it is, and what IAM's simulation allows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from ebcd.aws.session import Clients, answering
from ebcd.errors import AwsRefused

_BATCH = 50
"""Actions that one simulation is asked for."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who calls AWS."""

    account: str
    arn: str


@dataclass(frozen=True, slots=True)
class Simulation:
    """What IAM's simulation says of actions. It knows no session policies and not all conditions."""

    denied: frozenset[str]
    undecided: frozenset[str] = frozenset()
    """Denied, but under conditions whose values the simulation was not given."""

    @property
    def allowed(self) -> bool:
        """Whether every action is surely allowed."""
        return not self.denied and not self.undecided


def identity(clients: Clients) -> Identity:
    """Who calls. Raises AwsRefused where there are no usable credentials."""
    with answering("sts:GetCallerIdentity"):
        found = clients.sts.get_caller_identity()
    return Identity(str(found["Account"]), str(found["Arn"]))


def ahead(clients: Clients, now: Callable[[], datetime]) -> timedelta:
    """How far this machine's clock is ahead of AWS's; behind is negative, and what cannot be told apart is nothing.

    AWS dates an answer in whole seconds, and refusals too: a clock that is too wrong for a signature can be told.
    """
    with answering("sts:GetCallerIdentity"):
        before = now()
        try:
            answer = clients.sts.get_caller_identity()
        except Exception as error:
            answer = getattr(error, "response", {})
            if not _dated(answer):
                raise
        after = now()
    told = parsedate_to_datetime(_dated(answer))
    told = told if told.tzinfo else told.replace(tzinfo=UTC)
    latest = told + timedelta(seconds=1)
    return before - latest if before > latest else min(after - told, timedelta())


def _dated(answer: Any) -> str:
    return str(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}).get("date", ""))


def principal(clients: Clients, who: Identity) -> str:
    """The ARN that IAM knows a caller by: an assumed role's session is the role's. Raises AwsRefused.

    A role's path is not in its session's ARN, so IAM is asked.
    """
    kind, _, rest = who.arn.rpartition(":")[2].partition("/")
    if kind == "user":
        return who.arn
    if kind != "assumed-role":
        raise AwsRefused(
            f"IAM simulates nothing for {who.arn}.", why="It is neither a user nor a role.", code="no-principal"
        )
    with answering("iam:GetRole"):
        return str(clients.iam.get_role(RoleName=rest.partition("/")[0])["Role"]["Arn"])


def simulate(
    clients: Clients, source: str, actions: Iterable[str], resource: str, context: Mapping[str, str] | None = None
) -> Simulation:
    """What IAM's simulation says of a principal's actions on a resource. Changes nothing. Raises AwsRefused.

    context: condition keys that such a request has, and their values.
    Source: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulatePrincipalPolicy.html
    """
    wanted, results = list(actions), []
    entries = [
        {"ContextKeyName": key, "ContextKeyValues": [value], "ContextKeyType": "string"}
        for key, value in (context or {}).items()
    ]
    for start in range(0, len(wanted), _BATCH):
        given: dict[str, Any] = {
            "PolicySourceArn": source,
            "ActionNames": wanted[start : start + _BATCH],
            "ResourceArns": [resource],
            "ContextEntries": entries,
        }
        while True:
            with answering("iam:SimulatePrincipalPolicy"):
                page = clients.iam.simulate_principal_policy(**given)
            results += page["EvaluationResults"]
            if not page.get("IsTruncated"):
                break
            given["Marker"] = page["Marker"]
    denied = [item for item in results if item["EvalDecision"] != "allowed"]
    return Simulation(
        frozenset(item["EvalActionName"] for item in denied if not item.get("MissingContextValues")),
        frozenset(item["EvalActionName"] for item in denied if item.get("MissingContextValues")),
    )


def instance_profile_exists(clients: Clients, name: str) -> bool:
    """Whether there is an instance profile of that name or ARN. Raises AwsRefused."""
    with answering("iam:GetInstanceProfile"):
        try:
            clients.iam.get_instance_profile(InstanceProfileName=name.rpartition("/")[2])
        except clients.iam.exceptions.NoSuchEntityException:
            return False
    return True


def profile_role(clients: Clients, name: str) -> str:
    """The ARN of the role that an instance profile hands to instances; empty where there is none. Raises AwsRefused."""
    with answering("iam:GetInstanceProfile"):
        try:
            found = clients.iam.get_instance_profile(InstanceProfileName=name.rpartition("/")[2])["InstanceProfile"]
        except clients.iam.exceptions.NoSuchEntityException:
            return ""
    return str(found["Roles"][0]["Arn"]) if found["Roles"] else ""


def role_exists(clients: Clients, name: str) -> bool:
    """Whether there is a role of that name or ARN. Raises AwsRefused."""
    with answering("iam:GetRole"):
        try:
            clients.iam.get_role(RoleName=name.rpartition("/")[2])
        except clients.iam.exceptions.NoSuchEntityException:
            return False
    return True
