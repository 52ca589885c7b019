"""One large object in parts: several at a time, each proven by its SHA-256, taken up again where a dead run left it.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html, checking-object-integrity.html there.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from ebcd.aws import splice
from ebcd.aws.ranges import FileRange, Source
from ebcd.aws.session import answering, error_code
from ebcd.errors import AwsRefused, EbcdError, NoAnswer
from ebcd.model import Upload, UploadPart

AT_ONCE = 4
"""Parts that are under way at one time."""
TICK = 1.0
"""Seconds between two heartbeats."""
_PIECE = 1024**2
_GONE = frozenset({"NoSuchUpload"})
_THERE = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


@dataclass(frozen=True, slots=True)
class _Done:
    """A part that S3 has."""

    number: int
    etag: str
    digest: bytes
    sent: int
    copied: int


class MultipartUpload:
    """The upload of one file under one key of a bucket."""

    def __init__(
        self,
        s3: Any,
        place: Mapping[str, str],
        key: str,
        path: Path,
        parts: Sequence[UploadPart],
        source: Source | None,
    ) -> None:
        """place: Bucket and ExpectedBucketOwner. source: what parts with a source are copied from."""
        self._s3 = s3
        self._place = dict(place)
        self._object = {**self._place, "Key": key}
        self._path = path
        self._parts = dict(enumerate(parts, 1))
        self._source = source
        self._digests: dict[int, tuple[bytes, str]] = {}

    def run(
        self, metadata: Mapping[str, str], heartbeat: Callable[[], None], progress: Callable[[int], None]
    ) -> Upload | None:
        """Send and copy all parts; None when an object of that key is there by now.

        heartbeat: called about every second by this thread. progress: called by it with the bytes that are done.
        Raises AwsRefused (code `digest-mismatch`) when S3 has other bytes than the file.
        """
        upload, done = self._taken_up() or (self._begin(metadata), {})
        try:
            self._transfer(upload, done, heartbeat, progress)
            if not self._complete(upload, done):
                return None
        except EbcdError as error:
            if isinstance(error.__cause__, Exception) and error_code(error.__cause__) in _GONE and self._exists():
                return None  # another run of the same commit completed the very same upload
            raise
        self._prove(done)
        return Upload(sum(part.sent for part in done.values()), sum(part.copied for part in done.values()))

    def _begin(self, metadata: Mapping[str, str]) -> str:
        with answering("s3:CreateMultipartUpload"):
            begun = self._s3.create_multipart_upload(
                **self._object, ContentType="application/zip", Metadata=dict(metadata), ChecksumAlgorithm="SHA256"
            )
        return str(begun["UploadId"])

    # what earlier runs left

    def _taken_up(self) -> tuple[str, dict[int, _Done]] | None:
        """An upload of this very file that a run left, with its parts. Uploads that nobody comes back to are aborted.

        Only one whose every part is this file's is taken up: the file may have been made by another ebcd.
        """
        folder = self._object["Key"].rpartition("/")[0] + "/"
        with answering("s3:ListMultipartUploads"):
            found = self._s3.list_multipart_uploads(**self._place, Prefix=folder)
        now = parsedate_to_datetime(found["ResponseMetadata"]["HTTPHeaders"]["date"]).replace(tzinfo=UTC)
        taken = None
        for item in found.get("Uploads", ()):
            if taken is None and item["Key"] == self._object["Key"] and (done := self._left(item["UploadId"])):
                taken = item["UploadId"], done
            elif now - _aware(item["Initiated"]) > splice.ABANDONED:
                self._abort(item["Key"], item["UploadId"])
        return taken

    def _left(self, upload: str) -> dict[int, _Done]:
        """The parts of an upload; none when one of them is not this file's."""
        with answering("s3:ListParts"):
            try:
                found = self._s3.list_parts(**self._object, UploadId=upload).get("Parts", ())
            except Exception as error:
                if error_code(error) in _GONE:
                    return {}
                raise
        done = {}
        for item in found:
            number = item["PartNumber"]
            part = self._parts.get(number)
            if part is None or item["Size"] != part.length or not self._is_same(number, item):
                return {}
            done[number] = _Done(number, item["ETag"], self._digest(number)[0], 0, 0)
        return done

    def _abort(self, key: str, upload: str) -> None:
        with suppress(EbcdError), answering("s3:AbortMultipartUpload"):
            self._s3.abort_multipart_upload(**self._place, Key=key, UploadId=upload)

    # the parts

    def _transfer(
        self, upload: str, done: dict[int, _Done], heartbeat: Callable[[], None], progress: Callable[[int], None]
    ) -> None:
        moved = sum(self._parts[number].length for number in done)
        progress(moved)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting: set[Future[_Done]] = {
                pool.submit(self._move, upload, number) for number in self._parts if number not in done
            }
            try:
                while waiting:
                    finished, waiting = wait(waiting, TICK, FIRST_COMPLETED)
                    for future in finished:
                        part = future.result()
                        done[part.number] = part
                        moved += self._parts[part.number].length
                    progress(moved)
                    heartbeat()
            finally:
                pool.shutdown(wait=True, cancel_futures=True)

    def _move(self, upload: str, number: int) -> _Done:
        part = self._parts[number]
        return (self._copy(upload, number, part) if part.source is not None else None) or self._send(
            upload, number, part
        )

    def _copy(self, upload: str, number: int, part: UploadPart) -> _Done | None:
        """Copy a part; None where S3 refuses (the source is gone, or may not be read) or copied other bytes."""
        if self._source is None or part.source is None:
            return None
        if not part.tail:
            return self._copied(upload, number, self._source, part.source)
        spliced = splice.make(self._s3, self._object, number, self._path, part, self._source)
        if spliced is None:
            return None
        try:
            return self._copied(upload, number, spliced, 0)
        finally:
            splice.remove(self._s3, self._place, spliced)

    def _copied(self, upload: str, number: int, source: Source, offset: int) -> _Done | None:
        part = self._parts[number]
        try:
            with answering("s3:UploadPartCopy"):
                found = self._s3.upload_part_copy(
                    **self._object, UploadId=upload, PartNumber=number, **source.range(self._place, offset, part.length)
                )["CopyPartResult"]
        except NoAnswer:
            raise
        except AwsRefused as error:
            if isinstance(error.__cause__, Exception) and error_code(error.__cause__) in _GONE:
                raise
            return None
        if not self._is_same(number, found):
            return None
        return _Done(number, found["ETag"], self._digest(number)[0], part.tail, part.length - part.tail)

    def _send(self, upload: str, number: int, part: UploadPart) -> _Done:
        digest, _ = self._digest(number)
        with FileRange(self._path, part.offset, part.length) as body, answering("s3:UploadPart"):
            found = self._s3.upload_part(
                **self._object, UploadId=upload, PartNumber=number, Body=body, ChecksumSHA256=_text(digest)
            )
        return _Done(number, found["ETag"], digest, part.length, 0)

    def _digest(self, number: int) -> tuple[bytes, str]:
        """SHA-256 and MD5 of a part."""
        if number not in self._digests:
            part = self._parts[number]
            sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
            with FileRange(self._path, part.offset, part.length) as body:
                while piece := body.read(_PIECE):
                    sha256.update(piece)
                    md5.update(piece)
            self._digests[number] = sha256.digest(), md5.hexdigest()
        return self._digests[number]

    def _is_same(self, number: int, told: Mapping[str, Any]) -> bool:
        """Whether what S3 tells of a part is true of the file's: by SHA-256, or by the ETag where it tells none."""
        sha256, md5 = self._digest(number)
        if told.get("ChecksumSHA256"):
            return bool(told["ChecksumSHA256"] == _text(sha256))
        return bool(told["ETag"].strip('"') == md5)

    # the end

    def _complete(self, upload: str, done: Mapping[int, _Done]) -> bool:
        """Make the object of its parts, which S3 compares by their checksums; False when one is there already."""
        parts = [
            {"PartNumber": part.number, "ETag": part.etag, "ChecksumSHA256": _text(part.digest)}
            for part in sorted(done.values(), key=lambda part: part.number)
        ]
        with answering("s3:CompleteMultipartUpload"):
            try:
                self._s3.complete_multipart_upload(
                    **self._object, UploadId=upload, IfNoneMatch="*", MultipartUpload={"Parts": parts}
                )
            except Exception as error:
                if not self._exists():
                    raise
                if error_code(error) in _THERE:
                    self._abort(self._object["Key"], upload)
                    return False
                # No answer, or a bad one, and yet it is there: what it holds is proven next.
        return True

    def _prove(self, done: Mapping[int, _Done]) -> None:
        """Compare what S3 says of the whole with the file: the SHA-256 over its parts' SHA-256."""
        wanted = hashlib.sha256(b"".join(done[number].digest for number in sorted(done))).digest()
        with answering("s3:HeadObject"):
            found = self._s3.head_object(**self._object, ChecksumMode="ENABLED")
        told = str(found.get("ChecksumSHA256", "")).partition("-")[0]
        size = sum(part.length for part in self._parts.values())
        if told == _text(wanted) and found["ContentLength"] == size:
            return
        with answering("s3:DeleteObject"):
            self._s3.delete_object(**self._object, IfMatch=found["ETag"])
        raise AwsRefused(
            "S3 holds other bytes than the source bundle.",
            why="Its checksum differs; it was deleted.",
            hint="Run the same command again.",
            code="digest-mismatch",
        )

    def _exists(self) -> bool:
        try:
            self._s3.head_object(**self._object)
        except Exception as error:
            if error_code(error) in {"404", "NoSuchKey", "NotFound"}:
                return False
            raise
        return True


def _text(digest: bytes) -> str:
    return base64.b64encode(digest).decode()


def _aware(at: datetime) -> datetime:
    return at if at.tzinfo else at.replace(tzinfo=UTC)
