"""Commands that look at what is there: how an environment does, and what lies between two releases."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import forked
import pytest
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
    assert nothing["error"]["hint"] == product.command("ship")
    in_a_job = product.json("health", CI="true")
    assert in_a_job["error"]["hint"] == f"ebcd ship -a {product.name} -s local"  # its folder ends with the job
    shipped = product.ebcd("ship")
    assert (shipped.returncode, shipped.stderr.count("Watch it")) == (0, 0), "a log is read afterwards"
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
    product.set_option(
        name, {"Namespace": "aws:elasticbeanstalk:healthreporting:system", "OptionName": "SystemType", "Value": "basic"}
    )
    told = product.json("health")
    assert (told["exit_code"], told["enhanced"], told["instances"]) == (0, False, [])
    assert told["health"] in {"Green", "Grey", "Yellow"}
    assert "basic health only" in product.ebcd("health").stdout


def _until(product: Product, seen: Any) -> dict[str, Any]:
    deadline = time.monotonic() + 20
    while not seen(told := product.json("health")):
        assert time.monotonic() < deadline, told
    return told


def test_the_ledger_says_how_much_more_there_is(product: Product) -> None:
    shas = []
    for text in ("one", "two", "three"):
        shas.append(product.commit(text))
        assert product.json("ship")["exit_code"] == 0
    told = product.json("releases", "--limit", "2")
    assert ([item["release"] for item in told["releases"]], told["earlier"]) == (["r3", "r2"], 1)
    assert (
        f"and 1 earlier: ebcd releases --limit 3 -a {product.name} -s local"
        in product.ebcd("releases", "--limit", "2").stdout
    )
    told = product.json("releases")
    assert ([item["sha"] for item in told["releases"]], told["earlier"]) == (shas[::-1], 0)
    assert "earlier" not in product.ebcd("releases").stdout
    tail = product.json("logs", "--tail", "--lines", "3")
    assert (tail["exit_code"], tail["logs"].count("── ")) == (0, 1)
    shown, every = product.ebcd("logs"), product.ebcd("logs", "--all")
    assert tail["hidden"] > 0, "the local load balancer checks health"
    assert ("ELB-HealthChecker" in shown.stdout, "ELB-HealthChecker" in every.stdout) == (False, True)
    assert "health checks, answered well: ebcd logs --env" in shown.stderr
    assert "answered well" not in every.stderr


@pytest.mark.parametrize("command", [("status", "--watch"), ("events", "--follow")])
def test_watching_ends_with_the_first_signal(product: Product, command: tuple[str, ...]) -> None:
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    with _started(product, *command) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(5) == 130


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("place", ["DescribeEnvironments", "s3:GetObject"])
def test_a_look_that_gets_no_answer_ends_with_the_first_signal(
    product: Product, place: str, number: signal.Signals, code: int
) -> None:
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    before = product.cloud.last_call()
    product.cloud.control("POST", "faults", kind="stall", place=place, seconds=8, times=0)
    try:
        with _started(product, "status") as process:
            deadline = time.monotonic() + 10
            while not any(call["operation"] in place for call in product.cloud.calls(before)):
                assert time.monotonic() < deadline
                time.sleep(0.05)
            process.send_signal(number)
            assert process.wait(3) == code
    finally:
        product.cloud.control("DELETE", "faults")


@contextmanager
def _started(product: Product, *command: str) -> Iterator[subprocess.Popen[str]]:
    """A command at work, which is gone in the end."""
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with forked.start("ebcd", *command, cwd=product.folder, env=product.cloud.environ, **streams) as process:
        try:
            yield process
        finally:
            process.kill()
