"""`ebcd preview`: an environment for a branch, from its first commit until its time has passed."""

from __future__ import annotations

import http.client
import json
import signal
import subprocess
import time
from tempfile import TemporaryFile
from typing import Any

import boto3
import forked
import pytest
from products import Product

HELD = 30.0
"""Seconds that a call is held: the process is dead long before."""


@pytest.fixture
def live(product: Product) -> Product:
    """A product with a release on its stage, and a branch checked out."""
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    product.git("checkout", "-q", "-b", "fix")
    return product


def name(product: Product, branch: str = "fix") -> str:
    return f"{product.name}-preview-{branch}"


def standing(product: Product) -> dict[str, Any]:
    """The application's environments, by name, as Beanstalk describes them."""
    with product.by_hand() as client:
        found = client.describe_environments(ApplicationName=product.name, IncludeDeleted=False)["Environments"]
    return {item["EnvironmentName"]: item for item in found if item["Status"] not in {"Terminating", "Terminated"}}


def serving(product: Product, told: dict[str, Any]) -> str:
    """The SHA that a preview answers with."""
    host = told["live"]["url"].removeprefix("http://")
    connection = http.client.HTTPConnection("127.0.0.1", int(product.cloud.live_port), timeout=10)
    try:
        connection.request("GET", "/version", headers={"Host": host})
        return str(json.loads(connection.getresponse().read())["sha"])
    finally:
        connection.close()


def listed(product: Product) -> list[dict[str, Any]]:
    found = product.json("preview", "list")
    assert found["exit_code"] == 0, found.get("error")
    previews: list[dict[str, Any]] = found["previews"]
    return previews


def until_expired(product: Product, count: int = 1) -> None:
    deadline = time.monotonic() + 20
    while sum(item["expired"] for item in listed(product)) < count:
        assert time.monotonic() < deadline
        time.sleep(0.2)


def bucket(product: Product) -> Any:
    return boto3.client("s3", endpoint_url=product.cloud.endpoint_url, **product.cloud.keys())


BUCKET = "elasticbeanstalk-eu-central-1-123456789012"


def test_it_comes_up_follows_its_branch_and_goes(live: Product) -> None:
    product, one = live, live.serving()
    before = standing(product)[f"{product.name}-local-r1"]
    assert listed(product) == []
    two = product.commit("two")
    planned = product.json("preview", "up", "--plan")
    assert (planned["stage"], planned["release"]) == ("preview-fix", "r1")
    assert listed(product) == [], "a plan records nothing"
    first = product.json("preview", "up", "--ttl", "2h")
    assert (first["exit_code"], first["command"]) == (0, "preview up"), first.get("error")
    assert (first["stage"], first["release"], first["environment"]["name"]) == ("preview-fix", "r1", name(product))
    assert (first["preview"]["branch"], first["preview"]["base"]) == ("fix", "local")
    assert 7000 < first["preview"]["seconds_left"] <= 7200
    assert serving(product, first) == two
    (told,) = listed(product)
    assert (told["branch"], told["stage"], told["release"]) == ("fix", "preview-fix", "r1")
    assert (told["version_label"], told["status"], told["health"]) == (two[:12], "Ready", "Green")
    assert told["expired"] is False
    assert (
        told["url"]
        == first["live"]["url"]
        == f"http://{product.name}-fix.{product.host.partition('.')[2]}" + (f":{product.cloud.live_port}")
    )
    three = product.commit("three")
    second = product.json("preview", "up")
    assert (second["release"], second["environment"]["id"]) == ("r2", first["environment"]["id"])
    assert serving(product, second) == three
    (longer,) = listed(product)
    assert longer["since"] == told["since"]
    assert longer["seconds_left"] > 3600 * 71
    again = product.json("preview", "up", "--ttl", "1h")
    assert (again["exit_code"], again["steps"], listed(product)[0]["seconds_left"] <= 3600) == (0, [], True)
    looks = [
        product.json(*words, "-s", "preview-fix")
        for words in (("status",), ("health",), ("events",), ("logs",), ("open",), ("lock",), ("releases",), ("diff",))
    ]
    assert [item["exit_code"] for item in looks] == [0] * len(looks)
    assert (looks[0]["live"]["release"], looks[0]["rollback"]["to"]) == ("r2", "r1")
    back = product.json("swap", "--rollback", "-s", "preview-fix")
    assert (back["exit_code"], serving(product, back)) == (0, two)
    assert (listed(product)[0]["version_label"], listed(product)[0]["release"]) == (two[:12], None)
    pruned = product.json("prune", "--keep", "1")
    assert two[:12] not in str(pruned["steps"]), "the preview carries it"
    gone = product.json("preview", "down")
    assert (gone["exit_code"], gone["stage"]) == (0, "preview-fix")
    assert [item["outcome"] for item in gone["previews"]] == ["terminated"]
    assert [item["step"] for item in gone["previews"][0]["steps"]] == ["TerminateEnvironment", "AwaitTermination"]
    entries = product.json("releases", "r2", "-s", "preview-fix")["entries"]
    assert [item["entry"] for item in entries if "Terminat" in item["entry"]] == [
        "TerminateEnvironment-intent",
        "TerminateEnvironment-result",
        "AwaitTermination-result",
    ]
    assert listed(product) == []
    absent = product.json("preview", "down")
    assert (absent["exit_code"], absent["previews"][0]["outcome"]) == (0, "absent")
    up_again = product.json("preview", "up")
    assert (up_again["exit_code"], up_again["release"], serving(product, up_again)) == (0, "r3", three)
    after = standing(product)
    assert after[f"{product.name}-local-r1"] == before, "live was never touched"
    assert set(after) == {f"{product.name}-local-r1", name(product)}
    assert product.serving() == one


