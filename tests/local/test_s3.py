"""S3: conditional writes, digests and owners as the real one has them, before and after a restart."""

from __future__ import annotations

import base64
import hashlib
import os
import signal

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from running import BUCKET, Local


def code(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, int]:
    response = error.value.response
    return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_conditional_writes_hold_before_and_after_a_restart(own: Local) -> None:
    own.client("elasticbeanstalk").create_storage_location()
    etag = own.client("s3").put_object(Bucket=BUCKET, Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
    for restart in (False, True):
        if restart:
            own.run("down")
            own.run("up")
        s3 = own.client("s3")
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=BUCKET, Key="lock", Body=b"2", IfNoneMatch="*")
        assert code(error) == ("PreconditionFailed", 412)
        with pytest.raises(ClientError) as error:
            s3.put_object(Bucket=BUCKET, Key="lock", Body=b"2", IfMatch='"other"')
        assert code(error)[1] == 412
        with pytest.raises(ClientError) as error:
            s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch='"other"')
        assert code(error)[1] == 412
        assert s3.get_object(Bucket=BUCKET, Key="lock")["Body"].read() == b"1"
    s3 = own.client("s3")
    etag = s3.put_object(Bucket=BUCKET, Key="lock", Body=b"3", IfMatch=etag)["ETag"]
    s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch=etag)
    own.run("down")
    own.run("up")
    assert own.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="lock")["KeyCount"] == 0


def test_a_body_unlike_its_digest_is_refused(local: Local) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    s3 = local.client("s3")
    right = base64.b64encode(hashlib.sha256(b"right").digest()).decode()
    s3.put_object(Bucket=BUCKET, Key="digest", Body=b"right", ChecksumSHA256=right)
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="digest", Body=b"wrong", ChecksumSHA256=right)
    assert code(error) == ("BadDigest", 400)
    assert s3.get_object(Bucket=BUCKET, Key="digest")["Body"].read() == b"right"


@pytest.mark.parametrize("size", [0, 5, 100_000])
def test_default_checksums_store_the_exact_bytes(local: Local, size: int) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    s3 = local.client("s3")
    s3.put_object(Bucket=BUCKET, Key=f"exact-{size}", Body=b"x" * size)
    assert s3.get_object(Bucket=BUCKET, Key=f"exact-{size}")["Body"].read() == b"x" * size


def test_another_owner_than_expected_is_refused(local: Local) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    s3 = local.client("s3")
    for call in (s3.head_bucket, s3.list_objects_v2):
        with pytest.raises(ClientError) as error:
            call(Bucket=BUCKET, ExpectedBucketOwner="999999999999")
        assert code(error)[1] == 403
    with pytest.raises(ClientError) as error:
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"", ExpectedBucketOwner="999999999999")
    assert code(error) == ("AccessDenied", 403)
    assert s3.head_bucket(Bucket=BUCKET, ExpectedBucketOwner="123456789012")


def test_a_multipart_upload_survives_a_restart(own: Local) -> None:
    own.client("elasticbeanstalk").create_storage_location()
    s3 = own.client("s3")
    upload = s3.create_multipart_upload(Bucket=BUCKET, Key="big")["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(Bucket=BUCKET, Key="big", UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in ((1, b"a" * 5 * 1024**2), (2, b"b"))
    ]
    etag = s3.complete_multipart_upload(Bucket=BUCKET, Key="big", UploadId=upload, MultipartUpload={"Parts": parts})[
        "ETag"
    ]
    own.run("down")
    own.run("up")
    found = own.client("s3").get_object(Bucket=BUCKET, Key="big")
    assert found["ETag"] == etag
    assert found["Body"].read() == b"a" * 5 * 1024**2 + b"b"


