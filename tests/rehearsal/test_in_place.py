"""The strategy in-place: one environment, updated; taken back by deploying the earlier version again."""

from __future__ import annotations

from pathlib import Path

import pytest
from products import Product, read_until, start_ship
from shop import ROLLING
from users import Clients


@pytest.fixture
def product(product: Product) -> Product:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace('target = "local"', 'target = "local"\nstrategy = "in-place"'))
    return product


def steps(result: dict) -> list[str]:
    return [step["step"] for step in result["steps"]]


def standing(product: Product) -> list[str]:
    return [
        item["name"]
        for item in product.cloud.control("GET", "status")["environments"]
        if item["application"] == product.name
    ]


def test_it_updates_one_environment_and_goes_back_without_a_lost_request(product: Product, tmp_path: Path) -> None:
    (product.folder / "ebcd.toml").write_text(product.configuration() + ROLLING)
    one = product.commit("one")
    first = product.json("ship")
    name = f"{product.name}-local"
    assert (first["exit_code"], first["environment"]["name"], first["live"]["release"]) == (0, name, "r1")
    assert product.json("swap", "--rollback")["exit_code"] == 9
    with Clients(product, count=4) as clients:
        two = product.commit("two")
        planned = product.json("ship", "--plan")
        second = product.json("ship")
        assert steps(second)[-5:] == ["UpdateVersion", "AwaitEnvironment", "HoldHealth", "SmokeCandidate", "ProveLive"]
        assert steps(second) == steps(planned)
        assert product.serving() == two
        status = product.json("status")
        assert (status["live"]["release"], status["previous"]["release"], status["candidate"]) == ("r2", "r1", None)
        assert status["previous"]["status"] is None, "its environment carries another release"
        assert (status["rollback"]["ready"], status["rollback"]["to"]) == (True, "r1")
        assert status["rollback"]["seconds_estimate"] > 0
        again = product.json("ship")
        assert (again["steps"], again["release"]) == ([], "r2")
        back = product.json("swap", "--rollback", "-a", product.name, "-s", "local", folder=tmp_path)
        assert (back["exit_code"], back["live"]["release"], back["left"]["release"]) == (0, "r1", "r2")
        assert "took" in back["steps"][0]["text"]
    assert clients.failures == []
    assert product.serving() == one
    assert {sha for seen in clients.seen for sha in seen} == {one, two}
    twice = product.json("swap", "--rollback")
    assert (twice["exit_code"], twice["steps"], twice["live"]["release"]) == (0, [], "r1")
    outcomes = [(item["release"], item["outcome"]) for item in product.json("releases")["releases"]]
    assert outcomes == [("r2", "rolled-back"), ("r1", "live")]
    assert standing(product) == [name]
    assert product.json("retire")["steps"] == []
    assert product.json("swap", "--to", "r2")["live"]["release"] == "r2"
    assert product.serving() == two
    assert product.json("swap", "--rollback")["live"]["release"] == "r1"


@pytest.mark.parametrize("mode", ["crash", pytest.param("smoke-500", marks=pytest.mark.long)])
def test_a_bad_release_is_taken_back(product: Product, mode: str) -> None:
    good = product.commit("good")
    product.json("ship")
    product.commit("bad", mode=mode)
    failed = product.json("ship", "--timeout", "15s")
    assert (failed["exit_code"], failed["live"]["release"]) == (6, "r1"), failed["error"]
    assert "deployed again" in failed["error"]["why"]
    assert failed["diagnosis"]["log_tail"]
    assert product.serving() == good
    assert [item["outcome"] for item in product.json("releases")["releases"]] == ["failed", "live"]
    better = product.commit("better")
    assert product.json("ship")["live"]["release"] == "r3"
    assert product.serving() == better
    assert product.json("swap", "--rollback")["live"]["release"] == "r1", "not to the one that failed"
    assert product.serving() == good


def test_a_release_that_fails_its_bake_is_taken_back(product: Product) -> None:
    good = product.commit("good")
    product.json("ship")
    product.configure(bake="8s")
    product.commit("bad", mode="turns-bad")
    result = product.json("ship")
    assert (result["exit_code"], result["error"]["code"], result["live"]["release"]) == (7, "bake-failed", "r1")
    assert product.serving() == good
    assert product.json("releases")["releases"][0]["outcome"] == "swapped-back"
    again = product.json("swap", "--rollback")
    assert (again["exit_code"], again["steps"]) == (0, [])


