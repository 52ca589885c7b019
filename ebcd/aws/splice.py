"""A small change without a large part: an object for a while, of bytes that S3 copies and a few that are sent.

Only an upload's last part may be smaller than 5 MiB. So a small change in the middle of a file is sent as the last part
of an object of its own, behind what stands before it in the file; the file's part is then copied from there. What a
killed run leaves is deleted by an upload of a later day.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from ebcd.aws.ranges import FileRange, Source
from ebcd.aws.session import answering
from ebcd.errors import AwsRefused, EbcdError
from ebcd.model import UploadPart

ENDING = ".splice"
ABANDONED = timedelta(days=1)
"""Age at which what an upload left belongs to a run that will not come back."""
_PIECE = 1024**2


def make(
    s3: Any, target: Mapping[str, str], number: int, path: Path, part: UploadPart, source: Source
) -> Source | None:
    """An object with the bytes of a part that has a tail; None where S3 refuses: the part may be sent whole.

    target: Bucket, Key and ExpectedBucketOwner of what the part is for. number: the part's.
    """
    try:
        return _made(s3, {**target, "Key": f"{target['Key']}.{number}{ENDING}"}, path, part, source)
    except AwsRefused:  # no answer, too
        return None


def _made(s3: Any, spliced: Mapping[str, str], path: Path, part: UploadPart, source: Source) -> Source:
    assert part.source is not None
    copied = part.length - part.tail
    head, tail = _digest(path, part.offset, copied), _digest(path, part.offset + copied, part.tail)
    with answering("s3:CreateMultipartUpload"):
        begun = s3.create_multipart_upload(**spliced, ChecksumAlgorithm="SHA256")
    request = {**spliced, "UploadId": begun["UploadId"]}
    with answering("s3:UploadPartCopy"):
        wanted = source.range(spliced, part.source, copied)
        first = s3.upload_part_copy(**request, PartNumber=1, **wanted)["CopyPartResult"]["ETag"]
    with FileRange(path, part.offset + copied, part.tail) as body, answering("s3:UploadPart"):
        second = s3.upload_part(**request, PartNumber=2, Body=body, ChecksumSHA256=tail)["ETag"]
    with answering("s3:CompleteMultipartUpload"):
        parts = [
            {"PartNumber": 1, "ETag": first, "ChecksumSHA256": head},
            {"PartNumber": 2, "ETag": second, "ChecksumSHA256": tail},
        ]
        made = s3.complete_multipart_upload(**request, MultipartUpload={"Parts": parts})
    return Source(spliced["Key"], made["ETag"])


def _digest(path: Path, offset: int, length: int) -> str:
    """A range's SHA-256, as S3 wants it: it refuses a part that was copied from other bytes."""
    found = hashlib.sha256()
    with FileRange(path, offset, length) as body:
        while piece := body.read(_PIECE):
            found.update(piece)
    return base64.b64encode(found.digest()).decode()


def remove(s3: Any, place: Mapping[str, str], spliced: Source) -> None:
    """Delete it. Where that fails it is `left`."""
    with suppress(EbcdError), answering("s3:DeleteObject"):
        s3.delete_object(**place, Key=spliced.key)


def left(objects: Iterable[Mapping[str, Any]], now: datetime) -> Iterator[str]:
    """The keys, among objects as S3 lists them, of what runs left that will not come back."""
    for item in objects:
        if item["Key"].endswith(ENDING) and now - item["LastModified"] > ABANDONED:
            yield item["Key"]
