"""S3, from moto, kept on disk: moto serves it and remembers nothing; here every change is on disk before it is
answered, and found again at the next start.

    {folder}/{bucket}/bucket.json       the bucket's region
    {folder}/{bucket}/{name}.json       an object's key, ETag, time and metadata; name: SHA-256 of its key
    {folder}/{bucket}/{name}.{any}.bin  its content, of which the JSON tells the name

A bucket is there once its bucket.json is, and an object is what its JSON says: a file that nothing names was left by a
server that died, and goes at the next start.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
import secrets
import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

os.environ["MOTO_DISABLE_GLOBAL_CORS"] = "true"  # a web page must not read what is answered here
os.environ["MOTO_IAM_LOAD_MANAGED_POLICIES"] = "true"  # `eb create` attaches them to the roles that it makes
os.environ.setdefault("MOTO_S3_DEFAULT_MAX_BUFFER_SIZE", str(16 * 1024**2))

if TYPE_CHECKING:
    from moto.moto_server.werkzeug_app import DomainDispatcherApplication

import boto3
from botocore.config import Config
from moto.s3.exceptions import MissingBucket
from moto.s3.models import FakeKey, S3Backend, s3_backends

from ebcd_local.errors import ServiceError
from ebcd_local.keys import Key
from ebcd_local.partitions import partition
from ebcd_local.state import ACCOUNT

_BUCKET = "bucket.json"
_UPLOAD = re.compile(rb"(<UploadId>([^<]*)</UploadId>(?:(?!</Upload>).)*?<Initiated>)([^<]*)", re.DOTALL)
URL_LIFETIME = 900
"""Seconds that a presigned URL of logs is good for."""

_MISSING_CHECKSUM = (
    "The upload was created using a {algorithm} checksum. The complete request must include the checksum for each "
    "part. It was missing for part {number} in the request."
)


class ObjectStore:
    """moto's S3 with a memory. key: what URLs are presigned with."""

    def __init__(self, folder: Path, key: Key) -> None:
        self._folder = folder
        self._key = key
        self._lock = threading.Lock()
        self._initiated: dict[str, datetime] = {}
        """When each multipart upload began: moto gives them all one date."""
        folder.mkdir(parents=True, exist_ok=True)
        for bucket in folder.iterdir():
            if (bucket / _BUCKET).exists():
                self._restore(bucket)
            else:  # a server died while it made or deleted it
                shutil.rmtree(bucket, ignore_errors=True)

    @cached_property
    def application(self) -> DomainDispatcherApplication:
        """The WSGI application that serves S3 and moto's other services.

        It is imported at the first call to one of them, with Flask and more: the server asks for it as soon as it is
        ready, so that nobody waits longer for that call than for a server that had it before.
        """
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

        return DomainDispatcherApplication(create_backend_app)

    def ensure_bucket(self, bucket: str, region: str) -> None:
        """Create a bucket unless it is there."""
        with self._lock:
            if bucket not in s3_backends.bucket_accounts:
                s3_backends[ACCOUNT][partition(region)].create_bucket(bucket, region)
        self.keep(bucket, "")

    def owner(self, bucket: str) -> str | None:
        """The account that a bucket belongs to; None when there is none."""
        found = s3_backends.bucket_accounts.get(bucket)
        return found[1] if found else None

    def exists(self, bucket: str, key: str) -> bool:
        """Whether there is such an object."""
        return self._object(bucket, key) is not None

    def copy_to(self, bucket: str, key: str, path: Path) -> None:
        """Write an object to a file. Raises ServiceError when it is gone."""
        found = self._object(bucket, key)
        if found is None:
            raise ServiceError(
                "InvalidParameterValue",
                f"Unable to download from S3 location (Bucket: {bucket}  Key: {key}). Reason: Not Found",
            )
        path.write_bytes(found.value)

    def read(self, bucket: str, key: str) -> bytes | None:
        """An object's content; None when there is none."""
        found = self._object(bucket, key)
        return None if found is None else bytes(found.value)

    def region(self, bucket: str) -> str | None:
        """The region that a bucket is in; None when there is none."""
        if self.owner(bucket) is None:
            return None
        return str(self._backend_of(bucket).get_bucket(bucket).region_name)

    def put(self, bucket: str, key: str, content: bytes) -> None:
        """Store an object."""
        self._backend_of(bucket).put_object(bucket, key, content)
        self.keep(bucket, key)

    def delete(self, bucket: str, key: str) -> None:
        """Delete an object; one that is gone is no error."""
        if self.exists(bucket, key):
            self._backend_of(bucket).delete_object(bucket, key)
            self.keep(bucket, key)

    def list(self, bucket: str, prefix: str) -> list[tuple[str, datetime]]:
        """Keys below a prefix and when they were written."""
        if self.owner(bucket) is None:
            return []
        keys = self._backend_of(bucket).get_bucket(bucket).keys
        return [(name, _aware(keys[name].last_modified)) for name in sorted(keys) if name.startswith(prefix)]

    def presigned_url(self, endpoint_url: str, region: str, bucket: str, key: str) -> str:
        """A URL by which an object can be read for a while."""
        config = Config(signature_version="s3v4", s3={"addressing_style": "path"})
        session = boto3.Session(self._key.id, self._key.secret, region_name=region)
        client = session.client("s3", endpoint_url=endpoint_url, config=config)
        url: str = client.generate_presigned_url(
            "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=URL_LIFETIME
        )
        return url

    def keep(self, bucket: str, key: str) -> None:
        """Bring the disk up to what moto has: one object, or with an empty key the whole bucket."""
        with self._lock:
            folder = self._folder / bucket
            if self.owner(bucket) is None:
                (folder / _BUCKET).unlink(missing_ok=True)
                shutil.rmtree(folder, ignore_errors=True)
                return
            folder.mkdir(exist_ok=True)
            found = self._backend_of(bucket).get_bucket(bucket)
            for upload in found.multiparts:
                self._initiated.setdefault(upload, datetime.now(UTC))
            _write(folder / _BUCKET, json.dumps({"region": found.region_name, "owner": self.owner(bucket)}))
            for name in [key] if key else self._changed(folder, found.keys):
                self._keep_object(folder, name, found.keys.get(name))

    def missing_checksum(self, bucket: str, upload: str, body: bytes) -> str:
        """S3's words where the end of an upload names a part without the checksum that the upload was begun with; empty
        where it names all of them. moto does not look.
        """
        found = self._backend_of(bucket).get_bucket(bucket).multiparts.get(upload)
        told = found.metadata if found else {}
        algorithm = told.get("x-amz-checksum-algorithm", "")
        if not algorithm or told.get("x-amz-checksum-type") == "FULL_OBJECT":
            return ""
        for part in body.split(b"<Part>")[1:]:
            if f"<Checksum{algorithm.upper()}>".encode() not in part:
                number = part.partition(b"<PartNumber>")[2].partition(b"<")[0].decode(errors="replace")
                return _MISSING_CHECKSUM.format(algorithm=algorithm.lower(), number=number)
        return ""

    def with_times(self, uploads: bytes) -> bytes:
        """The answer of ListMultipartUploads with the time at which each began."""

        def told(found: re.Match[bytes]) -> bytes:
            began = self._initiated.get(found[2].decode())
            return found[1] + (began.strftime("%Y-%m-%dT%H:%M:%S.000Z").encode() if began else found[3])

        return _UPLOAD.sub(told, uploads)

    def _changed(self, folder: Path, keys: Any) -> Iterator[str]:
        """Keys that moto or the disk has and the other has not."""
        stored = {json.loads(path.read_text())["key"] for path in folder.glob("*.json") if path.name != _BUCKET}
        yield from stored.symmetric_difference(keys)

    def _keep_object(self, folder: Path, key: str, found: FakeKey | None) -> None:
        """Write content beside the earlier one, then its JSON in the earlier one's place: an ETag without its content
        would let a conditional write succeed wrongly.
        """
        name = hashlib.sha256(key.encode()).hexdigest()
        path, earlier = folder / f"{name}.json", list(folder.glob(f"{name}.*bin"))
        if found is None:
            path.unlink(missing_ok=True)
        else:
            content = folder / f"{name}.{secrets.token_hex(8)}.bin"
            content.write_bytes(found.value)
            told = {
                "key": key,
                "content": content.name,
                "etag": found.etag.strip('"'),
                "modified": _aware(found.last_modified).isoformat(),
                "metadata": dict(found.metadata),
                "checksum": [found.checksum_algorithm, found.checksum_value],
            }
            _write(path, json.dumps(told))
        for content in earlier:
            content.unlink()

    def _restore(self, folder: Path) -> None:
        told, kept = json.loads((folder / _BUCKET).read_text()), {_BUCKET}
        backend = s3_backends[told["owner"]][partition(told["region"])]
        if folder.name not in s3_backends.bucket_accounts:
            backend.create_bucket(folder.name, told["region"])
        for path in [item for item in folder.glob("*.json") if item.name != _BUCKET]:
            item = json.loads(path.read_text())
            content = folder / item.get("content", f"{path.stem}.bin")
            found = backend.put_object(folder.name, item["key"], content.read_bytes(), etag=item["etag"])
            found.last_modified = datetime.fromisoformat(item["modified"])
            found.set_metadata(item["metadata"], replace=True)
            found.checksum_algorithm, found.checksum_value = item["checksum"]
            kept |= {path.name, content.name}
        for path in [item for item in folder.iterdir() if item.name not in kept]:
            path.unlink()

    def _backend_of(self, bucket: str) -> S3Backend:
        """moto's S3 of the partition that has the bucket: another partition's does not find it and looks for ever."""
        where, owner = s3_backends.bucket_accounts.get(bucket) or ("aws", ACCOUNT)
        return s3_backends[owner][where]

    def _object(self, bucket: str, key: str) -> FakeKey | None:
        try:
            found: FakeKey | None = self._backend_of(bucket).get_bucket(bucket).keys.get(key)
        except MissingBucket:
            return None
        return found


def check_digests(headers: dict[str, str], body: bytes) -> str:
    """The S3 error code for a body that is not what its digests say; empty when it is. moto does not look."""
    sha256, md5 = headers.get("x-amz-checksum-sha256"), headers.get("content-md5")
    if sha256 and base64.b64encode(hashlib.sha256(body).digest()).decode() != sha256:
        return "BadDigest"
    if md5 and base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode() != md5:
        return "BadDigest"
    return ""


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _write(path: Path, text: str) -> None:
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)