def test_a_bad_commit_leaves_the_preview_as_it_was(live: Product) -> None:
    good = live.commit("good")
    first = live.json("preview", "up")
    live.commit("bad", mode="crash")
    failed = live.json("preview", "up", "--timeout", "15s")
    assert (failed["exit_code"], failed["live"]["release"], failed["preview"]["branch"]) == (6, "r1", "fix")
    assert serving(live, first) == good
    assert (listed(live)[0]["version_label"], listed(live)[0]["health"]) == (good[:12], "Green")
    better = live.commit("better")
    assert serving(live, live.json("preview", "up")) == better


def test_a_first_commit_that_fails_is_made_good_by_the_next(live: Product) -> None:
    live.commit("bad", mode="crash")
    failed = live.json("preview", "up", "--timeout", "15s")
    assert (failed["exit_code"], [item["branch"] for item in listed(live)]) == (6, ["fix"])
    better = live.commit("better")
    assert serving(live, live.json("preview", "up")) == better


def test_what_has_expired_is_told_and_goes_and_one_that_stays_keeps_no_other(live: Product) -> None:
    for branch in ("one", "two", "three"):
        assert live.json("preview", "up", "--branch", branch, "--ttl", "1s")["exit_code"] == 0
    until_expired(live, 3)
    told = live.json("preview", "up", "--branch", "stays")
    assert told["expired"] == ["preview-one", "preview-three", "preview-two"]
    clear = f"ebcd preview down --expired -a {live.name} -s local"
    assert f"3 have expired: {clear}" in live.ebcd("preview", "list").stdout
    assert f"3 other previews: {clear}" in live.ebcd("preview", "up", "--branch", "stays").stdout
    planned = live.json("preview", "down", "--expired", "--plan")
    assert [item["outcome"] for item in planned["previews"]] == ["planned"] * 3
    held = {
        "schema": 1,
        "owner": "ada",
        "host": "desk",
        "message": "ship x",
        "token": "t",
        "lease_seconds": 90.0,
        "since": "2026-01-02T00:00:00+00:00",
        "expires": "2026-01-02T00:00:00+00:00",
    }
    lock = {"Bucket": BUCKET, "Key": f"ebcd/{live.name}/preview-one/lock.json"}
    bucket(live).put_object(**lock, Body=json.dumps(held))
    done = live.json("preview", "down", "--expired")
    assert (done["exit_code"], done["error"]["code"]) == (4, "lock-held")
    assert {item["branch"]: item["outcome"] for item in done["previews"]} == {
        "one": "failed",
        "three": "terminated",
        "two": "terminated",
    }
    assert "ada" in done["previews"][0]["error"]["why"]
    assert [item["branch"] for item in listed(live)] == ["one", "stays"]
    bucket(live).delete_object(**lock)
    assert live.json("preview", "down", "--expired")["exit_code"] == 0
    nothing = live.json("preview", "down", "--expired")
    assert (nothing["exit_code"], nothing["previews"]) == (0, [])
    assert "No preview has expired." in live.ebcd("preview", "down", "--expired").stdout
    assert set(standing(live)) == {f"{live.name}-local-r1", name(live, "stays")}


def kill(product: Product, words: tuple[str, ...], number: int, kind: str, place: str = "*") -> None:
    """Run ebcd, and kill it while a call is held: before it took effect (cut), or after (lost)."""
    cloud, last = product.cloud, product.cloud.last_call()
    cloud.control("POST", "faults", kind=kind, place=place, nth=number, seconds=HELD)
    with TemporaryFile("w+") as told:
        streams = {"stdout": subprocess.DEVNULL, "stderr": told}
        process = forked.start("ebcd", *words, cwd=product.folder, env=cloud.environ, **streams)
        while process.poll() is None and cloud.control("GET", "faults")["faults"][0]["passed"] < number:
            time.sleep(0.01)
        time.sleep(0.05 if kind == "cut" else 0.3)
        held = [call["operation"] for call in cloud.calls(last) if call["status"] == 0]
        process.kill()
        process.wait(10)
        told.seek(0)
        said = told.read()
    if place != "*":
        assert process.returncode == -signal.SIGKILL, f"it ended before its call:\n{said}"
    cloud.control("DELETE", "faults")
    print(f"{words} {kind} {number} {held}", flush=True)


