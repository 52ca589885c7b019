"""A worker: no CNAME, nobody's requests; updated in place, judged by its health."""

from __future__ import annotations

from pathlib import Path

import pytest
from products import Product

CONFIGURATION = """
application = "{application}"
region = "eu-central-1"
default_stage = "jobs"
[stages.jobs]
target = "local"
tier = "worker"
strategy = "in-place"
stable = "0s"
timeout = "15s"
bake = "0s"
"""


@pytest.fixture
def product(product: Product) -> Product:
    (product.folder / "ebcd.toml").write_text(CONFIGURATION.format(application=product.name))
    return product


def deployed(product: Product) -> set[str]:
    """The versions that the worker's instances run."""
    with product.by_hand() as client:
        found = client.describe_instances_health(EnvironmentName=f"{product.name}-jobs", AttributeNames=["All"])
    return {item["Deployment"]["VersionLabel"] for item in found["InstanceHealthList"]}


def test_a_worker_is_shipped_updated_and_rolled_back(product: Product, tmp_path: Path) -> None:
    one = product.commit("one")
    first = product.json("ship")
    assert (first["exit_code"], first["environment"]["name"]) == (0, f"{product.name}-jobs"), first.get("error")
    assert first["live"] == {
        "release": "r1",
        "environment": f"{product.name}-jobs",
        "version_label": one[:12],
        "url": None,
    }
    steps = [step["step"] for step in first["steps"]]
    assert steps[-3:] == ["CreateEnvironment", "AwaitEnvironment", "HoldHealth"]
    with product.by_hand() as client:
        (found,) = client.describe_environments(EnvironmentNames=[f"{product.name}-jobs"])["Environments"]
    assert found["Tier"]["Name"] == "Worker"
    product.configure(bake="1s")
    two = product.commit("two")
    second = product.json("ship")
    assert [step["step"] for step in second["steps"]][-4:] == [
        "UpdateVersion",
        "AwaitEnvironment",
        "HoldHealth",
        "Bake",
    ]
    assert deployed(product) == {two[:12]}
    elsewhere = (
        "-a",
        product.name,
        "-s",
        "jobs",
        "--region",
        "eu-central-1",
        "--endpoint-url",
        product.cloud.endpoint_url,
    )
    keys = product.cloud.variables
    status = product.json("status", *elsewhere, folder=tmp_path, **keys)
    assert (status["live"]["release"], status["rollback"]["to"], status["rollback"]["ready"]) == ("r2", "r1", True)
    back = product.json("swap", "--rollback", *elsewhere, folder=tmp_path, **keys)
    assert (back["exit_code"], back["live"]["release"]) == (0, "r1"), back.get("error")
    assert deployed(product) == {one[:12]}
    assert product.json("swap", "--rollback")["steps"] == []
    shown = product.ebcd("status").stdout
    assert "http" not in shown
    assert f"{product.name}-jobs" in shown


def test_a_bad_worker_is_taken_back(product: Product) -> None:
    good = product.commit("good")
    product.json("ship")
    product.commit("bad", mode="crash")
    failed = product.json("ship")
    assert (failed["exit_code"], failed["live"]["release"]) == (6, "r1"), failed["error"]
    assert deployed(product) == {good[:12]}
