"""Hostile input: refused with the service's own kind of error, and nothing outside an instance's root is touched."""

from __future__ import annotations

import http.client
import io
import json
import random
import stat
import struct
import time
import zipfile
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import urllib3
from balancing import dial
from running import Local, bundle
from test_daemon import request

from ebcd_local import ebextensions
from ebcd_local.archive import BadArchive, unpack

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{chr(98 + level)} [{','.join(['*' + chr(97 + level)] * 9)}]\n" for level in range(8)
)


def zipped(entries: list[tuple[str, bytes, int]]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content, mode in entries:
            info = zipfile.ZipInfo(name)
            info.external_attr = mode << 16
            archive.writestr(info, content, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


ZEROS = bytes(60_000_000)
"""No memory until somebody reads it: this module is imported in each process of the tests."""
FILE, LINK = stat.S_IFREG | 0o644, stat.S_IFLNK | 0o777
HOSTILE = {
    "a name that climbs": [("../../evil", b"x", FILE)],
    "a name that climbs inside": [("a/../../evil", b"x", FILE)],
    "an absolute name": [("/tmp/evil", b"x", FILE)],
    "a name of Windows": [("..\\evil", b"x", FILE)],
    "a link that climbs": [("a", b"../../evil", LINK)],
    "an absolute link": [("a", b"/etc", LINK)],
    "a file through a link": [("d/x", b"x", FILE), ("l", b"d", LINK), ("l/../../evil", b"x", FILE)],
    "a link through a link": [("a", b"b", LINK), ("b", b"..", LINK), ("a/evil", b"x", FILE)],
    "a bomb": [(f"zeros-{number}", ZEROS, FILE) for number in range(3)],
    "two entries of one name": [("a", b"1", FILE), ("a", b"2", FILE)],
    "a name that is too long": [("x" * 300, b"1", FILE)],
    "a link to nothing legible": [("a", b"\xff\xfe", LINK)],
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("kind", list(HOSTILE))
def test_a_hostile_bundle_is_refused_whole(tmp_path: Path, kind: str) -> None:
    path, root = tmp_path / "bundle.zip", tmp_path / "deep" / "root"
    path.write_bytes(zipped(HOSTILE[kind]))
    root.parent.mkdir()
    with pytest.raises((BadArchive, OSError)):
        unpack(path, root)
    outside = [found for found in tmp_path.rglob("*") if not found.is_relative_to(root) and found.name == "evil"]
    assert outside == []
    assert sum(found.stat().st_size for found in root.rglob("*") if found.is_file()) < 1_000_000


def renamed(name: bytes, *, utf8: bool) -> bytes:
    """An archive with an entry whose name is these bytes, said to be UTF-8 or not."""
    stand_in = b"n" * len(name)
    content = bytearray(zipped([("Procfile", b"web: python server.py\n", FILE), (stand_in.decode(), b"x", FILE)]))
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        start = content.rindex(mark, 0, content.rindex(stand_in) if mark == b"PK\x01\x02" else content.index(stand_in))
        struct.pack_into("<H", content, start + flags, 0x800 if utf8 else 0)
    return bytes(content).replace(stand_in, name)


def test_names_that_are_not_what_they_say_are_refused(tmp_path: Path) -> None:
    (tmp_path / "b.zip").write_bytes(renamed(b"caf\xe9", utf8=True))
    with pytest.raises(BadArchive, match="utf-8"):
        unpack(tmp_path / "b.zip", tmp_path / "root")
    assert "utf-8" in ebextensions.read(tmp_path / "b.zip").problems[0]


@pytest.mark.parametrize("name", [b"caf\xe9", b"\xff\xfe\xfd", b"a\x1b[31m", b"caf\xc3\xa9"])
def test_names_of_another_encoding_stay_inside(tmp_path: Path, name: bytes) -> None:
    (tmp_path / "b.zip").write_bytes(renamed(name, utf8=False))
    unpack(tmp_path / "b.zip", tmp_path / "root")
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 3
    assert len(list((tmp_path / "root").iterdir())) == 2


@pytest.mark.parametrize("tens", range(30))
def test_a_broken_archive_is_refused_or_read_and_breaks_nothing(tmp_path: Path, tens: int) -> None:
    whole = bundle(**{".ebextensions/a.config": "option_settings: {a:b: {c: d}}", "env.yaml": "a: b"})
    for seed in range(10 * tens, 10 * tens + 10):
        chance, place, content = random.Random(seed), tmp_path / str(seed), bytearray(whole)
        for _ in range(chance.choice([1, 3, 30])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        place.mkdir()
        (place / "b.zip").write_bytes(content[: chance.choice([len(content), chance.randrange(len(content))])])
        ebextensions.read(place / "b.zip")
        with suppress(BadArchive, OSError):
            unpack(place / "b.zip", place / "root")
        assert {found.name for found in place.iterdir()} <= {"b.zip", "root"}
    assert all(found.name.isdigit() for found in tmp_path.iterdir())


def test_a_header_that_lies_about_a_size_does_not_fill_the_disk(tmp_path: Path) -> None:
    content = bytearray(zipped([("zeros", b"\0" * 50_000_000, FILE)]))
    for mark, offset in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        struct.pack_into("<I", content, content.index(mark) + offset, 10)
    (tmp_path / "b.zip").write_bytes(content)
    with pytest.raises(BadArchive):
        unpack(tmp_path / "b.zip", tmp_path / "root")
    assert sum(found.stat().st_size for found in (tmp_path / "root").rglob("*") if found.is_file()) <= 10


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("10 MB", b"option_settings: {}\n" + b"# " + b"x" * 10_000_000),
        ("aliases", BOMB.encode()),
        ("deep", b"[" * 100_000),
        ("deep mapping", b"{a: " * 20_000),
        ("not UTF-8", b"option_settings: \xff\xfe"),
        ("a tag", b"option_settings: !!python/object/apply:os.system ['touch /tmp/evil']"),
        ("another type", b"files: 3"),
        ("a null", b"option_settings: [null]"),
    ],
)
def test_a_hostile_configuration_file_is_skipped_and_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(
        zipped(
            [
                (".ebextensions/a.config", content, FILE),
                (".ebextensions/b.config", b"option_settings: {a:b: {c: d}}", FILE),
            ]
        )
    )
    start = time.monotonic()
    found = ebextensions.read(path)
    assert len(found.problems) == 1
    assert ".ebextensions/a.config in the application version is invalid" in found.problems[0]
    assert found.options == {("a:b", "c"): "d"}, "the other file holds"
    assert time.monotonic() - start < 20


def test_the_server_refuses_them_by_its_own_words(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    for label, text in (("bomb", BOMB), ("deep", "[" * 50_000)):
        assert local.publish("hostile", label, bundle("x", **{".ebextensions/a.config": text})) == "FAILED"
    for label, content in (("text", b"no zip at all"), ("latin", renamed(b"caf\xe9", utf8=True))):
        assert local.publish("hostile", label, content) == "FAILED"
    events = [event["Message"] for event in eb.describe_events(ApplicationName="hostile", Severity="ERROR")["Events"]]
    assert sum("is invalid" in text for text in events) == 2
    with pytest.raises(eb.exceptions.ClientError, match="InvalidParameterValue"):
        local.launch("hostile", "hostile-one", "bomb")


def test_a_climbing_bundle_fails_its_deployment_and_touches_nothing(local: Local) -> None:
    climbing = zipped([("Procfile", b"web: python server.py\n", FILE), ("../../../evil", b"x", FILE)])
    local.publish("hostile", "climbing", climbing)
    local.launch("hostile", "hostile-climbing", "climbing", health="Red")
    assert "a name that leaves it" in local.log_tail("hostile-climbing")
    assert not list(local.home.rglob("evil"))
    local.client("elasticbeanstalk").terminate_environment(EnvironmentName="hostile-climbing")


@pytest.mark.parametrize("name", ["x" * 300, "a/b\0c"])
def test_a_file_that_cannot_be_written_fails_its_deployment_and_leaves_the_earlier_label(
    local: Local, name: str
) -> None:
    eb, one = local.client("elasticbeanstalk"), f"hostile-{len(name)}"
    files = {".ebextensions/a.config": json.dumps({"files": {f"/etc/{name}": {"content": "x"}}})}
    local.publish("hostile", f"{one}-good", bundle("one"))
    local.publish("hostile", f"{one}-bad", bundle("two", **files))
    local.launch("hostile", one, f"{one}-good")
    eb.update_environment(EnvironmentName=one, VersionLabel=f"{one}-bad")
    assert local.until(one, lambda item: item["Status"] == "Ready")["VersionLabel"] == f"{one}-good"
    (found,) = local.instances(one)
    assert found["Deployment"]["Status"] == "Failed"
    messages = [event["Message"] for event in eb.describe_events(EnvironmentName=one)["Events"]]
    assert any("Unsuccessful command execution on instance id(s)" in text for text in messages)
    eb.terminate_environment(EnvironmentName=one)


@pytest.mark.parametrize(
    ("operation", "parameters"),
    [
        ("DescribeEvents", "MaxRecords=" + "9" * 5000),
        ("DescribeEvents", "MaxRecords=1e400"),
        ("DescribeEvents", "StartTime=1e300"),
        ("DescribeEvents", "StartTime=99999-99-99T99:99:99Z"),
        ("DescribeEvents", "StartTime=0001-01-01T00:00:00%2B23:59"),
        ("DescribeEnvironments", "EnvironmentNames.member." + "9" * 5000 + "=a"),
        ("DescribeEnvironments", "EnvironmentNames.member.%C2%B2=a"),
        ("DescribeEnvironments", "EnvironmentNames.member.-1=a"),
        ("DescribeEnvironments", "a." * 200_000 + "a=b"),
        ("DescribeEnvironments", "&".join(f"EnvironmentNames.member.{number}=a" for number in range(50_000))),
        ("DescribeEnvironments", "NextToken=%00"),
        ("DescribeApplications", "ApplicationNames.member.1=%FF%FE"),
        ("CreateApplication", "ApplicationName=..%2F..%2Fevil"),
        ("CreateApplication", "ApplicationName=%00"),
        ("CreateApplicationVersion", "ApplicationName=x&VersionLabel=v&SourceBundle.S3Bucket=..&SourceBundle.S3Key=.."),
        ("__import__", ""),
        ("", "Action=&Action="),
    ],
)
def test_hostile_parameters_are_refused_by_the_service_s_own_errors(
    local: Local, operation: str, parameters: str
) -> None:
    body = f"Action={operation}&{parameters}".encode()
    headers = local.signed("/", "POST", body)
    answer = urllib3.request("POST", local.told["endpoint_url"], body=body, headers=headers, retries=False)
    assert answer.status in {200, 400}, answer.data
    assert answer.data.startswith((b"<ErrorResponse", f"<{operation}Response".encode()))
    assert not list(local.home.parent.glob("evil*"))


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "99999999999", ""])
def test_a_body_whose_length_is_a_lie_is_refused(local: Local, length: str) -> None:
    parts = urlsplit(local.told["endpoint_url"])
    body = "Action=DescribeApplications"
    signed = [f"{name}: {value}" for name, value in local.signed("/", "POST", body.encode()).items()]
    lines = ["POST / HTTP/1.1", f"Host: {parts.netloc}", f"Content-Length: {length}", "Connection: close", *signed]
    with dial(parts.port or 0, "\r\n".join([*lines, "", body]).encode()) as connection:
        assert connection.recv(1000).split()[1] in {b"400", b"403", b"413"}


@pytest.mark.parametrize("path", ["/%2e%2e/evil", "/../evil", "/%2e%2e%2fevil/x", "/a%00b/x", "/.."])
@pytest.mark.parametrize("method", ["PUT", "DELETE", "POST"])
def test_buckets_that_climb_are_refused(local: Local, method: str, path: str) -> None:
    before = sorted(item.name for item in (local.home / "local").iterdir())
    parts = urlsplit(local.told["endpoint_url"])
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request(method, path, body=b"evil", headers=local.signed(path, method, b"evil", "s3"))
    assert 400 <= connection.getresponse().status < 500
    connection.close()
    assert sorted(item.name for item in (local.home / "local").iterdir()) == before
    assert not list(local.home.parent.glob("evil*"))


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.example.com:80", "", "[::2]:8155"])
def test_requests_for_another_host_are_refused(local: Local, host: str) -> None:
    url = local.told["endpoint_url"]
    status, headers, _ = request(url, "/", host=host or " ", **local.signed("/", Host=host or " "))
    assert status in {400, 403}
    assert "access-control-allow-origin" not in headers
