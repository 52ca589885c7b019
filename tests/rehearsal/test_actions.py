"""GitHub Actions: what the files promise, and their steps run for real against a local Beanstalk."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from actions_runner import EXPRESSION, ROOT, Runner
from products import Product

from ebcd.report import github

WORKFLOWS = {path.name: yaml.safe_load(path.read_text()) for path in (ROOT / ".github/workflows").glob("*.yml")}
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
JOBS = [(name, job) for name, workflow in WORKFLOWS.items() for job in workflow["jobs"]]


def job_of(name: str, job: str) -> dict[str, Any]:
    found: dict[str, Any] = WORKFLOWS[name]["jobs"][job]
    return found


def all_steps() -> list[dict[str, Any]]:
    return [*ACTION["runs"]["steps"], *(step for name, job in JOBS for step in job_of(name, job).get("steps", []))]


def test_no_script_has_an_expression_pasted_in() -> None:
    scripts = [step["run"] for step in all_steps() if "run" in step]
    assert len(scripts) == 3
    assert not [script for script in scripts if "${{" in script]


def test_ebcd_replaces_the_shell_so_that_a_cancellation_reaches_it() -> None:
    script = ACTION["runs"]["steps"][-1]["run"]
    assert script.count("exec ebcd ") == len(re.findall(r"\bebcd (?:ship|swap|patch|preview)", script)) == 9


def test_others_actions_are_pinned_by_their_whole_sha_and_named_by_their_version() -> None:
    for path in [ROOT / "action.yml", *(ROOT / ".github/workflows").glob("*.yml")]:
        for used in re.findall(r"^\s*(?:- )?uses: (.*)$", path.read_text(), flags=re.M):
            assert used.startswith("./") or re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_may_do_no_more_than_it_needs(name: str, job: str) -> None:
    found = job_of(name, job)
    allowed = found.get("permissions", WORKFLOWS[name]["permissions"])
    with_role = {"contents": "read", "id-token": "write"}
    assert allowed == (with_role if "environment" in found else {"contents": "read"})
    assert WORKFLOWS[name]["permissions"] in ({}, {"contents": "read"})


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_what_is_installed_is_installed_before_there_are_credentials(name: str, job: str) -> None:
    uses = [step.get("uses", "") for step in job_of(name, job).get("steps", [])]
    credentials = [
        place for place, used in enumerate(uses) if used.startswith("aws-actions/configure-aws-credentials@")
    ]
    for place in credentials:
        installs = job_of(name, job)["steps"][place - 1]
        assert (installs["uses"], installs["with"]) == ("./", {"command": "install"})
    assert bool(credentials) == ("environment" in job_of(name, job))


def test_the_action_installs_what_is_locked_and_gives_the_installation_no_credentials(tmp_path: Path) -> None:
    step = ACTION["runs"]["steps"][0]
    assert {name: step["env"][f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")} == {
        "ACCESS_KEY_ID": "",
        "SECRET_ACCESS_KEY": "",
        "SESSION_TOKEN": "",
    }
    assert "--require-hashes" in step["run"]
    lock = (ROOT / ".github/action-requirements.txt").read_text()
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {re.match(r"[\w-]+", line)[0].lower() for line in wanted}  # type: ignore[index]
    assert names <= {line.partition("==")[0].lower() for line in lock.splitlines() if "==" in line}


@pytest.mark.long
def test_the_action_runs_from_its_own_checkout(tmp_path: Path) -> None:
    (tmp_path / "temp").mkdir()
    environ = {"PATH": "/usr/bin:/bin:" + str(Path(sys.base_prefix) / "bin"), "HOME": str(tmp_path)}
    runner = Runner(tmp_path, tmp_path / "temp", environ)
    done = runner.run_action({"command": "install"})
    assert done.exit_code == 0, done.log
    told = subprocess.run([tmp_path / "temp/ebcd/bin/ebcd", "--version"], capture_output=True, text=True, check=True)
    assert told.stdout.startswith("ebcd ")


@pytest.mark.parametrize(("name", "job"), JOBS)
def test_a_job_ends_in_time_and_leaves_no_token_behind(name: str, job: str) -> None:
    found = job_of(name, job)
    if "uses" not in found:
        assert found["timeout-minutes"] < 60
    for step in found.get("steps", []):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


def test_a_release_is_never_cancelled_by_the_next_and_a_rollback_never_waits_behind_one() -> None:
    ship, rollback = WORKFLOWS["ship.yml"]["concurrency"], WORKFLOWS["rollback.yml"]["concurrency"]
    assert ship == {"group": "ship-${{ inputs.stage || 'production' }}", "cancel-in-progress": False}
    assert WORKFLOWS["patch.yml"]["concurrency"] == ship | {"group": "ship-production"}
    assert rollback == {"group": "rollback-${{ inputs.stage }}", "cancel-in-progress": False}


def test_the_action_has_the_outputs_that_ebcd_writes_and_reads_all_of_its_inputs() -> None:
    assert list(ACTION["outputs"]) == list(github.outputs({}))
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.ebcd.outputs.{name} }}}}"
    step = ACTION["runs"]["steps"][-1]
    used = EXPRESSION.findall(" ".join([*step["env"].values(), step["working-directory"]]))
    assert sorted(used) == sorted(f"inputs.{name}" for name in ACTION["inputs"])


@pytest.fixture
def runner(product: Product, tmp_path: Path) -> Runner:
    temp = tmp_path / "runner"
    temp.mkdir()
    path = f"{Path(sys.executable).parent}:{product.cloud.environ['PATH']}"
    caller = {"GITHUB_RUN_ID": "7", "GITHUB_ACTOR": "ada", "GITHUB_SERVER_URL": "https://github.com"}
    caller |= {"GITHUB_REPOSITORY": "o/r"}
    return Runner(product.folder, temp, {**product.cloud.environ, **caller, "PATH": path})


@pytest.mark.parametrize(
    "inputs",
    [
        {"command": ""},
        {"command": "destroy"},
        {"command": "ship;id"},
        {"command": "preview"},
        {"swap": ""},
        {"swap": "no"},
        {"swap": "TRUE"},
    ],
)
def test_a_command_that_there_is_not_ends_with_2_and_runs_nothing(runner: Runner, inputs: dict[str, str]) -> None:
    done = runner.run_action(inputs)
    assert (done.exit_code, done.summary, set(done.outputs.values())) == (2, "", {""})
    assert done.log.startswith("::error title=ebcd::command must be ")


@pytest.mark.parametrize("name", ["revision", "stage", "application", "region", "wait-lock", "to"])
@pytest.mark.parametrize("text", ["$(touch pwned)", "`touch pwned`", "x; touch pwned", "'\"; touch pwned #", "--help"])
def test_an_input_is_one_argument_and_never_code(runner: Runner, product: Product, name: str, text: str) -> None:
    product.commit("one")
    before = sorted(product.folder.iterdir())
    done = runner.run_action({"command": "swap" if name == "to" else "ship", name: text})
    assert done.exit_code != 0
    assert "Usage:" not in done.log  # --help was a value, not an option
    assert sorted(product.folder.iterdir()) == before
    assert product.json("status")["live"] is None


def test_a_release_goes_live_and_says_so(runner: Runner, product: Product) -> None:
    product.commit("one")
    runner.run_action({})
    sha = product.commit("two")
    message = 'It\'s "two"; $(date)\n`three`'
    done = runner.run_action({"message": message, "stage": "local"})
    assert done.exit_code == 0, done.log
    outcome = json.loads(done.outputs.pop("outcome"))
    assert done.outputs == {
        "release": "r2",
        "version-label": sha[:12],
        "sha": sha,
        "environment": f"{product.name}-local-r2",
        "live-release": "r2",
        "live-url": f"http://{product.host}:{product.cloud.live_port}",
    }
    assert (outcome["ok"], outcome["previous"]["release"]) == (True, "r1")
    assert done.summary.startswith(f"### ✅ {product.name} local: r2 is live\n")
    assert f"Undo: `ebcd swap --rollback -a {product.name} -s local`" in done.summary
    assert product.serving() == sha
    newest = product.json("releases")["releases"][0]
    assert (newest["message"], newest["by"]) == (message, "ada")


def test_the_workflows_ship_and_go_back(runner: Runner, product: Product) -> None:
    one = product.commit("one")
    push = {"inputs": {}, "github": {"sha": one, "event": {"head_commit": {"message": "One"}}}}
    # The workflow names the stage `production`; there is none to rehearse on but `local`.
    assert runner.run_workflow("ship.yml", "ship", **push).exit_code == 2
    push["inputs"] = {"stage": "local"}
    assert runner.run_workflow("ship.yml", "ship", **push).outputs["live-release"] == "r1"
    product.commit("two")
    by_hand = {"stage": "local", "revision": "main", "message": ""}
    assert runner.run_workflow("ship.yml", "ship", inputs=by_hand).outputs["live-release"] == "r2"
    done = runner.run_workflow("rollback.yml", "rollback", inputs={"stage": "local", "reason": "It is slow."})
    assert (done.exit_code, done.outputs["live-release"]) == (0, "r1"), done.log
    assert product.serving() == one


def test_a_candidate_waits_for_its_swap(runner: Runner, product: Product) -> None:
    one = product.commit("one")
    runner.run_action({})
    two = product.commit("two")
    done = runner.run_action({"swap": "false"})
    assert (done.exit_code, done.outputs["release"], done.outputs["live-release"]) == (0, "r2", "r1")
    assert done.summary.startswith(f"### ⏸️ {product.name} local: r2 waits for its swap, r1 is live\n")
    assert product.serving() == one
    assert runner.run_action({"command": "swap", "to": "r2"}).outputs["live-release"] == "r2"
    assert product.serving() == two


def test_a_branch_gets_a_preview_and_loses_it(runner: Runner, product: Product) -> None:
    sha = product.commit("one")
    runner.environ = {**runner.environ, "GITHUB_HEAD_REF": "fix", "GITHUB_REF_NAME": "7/merge"}
    done = runner.run_action({"command": "preview up", "ttl": "1h"})
    assert (done.exit_code, done.outputs["sha"], done.outputs["live-release"]) == (0, sha, "r1"), done.log
    assert done.outputs["environment"] == f"{product.name}-preview-fix"
    assert done.outputs["live-url"] == f"http://{product.host.replace('.', '-fix.', 1)}:{product.cloud.live_port}"
    assert done.summary.startswith(f"### ✅ {product.name} preview-fix: r1 is live\n")
    wrong = runner.run_action({"command": "preview up", "ttl": "$(touch pwned)"})
    assert (wrong.exit_code, (product.folder / "pwned").exists()) == (2, False)
    for command in ("preview down --expired", "preview down", "preview down"):
        done = runner.run_action({"command": command})
        assert done.exit_code == 0, done.log
    assert json.loads(done.outputs["outcome"])["previews"][0]["outcome"] == "absent"
    assert product.json("preview", "list")["previews"] == []


def test_a_failed_release_fails_the_step_and_shows_the_cause(runner: Runner, product: Product) -> None:
    one = product.commit("one")
    runner.run_action({})
    product.commit("two", mode="crash")
    done = runner.run_action({})
    assert done.exit_code == 6
    assert done.outputs["live-release"] == "r1"
    assert json.loads(done.outputs["outcome"])["ok"] is False
    headline = f"### ❌ {product.name} local: r2 failed and no user has seen it, r1 is live\n"
    assert done.summary.startswith(headline)
    assert "the database password is missing" in done.summary
    assert product.serving() == one


def test_a_rollback_with_nothing_to_go_back_to_fails_the_step(runner: Runner, product: Product) -> None:
    product.commit("one")
    runner.run_action({})
    done = runner.run_action({"command": "rollback"})
    assert done.exit_code == 9
    assert done.summary.startswith(f"### ❌ {product.name} local: there is nothing to roll back to, r1 is live\n")


def test_a_cancelled_run_leaves_the_stage_in_order(runner: Runner, product: Product) -> None:
    one = product.commit("one")
    runner.run_action({})
    product.commit("two")
    with runner.main_step({}) as process:
        assert process.stdout
        seen = ""
        while "create the environment" not in seen:
            seen += (line := process.stdout.readline())
            assert line, seen
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        seen += process.communicate(timeout=30)[0]
    assert process.returncode == 130, seen
    assert time.monotonic() - asked < 7.5  # then SIGTERM, and 2.5 s later the end
    assert product.json("lock")["lock"] is None
    assert product.serving() == one
