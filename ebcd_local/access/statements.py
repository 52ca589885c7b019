"""Policies, and IAM's decision: an explicit deny wins, else an allow, else nothing is allowed. Pure.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeAlias

from ebcd_local.access import conditions
from ebcd_local.access.conditions import Context

Document: TypeAlias = Mapping[str, Any]
"""A policy's JSON."""


class Decision(Enum):
    """What policies say of one thing that is asked for; the value is IAM's reason in a refusal."""

    ALLOWED = ""
    DENIED = "with an explicit deny in an identity-based policy"
    NOT_ALLOWED = "because no identity-based policy allows the {action} action"
    NOT_IN_SESSION = "because no session policy allows the {action} action"
    NOT_IN_BOUNDARY = "because no permissions boundary allows the {action} action"


@dataclass(frozen=True, slots=True)
class Asked:
    """One action on one resource, and what is known of the request."""

    action: str
    """As `s3:PutObject`."""
    resource: str = "*"
    """An ARN; * for an action that knows no resources."""
    context: Context = field(default_factory=dict)
    """Condition keys in lower case."""


def decide(asked: Asked, documents: Iterable[Document]) -> Decision:
    """What an identity's policies say."""
    effects = {
        statement["Effect"]
        for document in documents
        for statement in _statements(document)
        if _concerns(statement, asked)
    }
    if "Deny" in effects:
        return Decision.DENIED
    return Decision.ALLOWED if "Allow" in effects else Decision.NOT_ALLOWED


def trusts(document: Document, asked: Asked, principals: Mapping[str, set[str]]) -> bool:
    """Whether a role's trust policy lets somebody do that. principals: kind (AWS, Federated, Service) → their names."""
    effects = {
        statement["Effect"]
        for statement in _statements(document)
        if _acts(statement, asked)
        and _named(statement.get("Principal", {}), principals)
        and conditions.fits(statement.get("Condition", {}), asked.context)
    }
    return effects == {"Allow"}


def _statements(document: Document) -> list[Mapping[str, Any]]:
    found = document.get("Statement", [])
    return [found] if isinstance(found, Mapping) else list(found)


def _concerns(statement: Mapping[str, Any], asked: Asked) -> bool:
    """Whether a statement is about what is asked for."""
    return (
        _acts(statement, asked)
        and _either(statement, "Resource", lambda wanted: _reaches(wanted, asked))
        and conditions.fits(statement.get("Condition", {}), asked.context)
    )


def _acts(statement: Mapping[str, Any], asked: Asked) -> bool:
    return _either(statement, "Action", lambda wanted: conditions.like(asked.action.lower(), wanted.lower()))


def _either(statement: Mapping[str, Any], name: str, test: Callable[[str], bool]) -> bool:
    """Whether one of an element's values fits, or, of its opposite (NotAction), none."""
    if f"Not{name}" in statement:
        return not any(map(test, conditions.values(statement[f"Not{name}"])))
    return any(map(test, conditions.values(statement.get(name, []))))


def _reaches(wanted: str, asked: Asked) -> bool:
    text = conditions.substituted(wanted, asked.context)
    return text is not None and (text == "*" or conditions.arn_like(asked.resource, text))


def _named(element: Any, principals: Mapping[str, set[str]]) -> bool:
    """Whether a Principal element names one of somebody's names."""
    if element == "*":
        return True
    return any(
        wanted == "*" or wanted in principals.get(kind, ())
        for kind, wanted_of_kind in element.items()
        for wanted in conditions.values(wanted_of_kind)
    )
