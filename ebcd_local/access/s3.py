"""What a request to S3 asks for. Its actions have other names than its operations, and a query, or a header, that names
a part of a bucket or an object (a subresource: `?acl`, `?retention`) asks for another right than the object itself.

Sources: https://docs.aws.amazon.com/service-authorization/latest/reference/list_s3.html
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html; botocore's model of S3, for
which method goes with which subresource.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote
from xml.etree import ElementTree

from ebcd_local.access.statements import Asked
from ebcd_local.partitions import arn
from ebcd_local.wire import Request


def _settable(name: str) -> Mapping[str, str]:
    """Of what is read with one right, and written and taken away with another."""
    return {"GET": f"Get{name}", "PUT": f"Put{name}", "DELETE": f"Put{name}"}


def _kept(name: str) -> Mapping[str, str]:
    """Of what cannot be taken away."""
    return {"GET": f"Get{name}", "PUT": f"Put{name}"}


def _deletable(name: str) -> Mapping[str, str]:
    """Of what a right of its own takes away."""
    return {"GET": f"Get{name}", "PUT": f"Put{name}", "DELETE": f"Delete{name}"}


_OF_BUCKET: Mapping[str, Mapping[str, str]] = {
    "accelerate": _kept("AccelerateConfiguration"),
    "acl": _kept("BucketAcl"),
    "analytics": _settable("AnalyticsConfiguration"),
    "cors": _settable("BucketCORS"),
    "encryption": _settable("EncryptionConfiguration"),
    "intelligent-tiering": _settable("IntelligentTieringConfiguration"),
    "inventory": _settable("InventoryConfiguration"),
    "lifecycle": _settable("LifecycleConfiguration"),
    "location": {"GET": "GetBucketLocation"},
    "logging": _kept("BucketLogging"),
    "metrics": _settable("MetricsConfiguration"),
    "notification": _kept("BucketNotification"),
    "object-lock": _kept("BucketObjectLockConfiguration"),
    "ownershipControls": _settable("BucketOwnershipControls"),
    "policy": _deletable("BucketPolicy"),
    "policyStatus": {"GET": "GetBucketPolicyStatus"},
    "publicAccessBlock": _settable("BucketPublicAccessBlock"),
    "replication": _settable("ReplicationConfiguration"),
    "requestPayment": _kept("BucketRequestPayment"),
    "tagging": _settable("BucketTagging"),
    "uploads": {"GET": "ListBucketMultipartUploads"},
    "versioning": _kept("BucketVersioning"),
    "versions": {"GET": "ListBucketVersions"},
    "website": _deletable("BucketWebsite"),
}
"""Subresource of a bucket → method → action."""
_OF_OBJECT: Mapping[str, Mapping[str, str]] = {
    "acl": _kept("Object{}Acl"),
    "attributes": {"GET": "GetObject{}Attributes"},
    "legal-hold": _kept("ObjectLegalHold"),
    "restore": {"POST": "RestoreObject"},
    "retention": _kept("ObjectRetention"),
    "select": {"POST": "GetObject"},
    "tagging": _deletable("Object{}Tagging"),
    "torrent": {"GET": "GetObject{}Torrent"},
    "uploads": {"POST": "PutObject"},
    "uploadId": {
        "GET": "ListMultipartUploadParts",
        "PUT": "PutObject",
        "POST": "PutObject",
        "DELETE": "AbortMultipartUpload",
    },
}
"""Subresource of an object → method → action; {}: where a versionId makes it another action."""
_BUCKET_METHODS = {"GET": "ListBucket", "HEAD": "ListBucket", "PUT": "CreateBucket", "DELETE": "DeleteBucket"}
_OBJECT_METHODS = {"GET": "GetObject{}", "HEAD": "GetObject{}", "PUT": "PutObject", "DELETE": "DeleteObject{}"}
_BESIDE = frozenset(
    {
        "bucket-region",
        "continuation-token",
        "delete",
        "delimiter",
        "encoding-type",
        "fetch-owner",
        "id",
        "key-marker",
        "list-type",
        "marker",
        "max-buckets",
        "max-keys",
        "max-parts",
        "max-uploads",
        "part-number-marker",
        "partNumber",
        "prefix",
        "select-type",
        "start-after",
        "upload-id-marker",
        "version-id-marker",
        "versionId",
        "x-id",
    }
)
"""Parameters of a query that ask for no other right."""
_SIGNED = ("X-Amz-", "response-")
"""What parameters of a presigned URL begin with, and those that only change an answer's headers."""
_BUCKET_HEADERS = {
    "ACL": "PutBucketAcl",
    "BUCKET_OBJECT_LOCK_ENABLED": "PutBucketObjectLockConfiguration",
    "OBJECT_OWNERSHIP": "PutBucketOwnershipControls",
}
_OBJECT_HEADERS = {
    "ACL": "PutObjectAcl",
    "BYPASS_GOVERNANCE_RETENTION": "BypassGovernanceRetention",
    "OBJECT_LOCK_LEGAL_HOLD": "PutObjectLegalHold",
    "OBJECT_LOCK_MODE": "PutObjectRetention",
    "OBJECT_LOCK_RETAIN_UNTIL_DATE": "PutObjectRetention",
    "TAGGING": "PutObjectTagging",
}
"""Header without its x-amz- → the right that it wants beside the request's own."""
_GRANTS = "HTTP_X_AMZ_GRANT_"


