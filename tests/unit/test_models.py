"""botocore's models, cut down: nothing that ebcd calls is missing, and a damaged cache changes nothing."""

from __future__ import annotations

import os
import re
import time
from pathlib import Path
from typing import Any

import pytest
from botocore.loaders import Loader
from botocore.model import ServiceModel
from botocore.session import Session

from ebcd.aws.models import OPERATIONS, ModelFiles

SOURCES = Path(__file__).resolve().parents[2] / "ebcd" / "aws"

CALLS = {
    "cloudformation": r"\.cloudformation\.(\w+)\(",
    "cloudwatch": r"\.cloudwatch\.(\w+)\(",
    "ec2": r"\.ec2\.(\w+)\(",
    "elasticbeanstalk": r"(?:_read|_once)\.(\w+)\(",
    "iam": r"\.iam\.(\w+)\(",
    "s3": r"(?:s3|s3_bulk)\.(\w+)\(",
}
"""How a service's operations are called."""
NAMED = r"|\"(describe_\w+|list_\w+)\""
"""Or named, where there are pages."""


def client(service: str, loader: Loader | None = None) -> Any:
    """A client that sends nothing; loader: that finds its model."""
    session = Session()
    if loader is not None:
        session.register_component("data_loader", loader)
    return session.create_client(service, region_name="eu-central-1", aws_access_key_id="a", aws_secret_access_key="b")


def cut(folder: Path | None) -> Loader:
    """A loader that cuts models down."""
    return Loader(file_loader=ModelFiles(folder))


@pytest.mark.parametrize("service", OPERATIONS)
def test_the_operations_kept_are_those_that_ebcd_calls(service: str) -> None:
    whole = client(service).meta.method_to_api_mapping
    source = "".join(path.read_text() for path in SOURCES.glob("*.py"))
    calls = re.findall(CALLS[service] + NAMED, source)
    called = {name for pair in calls for name in pair if name}
    assert {whole[name] for name in called if name in whole} == OPERATIONS[service]


@pytest.mark.parametrize("service", OPERATIONS)
def test_what_is_kept_of_an_operation_is_all_of_it(service: str, tmp_path: Path) -> None:
    whole, kept = (
        ServiceModel(loader.load_service_model(service, "service-2")) for loader in (Loader(), cut(tmp_path))
    )
    for name in OPERATIONS[service]:
        there, here = whole.operation_model(name), kept.operation_model(name)
        assert (there.http, there.auth_type, there.http_checksum) == (here.http, here.auth_type, here.http_checksum)
        assert _told(there.input_shape) == _told(here.input_shape)
        assert _told(there.output_shape) == _told(here.output_shape)
        assert [item.name for item in there.error_shapes] == [item.name for item in here.error_shapes]


def _told(shape: Any, depth: int = 6) -> object:
    """What a shape is, as far down as ebcd's requests and answers go."""
    if shape is None or depth == 0:
        return None
    inner = {name: _told(item, depth - 1) for name, item in getattr(shape, "members", {}).items()}
    element = _told(getattr(shape, "member", None), depth - 1)
    return (
        shape.type_name,
        shape.name,
        shape.serialization,
        sorted(shape.required_members) if inner else [],
        inner,
        element,
    )


def test_a_second_run_reads_what_the_first_kept(tmp_path: Path) -> None:
    first = cut(tmp_path).load_service_model("s3", "service-2")
    (kept,) = tmp_path.glob("*service-2*")
    assert kept.stat().st_size < 200_000
    before = kept.stat().st_mtime_ns
    assert cut(tmp_path).load_service_model("s3", "service-2") == first
    assert kept.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    "damage", [lambda _: b"", lambda data: data[:-9], lambda data: data.replace(b"Bucket", b"Basket")]
)
def test_a_damaged_cache_is_made_anew(damage: Any, tmp_path: Path) -> None:
    first = cut(tmp_path).load_service_model("s3", "service-2")
    (kept,) = tmp_path.glob("*service-2*")
    whole = kept.read_bytes()
    kept.write_bytes(damage(whole))
    assert cut(tmp_path).load_service_model("s3", "service-2") == first
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_costs_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("in the way")
    assert cut(folder / "models").load_service_model("s3", "service-2") == cut(None).load_service_model(
        "s3", "service-2"
    )


def test_what_another_botocore_left_is_deleted(tmp_path: Path) -> None:
    cut(tmp_path).load_service_model("s3", "service-2")
    (kept,) = tmp_path.glob("*service-2*")
    old, young = (kept.with_name(f"{kept.stem[:-16]}{digit * 16}.json") for digit in "ab")
    for other in (old, young):
        other.write_text("")
    os.utime(old, (time.time() - 30 * 86_400,) * 2)
    kept.unlink()
    cut(tmp_path).load_service_model("s3", "service-2")
    assert (kept.exists(), old.exists(), young.exists()) == (True, False, True)


def test_a_service_that_credentials_need_stays_whole(tmp_path: Path) -> None:
    assert "AssumeRoleWithWebIdentity" in cut(tmp_path).load_service_model("sts", "service-2")["operations"]
    assert "GetRoleCredentials" in cut(tmp_path).load_service_model("sso", "service-2")["operations"]


@pytest.mark.parametrize("region", ["eu-central-1", "cn-north-1", "us-gov-west-1"])
@pytest.mark.parametrize("service", ["cloudformation", "elasticbeanstalk", "iam", "s3", "sts"])
def test_the_endpoints_are_the_same(service: str, region: str, tmp_path: Path) -> None:
    def endpoint(loader: Loader | None) -> tuple[str, str]:
        session = Session()
        if loader:
            session.register_component("data_loader", loader)
        made = session.create_client(service, region_name=region, aws_access_key_id="a", aws_secret_access_key="b")
        return made.meta.endpoint_url, made.meta.partition

    assert endpoint(cut(tmp_path)) == endpoint(None)
