"""What the deploy role and the rollback role may do by the calls that ebcd makes, each with its reason. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ebcd.permissions import actions
from ebcd.permissions.environments import endings
from ebcd.permissions.grant import ANY, REGION, Grant, here

Operations = Mapping[str, Iterable[str]]
BUCKET = "arn:${AWS::Partition}:s3:::elasticbeanstalk-" + "${AWS::Region}-${AWS::AccountId}"
"""Beanstalk's default bucket."""
ROLLBACK = frozenset(
    {
        "CreateConfigurationTemplate",
        "CreateEnvironment",
        "DeleteConfigurationTemplate",
        "RequestEnvironmentInfo",
        "SwapEnvironmentCNAMEs",
        "UpdateEnvironment",
    }
)
"""The changes of a rollback: the swap, more capacity, an earlier version deployed in place or, where its environment is
gone, in a new one with live's settings; and of `logs`."""


def deploy(operations: Operations, application: str, *, worker: bool) -> list[Grant]:
    """What every command of ebcd needs on one application, beside `environments`."""
    beanstalk = set(operations["elasticbeanstalk"])
    return [
        *_beanstalk(beanstalk, application),
        *_images(operations["ec2"]),
        *_deploy_objects(operations["s3"], application),
        *_by_beanstalk(application),
        *_service(),
        *endings(worker=worker),
    ]


def rollback(operations: Operations, application: str) -> list[Grant]:
    """What `swap --rollback`, `status`, `releases`, `events` and `logs` need, beside `environments`: no new version, no
    bundle, no environment's end.
    """
    named = set(operations["elasticbeanstalk"])
    allowed = {name for name in named if name.startswith(actions.READS)} | (named & ROLLBACK)
    return [
        *_beanstalk(allowed, application),
        *_images(operations["ec2"]),
        *_rollback_objects(operations["s3"], application),
        *_by_beanstalk(application),
    ]


def _beanstalk(operations: Iterable[str], application: str) -> Iterator[Grant]:
    named = list(operations)
    yield Grant(
        "BeanstalkReads",
        "Quotas, platforms and events are the region's; a read changes nothing.",
        tuple(actions.reads(named)),
        ANY,
        REGION,
    )
    for operation, kinds in actions.PRIVATE.items():
        if operation in named:
            where = tuple(here("elasticbeanstalk", kind.format(application=application)) for kind in kinds)
            why = "What is inside an environment is read of the own application only."
            yield Grant(f"Own{operation}", why, (f"elasticbeanstalk:{operation}",), where)
    for kind, names in actions.changes(named).items():
        yield from _changes(kind, names, application)


def _changes(kind: str, names: Iterable[str], application: str) -> Iterator[Grant]:
    """The changes of one kind of resource. What is created must be tagged as ebcd tags it, and only that is ended."""
    if not kind:
        yield Grant(
            "ChangeBucket", "Beanstalk makes the default bucket; it knows no resource.", tuple(names), ANY, REGION
        )
        return
    where, title = (
        (here("elasticbeanstalk", kind.format(application=application)),),
        kind.partition("/")[0].capitalize(),
    )
    why = "The changes that ebcd makes, on its own application only."
    tagged = {"CreateEnvironment": "aws:RequestTag", "TerminateEnvironment": "aws:ResourceTag"}
    for operation, key in tagged.items():
        if (action := f"elasticbeanstalk:{operation}") in names:
            yield Grant(operation, f"{why} ebcd tags each with its stage.", (action,), where, _with_stage(key))
    if rest := tuple(name for name in names if name.partition(":")[2] not in tagged):
        yield Grant(f"Change{title}", why, rest, where)


def _with_stage(key: str) -> Mapping[str, Mapping[str, object]]:
    """The condition that an environment has, or is given, the tag by which ebcd knows its own."""
    return {"Null": {f"{key}/ebcd:stage": "false"}}


def _images(operations: Iterable[str]) -> Iterator[Grant]:
    yield Grant(
        "Images",
        "A release's record says which machine images its instances run.",
        tuple(actions.of_ec2(operations)),
        ANY,
        REGION,
    )


