"""The IAM actions behind the operations that ebcd calls, and the resources that each is about. Pure.

Source: https://docs.aws.amazon.com/service-authorization/latest/reference/list_awselasticbeanstalk.html and
https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

READS = ("Check", "Describe", "List", "Retrieve")
"""What an operation of Elastic Beanstalk that changes nothing begins with."""
S3_ACTIONS: Mapping[str, tuple[str, ...]] = {
    "AbortMultipartUpload": ("s3:AbortMultipartUpload",),
    "CompleteMultipartUpload": ("s3:PutObject",),
    "CreateMultipartUpload": ("s3:PutObject",),
    "DeleteObject": ("s3:DeleteObject",),
    "GetObject": ("s3:GetObject",),
    "HeadBucket": ("s3:ListBucket",),
    "HeadObject": ("s3:GetObject",),
    "ListMultipartUploads": ("s3:ListBucketMultipartUploads",),
    "ListObjectsV2": ("s3:ListBucket",),
    "ListParts": ("s3:ListMultipartUploadParts",),
    "PutObject": ("s3:PutObject",),
    "UploadPart": ("s3:PutObject",),
    "UploadPartCopy": ("s3:GetObject", "s3:PutObject"),
}
"""S3's actions have other names than its operations."""
OF_BUCKET = frozenset({"s3:ListBucket", "s3:ListBucketMultipartUploads"})
"""Actions that are about a bucket; the others are about objects."""
KINDS: Mapping[str, str] = {
    "CreateApplication": "application/{application}",
    "CreateApplicationVersion": "applicationversion/{application}/*",
    "CreateConfigurationTemplate": "configurationtemplate/{application}/*",
    "CreateEnvironment": "environment/{application}/{application}-*",
    "CreateStorageLocation": "",
    "DeleteApplicationVersion": "applicationversion/{application}/*",
    "DeleteConfigurationTemplate": "configurationtemplate/{application}/*",
    "RequestEnvironmentInfo": "environment/{application}/*",
    "SwapEnvironmentCNAMEs": "environment/{application}/*",
    "TerminateEnvironment": "environment/{application}/{application}-*",
    "UpdateEnvironment": "environment/{application}/*",
}
"""What each change of Elastic Beanstalk is about; empty: nothing that could be named.

ebcd creates and ends environments of its own names only; it also swaps and changes one that somebody else made.
"""
PRIVATE: Mapping[str, tuple[str, ...]] = {
    "DescribeConfigurationSettings": ("environment/{application}/*", "configurationtemplate/{application}/*"),
    "RetrieveEnvironmentInfo": ("environment/{application}/*",),
}
"""Reads that tell what is inside an environment, its properties and its logs: of one's own application only."""


def reads(operations: Iterable[str]) -> list[str]:
    """The actions of Elastic Beanstalk's operations that change nothing and tell nothing private, in order."""
    found = sorted(name for name in operations if name.startswith(READS) and name not in PRIVATE)
    return [f"elasticbeanstalk:{name}" for name in found]


def changes(operations: Iterable[str]) -> dict[str, list[str]]:
    """Kind of resource → the actions of Elastic Beanstalk's operations that change one, in order."""
    found: dict[str, list[str]] = {}
    for name in sorted(operations):
        if not name.startswith(READS):
            found.setdefault(KINDS[name], []).append(f"elasticbeanstalk:{name}")
    return dict(sorted(found.items()))


def of_ec2(operations: Iterable[str]) -> list[str]:
    """The actions of EC2's operations, in order. All of them read, and can be limited to no resource."""
    return [f"ec2:{name}" for name in sorted(operations)]


def of_s3(operations: Iterable[str]) -> tuple[list[str], list[str]]:
    """The actions of S3's operations that are about the bucket, and those about objects."""
    found = sorted({action for name in operations for action in S3_ACTIONS[name]})
    return [item for item in found if item in OF_BUCKET], [item for item in found if item not in OF_BUCKET]
