"""An application that writes its environment into its logs: nothing that ebcd shows or keeps has a value of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import boto3
import pytest
from products import Product, make_product, running_cloud

VALUES = {
    "PAYMENT": "sk-live-4242",
    "STORE": "postgres://shop:hunter2hunter2@db.internal/shop?sslmode=require",
    "GREETING": 'Grüße "an" alle, mit Rand',
}
FROM_BUNDLE = "value-of-an-extension"
SERVER = """
import json, os, sys

told = {name: os.environ[name] for name in ("PAYMENT", "STORE", "GREETING", "EXTENDED")}
print(json.dumps(told), told, *told.values(), flush=True)
print("password authentication failed for hunter2hunter2", flush=True)
raise ValueError("invalid token " + told["PAYMENT"] + " for " + told["STORE"] + " " + told["EXTENDED"])
"""
EXTENSION = """
option_settings:
  aws:elasticbeanstalk:application:environment:
    EXTENDED: value-of-an-extension
"""
SHOWN = (*VALUES.values(), FROM_BUNDLE, "hunter2hunter2", json.dumps(VALUES["GREETING"])[1:-1])


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_cloud() as cloud:
        yield make_product(cloud, tmp_path_factory.mktemp("told"))


def shown(text: str) -> list[str]:
    return [value for value in SHOWN if value in text]


def test_no_value_of_a_property_is_shown_or_kept(product: Product, tmp_path: Path) -> None:
    declared = "".join(f"{name} = {json.dumps(value)}\n" for name, value in VALUES.items())
    (product.folder / "ebcd.toml").write_text((product.folder / "ebcd.toml").read_text() + declared)
    (product.folder / ".ebextensions").mkdir()
    product.commit(**{"server.py": SERVER, ".ebextensions/01-told.config": EXTENSION})
    files = {f"GITHUB_{name}": str(tmp_path / name) for name in ("STEP_SUMMARY", "OUTPUT")}
    done = product.ebcd("ship", "--json", GITHUB_ACTIONS="true", **files)
    told = json.loads(done.stdout)
    assert told["error"]["what"].startswith("ValueError in server.py:7: invalid token … for …"), done.stderr
    assert "ValueError: invalid token … for …" in told["diagnosis"]["log_tail"]
    assert shown(done.stdout + done.stderr) == []
    assert shown("".join(Path(path).read_text() for path in files.values())) == []
    environment = told["environment"]["name"]
    for command in (("logs",), ("events",), ("health",), ("logs", "--json"), ("events", "--json")):
        done = product.ebcd(*command, "--env", environment)
        assert done.returncode == 0, done.stderr
        assert shown(done.stdout + done.stderr) == [], command
    assert shown(product.ebcd("releases", "r1", "--json").stdout + product.ebcd("releases", "r1").stdout) == []
    assert shown(kept(product)) == []


def kept(product: Product) -> str:
    """All that ebcd keeps of the application, but the bundles."""
    with closing(boto3.client("s3", endpoint_url=product.cloud.endpoint_url, **product.cloud.keys())) as s3:
        bucket = "elasticbeanstalk-eu-central-1-123456789012"
        found = s3.list_objects_v2(Bucket=bucket, Prefix=f"ebcd/{product.name}/local/")["Contents"]
        bodies = [s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read() for item in found]
    assert len(bodies) > 3
    return b"\n".join(bodies).decode()
