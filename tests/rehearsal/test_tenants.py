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


def gated(product: Product, *, budget: int = 0, by_url: bool = False) -> Product:
    path = product.folder / "ebcd.toml"
    named = f'hosts = ["acme.{product.host}", "globex.{product.host}"]'
    hosts = 'url = "/tenants"' if by_url else named
    text = path.read_text() + f'CNAME = "{product.host}"\n'
    path.write_text(text + GATE.format(hosts=hosts, budget=budget, host=product.host))
    return product


@pytest.mark.parametrize("by_url", [False, True])
@pytest.mark.parametrize(
    ("mode", "said"), [("fails-one-tenant", "globex."), ("takes-any-tenant", "unknown host nobody.")]
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
