"""`make test-aws` and `make clean-aws`, with a local Beanstalk as the account: what they make, they remove."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from account import PREFIX, Account, new_run
from beliefs import PAGE, ROOT, beliefs
from report import BROKEN, HELD, UNTRIED, Outcomes, Report
from stand_in import REGION, StandIn, stand_in

PROGRAM = (sys.executable, str(ROOT / "tests" / "contract" / "on_account.py"))
PATIENCE = 120.0
"""Seconds that a program has."""

ENDED = (signal.SIGINT, signal.SIGTERM)
"""Signals that a run ends by itself after: Ctrl-C, and what a cancelled job gets."""


@pytest.fixture(scope="module")
def server() -> Iterator[StandIn]:
    with stand_in() as found:
        yield found


@pytest.fixture
def account(server: StandIn) -> Iterator[Account]:
    found = Account(new_run(), REGION, server.endpoint_url, server.keys)
    yield found
    found.close()


def environ(server: StandIn, **more: str) -> dict[str, str]:
    return server.environ | {"EBCD_TEST_AWS": "1", "EBCD_TEST_AWS_ENDPOINT": server.endpoint_url} | more


def begin(server: StandIn, folder: Path) -> subprocess.Popen[str]:
    """A run that has begun, in a folder of its own."""
    return subprocess.Popen(
        [*PROGRAM, "run"], env=environ(server), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def clean(server: StandIn, folder: Path, *words: str) -> str:
    done = subprocess.run(
        [*PROGRAM, "clean", *words],
        env=environ(server),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def remains(account: Account) -> dict[str, list[str]]:
    """What of any run there still is; what `leftovers` looks for is not asked."""
    eb, s3, cloudformation = (account.client(name) for name in ("elasticbeanstalk", "s3", "cloudformation"))
    environments = eb.describe_environments(IncludeDeleted=True)["Environments"]
    ids = [item["EnvironmentId"] for item in environments]
    keys = [
        item["Key"]
        for bucket in s3.list_buckets()["Buckets"]
        for item in s3.list_objects_v2(Bucket=bucket["Name"]).get("Contents", [])
    ]
    stacks = cloudformation.list_stacks()["StackSummaries"]
    return {
        "applications": [item["ApplicationName"] for item in eb.describe_applications()["Applications"]],
        "versions": [item["VersionLabel"] for item in eb.describe_application_versions()["ApplicationVersions"]],
        "environments": [item["EnvironmentName"] for item in environments if item["Status"] != "Terminated"],
        "objects": [key for key in keys if PREFIX in key or any(identifier in key for identifier in ids)],
        "stacks": [item["StackName"] for item in stacks if item["StackStatus"] != "DELETE_COMPLETE"],
        "roles": [
            item["RoleName"] for item in account.client("iam").list_roles()["Roles"] if PREFIX in item["RoleName"]
        ],
    }


KINDS = ("applications", "versions", "environments", "objects", "stacks", "roles")
NOTHING: dict[str, list[str]] = {kind: [] for kind in KINDS}


def launching(account: Account, run: subprocess.Popen[str]) -> None:
    """Wait until a run has begun to launch its environments."""
    deadline = time.monotonic() + PATIENCE
    while len(remains(account)["environments"]) < 2:
        assert run.poll() is None, run.stdout and run.stdout.read()
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("fate", [signal.SIGKILL, *(pytest.param(fate, marks=pytest.mark.long) for fate in ENDED)])
def test_a_run_that_is_cut_off_leaves_nothing_once_it_is_cleaned_up(
    server: StandIn, account: Account, tmp_path: Path, fate: signal.Signals
) -> None:
    with begin(server, tmp_path) as run:
        launching(account, run)
        run.send_signal(fate)
        told = run.communicate(timeout=PATIENCE)[0]
    if fate is signal.SIGKILL:
        assert remains(account)["environments"]
        assert "Terminated: " in clean(server, tmp_path)
    else:
        assert (run.returncode, "Deleted the application" in told) == (130, True), told
    assert remains(account) == NOTHING
    assert "nothing is left" in clean(server, tmp_path)


@pytest.mark.long
def test_a_whole_run_passes_and_leaves_nothing(server: StandIn, account: Account, tmp_path: Path) -> None:
    """What it tries is tried by each run of the suite, too; here it is `make test-aws` itself that does."""
    with begin(server, tmp_path) as run:
        told = run.communicate(timeout=5 * PATIENCE)[0]
    assert run.returncode == 0, told
    assert remains(account) == NOTHING
    (path,) = (tmp_path / "build" / "contract").glob("*.json")
    found: dict[str, Any] = json.loads(path.read_text())
    assert found["removed"]
    outcomes = {row["id"]: row["outcome"] for row in found["rows"]}
    assert list(outcomes) == [row.id for row in beliefs(PAGE.read_text())]
    assert BROKEN not in outcomes.values()
    assert outcomes["swap-answers-nothing"] == HELD
    assert outcomes["version-in-use"] == UNTRIED, "no test of the contract is about it"
    text = path.with_suffix(".txt").read_text()
    assert text.splitlines()[-1] in told, "the report is shown, too"
    assert "costs about $" in told


@pytest.mark.parametrize("missing", ["EBCD_TEST_AWS", "AWS_REGION"])
def test_nothing_is_created_before_somebody_says_so(server: StandIn, tmp_path: Path, missing: str) -> None:
    given = {name: value for name, value in environ(server).items() if name != missing}
    done = subprocess.run(
        [*PROGRAM, "run"], env=given, cwd=tmp_path, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert (done.returncode, f"{missing}=" in done.stdout) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_what_no_run_has_made_stays(server: StandIn, account: Account, tmp_path: Path) -> None:
    eb = account.client("elasticbeanstalk")
    eb.create_application(ApplicationName=account.name)
    assert "stays: it has no tag" in clean(server, tmp_path)
    assert account.name in remains(account)["applications"]
    eb.delete_application(ApplicationName=account.name)


def test_a_row_held_where_all_its_tests_passed_and_none_is_missing(tmp_path: Path) -> None:
    first, second, third = beliefs(PAGE.read_text())[:3]
    outcomes = Outcomes(
        rows={first.id: {"a", "b"}, second.id: {"a"}, third.id: {"a", "c"}},
        ended={"a": HELD, "b": BROKEN},
        why={"b": "assert 1 == 2"},
    )
    report = Report("0a1b2c3d", REGION, outcomes, (first, second, third), clean=True)
    assert [outcomes.of_row(row.id) for row in report.beliefs] == [BROKEN, HELD, UNTRIED]
    assert report.text.splitlines() == [
        f"did not hold  {first.id}",
        "              b: assert 1 == 2",
        f"held          {second.id}",
        f"not tried     {third.id}",
        "3 rows of docs/aws.md: 1 held, 1 did not hold, 1 not tried.",
    ]
    report.write(tmp_path)
    assert json.loads((tmp_path / "0a1b2c3d.json").read_text())["rows"][0]["tests"][1]["why"] == "assert 1 == 2"
    assert (tmp_path / "0a1b2c3d.txt").read_text() == report.text + "\n"
