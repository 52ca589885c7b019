"""An answer that takes 30 s: longer than ebcd waits for one, so whether the call took effect is read, never assumed."""

from __future__ import annotations

import pytest
from products import Product
from test_faults_everywhere import swaps_done
from users import Clients

STALL = 30.0
PLACES = (
    "elasticbeanstalk:SwapEnvironmentCNAMEs",
    "elasticbeanstalk:CreateEnvironment",
    "elasticbeanstalk:CreateApplicationVersion",
    "elasticbeanstalk:DescribeEnvironments",
    "s3:PutObject",
    "s3:DeleteObject",
)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["stall", "delay"])
@pytest.mark.parametrize("place", PLACES)
def test_a_ship_comes_through_a_stall_of_thirty_seconds(product: Product, place: str, kind: str) -> None:
    product.configure(keep="0s", timeout="120s")
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["exit_code"] == 0
    sha, last = product.commit("three"), product.cloud.last_call()
    with Clients(product, count=2) as clients:
        product.cloud.control("POST", "faults", kind=kind, place=place, seconds=STALL)
        told = product.json("ship")
        faults = product.cloud.control("GET", "faults")["faults"]
        product.cloud.control("DELETE", "faults")
        assert told["exit_code"] in {0, 5}, told["error"]
        assert told["exit_code"] == 5 or product.serving() == sha
        again = product.json("ship")
    assert faults[0]["passed"] > 0, "the call was made"
    assert again["exit_code"] == 0, again["error"]
    assert product.serving() == sha
    assert clients.failures == []
    assert swaps_done(product.cloud.calls(last)) == 1
    print(f"{kind} of {place}: exit code {told['exit_code']}, then {again['exit_code']}")
