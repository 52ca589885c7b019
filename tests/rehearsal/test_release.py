"""The main job: ship, swap without a lost request, roll back."""

from __future__ import annotations

import re
from pathlib import Path

from products import Product
from users import Clients

PRODUCTION = 'platform = "Python 3.11 running on 64bit Amazon Linux 2023"\nurl = "https://shop.example.com"'


def test_a_first_ship_goes_live_and_a_second_of_the_same_commit_has_nothing_to_do(product: Product) -> None:
    sha = product.commit("one")
    first = product.json("ship")
    assert (first["ok"], first["release"], first["sha"]) == (True, "r1", sha)
    assert first["environment"]["name"] == f"{product.name}-local-r1"
    assert first["live"] == {
        "release": "r1",
        "environment": f"{product.name}-local-r1",
        "version_label": sha[:12],
        "url": f"http://{product.host}:{product.cloud.live_port}",
    }
    assert first["previous"] is None
    assert [step["status"] for step in first["steps"]].count("failed") == 0
    assert product.serving() == sha
    again = product.json("ship")
    assert (again["ok"], again["release"], again["steps"]) == (True, "r1", [])
    assert "live" in again["note"]


def test_no_request_is_lost_through_ship_swap_and_rollback(product: Product, tmp_path: Path) -> None:
    one = product.commit("one")
    product.json("ship")
    empty = tmp_path / "empty"
    empty.mkdir()
    with Clients(product) as clients:
        two = product.commit("two")
        assert product.json("ship")["release"] == "r2"
        back = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=empty)
    assert (back["ok"], back["live"]["release"], back["left"]["release"]) == (True, "r1", "r2")
    assert clients.failures == []
    assert clients.requests > 200
    assert clients.seen == [[one, two, one]] * clients.count


def test_a_rollback_never_toggles(product: Product, tmp_path: Path) -> None:
    one = product.commit("one")
    product.json("ship")
    nothing = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=tmp_path)
    assert (nothing["exit_code"], nothing["error"]["code"]) == (9, "nothing-to-roll-back")
    product.commit("two")
    product.json("ship")
    ready = product.json("status")["rollback"]
    assert (ready["ready"], ready["to"], ready["reason"]) == (True, "r1", "")
    assert 0 < ready["seconds_estimate"] < 10
    product.json("swap", "--rollback")
    again = product.json("swap", "--rollback")
    assert (again["exit_code"], again["steps"], again["live"]["release"]) == (0, [], "r1")
    assert "already" in again["note"]
    assert product.serving() == one
    outcomes = [(item["release"], item["outcome"]) for item in product.json("releases")["releases"]]
    assert outcomes == [("r2", "rolled-back"), ("r1", "live")]