def test_settings_go_and_come_back_with_a_release_that_fails(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace("LIVE_PORT", 'COLOUR = "blue"\nLIVE_PORT'))
    product.commit("bad", mode="smoke-500")
    failed = product.json("ship")
    assert failed["exit_code"] == 6, failed["error"]
    assert steps(failed)[:2] == ["UploadBundle", "CreateVersion"]
    changes = [step["step"] for step in failed["steps"] if step["step"].startswith("Update")]
    assert changes == ["UpdateVersion", "UpdateVersion"], "each brings the version and the settings"
    assert properties(product).get("COLOUR") is None
    product.commit("good")
    assert product.json("ship")["exit_code"] == 0
    assert properties(product)["COLOUR"] == "blue"


def properties(product: Product) -> dict[str, str]:
    with product.by_hand() as client:
        found = client.describe_configuration_settings(
            ApplicationName=product.name, EnvironmentName=f"{product.name}-local"
        )["ConfigurationSettings"][0]["OptionSettings"]
    return {
        item["OptionName"]: item["Value"]
        for item in found
        if item["Namespace"] == "aws:elasticbeanstalk:application:environment"
    }


def kill_a_ship_in_its_update(product: Product) -> None:
    """A ship sends its update, and dies while Beanstalk performs it."""
    process = start_ship(product)
    read_until(process, "Environment update is starting.")
    process.kill()
    process.communicate(timeout=10)


def saved_configurations(product: Product) -> list[str]:
    with product.by_hand() as client:
        (found,) = client.describe_applications(ApplicationNames=[product.name])["Applications"]
    return list(found.get("ConfigurationTemplates", []))


def colour(product: Product, value: str) -> None:
    """Declare an environment property, instead of the one that is declared already."""
    path = product.folder / "ebcd.toml"
    lines = [line for line in path.read_text().splitlines() if not line.startswith("COLOUR")]
    at = next(index for index, line in enumerate(lines) if line.startswith("LIVE_PORT"))
    path.write_text("\n".join([*lines[:at], f'COLOUR = "{value}"', *lines[at:]]) + "\n")


@pytest.mark.parametrize("next_run", ["the same", "another commit's", "a rollback"])
def test_settings_of_a_run_that_died_in_its_update_come_back_with_whatever_run_comes_next(
    product: Product, next_run: str
) -> None:
    colour(product, "red")
    good = product.commit("good")
    product.json("ship")
    colour(product, "blue")
    product.commit("bad", mode="smoke-500")
    kill_a_ship_in_its_update(product)
    assert saved_configurations(product) == [f"ebcd-{product.name}-local"]
    if next_run == "a rollback":
        ended = product.json("swap", "--rollback")
        assert (ended["exit_code"], ended["live"]["release"]) == (0, "r1"), ended
    else:
        if next_run != "the same":
            product.commit("bad too", mode="smoke-500")
        ended = product.json("ship")
        assert (ended["exit_code"], ended["live"]["release"]) == (6, "r1"), ended
    assert properties(product)["COLOUR"] == "red"
    assert (product.serving(), saved_configurations(product)) == (good, [])


def test_a_candidate_cannot_wait(product: Product) -> None:
    product.commit("one")
    refused = product.json("ship", "--no-swap")
    assert (refused["exit_code"], refused["error"]["code"]) == (2, "no-candidate")
    assert product.json("releases")["releases"] == []


def test_a_run_killed_in_the_middle_of_its_deployment_is_taken_up_again(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    two = product.commit("two")
    process = start_ship(product)
    read_until(process, "Environment update is starting.")
    process.kill()
    process.communicate(timeout=10)
    again = product.json("ship")
    assert (again["exit_code"], again["release"], product.serving()) == (0, "r2", two), again.get("error")
    assert [item["outcome"] for item in product.json("releases")["releases"]] == ["live", "superseded"]
    assert product.json("swap", "--rollback")["live"]["release"] == "r1"
    assert product.serving() == one
