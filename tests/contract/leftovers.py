"""What runs of the contract left on an account: found by its name and tag, and removed.

A run's application is made first and deleted last: as long as anything of the run is there, the application is, and
its tag says whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from account import NAME, TAG, Account
from botocore.exceptions import ClientError

TERMINATION = 1800.0
"""Seconds that AWS has to end a run's environments: what is being launched or updated must end that first."""
STACK = 600.0
REMEMBERED = timedelta(weeks=6)
"""How long Beanstalk tells of environments that are terminated."""
MANY = 1000
"""Keys that one request to S3 deletes."""
Note = Callable[[str], None]


def runs(account: Account) -> list[str]:
    """The ids of all runs that left anything, this account's own among them."""
    eb = account.client("elasticbeanstalk")
    names = [item["ApplicationName"] for item in eb.describe_applications()["Applications"]]
    return sorted(match[1] for name in names if (match := NAME.fullmatch(name)))


def remove(account: Account, note: Note) -> None:
    """Remove all of the account's own run. Done twice it does nothing. Raises ClientError, AssertionError."""
    eb = account.client("elasticbeanstalk")
    found = eb.describe_applications(ApplicationNames=[account.name])["Applications"]
    if not found:
        note(f"Nothing is called {account.name}.")
        return
    tags = eb.list_tags_for_resource(ResourceArn=found[0]["ApplicationArn"])["ResourceTags"]
    if {"Key": TAG, "Value": account.run} not in tags:
        note(f"The application {account.name} stays: it has no tag {TAG}={account.run}, so no run has made it.")
        return
    ids = _terminate(account, note)
    _empty(account, ids, note)
    _delete_stack(account, note)
    account.until(lambda: _deleted(account), bool, STACK)
    note(f"Deleted the application {account.name} with its versions and saved configurations.")


def _terminate(account: Account, note: Note) -> list[str]:
    """End all environments; the ids of those that ever were."""
    told: set[str] = set()

    def living() -> list[str]:
        found = [item for item in _environments(account) if item["Status"] != "Terminated"]
        for item in found:
            if item["Status"] != "Terminating" and _sent(account, item["EnvironmentId"]):
                told.add(item["EnvironmentName"])
                note(f"Terminating the environment {item['EnvironmentName']} ({item['EnvironmentId']}).")
        return [item["EnvironmentName"] for item in found]

    account.until(living, lambda names: not names, TERMINATION)
    if told:
        note(f"Terminated: {', '.join(sorted(told))}.")
    return [item["EnvironmentId"] for item in _environments(account)]


def _environments(account: Account) -> Iterator[dict[str, Any]]:
    pages = (
        account.client("elasticbeanstalk")
        .get_paginator("describe_environments")
        .paginate(
            ApplicationName=account.name, IncludeDeleted=True, IncludedDeletedBackTo=datetime.now(UTC) - REMEMBERED
        )
    )
    return (item for page in pages for item in page["Environments"])


def _sent(account: Account, identifier: str) -> bool:
    """Begin a termination; False while the environment is busy and refuses it."""
    try:
        account.client("elasticbeanstalk").terminate_environment(EnvironmentId=identifier)
    except ClientError as error:
        if error.response["Error"]["Code"] != "InvalidParameterValue":
            raise
        return False
    return True


def _empty(account: Account, ids: list[str], note: Note) -> None:
    """Delete the run's objects, and what Beanstalk wrote of its environments. The bucket is the region's, and stays."""
    if not account.storage.bucket_exists():
        return
    for prefix in _places(account.name, ids):
        if count := _deleted_below(account, prefix):
            note(f"Deleted {count} objects below s3://{account.storage.bucket}/{prefix}.")


def _places(name: str, ids: list[str]) -> Iterator[str]:
    """Where in the bucket objects of an application and of its environments lie."""
    for place in ("ebcd", "resources/templates", "resources/_runtime/_embedded_extensions"):
        yield f"{place}/{name}/"
    for identifier in ids:
        for place in ("", "logs/tail/", "logs/bundle/", "logs/publish/"):
            yield f"resources/environments/{place}{identifier}/"


def _deleted_below(account: Account, prefix: str) -> int:
    """Delete all objects below a prefix, and end uploads that are under way; how many objects there were."""
    s3, bucket = account.client("s3"), account.storage.bucket
    for upload in s3.list_multipart_uploads(Bucket=bucket, Prefix=prefix).get("Uploads", []):
        s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    keys = list(account.storage.keys(prefix))
    for start in range(0, len(keys), MANY):
        objects = [{"Key": key} for key in keys[start : start + MANY]]
        answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
        assert not answer.get("Errors"), answer["Errors"]
    return len(keys)


def _delete_stack(account: Account, note: Note) -> None:
    """Delete the stack of the environments' roles."""
    cloudformation, name = account.client("cloudformation"), f"ebcd-{account.name}"
    stacks = account.stacks
    if stacks.find(name) is None:
        return
    cloudformation.delete_stack(StackName=name)
    account.until(lambda: stacks.find(name), lambda found: found is None, STACK)
    note(f"Deleted the stack {name} with its roles.")


def _deleted(account: Account) -> bool:
    """Delete the application; False while Beanstalk is still busy with what it had."""
    try:
        account.client("elasticbeanstalk").delete_application(ApplicationName=account.name)
    except ClientError as error:
        if error.response["Error"]["Code"] != "OperationInProgressFailure":
            raise
        return False
    return True