def test_the_end_of_an_upload_names_the_checksums_of_its_parts(local: Local) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    s3 = local.client("s3")
    place = {"Bucket": BUCKET, "Key": "summed"}
    upload = s3.create_multipart_upload(**place, ChecksumAlgorithm="SHA256")["UploadId"]
    digest = base64.b64encode(hashlib.sha256(b"all").digest()).decode()
    etag = s3.upload_part(**place, UploadId=upload, PartNumber=1, Body=b"all", ChecksumSHA256=digest)["ETag"]
    with pytest.raises(ClientError, match="It was missing for part 1") as error:
        s3.complete_multipart_upload(
            **place, UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}
        )
    assert code(error) == ("InvalidRequest", 400)
    named = {"PartNumber": 1, "ETag": etag, "ChecksumSHA256": digest}
    s3.complete_multipart_upload(**place, UploadId=upload, MultipartUpload={"Parts": [named]})
    assert s3.get_object(**place)["Body"].read() == b"all"


@pytest.mark.parametrize("path", ["/moto-api/reset", "//moto-api/reset", "/moto%2dapi/reset", "/latest/meta-data/a"])
def test_nobody_reaches_what_moto_serves_beside_aws(local: Local, path: str) -> None:
    local.client("elasticbeanstalk").create_storage_location()
    s3 = local.client("s3")
    s3.put_object(Bucket=BUCKET, Key="kept", Body=b"1")
    signed = local.signed(path, "POST", service="s3")
    answer = urllib3.request("POST", local.told["endpoint_url"] + path, headers=signed, retries=False)
    assert 400 <= answer.status < 500
    s3.put_object(Bucket=BUCKET, Key="other", Body=b"2")
    assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"1"
    assert (local.home / "local" / "s3" / BUCKET).is_dir()


KEYS = ["café/größe 1.zip", "a%20b", "a+b c", "%", "日本", "a/../b", "a?b#c&d", " ", "a//b", "/lead"]


def test_keys_of_any_characters_are_found_after_a_restart(own: Local) -> None:
    own.client("elasticbeanstalk").create_storage_location()
    s3 = own.client("s3")
    for key in KEYS:
        s3.put_object(Bucket=BUCKET, Key=key, Body=key.encode())
        s3.put_object(Bucket=BUCKET, Key=f"{key}-gone", Body=b"x")
        s3.delete_object(Bucket=BUCKET, Key=f"{key}-gone")
    own.run("down")
    own.run("up")
    s3 = own.client("s3")
    assert {item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET)["Contents"]} == set(KEYS)
    for key in KEYS:
        assert s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() == key.encode()


def test_a_server_that_dies_between_two_files_leaves_content_and_etag_of_one_write(own: Local) -> None:
    own.client("elasticbeanstalk").create_storage_location()
    etag = own.client("s3").put_object(Bucket=BUCKET, Key="lock", Body=b"1")["ETag"]
    folder = own.home / "local" / "s3" / BUCKET
    obstacle = folder / f"{hashlib.sha256(b'lock').hexdigest()}.draft"
    obstacle.mkdir()  # its JSON cannot be written
    with pytest.raises(ClientError):
        own.client("s3", Config(retries={"total_max_attempts": 1})).put_object(Bucket=BUCKET, Key="lock", Body=b"2")
    os.kill(own.told["pid"], signal.SIGKILL)
    obstacle.rmdir()
    own.run("up")
    found = own.client("s3").get_object(Bucket=BUCKET, Key="lock")
    assert (found["Body"].read(), found["ETag"]) == (b"1", etag)
    assert len(list(folder.iterdir())) == 3, "the bucket's file, the object's two, and none that nobody names"


def test_a_bucket_that_was_half_made_is_none_and_keeps_no_server_from_starting(own: Local) -> None:
    own.client("elasticbeanstalk").create_storage_location()
    own.run("down")
    half = own.home / "local" / "s3" / "half-made"
    half.mkdir()
    (half / "0.bin").write_bytes(b"")
    assert own.run("up").returncode == 0
    assert [item["Name"] for item in own.client("s3").list_buckets()["Buckets"]] == [BUCKET]
    assert not half.exists()
