"""Limits of the bake: a release that passes every probe, and fails or slows its users, goes back."""

from __future__ import annotations

import threading

import pytest
from conftest import Product


@pytest.mark.parametrize(
    ("mode", "limit", "path", "said"),
    [("slow", "p99_seconds = 0.2", "/version", "p99 is 0."), ("fails-some", "max_5xx = 0.05", "/some", "answered 5xx")],
)
def test_what_users_suffer_ends_the_bake(product: Product, mode: str, limit: str, path: str, said: str) -> None:
    with (product.folder / "ebcd.toml").open("a") as file:
        file.write(f"[stages.local.bake_limits]\n{limit}\n")
    text = (
        (product.folder / "ebcd.toml")
        .read_text()
        .replace("[stages.local.smoke]", 'accept = ["Green", "Yellow"]\n[stages.local.smoke]')
    )
    (product.folder / "ebcd.toml").write_text(text)
    product.configure(stable="0s", bake="40s")
    one = product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    product.commit("two", mode=mode)
    stop = threading.Event()

    def ask(number: int) -> None:
        turn = 0
        while not stop.wait(0.05):
            turn += 1
            product.get(path if turn % 16 == number else "/")

    users = [threading.Thread(target=ask, args=(number,)) for number in range(8)]
    for user in users:
        user.start()
    failed = product.json("ship")
    stop.set()
    for user in users:
        user.join(15)
    assert (failed["exit_code"], failed["live"]["release"]) == (7, "r1"), failed["error"]
    assert said in failed["error"]["why"]
    assert product.serving() == one
    baked = next(step for step in failed["steps"] if step["step"] == "Bake")
    assert baked["seconds"] < 30
