"""Uploads in parts: what crosses the wire, by the server's own count, and what a crash or a liar leaves."""

from __future__ import annotations

import base64
import hashlib
import json
import random
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from running import BUCKET, REGION, Local

from ebcd.aws import splice
from ebcd.aws.account import Account
from ebcd.aws.multipart import MultipartUpload
from ebcd.aws.ranges import FileRange, Source
from ebcd.aws.session import Access, Clients, connect
from ebcd.aws.storage import Storage
from ebcd.bundle.archive import ArchiveWriter
from ebcd.bundle.compress import compress
from ebcd.bundle.delta import entries, parts
from ebcd.errors import AwsRefused, Interrupted
from ebcd.model import Commit, SourceBundle, Upload
from ebcd.release.execute.context import Status
from ebcd.release.execute.upload import upload
from ebcd.release.plan.steps import UploadBundle

MB = 1024**2
FOLDER = "ebcd/shop/bundles"


def content(storage: Storage, key: str) -> bytes:
    """An object of any size, whole."""
    found = storage._clients.s3.get_object(Bucket=storage.bucket, Key=key)
    return bytes(found["Body"].read())


def archive(path: Path, count: int, changed: dict[int, int]) -> Path:
    """A zip of files of 1 MB that do not shrink; changed: numbers whose content is another one, and which."""
    with path.open("wb") as stream:
        writer = ArchiveWriter(stream, datetime(2026, 1, 2, tzinfo=UTC))
        for number in range(count):
            made, data = compress(random.Random(1000 * number + changed.get(number, 0)).randbytes(MB), stored=True)
            writer.add(f"{number:03}.bin", 0o100644, made, (data,))
        writer.close()
    return path


@pytest.fixture
def clients(local: Local) -> Iterator[Clients]:
    local.client("elasticbeanstalk").create_storage_location()
    told = local.told
    keys = {"access_key_id": told["access_key_id"], "secret_access_key": told["secret_access_key"]}
    made = connect(Access(REGION, endpoint_url=told["endpoint_url"], **keys))
    yield made
    made.s3.close()


@pytest.fixture
def storage(clients: Clients, request: pytest.FixtureRequest) -> Storage:
    return Storage(clients, REGION, Account(clients))


def send(storage: Storage, key: str, path: Path, base: str = "", **given: Any) -> Upload | None:
    source, old = None, []
    if base:
        with storage.open(base) as stored:
            source, old = Source(base, stored.etag), entries(stored)
    with path.open("rb") as stream:
        planned = parts(path.stat().st_size, entries(stream), old)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    defaults: dict[str, Any] = {"metadata": {"a": "b"}, "heartbeat": lambda: None, "progress": lambda _: None}
    return storage.upload(key, path, sha256=sha256, parts=planned, source=source, **(defaults | given))