def asked(environ: Mapping[str, Any], request: Request, body: Callable[[], bytes]) -> list[Asked] | None:
    """All that a request to S3 asks for; None where it names what is not known here, so that nobody can judge it."""
    query, method = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True), environ["REQUEST_METHOD"]
    bucket = arn("s3", request.region, "", request.bucket)
    if not request.bucket:
        return [Asked("s3:ListAllMyBuckets")]
    if method == "POST" and not request.key:
        if _named(query):
            return None
        if request.operation == "PostObject":  # its key is in a form
            return [Asked("s3:PutObject", f"{bucket}/*")]
        return [Asked(f"s3:{action}", f"{bucket}/{key}") for action, key in _deletions(body())]
    known = _OF_OBJECT if request.key else _OF_BUCKET
    found = _actions(query, method, known, _OBJECT_METHODS if request.key else _BUCKET_METHODS)
    if found is None:
        return None
    if method in {"PUT", "POST", "DELETE"}:
        found += _by_headers(environ, _OBJECT_HEADERS if request.key else _BUCKET_HEADERS)
    context = {} if request.key else _listing(query)
    resource = f"{bucket}/{request.key}" if request.key else bucket
    return [Asked(f"s3:{action}", resource, context) for action in dict.fromkeys(found)] + _copied(environ, request)


def _actions(
    query: Mapping[str, Any], method: str, known: Mapping[str, Mapping[str, str]], methods: Mapping[str, str]
) -> list[str] | None:
    """The actions by the query: of each subresource that it names, or of the bucket or object itself; None: unknown."""
    version = "Version" if "versionId" in query else ""
    named = _named(query)
    found = [known.get(name, {}).get(method, "") for name in named] if named else [methods.get(method, "")]
    if "attributes" in named:
        found.append("GetObject{}")
    return [action.format(version) for action in found] if all(found) else None


def _named(query: Mapping[str, Any]) -> list[str]:
    """The subresources, known or not, that a query names."""
    return [name for name in query if name not in _BESIDE and not name.startswith(_SIGNED)]


def _by_headers(environ: Mapping[str, Any], rights: Mapping[str, str]) -> list[str]:
    found = [action for name, action in rights.items() if environ.get(f"HTTP_X_AMZ_{name}")]
    return [*found, rights["ACL"]] if any(name.startswith(_GRANTS) for name in environ) else found


def _listing(query: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {f"s3:{name}": query[name] for name in ("prefix", "delimiter", "max-keys") if name in query}


def _copied(environ: Mapping[str, Any], request: Request) -> list[Asked]:
    """What is read for a copy."""
    source = unquote(environ.get("HTTP_X_AMZ_COPY_SOURCE", "")).lstrip("/")
    if not source:
        return []
    place, _, rest = source.partition("?")
    version = "Version" if "versionId=" in rest else ""
    return [Asked(f"s3:GetObject{version}", arn("s3", request.region, "", place))]


def _deletions(body: bytes) -> list[tuple[str, str]]:
    """The keys that DeleteObjects names, each with its action; any key for what is no such list."""
    try:
        root = ElementTree.fromstring(body)  # noqa: S314 - of a caller on this machine, and moto reads it, too
    except ElementTree.ParseError:
        return [("DeleteObject", "*")]
    found = []
    for item in (item for item in root.iter() if item.tag.rpartition("}")[2] == "Object"):
        told = {part.tag.rpartition("}")[2]: part.text or "" for part in item}
        found.append(("DeleteObjectVersion" if "VersionId" in told else "DeleteObject", told.get("Key", "*")))
    return found or [("DeleteObject", "*")]
