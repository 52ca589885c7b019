"""The strategy pair: two standing environments take turns, and no request is lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from products import Product, read_until, start_ship
from users import Clients


@pytest.fixture
def product(product: Product) -> Product:
    product.choose("pair")
    return product


def steps(result: dict) -> list[str]:
    return [step["step"] for step in result["steps"]]


def sizes(product: Product, side: str) -> dict[str, str]:
    with product.by_hand() as client:
        found = client.describe_configuration_settings(
            ApplicationName=product.name, EnvironmentName=f"{product.name}-local-{side}"
        )["ConfigurationSettings"][0]["OptionSettings"]
    return {
        item["OptionName"]: item["Value"]
        for item in found
        if item["Namespace"] == "aws:autoscaling:asg" and item["OptionName"] in ("MinSize", "MaxSize")
    }


def standing(product: Product) -> set[str]:
    return {
        item["name"].rpartition("-")[2]
        for item in product.cloud.control("GET", "status")["environments"]
        if item["application"] == product.name and item["status"] == "Ready"
    }


def test_two_sides_take_turns_without_a_lost_request(product: Product, tmp_path: Path) -> None:
    one = product.commit("one")
    assert product.json("ship")["environment"]["name"] == f"{product.name}-local-a"
    with Clients(product, count=4) as clients:
        two = product.commit("two")
        assert product.json("ship")["environment"]["name"] == f"{product.name}-local-b"
        three = product.commit("three")
        planned = product.json("ship", "--plan")
        third = product.json("ship")
        assert (third["environment"]["name"], third["live"]["release"]) == (f"{product.name}-local-a", "r3")
        assert steps(third) == steps(planned)
        assert steps(third)[2:] == [
            "UpdateVersion",
            "AwaitEnvironment",
            "HoldHealth",
            "SmokeCandidate",
            "SwapCnames",
            "ProveLive",
        ]
        status = product.json("status")
        assert (status["live"]["release"], status["previous"]["release"]) == ("r3", "r2")
        assert (status["rollback"]["ready"], status["rollback"]["to"]) == (True, "r2")
        back = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=tmp_path)
        assert (back["exit_code"], back["live"]["release"], back["left"]["release"]) == (0, "r2", "r3")
        assert "UpdateVersion" not in steps(back)
        assert product.json("swap", "--rollback")["steps"] == []
    assert clients.failures == []
    assert clients.seen == [[one, two, three, two]] * clients.count
    outcomes = [(item["release"], item["outcome"]) for item in product.json("releases")["releases"]]
    assert outcomes == [("r3", "rolled-back"), ("r2", "live"), ("r1", "superseded")]


def test_a_bad_release_is_never_seen_and_a_rollback_behind_it_deploys_again(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    two = product.commit("two")
    product.json("ship")
    product.commit("bad", mode="smoke-500")
    with Clients(product, count=2) as clients:
        failed = product.json("ship")
        assert (failed["exit_code"], failed["live"]["release"]) == (6, "r2"), failed["error"]
        rollback = product.json("status")["rollback"]
        assert (rollback["ready"], rollback["to"]) == (False, "r1")
        assert "deploys" in rollback["reason"]
        back = product.json("swap", "--rollback")
        assert (back["exit_code"], back["release"], product.serving()) == (0, "r4", one), back.get("error")
        assert "UpdateVersion" in steps(back)
    assert clients.failures == []
    assert clients.seen == [[two, one]] * 2
    assert standing(product) == {"a", "b"}


def test_the_idle_side_is_scaled_down_and_comes_back_for_a_rollback(product: Product) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text() + '[stages.local.options."aws:autoscaling:asg"]\nMinSize = 2\nMaxSize = 3\n')
    one = product.commit("one")
    product.json("ship")
    product.commit("two")
    product.json("ship")
    planned = product.json("retire", "--plan")
    assert [(step["step"], step["status"]) for step in planned["steps"]] == [("ScaleDown", "planned")]
    assert steps(product.json("retire")) == ["ScaleDown"]
    assert sizes(product, "a") == {"MinSize": "1", "MaxSize": "1"}
    assert product.json("retire")["steps"] == [], "once is enough"
    assert standing(product) == {"a", "b"}
    back = product.json("swap", "--rollback")
    assert (back["exit_code"], product.serving()) == (0, one), back.get("error")
    assert steps(back)[0] == "MatchCapacity"
    assert sizes(product, "a") == {"MinSize": "2", "MaxSize": "3"}
    product.json("retire")
    product.commit("three")
    third = product.json("ship")
    assert (third["exit_code"], third["environment"]["name"]) == (0, f"{product.name}-local-b")
    assert sizes(product, "b") == {"MinSize": "2", "MaxSize": "3"}


@pytest.mark.parametrize(
    "moment", ["Environment update is starting.", pytest.param("done swap the CNAMEs", marks=pytest.mark.long)]
)
def test_a_run_killed_in_the_middle_is_taken_up_again(product: Product, moment: str) -> None:
    product.commit("one")
    product.json("ship")
    two = product.commit("two")
    product.json("ship")
    three = product.commit("three")
    with Clients(product, count=2) as clients:
        process = start_ship(product)
        read_until(process, moment)
        process.kill()
        process.communicate(timeout=10)
        assert product.serving() in (two, three)
        again = product.json("ship")
    assert (again["exit_code"], again["release"], product.serving()) == (0, "r3", three), again.get("error")
    assert clients.failures == []
    assert product.json("swap", "--rollback")["live"]["release"] == "r2"
    assert product.serving() == two
