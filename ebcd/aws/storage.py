"""S3 as ebcd uses it: one bucket of one owner, conditional writes, digests that guard the way.

Source of the conditional semantics: https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ebcd.aws.account import Account
from ebcd.aws.reader import ObjectReader
from ebcd.aws.session import Clients, answering, error_code
from ebcd.errors import AwsRefused
from ebcd.model import Reach, Upload, UploadPart

if TYPE_CHECKING:  # most commands send no bundle
    from ebcd.aws.ranges import Source

READ_LIMIT = 1_000_000
"""Bytes of an object that are read at once. Documents of the ledger have a few thousand."""
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
    """Its first bytes, one more than READ_LIMIT at most: whoever reads a document refuses one that is so large."""
    etag: str
    modified: datetime
    """When S3 says it was written."""
    read: datetime
    """When S3 says it was read: with `modified` an age that no machine's clock can falsify."""


class Storage:
    """One bucket. Every call names the expected owner, because the default bucket's name can be guessed."""

    def __init__(self, clients: Clients, region: str, account: Account) -> None:
        self._clients = clients
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
                self._clients.s3.head_bucket(**self._place)
            except Exception as error:
                if error_code(error) in _NO_BUCKET:
                    return False
                if error_code(error) in {"403", "AccessDenied"}:
                    raise self._another_owner() from error
                raise
        return True

    def _another_owner(self) -> AwsRefused:
        look = Reach(self._region).aws("s3api", "get-bucket-policy", "--bucket", self.bucket)
        return AwsRefused(
            f"The bucket {self.bucket} may not be used.",
            why=f"S3 denies it to account {self._place['ExpectedBucketOwner']}: "
            "it belongs to another account, or a policy forbids it.",
            hint=f"Nothing was sent to it. Look at it first: {look}",
            code="bucket-owner",
        )

    def get(self, key: str) -> StoredObject | None:
        """The object; None when there is none (or no bucket)."""
        with answering("s3:GetObject"):
            try:
                found = self._clients.s3.get_object(**self._place, Key=key)
            except Exception as error:
                if error_code(error) in _MISSING | _NO_BUCKET:
                    return None
                raise
            body = _read(found["Body"])
        read = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"])
        read = read if read.tzinfo else read.replace(tzinfo=UTC)  # "-0000" means UTC too
        return StoredObject(key, body, found["ETag"], found["LastModified"], read)

    def exists(self, key: str) -> bool:
        """Whether there is an object of that key."""
        with answering("s3:HeadObject"):
            try:
                self._clients.s3.head_object(**self._place, Key=key)
            except Exception as error:
                if error_code(error) in _MISSING | _NO_BUCKET:
                    return False
                raise
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Keys below a prefix, in order."""
        return (str(item["Key"]) for item in self._objects(prefix))

    def children(self, prefix: str, after: str = "") -> Iterator[str]:
        """Keys right below a prefix that ends in a slash, in order, without those in folders below it.

        after: the name behind which they begin: S3 passes over what comes before, and a long list costs no more than a
        short one.
        """
        start = {"StartAfter": prefix + after} if after else {}
        return (str(item["Key"]) for item in self._objects(prefix, Delimiter="/", **start))

    def written(self, prefix: str) -> Iterator[tuple[str, datetime]]:
        """Keys below a prefix, in order, each with the time when S3 says it was written."""
        return ((str(item["Key"]), item["LastModified"]) for item in self._objects(prefix))

    def folders(self, prefix: str) -> Iterator[str]:
        """The names of the folders right below a prefix that ends in a slash, in order."""
        for page in self._pages(prefix, Delimiter="/"):
            for item in page.get("CommonPrefixes", []):
                yield item["Prefix"].removeprefix(prefix).removesuffix("/")

    def _objects(self, prefix: str, **more: str) -> Iterator[Any]:
        return (item for page in self._pages(prefix, **more) for item in page.get("Contents", []))

    def _pages(self, prefix: str, **more: str) -> Iterator[Any]:
        token: dict[str, str] = {}
        while True:
            with answering("s3:ListBucket"):
                try:
                    page = self._clients.s3.list_objects_v2(**self._place, Prefix=prefix, **more, **token)
                except Exception as error:
                    if error_code(error) in _NO_BUCKET:
                        return
                    raise
            yield page
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
        """Write over the object that was read with that ETag; the new ETag. Raises PreconditionFailed, also where there
        is none any more.
        """
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
                self._clients.s3.delete_object(**self._place, Key=key, IfMatch=etag)
            except Exception as error:
                if error_code(error) in _CONDITION:
                    raise PreconditionFailed(key) from error
                if error_code(error) not in _MISSING:
                    raise

    def remove(self, key: str) -> None:
        """Delete an object, whatever it holds; one that is gone is no error."""
        with answering("s3:DeleteObject"):
            self._clients.s3.delete_object(**self._place, Key=key)

    def newest(self, prefix: str, ending: str) -> str | None:
        """Among the keys below a prefix that have an ending, the one whose object was written last."""
        found = max(
            (item for item in self._objects(prefix) if item["Key"].endswith(ending)),
            key=lambda item: item["LastModified"],
            default=None,
        )
        return None if found is None else str(found["Key"])

    def open(self, key: str) -> ObjectReader:
        """An object, to be read in ranges. Raises AwsRefused where there is none."""
        return ObjectReader(self._clients.s3, {**self._place, "Key": key})

    def upload(
        self,
        key: str,
        path: Path,
        *,
        sha256: str,
        metadata: dict[str, str],
        heartbeat: Callable[[], None],
        progress: Callable[[int], None],
        parts: Sequence[UploadPart] = (),
        source: Source | None = None,
    ) -> Upload | None:
        """Send a file under a key that its content names; None when it was there already.

        sha256: hexadecimal digest of the file, which S3 checks on arrival; where there is more than one part S3 checks
        each part's. heartbeat: called now and then. progress: called with the bytes that are done. source: the object
        that parts with a source are copied from.
        """
        if len(parts) > 1:
            return None if self.exists(key) else self._upload(key, path, parts, source, metadata, heartbeat, progress)
        from ebcd.aws.ranges import FileRange

        size = path.stat().st_size
        with FileRange(path, 0, size, heartbeat) as body:
            try:
                self._put(
                    "s3:PutObject",
                    Key=key,
                    Body=body,
                    IfNoneMatch="*",
                    Metadata=metadata,
                    ChecksumSHA256=base64.b64encode(bytes.fromhex(sha256)).decode(),
                    ContentType="application/zip",
                )
            except PreconditionFailed:
                return None
        return Upload(size, 0)

    def _upload(
        self,
        key: str,
        path: Path,
        parts: Sequence[UploadPart],
        source: Source | None,
        metadata: dict[str, str],
        heartbeat: Callable[[], None],
        progress: Callable[[int], None],
    ) -> Upload | None:
        from ebcd.aws import splice
        from ebcd.aws.multipart import MultipartUpload

        upload = MultipartUpload(self._clients.s3_bulk, self._place, key, path, parts, source)
        done = upload.run(metadata, heartbeat, progress)
        if any(part.tail for part in parts):
            for old in splice.left(self._objects(key.rpartition("/")[0] + "/"), datetime.now(UTC)):
                self.remove(old)
        return done

    def _put(self, operation: str, **request: Any) -> str:
        for attempt in range(1, _CONFLICT_ATTEMPTS + 1):
            with answering(operation):
                try:
                    return str(self._clients.s3.put_object(**self._place, **request)["ETag"])
                except Exception as error:
                    gone = "IfMatch" in request and error_code(error) in _MISSING
                    if gone or error_code(error) in _CONDITION:
                        raise PreconditionFailed(str(request["Key"])) from error
                    # 409: a concurrent write was in the way, and S3 asks for the request again.
                    if error_code(error) != _CONFLICT or attempt == _CONFLICT_ATTEMPTS:
                        raise
        raise AssertionError("unreachable")


def _read(content: Any) -> bytes:
    """The first bytes of an object, READ_LIMIT and one at most. Of one that is no larger, all is seen to have come."""
    body: bytes = content.read(READ_LIMIT + 1)
    if len(body) > READ_LIMIT:
        content.close()
        return body
    return body + bytes(content.read())
