"""Whose key a request was made with, and which policies that user or role has: users, roles and sessions are moto's."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.core.utils import utcnow
from moto.iam.access_control import AssumedRoleAccessKey, CreateAccessKeyFailure, IAMUserAccessKey, create_access_key
from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from ebcd_local.access.conditions import Context
from ebcd_local.access.statements import Asked, Decision, Document, decide
from ebcd_local.errors import ServiceError
from ebcd_local.partitions import arn, partition
from ebcd_local.state import ACCOUNT


@dataclass(frozen=True, slots=True)
class Caller:
    """Who makes a request. It may do what its policies allow, within its boundary and its session's policy, if any."""

    arn: str
    policies: tuple[Document, ...]
    boundary: Document | None = None
    session: Document | None = None
    context: Context = field(default_factory=dict)
    """What is known of it: `aws:principalarn` and others."""

    def decision(self, asked: Asked) -> Decision:
        """Whether it may do what is asked for."""
        known = Asked(asked.action, asked.resource, {**self.context, **asked.context})
        found = decide(known, self.policies)
        for limit, reason in ((self.boundary, Decision.NOT_IN_BOUNDARY), (self.session, Decision.NOT_IN_SESSION)):
            if found is Decision.ALLOWED and limit is not None:
                within = decide(known, [limit])
                found = reason if within is Decision.NOT_ALLOWED else within
        return found


def administrator(region: str) -> Caller:
    """Whoever has the server's own key: the account's root user."""
    return Caller(
        arn("iam", region, ACCOUNT, "root"), ({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}},)
    )


def find(key_id: str, token: str, region: str) -> Caller:
    """The user or the role's session that a key belongs to. Raises ServiceError for a key that IAM does not know."""
    headers = {"X-Amz-Security-Token": token} if token else {}
    try:
        key = create_access_key(ACCOUNT, partition(region), key_id, headers)
    except CreateAccessKeyFailure as error:
        raise ServiceError(
            "InvalidClientTokenId", "The security token included in the request is invalid.", 403
        ) from error
    return _session(key, key_id, region) if isinstance(key, AssumedRoleAccessKey) else _user(key, region)


def _session(key: AssumedRoleAccessKey, key_id: str, region: str) -> Caller:
    assumed: Any = sts_backends[ACCOUNT][partition(region)].get_assumed_role_from_access_key(key_id)
    if assumed.expiration < utcnow():
        raise ServiceError("ExpiredToken", "The security token included in the request is expired", 403)
    role: Any = iam_backends[ACCOUNT][partition(region)].get_role_by_arn(assumed.role_arn)
    known = {"aws:principalarn": [role.arn], "aws:userid": [assumed.user_id], "aws:principaltype": ["AssumedRole"]}
    return Caller(
        key.arn,
        _documents(key.collect_policies()),
        _boundary(role, region),
        json.loads(assumed.policy) if assumed.policy else None,
        known | _of_account() | _tags(role),
    )


def _user(key: IAMUserAccessKey, region: str) -> Caller:
    user: Any = iam_backends[ACCOUNT][partition(region)].get_user(key.arn.rpartition("/")[2])
    known = {
        "aws:principalarn": [user.arn],
        "aws:userid": [user.id],
        "aws:username": [user.name],
        "aws:principaltype": ["User"],
    }
    return Caller(user.arn, _documents(key.collect_policies()), None, None, known | _of_account())


def profile_role(profile: str, region: str) -> Any:
    """moto's role of an instance profile, by the profile's name or ARN; None where there is no such profile."""
    name, profiles = profile.rpartition("/")[2], iam_backends[ACCOUNT][partition(region)].instance_profiles
    found: Any = next((item for item in profiles.values() if item.name == name), None)
    return found.roles[0] if found and found.roles else None


def instance(profile: str, instance_id: str, region: str) -> Caller | None:
    """An instance with an instance profile, as it calls AWS; None where there is no such profile, or it has no role."""
    role = profile_role(profile, region)
    if role is None:
        return None
    backend = iam_backends[ACCOUNT][partition(region)]
    inline = [backend.get_role_policy(role.name, item)[1] for item in backend.list_role_policies(role.name)]
    attached, _ = backend.list_attached_role_policies(role.name)
    session = f"arn:{partition(region)}:sts::{ACCOUNT}:assumed-role/{role.name}/{instance_id}"
    known = {"aws:principalarn": [role.arn]} | _of_account() | _tags(role)
    return Caller(session, _documents([*inline, *attached]), _boundary(role, region), None, known)


def _documents(policies: Iterable[Any]) -> tuple[Document, ...]:
    """The policies' JSON. moto gives text, a mapping with the text, or a managed policy with its versions."""
    return tuple(json.loads(text) if isinstance(text, str) else text for text in map(_text, policies))


def _text(policy: Any) -> Any:
    if isinstance(policy, str):
        return policy
    if isinstance(policy, Mapping):
        return policy["policy_document"]
    return next(version.document for version in policy.versions if version.is_default)


def _boundary(role: Any, region: str) -> Document | None:
    if not role.permissions_boundary_arn:
        return None
    policy = iam_backends[ACCOUNT][partition(region)].get_policy(role.permissions_boundary_arn)
    (found,) = _documents([policy])
    return found


def _tags(role: Any) -> dict[str, list[str]]:
    return {f"aws:principaltag/{item['Key'].lower()}": [item["Value"]] for item in role.tags or ()}


def _of_account() -> dict[str, list[str]]:
    return {"aws:principalaccount": [ACCOUNT], "aws:resourceaccount": [ACCOUNT]}
