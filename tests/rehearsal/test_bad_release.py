"""A candidate that does not hold what it promises: live is untouched, and the output says why."""

from __future__ import annotations

import pytest
from products import Product
from users import Clients


@pytest.mark.parametrize(
    ("mode", "said"),
    [
        ("crash", "the database password is missing"),
        ("smoke-500", "/smoke answered 500"),
        ("unhealthy", "health"),
    ],
)
def test_a_bad_candidate_is_never_seen_by_a_user(product: Product, mode: str, said: str) -> None:
    good = product.commit("good")
    product.json("ship")
    product.commit("bad", mode=mode)
    with Clients(product, count=2) as clients:
        done = product.ebcd("ship", "--timeout", "10s")
    assert done.returncode == 6, done.stderr
    assert said in done.stderr
    assert "→" in done.stderr
    assert clients.failures == []
    assert clients.seen == [[good]] * 2
    status = product.json("status")
    assert status["live"]["release"] == "r1"
    assert product.json("releases")["releases"][0]["outcome"] == "failed"


def test_a_failure_is_diagnosed_in_json_too(product: Product) -> None:
    product.commit("good")
    product.json("ship")
    product.commit("bad", mode="crash")
    result = product.json("ship")
    assert (result["exit_code"], result["ok"]) == (6, False)
    assert result["error"]["what"] == "web ends: the database password is missing · r1 still serves"
    assert "Its process web ended." in result["error"]["why"]
    assert "the database password is missing" in result["diagnosis"]["log_tail"]
    assert result["live"]["release"] == "r1"
    assert result["steps"][-1]["status"] == "failed"


def test_a_failed_first_release_can_be_corrected(product: Product) -> None:
    product.commit("bad", mode="crash")
    assert product.json("ship")["exit_code"] == 6
    good = product.commit("good")
    assert product.json("ship")["live"]["release"] == "r2"
    assert product.serving() == good
    assert product.json("swap", "--rollback")["exit_code"] == 9


def test_a_failed_candidate_is_kept_for_a_look_and_retired_by_the_next_ship(product: Product) -> None:
    product.commit("good")
    product.json("ship")
    product.commit("bad", mode="smoke-500")
    product.json("ship")
    assert "web.stdout.log" in product.ebcd("logs", "--env", f"{product.name}-local-r2").stdout
    product.commit("better")
    steps = [step["text"] for step in product.json("ship")["steps"] if step["step"] == "TerminateEnvironment"]
    assert any(f"{product.name}-local-r2" in text for text in steps)


def test_a_failed_candidate_is_terminated_where_the_stage_says_so(product: Product) -> None:
    product.commit("good")
    product.json("ship")
    toml = (product.folder / "ebcd.toml").read_text().replace('bake = "0s"', 'bake = "0s"\non_failure = "terminate"')
    product.commit("bad", mode="smoke-500", **{"ebcd.toml": toml})
    result = product.json("ship")
    assert (result["exit_code"], result["steps"][-1]["step"]) == (6, "TerminateEnvironment")


@pytest.mark.parametrize("mode", ["turns-bad", pytest.param("fails-live", marks=pytest.mark.long)])
def test_a_release_that_fails_its_bake_is_swapped_back(product: Product, mode: str) -> None:
    good = product.commit("good")
    product.json("ship")
    product.configure(bake="8s")
    product.commit("bad", mode=mode)
    result = product.json("ship")
    assert result["exit_code"] == 7, result
    assert result["error"]["code"] == "bake-failed"
    assert result["live"]["release"] == "r1"
    assert product.serving() == good
    assert product.json("releases")["releases"][0]["outcome"] == "swapped-back"
    again = product.json("swap", "--rollback")
    assert (again["exit_code"], again["steps"]) == (0, [])
