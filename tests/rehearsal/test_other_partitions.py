"""A release and a way back in China and in GovCloud, whose names are others."""

from __future__ import annotations

import pytest
from products import Product


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_a_release_and_a_way_back_are_as_anywhere(product: Product, region: str) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace("eu-central-1", region))
    product.configure(keep="1h")
    for text in ("one", "two"):
        product.commit(text)
        assert product.json("ship")["exit_code"] == 0
    done = product.json("swap", "--rollback")
    assert (done["exit_code"], done["live"]["release"]) == (0, "r1")
    with product.by_hand(region) as client:
        client.delete_application(ApplicationName=product.name, TerminateEnvByForce=True)
    assert f"{product.name}.{region}.elasticbeanstalk.localhost" in done["live"]["url"]
