"""Hostile input: refused with the service's own kind of error, and nothing outside an instance's root is touched."""

from __future__ import annotations

import io
import stat
import struct
import time
import zipfile
from pathlib import Path

import pytest
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
    "a bomb": [(f"zeros-{number}", b"\0" * 60_000_000, FILE) for number in range(3)],
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
        ("a null", b"option_settings: {a: null}"),
    ],
)
def test_a_hostile_configuration_file_is_skipped_and_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / "b.zip"
    path.write_bytes(zipped([(".ebextensions/a.config", content, FILE),
                             (".ebextensions/b.config", b"option_settings: {a:b: {c: d}}", FILE)]))  # fmt: skip
    start = time.monotonic()
    found = ebextensions.read(path)
    assert len(found.problems) == 1
    assert ".ebextensions/a.config in the application version is invalid" in found.problems[0]
    assert found.options == {("a:b", "c"): "d"}, "the other file holds"
    assert time.monotonic() - start < 20


def test_the_server_refuses_them_by_its_own_words(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    for label, content in (("bomb", BOMB), ("deep", "[" * 50_000)):
        assert local.publish("hostile", label, bundle("x", **{".ebextensions/a.config": content})) == "Failed"
    assert local.publish("hostile", "text", b"no zip at all") == "Failed"
    events = [event["Message"] for event in eb.describe_events(ApplicationName="hostile", Severity="ERROR")["Events"]]
    assert sum("is invalid" in text for text in events) == 2
    with pytest.raises(eb.exceptions.ClientError, match="InvalidParameterValue"):
        local.launch("hostile", "hostile-one", "bomb")


def test_a_climbing_bundle_fails_its_deployment_and_touches_nothing(local: Local) -> None:
    climbing = zipped([("Procfile", b"web: python server.py\n", FILE), ("../../../evil", b"x", FILE)])
    local.publish("hostile", "climbing", climbing)
    local.launch("hostile", "hostile-climbing", "climbing", health="Red")
    events = local.client("elasticbeanstalk").describe_events(EnvironmentName="hostile-climbing")["Events"]
    assert any("a name that leaves it" in event["Message"] for event in events)
    assert not list(local.home.rglob("evil"))
    local.client("elasticbeanstalk").terminate_environment(EnvironmentName="hostile-climbing")


@pytest.mark.parametrize("host", ["evil.example.com", "127.0.0.1.evil.example.com:80", "", "[::2]:8155"])
def test_requests_for_another_host_are_refused(local: Local, host: str) -> None:
    url = local.told["endpoint_url"]
    status, headers, _ = request(url, "/", host=host or " ", Authorization="AWS4-HMAC-SHA256 Credential=a/20260101/"
                                 "eu-central-1/elasticbeanstalk/aws4_request")  # fmt: skip
    assert status in {400, 403}
    assert "access-control-allow-origin" not in headers
