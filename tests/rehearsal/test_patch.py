"""A platform version is out: the live commit is released again on it, and rolled back to the earlier one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from products import Product
from users import Clients

BRANCH = "arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11 running on 64bit Amazon Linux 2023"


@pytest.fixture
def product(product: Product) -> Iterator[Product]:
    """On a local Beanstalk on which platform versions may be published."""
    yield product
    product.cloud.control("DELETE", "platforms")


def publish(product: Product, version: str, **more: Any) -> None:
    product.cloud.control("POST", "platforms", python="3.11", version=version, **more)


def steps(result: dict[str, Any]) -> list[str]:
    return [step["step"] for step in result["steps"]]


def platform(product: Product, environment: str) -> str:
    """The platform version that an environment runs."""
    with product.by_hand() as client:
        found = client.describe_environments(EnvironmentNames=[environment], IncludeDeleted=False)["Environments"]
    return str(found[0]["PlatformArn"]).rpartition("/")[2]


def record(product: Product, release: str) -> dict[str, Any]:
    found: dict[str, Any] = product.json("releases", release)["record"]
    return found


def test_the_live_commit_is_released_again_on_a_newer_platform_version_and_rolled_back(
    product: Product, tmp_path: Path
) -> None:
    sha = product.commit("one")
    first = product.json("ship")
    nothing = product.json("patch")
    assert (nothing["exit_code"], nothing["steps"], nothing["release"]) == (0, [], "r1")
    assert nothing["note"] == "r1 runs platform version 4.7.1; the recommended one is 4.7.1."
    publish(product, "4.10.0")
    publish(product, "4.9.0", recommended=False)
    again = product.json("ship")
    assert (again["exit_code"], again["steps"], again["live"]["release"]) == (0, [], "r1")
    patch = product.command("patch")
    assert f"Platform 4.7.1 → 4.10.0 is out: {patch}" in again["note"]
    assert again["platform"] == {
        "live": f"{BRANCH}/4.7.1",
        "newest": f"{BRANCH}/4.10.0",
        "out": "platform 4.7.1 → 4.10.0",
        "patch": patch,
    }
    assert f"4.7.1 → 4.10.0 is out: {patch}" in " ".join(product.ebcd("ship").stdout.split())
    planned = product.json("patch", "--plan")
    assert planned["platform_change"]["text"] == "4.7.1 → 4.10.0"
    assert "platform 4.7.1 → 4.10.0" in product.ebcd("patch", "--plan").stdout
    with Clients(product, count=2) as clients:
        patched = product.json("patch")
        assert (patched["exit_code"], patched["live"]["release"]) == (0, "r2"), patched.get("error")
        assert (patched["version_label"], patched["sha"]) == (first["version_label"], sha)
        assert steps(patched) == steps(planned)
        assert steps(patched)[0] == "CreateEnvironment", "no new bundle, no new version"
        assert platform(product, patched["environment"]["name"]) == "4.10.0"
        twice = product.json("patch")
        assert (twice["exit_code"], twice["steps"], twice["live"]["release"]) == (0, [], "r2")
        back = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=tmp_path)
        assert (back["exit_code"], back["live"]["release"], back["left"]["release"]) == (0, "r1", "r2")
        assert "the platform goes back from 4.10.0 to 4.7.1" in " ".join(back["told"])
        assert back["platform_change"]["text"] == "4.10.0 → 4.7.1"
        live_again = product.json("ship")
        assert "is out: ebcd patch --again" in live_again["note"], "r2 was that, and was taken back"
    assert clients.failures == []
    assert product.serving() == sha
    one, two = record(product, "r1"), record(product, "r2")
    assert (one["platform_arn"], two["platform_arn"]) == (f"{BRANCH}/4.7.1", f"{BRANCH}/4.10.0")
    assert (two["message"], len(two["image_ids"])) == ("platform 4.7.1 → 4.10.0", 1)
    assert two["image_ids"] != one["image_ids"]
    assert two["image_ids"][0] in product.ebcd("releases", "r2").stdout
    refused = product.json("patch")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "taken-back")
    assert f": ebcd patch --again -a {product.name} -s local" in refused["error"]["hint"]
    assert product.json("patch", "--again", "--plan")["release"] == "r3"


def test_a_pair_is_patched_on_its_idle_side(product: Product) -> None:
    product.choose("pair")
    product.commit("one")
    product.json("ship")
    two = product.commit("two")
    product.json("ship")
    publish(product, "4.8.0")
    done = product.json("patch")
    side = f"{product.name}-local-a"
    assert (done["exit_code"], done["environment"]["name"], product.serving()) == (0, side, two), done.get("error")
    assert {"UpdateVersion", "SwapCnames"} <= set(steps(done)), "the platform goes with the version"
    assert (platform(product, side), platform(product, f"{product.name}-local-b")) == ("4.8.0", "4.7.1")
    back = product.json("swap", "--rollback")
    assert (back["exit_code"], back["live"]["release"]) == (0, "r2")


def test_in_place_the_platform_is_updated_and_taken_back(product: Product, tmp_path: Path) -> None:
    product.choose("in-place")
    product.commit("one")
    product.json("ship")
    publish(product, "4.8.0")
    name = f"{product.name}-local"
    done = product.json("patch")
    assert (done["exit_code"], done["live"]["release"], platform(product, name)) == (0, "r2", "4.8.0")
    back = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=tmp_path)
    assert (back["exit_code"], back["live"]["release"], platform(product, name)) == (0, "r1", "4.7.1")
    assert product.json("swap", "--rollback")["steps"] == []
    refused = product.json("patch")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "taken-back")


@pytest.mark.long  # its short form is in tests/unit/test_patching.py
def test_a_rollback_of_a_patch_finds_the_earlier_environment_gone_and_brings_its_platform_back(
    product: Product,
) -> None:
    product.commit("one")
    first = product.json("ship")["environment"]
    publish(product, "4.8.0")
    product.json("patch")
    with product.by_hand() as client:
        client.terminate_environment(EnvironmentId=first["id"])
    back = product.json("swap", "--rollback")
    assert (back["exit_code"], back["live"]["release"]) == (0, "r3"), back.get("error")
    assert platform(product, back["environment"]["name"]) == "4.7.1"
    made = record(product, "r3")
    assert (made["platform_arn"], made["restores"]) == (f"{BRANCH}/4.7.1", "r1")
    assert made["image_ids"] == record(product, "r1")["image_ids"]
