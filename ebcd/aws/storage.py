"""S3 as ebcd uses it: one bucket of one owner, conditional writes, digests that guard the way.

Source of the conditional semantics: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from ebcd.aws.account import Account
from ebcd.aws.session import Clients, answering, error_code
from ebcd.errors import AwsRefused

_CONDITION = frozenset({"PreconditionFailed", "412"})
_CONFLICT = "ConditionalRequestConflict"
_CONFLICT_ATTEMPTS = 3
_MISSING = frozenset({"NoSuchKey", "404", "NotFound"})
_NO_BUCKET = frozenset({"NoSuchBucket", "404", "NotFound"})


class PreconditionFailed(Exception):
    """A conditional write lost: the object is there already, or is no longer the one that was read."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object as it was read, with what a later conditional write needs."""

    key: str
    body: bytes
    etag: str
    modified: datetime
    """When S3 says it was written."""
    read: datetime
    """When S3 says it was read: with `modified` an age that no machine's clock can falsify."""


class _TickingReader(io.BufferedReader):
    """A file that tells when it is read: a long upload must not let the caller's lease run out."""

    def __init__(self, path: Path, tick: Callable[[], None]) -> None:
        super().__init__(io.FileIO(path))
        self._tick = tick

    def read(self, size: int | None = -1, /) -> bytes:
        self._tick()
        return super().read(size)


class Storage:
    """One bucket. Every call names the expected owner, because the default bucket's name can be guessed."""

    def __init__(self, clients: Clients, region: str, account: Account) -> None:
        self._s3 = clients.s3
        self._region = region
        self._account = account

    @property
    def bucket(self) -> str:
        """Beanstalk's default bucket of the account in the region."""
        return f"elasticbeanstalk-{self._region}-{self._account.id}"

    @property
    def _place(self) -> dict[str, str]:
        return {"Bucket": self.bucket, "ExpectedBucketOwner": self._account.id}

    def bucket_exists(self) -> bool:
        """Whether the bucket is there. Raises AwsRefused (code `bucket-owner`) when it is another account's."""
        with answering("s3:HeadBucket"):
            try:
                self._s3.head_bucket(**self._place)
            except ClientError as error:
                if error_code(error) in _NO_BUCKET:
                    return False
                if error_code(error) in {"403", "AccessDenied"}:
                    raise self._another_owner() from error
                raise
        return True

    def _another_owner(self) -> AwsRefused:
        return AwsRefused(
            f"The bucket {self.bucket} may not be used.",
            why=f"S3 denies it to account {self._place['ExpectedBucketOwner']}: "
            "it belongs to another account, or a policy forbids it.",
            hint=f"Nothing was sent to it. Look at it first: aws s3api get-bucket-policy --bucket {self.bucket}",
            code="bucket-owner",
        )

    def get(self, key: str) -> StoredObject | None:
        """The object; None when there is none (or no bucket)."""
        with answering("s3:GetObject"):
            try:
                found = self._s3.get_object(**self._place, Key=key)
            except ClientError as error:
                if error_code(error) in _MISSING | _NO_BUCKET:
                    return None
                raise
            body = found["Body"].read()
        read = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        read = read if read.tzinfo else read.replace(tzinfo=UTC)  # "-0000" means UTC too
        return StoredObject(key, body, found["ETag"], found["LastModified"], read)

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        with answering("s3:HeadObject"):
            try:
                self._s3.head_object(**self._place, Key=key)
            except ClientError as error:
                if error_code(error) in _MISSING | _NO_BUCKET:
                    return False
                raise
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys below a prefix, in order."""
        token: dict[str, str] = {}
        while True:
            with answering("s3:ListBucket"):
                try:
                    page = self._s3.list_objects_v2(**self._place, Prefix=prefix, **token)
                except ClientError as error:
                    if error_code(error) in _NO_BUCKET:
                        return
                    raise
            yield from (item["Key"] for item in page.get("Contents", []))
            if not page.get("IsTruncated"):
                return
            token = {"ContinuationToken": page["NextContinuationToken"]}

    def create(self, key: str, body: bytes) -> str:
        """Write an object that must not be there; its ETag. Raises PreconditionFailed when another's is there."""
        try:
            return self._put("s3:PutObject", Key=key, Body=body, IfNoneMatch="*")
        except PreconditionFailed:
            # The refusal may answer botocore's repeat of our own write that had succeeded.
            found = self.get(key)
            if found is not None and found.body == body:
                return found.etag
            raise

    def replace(self, key: str, body: bytes, etag: str) -> str:
        """Write over the object that was read with that ETag; the new ETag. Raises PreconditionFailed."""
        try:
            return self._put("s3:PutObject", Key=key, Body=body, IfMatch=etag)
        except PreconditionFailed:
            found = self.get(key)
            if found is not None and found.body == body:
                return found.etag
            raise

    def delete(self, key: str, etag: str) -> None:
        """Delete the object that was read with that ETag. Raises PreconditionFailed; one that is gone is no error."""
        with answering("s3:DeleteObject"):
            try:
                self._s3.delete_object(**self._place, Key=key, IfMatch=etag)
            except ClientError as error:
                if error_code(error) in _CONDITION:
                    raise PreconditionFailed(key) from error
                if error_code(error) not in _MISSING:
                    raise

    def remove(self, key: str) -> None:
        """Delete an object, whatever it holds; one that is gone is no error."""
        with answering("s3:DeleteObject"):
            self._s3.delete_object(**self._place, Key=key)

    def upload(self, key: str, path: Path, *, sha256: str, metadata: dict[str, str], tick: Callable[[], None]) -> bool:
        """Send a file under a key that its content names; False when it was there already.

        sha256: hexadecimal digest that S3 checks on arrival. tick: called with each piece that is read.
        """
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        with _TickingReader(path, tick) as body:
            try:
                self._put("s3:PutObject", Key=key, Body=body, IfNoneMatch="*", ChecksumSHA256=checksum,
                          ContentType="application/zip", Metadata=metadata)  # fmt: skip
            except PreconditionFailed:
                return False
        return True

    def _put(self, operation: str, **request: Any) -> str:
        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            with answering(operation):
                try:
                    return str(self._s3.put_object(**self._place, **request)["ETag"])
                except ClientError as error:
                    if error_code(error) in _CONDITION:
                        raise PreconditionFailed(str(request["Key"])) from error
                    # 409: a concurrent write was in the way, and S3 asks for the request again.
                    if error_code(error) != _CONFLICT or attempt == _CONFLICT_ATTEMPTS:
                        raise
        raise AssertionError("unreachable")
