"""The tenant gate: a release that serves everybody but one tenant goes no further, or goes back."""

from __future__ import annotations

import pytest
from products import Product

GATE = """
[stages.local.tenants]
{hosts}
path = "/healthz"
budget = {budget}
unknown = "nobody.{host}"
"""


TOKEN = "only-for-this-rehearsal"


def gated(product: Product, *, budget: int = 0, by_url: bool = False, token: bool = False) -> Product:
    path = product.folder / "ebcd.toml"
    named = f'hosts = ["acme.{product.host}", "globex.{product.host}"]'
    hosts = 'url = "/tenants"' if by_url else named
    text = path.read_text() + f'CNAME = "{product.host}"\n'
    if token:
        hosts, text = f'{hosts}\ntoken_env = "SHOP_TOKEN"', f'{text}TENANTS_TOKEN = "{TOKEN}"\n'
    path.write_text(text + GATE.format(hosts=hosts, budget=budget, host=product.host))
    return product


@pytest.mark.parametrize(
    ("mode", "said", "by_url"),
    [
        ("fails-one-tenant", "globex.", True),
        ("takes-any-tenant", "unknown host nobody.", False),
        pytest.param("fails-one-tenant", "globex.", False, marks=pytest.mark.long),
        pytest.param("takes-any-tenant", "unknown host nobody.", True, marks=pytest.mark.long),
    ],
)
def test_a_candidate_that_fails_one_tenant_is_never_live(product: Product, by_url: bool, mode: str, said: str) -> None:
    gated(product, by_url=by_url)
    one = product.commit("one")
    first = product.json("ship")
    assert "ProbeTenants" in [step["step"] for step in first["steps"]]
    product.commit("two", mode=mode)
    failed = product.json("ship")
    assert (failed["exit_code"], failed["error"]["code"]) == (6, "tenants-failed")
    assert said in failed["error"]["why"]
    assert product.serving() == one


def test_a_release_that_fails_one_tenant_on_live_goes_back(product: Product) -> None:
    gated(product)
    one = product.commit("one")
    product.json("ship")
    product.commit("two", mode="fails-one-tenant-live")
    failed = product.json("ship")
    assert (failed["exit_code"], failed["live"]["release"]) == (7, "r1")
    assert "globex." in failed["error"]["why"]
    assert product.serving() == one


def test_a_budget_lets_a_tenant_fail(product: Product) -> None:
    gated(product, budget=1)
    two = product.commit("one", mode="fails-one-tenant")
    assert product.json("ship")["exit_code"] == 0
    assert product.serving() == two


def test_the_url_that_names_the_tenants_gets_its_token_and_nothing_else_does(product: Product) -> None:
    gated(product, by_url=True, token=True)
    one = product.commit("one", mode="names-nobody")
    refused = product.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (2, "no-token")
    assert "SHOP_TOKEN is not set" in refused["error"]["what"]
    assert product.json("status")["live"] is None
    assert product.json("ship", SHOP_TOKEN=f"{TOKEN}\n")["error"]["code"] == "no-token"
    done = product.ebcd("ship", "--verbose", SHOP_TOKEN=TOKEN)
    assert done.returncode == 0, "before the first sign-up there are no tenants"
    assert TOKEN not in done.stdout + done.stderr

    two = product.commit("two")
    failed = product.json("ship", SHOP_TOKEN="another")
    assert (failed["exit_code"], failed["error"]["code"]) == (6, "tenants-failed")
    assert "/tenants named no tenants: it answered 401" in failed["error"]["why"]
    assert product.json("ship", SHOP_TOKEN=TOKEN)["exit_code"] == 0
    assert product.serving() == two

    product.commit("three", mode="names-nobody")
    failed = product.json("ship", SHOP_TOKEN=TOKEN)
    assert "on live it names some" in failed["error"]["why"]

    told = product.json("swap", "--rollback")
    assert told["exit_code"] == 0, "whoever rolls back may have no token"
    assert {(step["status"], step["reason"]) for step in told["steps"] if step["step"] == "ProbeTenants"} == {
        ("skipped", "SHOP_TOKEN is not set")
    }
    assert product.serving() == one
    assert TOKEN not in str(product.json("releases", "r1"))
