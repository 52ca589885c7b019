"""A run that is stopped, politely or not: live serves, the next run goes on from what is there."""

from __future__ import annotations

import os
import signal

import pytest
from products import Product, read_until, start_ship
from users import Clients


@pytest.mark.parametrize(
    ("moment", "steps"),
    [
        pytest.param(
            "done create the environment",
            ["AwaitEnvironment", "HoldHealth", "SmokeCandidate", "MeasureLive", "SwapCnames", "ProveLive", "Bake"],
            marks=pytest.mark.long,
        ),
        ("done swap the CNAMEs", ["ProveLive", "Bake"]),
    ],
)
def test_a_killed_run_is_taken_up_where_it_is(product: Product, moment: str, steps: list[str]) -> None:
    product.commit("one")
    product.json("ship")
    product.configure(bake="1s")
    two = product.commit("two")
    with Clients(product, count=4) as clients:
        process = start_ship(product)
        read_until(process, moment)
        process.kill()
        process.communicate(timeout=10)
        assert product.json("status")["lock"] is None, "its holder is dead, and this machine knows it"
        again = product.json("ship")
    assert (again["exit_code"], again["release"], product.serving()) == (0, "r2", two)
    assert [step["step"] for step in again["steps"]] == steps
    assert clients.failures == []
    assert [item["outcome"] for item in product.json("releases")["releases"]] == ["live", "superseded"]
    assert product.json("status")["rollback"]["to"] == "r1"


@pytest.mark.parametrize(("number", "exit_code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_a_run_in_order(product: Product, number: signal.Signals, exit_code: int) -> None:
    one = product.commit("one")
    product.json("ship")
    product.configure(stable="1s")
    product.commit("two")
    process = start_ship(product)
    read_until(process, "health held")
    process.send_signal(number)
    _, said = process.communicate(timeout=20)
    assert process.returncode == exit_code
    assert "Run the same command again" in said
    assert product.json("status")["lock"] is None
    assert product.serving() == one
    assert product.json("releases")["releases"][0]["outcome"] == "interrupted"
    assert product.json("ship")["release"] == "r2"


def test_a_rollback_right_after_a_run_was_killed_behind_its_swap(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    product.commit("two")
    process = start_ship(product)
    read_until(process, "done swap the CNAMEs")
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=10)
    assert product.json("swap", "--rollback")["live"]["release"] == "r1"
    assert product.serving() == one


def test_a_run_is_asked_to_stop_and_does(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    product.configure(stable="60s")
    product.commit("two")
    process = start_ship(product)
    read_until(process, "done wait until")
    told = product.json("abort", "--reason", "wrong commit")
    assert told["aborted"]["message"].startswith("ship ")
    _, said = process.communicate(timeout=20)
    assert process.returncode == 130
    assert "wrong commit" in said
    assert product.json("status")["lock"] is None
    assert product.json("wait")["exit_code"] == 0
    assert product.json("abort")["aborted"] is None
    assert product.serving() == one


def test_a_rollback_stops_the_ship_that_bakes_and_goes_back(product: Product) -> None:
    one = product.commit("one")
    product.json("ship")
    product.configure(bake="60s")
    product.commit("two")
    process = start_ship(product)
    read_until(process, "done prove that")
    back = product.json("swap", "--rollback", "--hold", "--reason", "orders are lost")
    process.communicate(timeout=20)
    assert (back["exit_code"], back["live"]["release"], back["hold"]["reason"]) == (0, "r1", "orders are lost")
    assert process.returncode == 130
    assert product.serving() == one
    assert [item["outcome"] for item in product.json("releases")["releases"]] == ["rolled-back", "live"]


def test_a_held_stage_refuses_every_ship_and_nothing_else(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    two = product.commit("two")
    assert product.json("hold")["error"]["code"] == "usage"
    held = product.json("hold", "--reason", "the database is repaired")
    again = product.json("hold", "--reason", "another")
    assert held["hold"]["reason"] == again["hold"]["reason"] == "the database is repaired"
    for command in (["ship"], ["ship", "--plan"]):
        refused = product.json(*command)
        assert (refused["exit_code"], refused["error"]["code"]) == (3, "held")
        assert "the database is repaired" in refused["error"]["why"]
    assert product.json("status")["hold"]["reason"] == "the database is repaired"
    assert product.json("swap", "--rollback")["exit_code"] == 9, "a hold is no reason not to go back"
    assert product.json("unhold")["released"]["reason"] == "the database is repaired"
    assert product.json("unhold")["released"] is None
    assert product.json("ship")["sha"] == two