def test_a_release_after_a_rollback_returns_to_what_was_live(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    product.commit("two")
    product.json("ship")
    product.json("swap", "--rollback")
    product.commit("three")
    third = product.json("ship")
    assert (third["release"], third["previous"]["release"]) == ("r3", "r1")
    assert product.json("swap", "--rollback")["live"]["release"] == "r1"
    assert product.serving() == one


def test_a_candidate_waits_and_is_promoted_later(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    two = product.commit("two")
    waiting = product.json("ship", "--no-swap")
    assert (waiting["release"], waiting["live"]["release"]) == ("r2", "r1")
    assert product.serving() == one
    status = product.json("status")
    assert status["candidate"]["environment"] == f"{product.name}-local-r2"
    assert product.json("swap")["live"]["release"] == "r2"
    assert product.serving() == two
    assert product.json("swap", "--to", "r1")["live"]["release"] == "r1"
    assert product.json("swap", "--rollback")["live"]["release"] == "r2"


def test_a_ship_takes_up_a_waiting_release_again(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    two = product.commit("two")
    product.json("ship", "--no-swap")
    shipped = product.json("ship")
    assert (shipped["release"], shipped["sha"]) == ("r2", two)
    assert "CreateEnvironment" not in [step["step"] for step in shipped["steps"]]
    assert len(product.json("releases")["releases"]) == 2


def test_a_plan_is_what_would_run_and_changes_nothing(product: Product) -> None:
    product.commit("one")
    first = product.json("ship", "--plan")
    assert [step["step"] for step in first["steps"]][-1] == "ProveLive"
    assert {step["status"] for step in first["steps"]} == {"planned"}
    assert product.json("releases")["releases"] == []
    product.json("ship")
    product.commit("two")
    planned = [step["step"] for step in product.json("ship", "--plan")["steps"]]
    assert product.json("status")["candidate"] is None
    done = [step["step"] for step in product.json("ship")["steps"]]
    assert done == planned


def test_what_has_drained_is_retired_and_live_and_previous_stay(product: Product) -> None:
    for text in ("one", "two", "three", "four"):
        product.commit(text)
        last = product.json("ship")
    terminated = [step["text"] for step in last["steps"] if step["step"] == "TerminateEnvironment"]
    assert terminated
    assert all(f"{product.name}-local-r4" not in text and f"{product.name}-local-r3" not in text for text in terminated)
    status = product.json("status")
    assert (status["live"]["release"], status["previous"]["release"]) == ("r4", "r3")
    assert status["rollback"]["ready"] is True


def test_the_ledger_tells_all_of_a_release(product: Product) -> None:
    sha = product.commit("one")
    product.json("ship", "--message", "the first one")
    told = product.json("releases", "r1")
    record, entries = told["record"], [item["entry"] for item in told["entries"]]
    assert (record["sha"], record["message"], record["outcome"]) == (sha, "the first one", "live")
    assert record["platform_arn"].startswith("arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11")
    assert re.fullmatch("ami-[0-9a-f]{17}", record["image_id"]), "the machine image that traces the release"
    assert entries.index("CreateEnvironment-intent") < entries.index("CreateEnvironment-result")


def test_text_goes_to_stdout_and_progress_to_stderr(product: Product) -> None:
    product.commit("one")
    done = product.ebcd("ship")
    assert done.returncode == 0
    url = f"http://{product.host}:{product.cloud.live_port}"
    assert f"curl {url}/" in done.stdout
    assert "create the environment" not in done.stdout
    assert "create the environment" in done.stderr
    assert product.ebcd("ship", "--quiet").stderr == ""
    events = product.ebcd("events").stdout
    assert "Successfully launched environment" in events
    assert "web.stdout.log" in product.ebcd("logs").stdout


def test_versions_that_nothing_needs_are_pruned_with_their_bundles(product: Product) -> None:
    first = product.commit("0")
    assert product.json("ship")["exit_code"] == 0
    labels = []
    for number in range(1, 4):
        product.commit(str(number))
        labels.append(product.json("publish")["version_label"])
    last = product.commit("4")
    assert product.json("ship")["exit_code"] == 0
    planned = product.json("prune", "--keep", "1", "--plan")
    assert [step["status"] for step in planned["steps"]] == ["planned"] * 3
    done = product.json("prune", "--keep", "1")
    assert [step["text"].rpartition(" ")[2] for step in done["steps"]] == labels
    assert product.json("prune", "--keep", "1")["steps"] == []
    assert product.serving() == last
    assert product.json("swap", "--rollback")["sha"] == first, "its version is still there"
    again = product.git("rev-parse", "HEAD~1").strip()
    assert product.json("publish", again)["bundle"]["reused"] is False, "its bundle was deleted too"


def test_a_stage_of_aws_is_rehearsed_on_the_local_beanstalk(product: Product) -> None:
    """With the endpoint alone, or with the server's key beside it; its own url, which nothing answers, has no say."""
    declared = f'{PRODUCTION}\ncname = "{product.name}"'
    text = product.configuration().replace("stages.local", "stages.prod").replace('target = "local"', declared)
    text = text.replace('default_stage = "local"', 'default_stage = "prod"')
    (product.folder / "ebcd.toml").write_text(text)
    keys = {"AWS_ENDPOINT_URL": product.cloud.endpoint_url}
    shas = [product.commit("one"), product.commit("two")]
    for number, sha in enumerate(shas, 1):
        told = product.json("ship", sha, "-s", "prod", **keys)
        assert told["exit_code"] == 0, told["error"]
        assert told["live"]["release"] == f"r{number}"
        assert told["live"]["url"] == f"http://{product.host}:{product.cloud.live_port}"
        assert product.serving() == sha
    wrong = keys | {"AWS_ACCESS_KEY_ID": "AKIAOTHER", "AWS_SECRET_ACCESS_KEY": "other"}
    refused = product.json("swap", "--rollback", "-s", "prod", **wrong)
    assert refused["exit_code"] == 5
    assert "ebcd local env" in refused["error"]["hint"]
    back = product.json("swap", "--rollback", "-s", "prod", **keys, **product.cloud.variables)
    assert (back["exit_code"], product.serving()) == (0, shas[0])


def test_a_profile_that_this_machine_has_not_is_none_of_a_local_stage_s_business(product: Product) -> None:
    assert product.json("status", AWS_PROFILE="elsewhere")["exit_code"] == 0


def test_what_another_stage_would_return_to_is_not_pruned(product: Product) -> None:
    other = product.configuration().partition("[stages.local]")[2].replace("stages.local", "stages.other")
    text = f'{product.configuration()}\n[stages.other]\ncname = "{product.name}-other"\n{other}'
    one = product.commit("one", **{"ebcd.toml": text})
    assert product.json("ship", "-s", "other")["exit_code"] == 0
    product.commit("two")
    assert product.json("ship", "-s", "other")["exit_code"] == 0
    assert product.json("retire", "-s", "other", "--force")["exit_code"] == 0
    product.commit("three")
    assert product.json("ship")["exit_code"] == 0
    assert product.json("prune", "--keep", "1")["steps"] == []
    back = product.json("swap", "--rollback", "-s", "other")
    assert (back["exit_code"], back["version_label"]) == (0, one[:12])
