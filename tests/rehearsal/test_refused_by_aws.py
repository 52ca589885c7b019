"""What AWS gives up, shows late or refuses: a release tells the cause, goes on, or leaves it and says how it is done.

The unit tests have all cases (`test_gone.py`, `test_busy_environments.py`, `test_signals.py`); here a user's commands
meet them.
"""

from __future__ import annotations

import json
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import forked
from products import Cloud, Product
from users import Clients

DENIED = "Service:Amazon S3, Message:Access Denied"


@contextmanager
def fault(cloud: Cloud, **given: Any) -> Iterator[None]:
    """A block in which something goes wrong."""
    cloud.control("POST", "faults", **given)
    try:
        yield
    finally:
        cloud.control("DELETE", "faults")


def test_a_launch_that_is_denied_s3_says_so_and_the_command_that_it_names_shows_all(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    product.commit("two")
    candidate = f"{product.name}-local-r2"
    done = product.ebcd("local", "fault", "launch", candidate, "--denied", "s3")
    assert done.returncode == 0, done.stderr
    with Clients(product, count=2) as clients:
        done = product.ebcd("ship")
    assert done.returncode == 6
    assert DENIED in done.stderr
    assert clients.failures == []
    command = f"ebcd events --env {candidate} -a {product.name} -s local"
    assert command in done.stderr
    assert DENIED in product.ebcd(*shlex.split(command)[1:]).stdout
    assert DENIED in product.json("releases", "r2")["record"]["reason"]
    assert product.json("ship")["live"]["release"] == "r3", "the cause is away, and the same commit ships"


def test_reads_that_lag_behind_the_creation_end_no_first_and_no_second_release(product: Product) -> None:
    for text in ("one", "two"):
        sha = product.commit(text)
        place = "lag:DescribeEnvironments"
        with fault(product.cloud, kind="lag", place=place, times=0, seconds=1.5):
            told = product.json("ship")
        assert told["exit_code"] == 0, told["error"]
        assert product.serving() == sha


def test_a_termination_that_aws_refuses_is_left_and_the_command_that_is_told_does_it(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    product.commit("bad", mode="smoke-500")
    product.json("ship")
    with fault(product.cloud, kind="error", place="TerminateEnvironment", code="OperationInProgressFailure", times=0):
        product.commit("bad, too", mode="smoke-500")
        failed = product.ebcd("ship")
        product.commit("four")
        done = product.ebcd("ship")
    assert failed.returncode == 6, "its own failure is what ends it"
    assert f"ebcd retire -a {product.name} -s local" in failed.stderr
    assert done.returncode == 0, done.stderr
    told, again = (line.strip() for line in done.stdout.splitlines() if line.strip().startswith("ebcd retire"))
    assert told == again, "one for each environment"
    assert f"{product.name}-local-r2" in done.stdout
    assert product.ebcd(*shlex.split(told)[1:]).returncode == 0
    with product.by_hand() as client:
        found = client.describe_environments(ApplicationName=product.name, IncludeDeleted=False)["Environments"]
    standing = {item["EnvironmentName"] for item in found if item["Status"] != "Terminating"}
    assert standing - {f"{product.name}-local-r1"} == {f"{product.name}-local-r4"}


def test_a_run_that_github_cancels_within_its_swap_finishes_and_records_it(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    two = product.commit("two")
    with fault(product.cloud, kind="stall", place="SwapEnvironmentCNAMEs", seconds=4.0):
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        process = forked.start("ebcd", "ship", "--json", cwd=product.folder, env=product.cloud.environ, **streams)
        while product.cloud.control("GET", "faults")["faults"][0]["passed"] == 0:
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        time.sleep(0.3)
        process.send_signal(signal.SIGTERM)
        said, noted = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "SIGTERM came, too" in noted
    assert json.loads(said)["live"]["release"] == "r2"
    assert product.json("status")["lock"] is None
    assert product.json("releases", "r2")["record"]["live_since"], "a rollback needs to know"
    assert product.json("ship")["exit_code"] == 0
    assert product.serving() == two