def control(local: Local, path: str, **fault: Any) -> Any:
    told = local.told
    request = urllib.request.Request(
        f"{told['endpoint_url']}/_ebcd/{path}",
        headers={"X-Ebcd-Token": told["token"]},
        data=json.dumps(fault).encode() if fault else None,
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


class Wire:
    """The server's own count of what comes in."""

    def __init__(self, local: Local) -> None:
        self._local = local
        self._before = control(local, "calls")["last"]

    def calls(self) -> list[dict[str, Any]]:
        return list(control(self._local, f"calls?after={self._before}")["calls"])

    def operations(self) -> list[str]:
        return [call["operation"] for call in self.calls() if call["service"] == "s3"]

    def received(self) -> int:
        return sum(call["received"] for call in self.calls())


def test_a_small_change_of_a_large_bundle_sends_little(local: Local, storage: Storage, tmp_path: Path) -> None:
    first = archive(tmp_path / "1.zip", 40, {})
    second = archive(tmp_path / "2.zip", 40, {20: 1})
    wire = Wire(local)
    assert send(storage, f"{FOLDER}/delta-1.zip", first) == Upload(first.stat().st_size, 0)
    assert wire.received() > 40 * MB
    wire = Wire(local)
    done: list[int] = []
    made = send(storage, f"{FOLDER}/delta-2.zip", second, f"{FOLDER}/delta-1.zip", progress=done.append)
    assert made is not None
    assert made.sent + made.copied == second.stat().st_size == done[-1]
    assert done == sorted(done)
    assert made.sent <= wire.received() < 1.5 * MB
    assert content(storage, f"{FOLDER}/delta-2.zip") == second.read_bytes()
    wire = Wire(local)
    assert send(storage, f"{FOLDER}/delta-2.zip", second) is None
    assert wire.received() == 0


def test_changes_far_apart_send_little_more_than_themselves(local: Local, storage: Storage, tmp_path: Path) -> None:
    first = archive(tmp_path / "1.zip", 60, {})
    second = archive(tmp_path / "2.zip", 60, {7: 1, 21: 1, 35: 1, 49: 1})
    send(storage, f"{FOLDER}/apart-1.zip", first)
    wire = Wire(local)
    made = send(storage, f"{FOLDER}/apart-2.zip", second, f"{FOLDER}/apart-1.zip")
    assert made is not None
    assert made.sent <= wire.received() < 4.5 * MB
    assert made.sent + made.copied == second.stat().st_size
    assert content(storage, f"{FOLDER}/apart-2.zip") == second.read_bytes()
    assert list(storage.keys(f"{FOLDER}/apart-2.zip")) == [f"{FOLDER}/apart-2.zip"], "no spliced object stays"


@pytest.mark.parametrize(
    ("kind", "nth", "place"),
    [
        ("error", 1, "s3:UploadPartCopy"),
        ("lost", 2, "s3:CompleteMultipartUpload"),
        ("cut", 1, "s3:UploadPart"),
        ("lost", 1, "s3:DeleteObject"),
        ("lost", 1, "s3:CompleteMultipartUpload"),
        ("lost", 2, "s3:UploadPartCopy"),
    ],
)
def test_a_splice_that_goes_wrong_costs_bytes_and_not_the_upload(
    local: Local, storage: Storage, tmp_path: Path, kind: str, nth: int, place: str
) -> None:
    folder = f"{FOLDER}/wrong-{kind}-{nth}-{place.partition(':')[2]}"
    send(storage, f"{folder}/1.zip", archive(tmp_path / "1.zip", 20, {}))
    second = archive(tmp_path / "2.zip", 20, {10: 1})
    control(local, "faults", kind=kind, place=place, nth=nth, times=1)
    assert send(storage, f"{folder}/2.zip", second, f"{folder}/1.zip") is not None
    assert content(storage, f"{folder}/2.zip") == second.read_bytes()
    assert [key for key in storage.keys(folder) if key.endswith(splice.ENDING)] == []


def test_what_a_killed_run_left_of_a_splice_is_told_by_its_age() -> None:
    now = datetime(2026, 1, 3, 12, tzinfo=UTC)
    objects = [
        {"Key": f"{FOLDER}/{name}", "LastModified": datetime(2026, 1, day, tzinfo=UTC)}
        for name, day in (("a.zip", 1), ("a.zip.4.splice", 1), ("b.zip.2.splice", 3))
    ]
    assert list(splice.left(objects, now)) == [f"{FOLDER}/a.zip.4.splice"]


def test_an_upload_that_was_interrupted_goes_on_where_it_was(local: Local, storage: Storage, tmp_path: Path) -> None:
    path = archive(tmp_path / "1.zip", 64, {})
    key = f"{FOLDER}/resumed.zip"

    def stop_after_the_first(done: int) -> None:
        if done:
            raise Interrupted("Stopped.")

    with pytest.raises(Interrupted):
        send(storage, key, path, progress=stop_after_the_first)
    assert storage.get(key) is None
    wire = Wire(local)
    made = send(storage, key, path)
    assert made is not None
    assert 0 < made.sent <= wire.received() < path.stat().st_size - 7 * MB
    assert "CreateMultipartUpload" not in wire.operations()
    assert content(storage, key) == path.read_bytes()


def test_an_upload_of_other_bytes_under_the_same_key_is_not_taken_up(
    storage: Storage, clients: Clients, tmp_path: Path
) -> None:
    key = f"{FOLDER}/another.zip"
    path = archive(tmp_path / "1.zip", 20, {})
    other = clients.s3.create_multipart_upload(Bucket=BUCKET, Key=key)["UploadId"]
    clients.s3.upload_part(
        Bucket=BUCKET, Key=key, UploadId=other, PartNumber=1, Body=b"x" * parts(path.stat().st_size)[0].length
    )
    assert send(storage, key, path) == Upload(path.stat().st_size, 0)
    left = clients.s3.list_multipart_uploads(Bucket=BUCKET, Prefix=key)["Uploads"]
    assert [item["UploadId"] for item in left] == [other]
    clients.s3.abort_multipart_upload(Bucket=BUCKET, Key=key, UploadId=other)


def test_a_source_that_is_gone_or_has_changed_costs_the_copy_and_not_the_upload(
    storage: Storage, clients: Clients, tmp_path: Path
) -> None:
    path = archive(tmp_path / "1.zip", 20, {})
    base = f"{FOLDER}/base.zip"
    assert send(storage, base, path)
    with storage.open(base) as stored:
        source, old = Source(base, stored.etag), entries(stored)
    with path.open("rb") as stream:
        planned = parts(path.stat().st_size, entries(stream), old)
    assert any(part.source is not None for part in planned)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    for name, spoil in {
        "changed": lambda: clients.s3.put_object(Bucket=BUCKET, Key=base, Body=bytes(path.stat().st_size)),
        "gone": lambda: clients.s3.delete_object(Bucket=BUCKET, Key=base),
    }.items():
        spoil()
        key = f"{FOLDER}/{name}.zip"
        made = storage.upload(
            key,
            path,
            sha256=sha256,
            parts=planned,
            source=source,
            metadata={},
            heartbeat=lambda: None,
            progress=lambda _: None,
        )
        assert made == Upload(path.stat().st_size, 0)
        assert content(storage, key) == path.read_bytes()


@pytest.mark.parametrize(
    ("kind", "place"),
    [
        ("throttle", "s3:UploadPart"),
        ("cut", "s3:UploadPart"),
        ("lost", "s3:CompleteMultipartUpload"),
        ("lost", "s3:UploadPart"),
        ("error", "s3:CreateMultipartUpload"),
        ("error", "s3:ListMultipartUploads"),
    ],
)
def test_faults_of_the_way_are_outlived(local: Local, storage: Storage, tmp_path: Path, kind: str, place: str) -> None:
    path = archive(tmp_path / "1.zip", 20, {})
    key = f"{FOLDER}/{kind}-{place.partition(':')[2]}.zip"
    control(local, "faults", kind=kind, place=place, nth=1, times=1)
    send(storage, key, path)
    assert content(storage, key) == path.read_bytes()


def test_two_uploads_of_one_bundle_at_once_make_one_object(storage: Storage, tmp_path: Path) -> None:
    path = archive(tmp_path / "1.zip", 20, {})
    key = f"{FOLDER}/twice.zip"
    inner: list[Upload | None] = []

    def meanwhile() -> None:
        if not inner:
            inner.append(None)
            inner[0] = send(storage, key, path)

    outer = send(storage, key, path, heartbeat=meanwhile)
    assert [made for made in (outer, inner[0]) if made is not None]
    assert content(storage, key) == path.read_bytes()


def test_a_file_that_changed_since_it_was_summed_up_is_refused(storage: Storage, tmp_path: Path) -> None:
    path = tmp_path / "small.zip"
    path.write_bytes(b"small")
    with pytest.raises(AwsRefused, match="PutObject"):
        storage.upload(
            f"{FOLDER}/small.zip", path, sha256="0" * 64, metadata={}, heartbeat=lambda: None, progress=lambda _: None
        )
    assert storage.get(f"{FOLDER}/small.zip") is None


def test_an_object_is_read_in_ranges(storage: Storage, tmp_path: Path) -> None:
    path = archive(tmp_path / "1.zip", 20, {})
    key = f"{FOLDER}/ranges.zip"
    send(storage, key, path)
    whole = path.read_bytes()
    with storage.open(key) as stored:
        assert stored.size == len(whole)
        for at, length in ((0, 10), (1000, 50_000), (len(whole) - 20, 50), (len(whole) - 3 * MB, 3 * MB)):
            stored.seek(at)
            assert stored.read(length) == whole[at : at + length]
    assert storage.newest(f"{FOLDER}/ranges", ".zip") == key
    assert storage.newest(f"{FOLDER}/ranges", ".none") is None
    with pytest.raises(AwsRefused):
        storage.open(f"{FOLDER}/none.zip")


def test_the_body_of_a_part_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"0123456789")
    with FileRange(path, 2, 5) as body:
        assert (len(body), body.read(2), body.tell(), body.read(), body.read(1)) == (5, b"23", 2, b"456", b"")
        body.seek(-2, 2)
        assert base64.b64encode(body.read()) == base64.b64encode(b"56")
        assert body.seek(0) == 0
        assert body.read() == b"23456"


