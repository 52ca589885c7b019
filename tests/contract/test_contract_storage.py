"""S3 as the lock and the ledger need it: conditional writes, the expected owner, digests, lists in order."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import pytest
from account import Account
from botocore.exceptions import ClientError
from ground import Ground, refusal

from ebcd.aws.ranges import Source
from ebcd.aws.storage import PreconditionFailed, Storage
from ebcd.errors import AwsRefused
from ebcd.model import UploadPart

MEBI = 1024**2


@pytest.fixture
def storage(ground: Ground) -> Storage:
    assert ground.application  # with it comes the bucket
    return ground.account.storage


@pytest.fixture
def s3(account: Account) -> Any:
    return account.client("s3")


@pytest.mark.row("default-bucket")
def test_the_default_bucket_has_the_name_that_ebcd_expects(ground: Ground, storage: Storage) -> None:
    assert ground.beanstalk.create_storage_location() == storage.bucket
    assert storage.bucket == f"elasticbeanstalk-{ground.account.region}-{storage._account.id}"
    assert storage.bucket_exists()


@pytest.mark.row("s3-if-none-match")
def test_only_one_of_two_creates_an_object(ground: Ground, storage: Storage, s3: Any) -> None:
    key = ground.key("created")
    etag = storage.create(key, b"mine")
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=storage.bucket, Key=key, Body=b"another's", IfNoneMatch="*")
    assert refusal(error.value)[0] == "PreconditionFailed"
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    with pytest.raises(PreconditionFailed):
        storage.create(key, b"another's")
    assert storage.create(key, b"mine") == etag, "what answers a repeat of one's own write is read back"


@pytest.mark.row("s3-if-match")
def test_what_was_written_meanwhile_is_not_written_over(ground: Ground, storage: Storage, s3: Any) -> None:
    key = ground.key("replaced")
    first = storage.create(key, b"1")
    second = storage.replace(key, b"2", first)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=storage.bucket, Key=key, Body=b"3", IfMatch=first)
    assert refusal(error.value)[0] == "PreconditionFailed"
    with pytest.raises(PreconditionFailed):
        storage.replace(key, b"3", first)
    found = storage.get(key)
    assert found is not None
    assert (found.body, found.etag) == (b"2", second)
    assert found.read >= found.modified, "S3 dates what it answers, so an age needs no clock of ours"


@pytest.mark.row("s3-if-match-gone")
def test_what_is_gone_is_not_written_over(ground: Ground, storage: Storage, s3: Any) -> None:
    key = ground.key("gone")
    etag = storage.create(key, b"1")
    storage.delete(key, etag)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=storage.bucket, Key=key, Body=b"2", IfMatch=etag)
    assert refusal(error.value)[0] in {"NoSuchKey", "404", "PreconditionFailed"}
    with pytest.raises(PreconditionFailed):
        storage.replace(key, b"2", etag)
    assert storage.get(key) is None


@pytest.mark.row("s3-delete-if-match")
def test_only_what_was_read_is_deleted(ground: Ground, storage: Storage) -> None:
    key = ground.key("deleted")
    first = storage.create(key, b"1")
    second = storage.replace(key, b"2", first)
    with pytest.raises(PreconditionFailed):
        storage.delete(key, first)
    storage.delete(key, second)
    storage.delete(key, second)
    assert not storage.exists(key)


@pytest.mark.row("s3-expected-owner")
def test_a_bucket_of_another_account_is_refused(ground: Ground, storage: Storage, s3: Any) -> None:
    key, stranger = ground.key("owner"), "000000000001"
    storage.create(key, b"1")
    calls: dict[str, dict[str, Any]] = {
        "put_object": {"Key": key, "Body": b"2"},
        "get_object": {"Key": key},
        "head_object": {"Key": key},
        "delete_object": {"Key": key},
        "list_objects_v2": {},
        "head_bucket": {},
    }
    for method, given in calls.items():
        with pytest.raises(ClientError) as error:
            getattr(s3, method)(Bucket=storage.bucket, ExpectedBucketOwner=stranger, **given)
        assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403, method
        assert refusal(error.value)[0] in {"AccessDenied", "403"}, method
    found = storage.get(key)
    assert found is not None
    assert found.body == b"1"


@pytest.mark.row("s3-checksum")
def test_other_bytes_than_were_meant_are_refused(ground: Ground, storage: Storage, s3: Any) -> None:
    key = ground.key("digest")
    other = base64.b64encode(hashlib.sha256(b"meant").digest()).decode()
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=storage.bucket, Key=key, Body=b"arrived", ChecksumSHA256=other)
    assert error.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert not storage.exists(key)


@pytest.mark.row("s3-lists")
def test_keys_are_listed_in_order_by_folder_and_from_a_key_on(ground: Ground, storage: Storage) -> None:
    folder = ground.key("list/")
    for name in ("3.json", "1.json", "2.json", "1/entry.json"):
        storage.create(folder + name, b"{}")
    assert list(storage.keys(folder)) == [folder + name for name in ("1.json", "1/entry.json", "2.json", "3.json")]
    assert list(storage.children(folder)) == [folder + name for name in ("1.json", "2.json", "3.json")]
    assert list(storage.children(folder, after="1.json")) == [folder + name for name in ("2.json", "3.json")]
    assert list(storage.folders(folder)) == ["1"]


@pytest.mark.row("s3-ranges")
def test_an_object_is_read_from_its_end(ground: Ground, storage: Storage) -> None:
    key, body = ground.key("ranges"), bytes(range(256)) * 4096
    storage.create(key, body)
    with storage.open(key) as reader:
        assert reader.size == len(body)
        reader.seek(100)
        assert reader.read(16) == body[100:116]
        reader.seek(-16, 2)
        assert reader.read() == body[-16:]


@pytest.mark.row("s3-multipart")
def test_parts_are_copied_inside_s3_and_proven_by_their_digests(
    ground: Ground, storage: Storage, s3: Any, tmp_path: Path
) -> None:
    old, new, path = ground.key("parts/old.zip"), ground.key("parts/new.zip"), tmp_path / "file"
    body = hashlib.sha256(b"seed").digest() * (6 * MEBI // 32)
    path.write_bytes(body)
    digest = hashlib.sha256(body).hexdigest()
    nothing: dict[str, Any] = {"sha256": digest, "metadata": {}, "heartbeat": lambda: None, "progress": lambda _: None}
    assert storage.upload(old, path, **nothing) is not None
    assert storage.upload(old, path, **nothing) is None, "it was there already"
    source = Source(old, s3.head_object(Bucket=storage.bucket, Key=old)["ETag"])
    parts = (UploadPart(0, 5 * MEBI, source=0), UploadPart(5 * MEBI, MEBI))
    sent = storage.upload(new, path, **nothing, parts=parts, source=source)
    assert sent is not None
    assert (sent.sent, sent.copied) == (MEBI, 5 * MEBI)
    assert s3.get_object(Bucket=storage.bucket, Key=new)["Body"].read() == body


@pytest.mark.row("s3-missing")
def test_what_is_missing_is_told_from_what_is_refused(ground: Ground, storage: Storage) -> None:
    missing = ground.key("missing")
    assert (storage.get(missing), storage.exists(missing)) == (None, False)
    storage.remove(missing)
    with pytest.raises(AwsRefused) as error:
        storage.open(missing)
    assert error.value.code == "NoSuchKey"