def _deploy_objects(operations: Iterable[str], application: str) -> Iterator[Grant]:
    of_bucket, of_objects = actions.of_s3(operations)
    yield Grant("Bucket", "HeadBucket and the lists of bundles, records and uploads.", tuple(of_bucket), (BUCKET,))
    own = f"{BUCKET}/ebcd/{application}/"
    kept = tuple(name for name in of_objects if name != "s3:DeleteObject")
    yield Grant("Objects", "Bundles, lock, hold, ledger and previews.", kept, (f"{own}*",))
    yield Grant(
        "Deletions",
        "Lock, hold, previews, and bundles that nothing needs; never a release's record.",
        ("s3:DeleteObject",),
        (f"{own}bundles/*", f"{own}previews/preview-*", f"{own}*/lock.json", f"{own}*/hold.json"),
    )


def _rollback_objects(operations: Iterable[str], application: str) -> Iterator[Grant]:
    of_bucket, _ = actions.of_s3(set(operations) & {"HeadBucket", "ListObjectsV2"})
    own = f"{BUCKET}/ebcd/{application}/"
    yield Grant("Bucket", "HeadBucket and the list of records.", tuple(of_bucket), (BUCKET,))
    yield Grant(
        "ObjectReads",
        "Lock, hold and ledger; Beanstalk fetches an earlier bundle in the caller's name.",
        ("s3:GetObject",),
        (f"{own}*",),
    )
    yield Grant(
        "ObjectWrites",
        "Lock, hold and ledger, but no bundle.",
        ("s3:PutObject",),
        (f"{own}*/lock.json", f"{own}*/hold.json", f"{own}*/releases/*"),
    )
    yield Grant(
        "LockRelease",
        "The lock is given back, and a hold ends.",
        ("s3:DeleteObject",),
        (f"{own}*/lock.json", f"{own}*/hold.json"),
    )


def _by_beanstalk(application: str) -> Iterator[Grant]:
    """What Beanstalk does with the bucket, and with tags, in the caller's name."""
    yield Grant(
        "BeanstalkTags",
        "Environments are tagged when they are created.",
        ("elasticbeanstalk:AddTags",),
        (here("elasticbeanstalk", f"environment/{application}/{application}-*"),),
        _with_stage("aws:RequestTag"),
    )
    yield Grant(
        "BeanstalkBundles",
        "Beanstalk fetches the bundle of a version.",
        ("s3:GetObject*",),
        (f"{BUCKET}/ebcd/{application}/bundles/*",),
    )
    yield Grant(
        "BeanstalkBucket",
        "At each change of an environment Beanstalk makes sure of its bucket: it creates it even if it is there.",
        ("s3:CreateBucket", "s3:GetBucket*", "s3:ListBucket", "s3:PutBucketPolicy"),
        (BUCKET,),
    )
    yield Grant(
        "BeanstalkMark", "And of the object that marks it.", ("s3:PutObject",), (f"{BUCKET}/.elasticbeanstalk",)
    )
    kept = (f"templates/{application}", "environments", "_runtime")
    yield Grant(
        "BeanstalkObjects",
        "Beanstalk keeps saved configurations, log tails, and what instances fetch.",
        ("s3:DeleteObject*", "s3:GetObject*", "s3:PutObject*"),
        tuple(f"{BUCKET}/resources/{name}/*" for name in kept),
    )


def _service() -> Iterator[Grant]:
    yield Grant(
        "DefaultBucket",
        "CreateStorageLocation makes the default bucket and closes it to others.",
        ("s3:PutBucketOwnershipControls", "s3:PutBucketPublicAccessBlock"),
        (BUCKET,),
    )
    names = (
        "autoscaling",
        "elasticbeanstalk",
        "elasticloadbalancing",
        "managedupdates.elasticbeanstalk",
        "maintenance.elasticbeanstalk",
    )
    linked = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/aws-service-role/*"
    yield Grant(
        "ServiceLinkedRoles",
        "An account's first environment needs the services' own roles.",
        ("iam:CreateServiceLinkedRole",),
        (linked,),
        {"StringEquals": {"iam:AWSServiceName": [f"{name}.amazonaws.com" for name in names]}},
    )