def test_what_nobody_came_back_to_is_aborted_after_a_day(storage: Storage, clients: Clients, tmp_path: Path) -> None:
    """The local S3 has no upload of yesterday, so the answers are told by hand."""

    class Told:
        aborted: list[str] = []  # noqa: RUF012

        def list_multipart_uploads(self, **_: object) -> dict[str, Any]:
            uploads = [
                {"Key": f"{FOLDER}/x.zip", "UploadId": name, "Initiated": datetime(2026, 1, day, 12, tzinfo=UTC)}
                for name, day in (("old", 1), ("new", 3))
            ]
            date = {"HTTPHeaders": {"date": "Sat, 03 Jan 2026 13:00:00 GMT"}}
            return {"Uploads": uploads, "ResponseMetadata": date}

        def abort_multipart_upload(self, UploadId: str, **_: object) -> None:
            self.aborted.append(UploadId)

        def __getattr__(self, name: str) -> Any:
            return getattr(clients.s3, name)

    path = archive(tmp_path / "1.zip", 20, {})
    with path.open("rb") as stream:
        planned = parts(path.stat().st_size, entries(stream))
    place = {"Bucket": BUCKET, "ExpectedBucketOwner": "123456789012"}
    upload = MultipartUpload(Told(), place, f"{FOLDER}/stale.zip", path, planned, None)
    assert upload.run({}, lambda: None, lambda _: None)
    assert Told.aborted == ["old"]