def settle(product: Product) -> None:
    """Wait until Beanstalk has done what a run that was killed had asked for."""
    deadline = time.monotonic() + 30
    while any(item["Status"] != "Ready" for item in standing(product).values()):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_killed_before_its_environment_is_there_it_is_recorded_all_the_same(live: Product) -> None:
    kill(live, ("preview", "up", "--ttl", "1s"), 1, "cut", "CreateEnvironment")
    assert name(live) not in standing(live)
    until_expired(live)
    (told,) = listed(live)
    assert (told["branch"], told["status"], told["url"], told["health"]) == ("fix", "Terminated", None, None)
    assert "no environment" in live.ebcd("preview", "list").stdout
    gone = live.json("preview", "down", "--expired")
    assert (gone["exit_code"], gone["previews"][0]["outcome"]) == (0, "forgotten")
    assert listed(live) == []
    assert live.json("preview", "up")["exit_code"] == 0


def converges(product: Product, words: tuple[str, ...], number: int, kind: str) -> None:
    """Whatever a killed run leaves: what stands has its record, `up` brings it up, and `down` takes all of it away."""
    kill(product, words, number, kind)
    recorded = {item["environment"] for item in product.json("preview", "list")["previews"]}
    assert set(standing(product)) - {f"{product.name}-local-r1"} <= recorded
    settle(product)
    up = product.json("preview", "up")
    assert (up["exit_code"], up["live"]["environment"]) == (0, name(product)), up.get("error")
    down = product.json("preview", "down")
    assert (down["exit_code"], listed(product)) == (0, []), down.get("error")
    assert set(standing(product)) == {f"{product.name}-local-r1"}


@pytest.mark.parametrize(("number", "kind"), [(9, "lost"), (22, "cut")])
def test_killed_here_and_there_it_converges(live: Product, number: int, kind: str) -> None:
    converges(live, ("preview", "up"), number, kind)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["cut", "lost"])
def test_killed_at_every_call_it_converges(live: Product, kind: str) -> None:
    last = live.cloud.last_call()
    assert live.json("preview", "up")["exit_code"] == 0
    up = live.cloud.last_call() - last
    assert live.json("preview", "down")["exit_code"] == 0
    down = live.cloud.last_call() - last - up
    for number in range(1, up + 1):
        converges(live, ("preview", "up"), number, kind)
    for number in range(1, down + 1):
        assert live.json("preview", "up")["exit_code"] == 0
        converges(live, ("preview", "down"), number, kind)


def test_what_was_swapped_with_live_by_hand_stays(live: Product) -> None:
    assert live.json("preview", "up")["exit_code"] == 0
    with live.by_hand() as client:
        client.swap_environment_cnames(
            SourceEnvironmentName=name(live), DestinationEnvironmentName=f"{live.name}-local-r1"
        )
    settle(live)
    refused = live.json("preview", "down")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "undeclared-live")
    assert live.json("preview", "up")["error"]["code"] == "cname-taken"
    assert (live.get("/version")[0], set(standing(live))) == (200, {f"{live.name}-local-r1", name(live)})


def test_no_other_branch_no_other_base_and_no_ship_gets_a_preview(live: Product) -> None:
    assert live.json("preview", "up")["exit_code"] == 0
    text = live.configuration() + f'[stages.other]\ntarget = "local"\ncname = "{live.name}-o"\n'
    live.commit("two", **{"ebcd.toml": text})
    other = live.json("preview", "up", "-s", "other")
    assert (other["exit_code"], other["error"]["code"]) == (3, "another-preview")
    for command in ("ship", "patch"):
        refused = live.json(command, "-s", "preview-fix")
        assert (refused["exit_code"], refused["error"]["code"]) == (2, "preview")
    unknown = live.json("ship", "-s", "pre-fix")
    assert (unknown["exit_code"], unknown["error"]["code"]) == (2, "unknown-stage")
    assert live.json("preview", "up", EBCD_STAGE="local")["exit_code"] == 0
    assert live.json("preview", "up", EBCD_STAGE="other")["exit_code"] == 3
    assert live.json("preview", "up", "--plan", GITHUB_HEAD_REF="a/b", GITHUB_REF_NAME="7/merge")["stage"].startswith(
        "preview-a-b-"
    )


def test_wrong_input_changes_nothing(live: Product) -> None:
    last = live.cloud.last_call()
    live.git("checkout", "-q", "--detach")
    for words, code in (
        (("up",), "no-branch"),
        (("down",), "no-branch"),
        (("up", "--branch", "x", "--ttl", "0s"), "usage"),
        (("up", "--branch", "x", "--ttl", "soon"), "usage"),
        (("up", "--branch", "x", "--ttl", "99999999999h"), "usage"),
        (("up", "--branch", "x", "-s", "nope"), "unknown-stage"),
        (("down", "x", "--expired"), "usage"),
        (("dwon",), "usage"),
    ):
        result = live.json("preview", *words)
        assert (result["exit_code"], result["error"]["code"]) == (2, code), words
        assert result["command"] == f"preview {words[0]}"
        assert all(result["error"][part] for part in ("what", "why", "hint"))
    assert live.cloud.last_call() == last
