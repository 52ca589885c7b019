"""Commands that look at what is there: how an environment does, and what lies between two releases."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from products import Product


def test_what_lies_between_two_releases(product: Product, tmp_path: Path) -> None:
    one = product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    alone = product.json("diff")
    assert (alone["exit_code"], alone["error"]["code"]) == (2, "unknown-release"), "there is none before the first"
    text = product.configuration().replace("[stages.local.env]", '[stages.local.env]\nCOLOUR = "a secret"')
    assert text != product.configuration()
    two = product.commit("two", **{"ebcd.toml": text})
    assert product.json("ship")["exit_code"] == 0
    told = product.json("diff")
    assert (told["from"]["release"], told["to"]["release"]) == ("r1", "r2")
    assert [item["sha"] for item in told["commits"]] == [two]
    assert {item["path"] for item in told["paths"]} == {"text", "ebcd.toml"}
    assert [(item["name"], item["before"], item["after"]) for item in told["settings"]["changes"]] == [
        ("COLOUR", None, "")
    ]
    assert "a secret" not in product.ebcd("diff").stdout
    back = product.json("diff", "r2", "r1")
    assert (back["commits"], [item["sha"] for item in back["undone"]]) == ([], [two])
    assert product.json("diff", "r1", one)["settings"]["differ"] is False
    unknown = product.json("diff", "r1", "r7")
    assert (unknown["exit_code"], unknown["error"]["code"]) == (2, "unknown-release")
    nothing = product.json("diff", "r1", "no-such-branch")
    assert (nothing["exit_code"], nothing["error"]["code"]) == (2, "unknown-revision")
    elsewhere = product.json("diff", "-a", product.name, "-s", "local", folder=tmp_path)
    assert (elsewhere["exit_code"], elsewhere["commits"]) == (0, None)
    assert elsewhere["settings"] == {"differ": True, "changes": None}
    assert "is in no git repository" in elsewhere["unknown"]


def test_how_an_environment_does(product: Product) -> None:
    product.commit("one")
    nothing = product.json("health")
    assert (nothing["exit_code"], nothing["error"]["code"]) == (2, "no-environment")
    assert nothing["error"]["hint"] == f"ebcd status -a {product.name} -s local"
    assert product.json("ship")["exit_code"] == 0
    told = product.json("health")
    assert (told["health"], told["health_status"], told["enhanced"]) == ("Green", "Ok", True)
    assert [(item["health"], item["version_label"], item["deployment_status"]) for item in told["instances"]] == [
        ("Green", told["version_label"], "Deployed")
    ]
    product.cloud.control("POST", "kill", environment=told["environment"])
    hurt = _until(product, lambda found: found["health"] != "Green" or found["instances"] != told["instances"])
    assert hurt["exit_code"] == 0
    shown = product.ebcd("health", "--env", told["environment"]).stdout
    assert told["environment"] in shown
    assert "requests" in shown


def test_an_environment_with_basic_health_says_so(product: Product) -> None:
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    name = product.json("status")["live"]["environment"]
    product.set_option(name, {"Namespace": "aws:elasticbeanstalk:healthreporting:system", "OptionName": "SystemType",
                              "Value": "basic"})  # fmt: skip
    told = product.json("health")
    assert (told["exit_code"], told["enhanced"], told["instances"]) == (0, False, [])
    assert told["health"] in {"Green", "Grey", "Yellow"}
    assert "basic health only" in product.ebcd("health").stdout


def _until(product: Product, seen: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while not seen(told := product.json("health")):
        assert time.monotonic() < deadline, told
    return told