class Notes:
    """Keeps what a run tells."""

    def __init__(self) -> None:
        self.notes: list[str] = []
        self.done: list[tuple[int, int]] = []

    def note(self, text: str) -> None:
        self.notes.append(text)

    def transferred(self, done: int, total: int) -> None:
        self.done.append((done, total))


def test_a_release_copies_from_the_application_s_newest_bundle(storage: Storage, tmp_path: Path) -> None:
    told = []
    for number, changed in enumerate(({}, {20: 1}, {20: 1, 3: 1})):
        path = archive(tmp_path / f"{number}.zip", 24, changed)
        commit = Commit("0" * 40, "t", datetime(2026, 1, 2, tzinfo=UTC), "One")
        digest = f"{2 - number}" * 64  # of objects written in one second, the first in the listing is the newest, too
        size = path.stat().st_size
        bundle = SourceBundle(commit, path, digest, hashlib.sha256(path.read_bytes()).hexdigest(), size, 24)
        services: Any = SimpleNamespace(storage=storage, progress=Notes())
        step = UploadBundle(f"ebcd/chain/bundles/{digest}.zip", size)
        told.append(upload(services, lambda: None, step, bundle))
        assert services.progress.done[-1] == (size, size)
        assert services.progress.notes == []
        again = upload(services, lambda: None, step, bundle)
        assert again.status is Status.SKIPPED
    assert told[0].text == ""
    assert told[1].text == "4.2 MB sent, 21.0 MB copied inside S3"
    assert told[2].text == "5.2 MB sent, 19.9 MB copied inside S3"


def test_an_earlier_bundle_that_is_no_archive_is_told_and_all_is_sent(
    storage: Storage, clients: Clients, tmp_path: Path
) -> None:
    clients.s3.put_object(Bucket=BUCKET, Key="ebcd/spoilt/bundles/x.zip", Body=b"no archive")
    path = archive(tmp_path / "1.zip", 20, {})
    commit = Commit("0" * 40, "t", datetime(2026, 1, 2, tzinfo=UTC), "One")
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    bundle = SourceBundle(commit, path, "d" * 64, sha256, path.stat().st_size, 20)
    services: Any = SimpleNamespace(storage=storage, progress=Notes())
    seen = upload(services, lambda: None, UploadBundle("ebcd/spoilt/bundles/y.zip", bundle.size), bundle)
    assert (seen.text, seen.status) == ("", Status.DONE)
    assert "all is sent" in services.progress.notes[0]
    assert content(storage, "ebcd/spoilt/bundles/y.zip") == path.read_bytes()
