"""Secrets and parameters that environment properties name by ARN, fetched as an instance does: with its own role.

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.secrets.env-vars.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.secrets.IAM-permissions.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends
from moto.ssm.models import ssm_backends

from ebcd_local.access import callers
from ebcd_local.access.callers import Caller
from ebcd_local.access.statements import Asked, Decision
from ebcd_local.partitions import arn as arn_of
from ebcd_local.partitions import suffix
from ebcd_local.state import ACCOUNT
from ebcd_local.workflow import DeploymentFailed


def fetch(wanted: Mapping[str, str], profile: str, region: str, *, enforced: bool) -> tuple[dict[str, str], str]:
    """The values of environment properties that name secrets, and what must be told. Raises DeploymentFailed.

    Without the instance profile's role nothing can be fetched: the ARNs stand for the values, unless policies are
    enforced. With it, but without enforced policies, everything can be.
    """
    role = callers.instance(profile, "i-local", region)
    if role is None and enforced:
        raise DeploymentFailed(f"The instance profile {profile} is not there, so that no secret can be fetched.")
    if role is None:
        return dict(wanted), (
            f"The secrets of {', '.join(wanted)} are not fetched: there is no instance profile {profile} "
            "here. Their ARNs stand for their values."
        )
    judged = role if enforced else None
    return {name: _value(name, arn, judged) for name, arn in wanted.items()}, ""


@dataclass(frozen=True, slots=True)
class _Stored:
    """A secret or parameter as its service keeps it."""

    arn: str
    """Its whole ARN."""
    value: str = field(repr=False)
    key: str
    """The key that it is encrypted with; empty: none, or the service's own."""


def _value(name: str, arn: str, role: Caller | None) -> str:
    """A secret's value; of a JSON value where the ARN names its key. role: whose rights are judged. Raises
    DeploymentFailed.
    """
    service, region = arn.split(":")[2:4]
    found = _secret(arn, region) if service == "secretsmanager" else _parameter(arn, region)
    if role is not None:  # who may not read it is not told whether it is there
        action = "secretsmanager:GetSecretValue" if service == "secretsmanager" else "ssm:GetParameter"
        _check(name, role, Asked(action, found.arn if found else _plain(arn)))
    if found is None:
        raise _failed(name, f"ResourceNotFoundException: {service} has no {_plain(arn)}.")
    if role is not None and found.key:
        _check(name, role, _decryption(service, region, found))
    try:
        return _part(found.value, arn.split(":")[7:]) if service == "secretsmanager" else found.value
    except (ValueError, KeyError, TypeError) as error:
        raise _failed(name, f"It holds no JSON with the key {arn.split(':')[7]}.") from error


def _plain(arn: str) -> str:
    """An ARN without the JSON key, or the version, behind it."""
    return ":".join(arn.split(":")[: 7 if arn.split(":")[2] == "secretsmanager" else 6])


def _part(text: str, rest: list[str]) -> str:
    if not rest or not rest[0]:
        return text
    inner = json.loads(text)[rest[0]]
    return inner if isinstance(inner, str) else json.dumps(inner)


def _decryption(service: str, region: str, found: _Stored) -> Asked:
    """KMS decrypts for the service that keeps the secret, in the name of whoever reads it."""
    kind = "secretarn" if service == "secretsmanager" else "parameter_arn"
    context = {"kms:viaservice": [f"{service}.{region}.{suffix(region)}"], f"kms:encryptioncontext:{kind}": [found.arn]}
    own = found.key.startswith("arn:")
    return Asked("kms:Decrypt", found.key if own else arn_of("kms", region, ACCOUNT, f"key/{found.key}"), context)


def _check(name: str, role: Caller, asked: Asked) -> None:
    decision = role.decision(asked)
    if decision is not Decision.ALLOWED:
        reason = decision.value.format(action=asked.action)
        raise _failed(
            name,
            f"AccessDeniedException: User: {role.arn} is not authorized to perform: {asked.action} on "
            f"resource: {asked.resource} {reason}",
        )


def _failed(name: str, why: str) -> DeploymentFailed:
    return DeploymentFailed(f"The secret of the environment property {name} could not be fetched. {why}")


def _secret(arn: str, region: str) -> _Stored | None:
    """A secret with its current value; None where there is none."""
    stored: Any = secretsmanager_backends[ACCOUNT][region].secrets.get(_plain(arn))
    version = stored and stored.versions.get(stored.default_version_id)
    if not version or stored.is_deleted():
        return None
    key = stored.kms_key_id or ""
    return _Stored(stored.arn, version.get("secret_string", ""), "" if key.startswith("alias/aws/") else key)


def _parameter(arn: str, region: str) -> _Stored | None:
    """A parameter, or the version of it that the ARN names; None where there is none."""
    found: Any = ssm_backends[ACCOUNT][region].get_parameter(arn)
    if found is None:
        return None
    key = found.keyid if found.parameter_type == "SecureString" and not found.keyid.startswith("alias/aws/") else ""
    return _Stored(_plain(arn), found.response_object(True, region)["Value"], key)
