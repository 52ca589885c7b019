"""What calls of the other services ask for. S3's actions have other names than its operations; of most services the
resource is named by one parameter; where none is known, the resource is *.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from moto.iam.models import iam_backends
from moto.secretsmanager.models import secretsmanager_backends

from ebcd_local.access.statements import Asked
from ebcd_local.partitions import arn, partition
from ebcd_local.state import ACCOUNT
from ebcd_local.wire import Request

_PREFIXES = {"monitoring": "cloudwatch"}
"""Name that a service signs with → prefix of its actions, where that is another."""
_VERBS = {"GET": "Get", "HEAD": "Get", "PUT": "Put", "POST": "Put", "DELETE": "Delete"}
_OF_BUCKET = {
    "acl": "BucketAcl",
    "cors": "BucketCORS",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "logging": "BucketLogging",
    "notification": "BucketNotification",
    "ownershipControls": "BucketOwnershipControls",
    "policy": "BucketPolicy",
    "policyStatus": "BucketPolicyStatus",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "replication": "ReplicationConfiguration",
    "tagging": "BucketTagging",
    "versioning": "BucketVersioning",
    "website": "BucketWebsite",
    "location": "BucketLocation",
    "object-lock": "BucketObjectLockConfiguration",
}
"""Subresource of a bucket → what its action is called behind the verb."""
_OF_OBJECT = {"acl": "Acl", "tagging": "Tagging"}
_BUCKET_OPERATIONS = {
    "ListBuckets": "ListAllMyBuckets",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "HeadBucket": "ListBucket",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "CreateBucket": "CreateBucket",
    "DeleteBucket": "DeleteBucket",
}
_OBJECT_OPERATIONS = {
    "HeadObject": "GetObject",
    "CreateMultipartUpload": "PutObject",
    "UploadPart": "PutObject",
    "PostObject": "PutObject",
    "CompleteMultipartUpload": "PutObject",
    "UploadPartCopy": "PutObject",
    "CopyObject": "PutObject",
    "ListParts": "ListMultipartUploadParts",
}
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
        return list(_s3(environ, request, body))
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


def _s3(environ: Mapping[str, Any], request: Request, body: Callable[[], bytes]) -> Iterator[Asked]:
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    bucket, verb = arn("s3", request.region, "", request.bucket), _VERBS.get(environ["REQUEST_METHOD"], "Get")
    if request.operation == "DeleteObjects":
        yield from (Asked("s3:DeleteObject", f"{bucket}/{key}") for key in _keys(body()) or ["*"])
        return
    if request.operation == "PostObject":  # its key is in a form
        yield Asked("s3:PutObject", f"{bucket}/*")
        return
    if not request.key:
        plain = "ListBucketVersions" if "versions" in query else request.operation
        actions = [f"{verb}{_OF_BUCKET[name]}" for name in query if name in _OF_BUCKET]
        context = {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}
        for action in actions or [_BUCKET_OPERATIONS.get(plain, plain)]:
            yield Asked(f"s3:{action}", bucket if request.bucket else "*", context)
        return
    plain = _OBJECT_OPERATIONS.get(request.operation, request.operation)
    version = "Version" if "versionId" in query and plain in {"GetObject", "DeleteObject"} else ""
    actions = [f"{verb}Object{version}{_OF_OBJECT[name]}" for name in query if name in _OF_OBJECT]
    for action in actions or [f"{plain}{version}"]:
        yield Asked(f"s3:{action}", f"{bucket}/{request.key}")
    if source := environ.get("HTTP_X_AMZ_COPY_SOURCE"):
        yield Asked("s3:GetObject", arn("s3", request.region, "", unquote(source).lstrip("/").partition("?")[0]))


def _keys(body: bytes) -> list[str]:
    """The keys that DeleteObjects names; none for what is no XML."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - of a caller on this machine, and moto reads it, too
    except ElementTree.ParseError:
        return []
    return [item.text or "" for item in root.iter() if item.tag.rpartition("}")[2] == "Key"]


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
