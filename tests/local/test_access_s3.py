"""Which right each request to S3 asks for, of those that AWS's table of its actions names."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest

from ebcd_local.access import s3, services
from ebcd_local.wire import Request, s3_operation

SAME = (
    "AbortMultipartUpload CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite DeleteObject "
    "DeleteObjectTagging GetBucketAcl GetBucketLocation GetBucketLogging GetBucketNotification "
    "GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketRequestPayment "
    "GetBucketTagging GetBucketVersioning GetBucketWebsite GetObject GetObjectAcl GetObjectLegalHold "
    "GetObjectRetention GetObjectTagging GetObjectTorrent PutBucketAcl PutBucketLogging "
    "PutBucketNotification PutBucketOwnershipControls PutBucketPolicy PutBucketRequestPayment "
    "PutBucketTagging PutBucketVersioning PutBucketWebsite PutObject PutObjectAcl PutObjectLegalHold "
    "PutObjectRetention PutObjectTagging RestoreObject"
)
"""Operations whose action has the same name."""
OTHERS = {
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "DeleteBucketInventoryConfiguration": "PutInventoryConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketMetricsConfiguration": "PutMetricsConfiguration",
    "DeleteBucketOwnershipControls": "PutBucketOwnershipControls",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "DeletePublicAccessBlock": "PutBucketPublicAccessBlock",
    "GetBucketAccelerateConfiguration": "GetAccelerateConfiguration",
    "GetBucketAnalyticsConfiguration": "GetAnalyticsConfiguration",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketIntelligentTieringConfiguration": "GetIntelligentTieringConfiguration",
    "GetBucketInventoryConfiguration": "GetInventoryConfiguration",
    "GetBucketLifecycle": "GetLifecycleConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketMetricsConfiguration": "GetMetricsConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetObjectAttributes": "GetObjectAttributes",
    "GetObjectLockConfiguration": "GetBucketObjectLockConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBucketAnalyticsConfigurations": "GetAnalyticsConfiguration",
    "ListBucketIntelligentTieringConfigurations": "GetIntelligentTieringConfiguration",
    "ListBucketInventoryConfigurations": "GetInventoryConfiguration",
    "ListBucketMetricsConfigurations": "GetMetricsConfiguration",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListObjectVersions": "ListBucketVersions",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketAccelerateConfiguration": "PutAccelerateConfiguration",
    "PutBucketAnalyticsConfiguration": "PutAnalyticsConfiguration",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketIntelligentTieringConfiguration": "PutIntelligentTieringConfiguration",
    "PutBucketInventoryConfiguration": "PutInventoryConfiguration",
    "PutBucketLifecycle": "PutLifecycleConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketMetricsConfiguration": "PutMetricsConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutObjectLockConfiguration": "PutBucketObjectLockConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "SelectObjectContent": "GetObject",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}
MODEL = botocore.session.get_session().get_service_model("s3")
ACTIONS = {name: name for name in SAME.split()} | OTHERS
OF_UPLOADS = {"AbortMultipartUpload", "CompleteMultipartUpload", "ListParts", "UploadPart", "UploadPartCopy"}


def asked(method: str, query: str, key: str = "", body: bytes = b"", **headers: str) -> list[str] | None:
    """The rights that a request asks for, behind their s3:."""
    environ: dict[str, Any] = {"REQUEST_METHOD": method, "QUERY_STRING": query, **headers}
    request = Request("eu-central-1", "s3", s3_operation(environ, "b", key), {}, "b", key)
    found = s3.asked(environ, request, lambda: body)
    return None if found is None else [item.action.removeprefix("s3:") for item in found]


@pytest.mark.parametrize("operation", MODEL.operation_names)
def test_each_operation_of_s3_asks_for_its_action_and_what_is_not_known_for_none(operation: str) -> None:
    if operation in {"ListBuckets", "ListDirectoryBuckets", "WriteGetObjectResponse"}:
        return  # of no bucket, or at a Host of its own
    http = MODEL.operation_model(operation).http
    place, _, query = http["requestUri"].partition("?")
    query = "uploadId=x" if operation in OF_UPLOADS else query
    copied = {"HTTP_X_AMZ_COPY_SOURCE": "b/other"} if "Copy" in operation else {}
    found = asked(http["method"], query, "key" if "Key" in place else "", **copied)
    if operation in ACTIONS:
        assert found
        assert found[0] == ACTIONS[operation]
        assert found[1:] == {"GetObjectAttributes": ["GetObject"]}.get(operation, ["GetObject"] if copied else [])
    else:
        assert found is None, "nobody knows its action, so that it is refused"


@pytest.mark.parametrize(
    ("method", "query", "actions"),
    [
        ("GET", "versionId=1", ["GetObjectVersion"]),
        ("DELETE", "versionId=1", ["DeleteObjectVersion"]),
        ("GET", "acl&versionId=1", ["GetObjectVersionAcl"]),
        ("PUT", "tagging&versionId=1", ["PutObjectVersionTagging"]),
        ("DELETE", "tagging&versionId=1", ["DeleteObjectVersionTagging"]),
        ("GET", "attributes&versionId=1", ["GetObjectVersionAttributes", "GetObjectVersion"]),
        ("GET", "acl&retention", ["GetObjectAcl", "GetObjectRetention"]),
        ("GET", "response-content-type=text&partNumber=1&X-Amz-Expires=60", ["GetObject"]),
        ("GET", "unheard-of", None),
        ("GET", "acl&unheard-of", None),
        ("PUT", "policy", None),
        ("PUT", "ACL", None),
        ("HEAD", "acl", None),
        ("POST", "", None),
    ],
)
def test_a_query_that_names_a_part_of_an_object_asks_for_its_right(
    method: str, query: str, actions: list[str] | None
) -> None:
    assert asked(method, query, "key") == actions


def test_headers_that_set_more_than_the_object_ask_for_more() -> None:
    headers = {f"HTTP_X_AMZ_{name}": "x" for name in ("ACL", "TAGGING", "OBJECT_LOCK_MODE", "OBJECT_LOCK_LEGAL_HOLD")}
    more = ["PutObjectAcl", "PutObjectLegalHold", "PutObjectRetention", "PutObjectTagging"]
    assert asked("PUT", "", "key", **headers) == ["PutObject", *more]
    assert asked("PUT", "", "key", HTTP_X_AMZ_GRANT_READ="x") == ["PutObject", "PutObjectAcl"]
    assert asked("PUT", "", HTTP_X_AMZ_ACL="public-read") == ["CreateBucket", "PutBucketAcl"]
    bypass = {"HTTP_X_AMZ_BYPASS_GOVERNANCE_RETENTION": "true"}
    assert asked("DELETE", "", "key", **bypass) == ["DeleteObject", "BypassGovernanceRetention"]


def test_a_list_of_deletions_asks_for_each() -> None:
    body = b"<Delete><Object><Key>a</Key></Object><Object><Key>b</Key><VersionId>1</VersionId></Object></Delete>"
    assert asked("POST", "delete", body=body) == ["DeleteObject", "DeleteObjectVersion"]
    assert asked("POST", "delete", body=b"<Delete") == ["DeleteObject"]
    assert asked("POST", "delete&acl", body=body) is None
    assert asked("POST", "acl") is None
    assert asked("POST", "") == ["PutObject"]


def test_of_other_services_nothing_changes() -> None:
    request = Request("eu-central-1", "sqs", "", {})
    assert services.asked({}, request, bytes) is None
