"""What calls of the other services ask for (of S3: `s3`). Of most the resource is named by one parameter; where none is
known, the resource is *.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from ebcd_local.access import s3
from ebcd_local.access.statements import Asked
from ebcd_local.partitions import arn, partition
from ebcd_local.state import ACCOUNT
from ebcd_local.wire import Request

_PREFIXES = {"monitoring": "cloudwatch"}
"""Name that a service signs with → prefix of its actions, where that is another."""
_PARAMETERS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "cloudformation": (("StackName", "stack/{}/any"),),
    "dynamodb": (("TableName", "table/{}"),),
    "kms": (("KeyId", "key/{}"),),
    "logs": (("logGroupName", "log-group:{}"),),
    "sns": (("TopicArn", "{}"), ("Name", "{}")),
    "sqs": (("QueueName", "{}"), ("QueueUrl", "{}")),
    "ssm": (("Name", "parameter/{}"), ("Names", "parameter/{}")),
    "autoscaling": (("AutoScalingGroupName", "autoScalingGroup:any:autoScalingGroupName/{}"),),
}
"""Service → parameters that name a resource, and how its ARN ends."""
_IAM = (
    ("InstanceProfileName", "instance-profile"),
    ("RoleName", "role"),
    ("UserName", "user"),
    ("GroupName", "group"),
    ("PolicyName", "policy"),
)


def asked(environ: Mapping[str, Any], request: Request, body: Callable[[], bytes]) -> list[Asked] | None:
    """All that a request to another service than Elastic Beanstalk asks for; None where it names no operation."""
    if request.service == "s3":
        return s3.asked(environ, request, body)
    if not request.operation:
        return None
    given = _json(body()) if environ.get("HTTP_X_AMZ_TARGET") else dict(request.parameters)
    action = f"{_PREFIXES.get(request.service, request.service)}:{request.operation}"
    return [Asked(action, resource) for resource in _resources(request, given)]


def missing_object(request: Request) -> Asked | None:
    """What S3 asks of a caller before it tells that an object is not there, and not merely that access is denied."""
    if request.operation not in {"GetObject", "HeadObject"}:
        return None
    return Asked("s3:ListBucket", arn("s3", request.region, "", request.bucket))


def _json(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _resources(request: Request, given: Mapping[str, Any]) -> Iterator[str]:
    service, region = request.service, request.region
    if service == "iam":
        yield _of_iam(region, given)
        return
    if service == "sts":
        yield str(given.get("RoleArn", "*"))
        return
    if service == "secretsmanager":
        yield _secret(region, str(given.get("SecretId") or given.get("Name") or "*"))
        return
    for name, ending in _PARAMETERS.get(service, ()):
        if given.get(name):
            for value in given[name] if isinstance(given[name], list) else [given[name]]:
                yield _arn(service, region, str(value), ending)
            return
    yield "*"


def _arn(service: str, region: str, value: str, ending: str) -> str:
    if value.startswith("arn:"):
        return value
    name = value.rpartition("/")[2] if service == "sqs" else value.lstrip("/") if service == "ssm" else value
    return arn(service, region, ACCOUNT, ending.format(name))


def _secret(region: str, name: str) -> str:
    """A secret's ARN, which ends with six characters that nobody can guess."""
    if name.startswith("arn:"):
        return name
    found: Any = secretsmanager_backends[ACCOUNT][region].secrets.get(name)
    return found.arn if found else arn("secretsmanager", region, ACCOUNT, f"secret:{name}-000000")


def _of_iam(region: str, given: Mapping[str, Any]) -> str:
    for name in ("PolicySourceArn", "OpenIDConnectProviderArn"):
        if given.get(name):
            return str(given[name])
    for name, kind in _IAM:
        if given.get(name):
            return _named(region, kind, str(given[name]), str(given.get("Path") or "/"))
    return str(given.get("PolicyArn") or "*")


def _named(region: str, kind: str, name: str, path: str) -> str:
    """The ARN of something of IAM's: with its path, where it is there."""
    backend = iam_backends[ACCOUNT][partition(region)]
    everything: Mapping[str, Mapping[str, Any]] = {
        "role": backend.roles,
        "user": backend.users,
        "group": backend.groups,
        "instance-profile": backend.instance_profiles,
    }
    known = everything.get(kind, {})
    found = next((item for item in known.values() if item.name == name), None)
    return str(found.arn) if found else arn("iam", region, ACCOUNT, f"{kind}{path}{name}")
