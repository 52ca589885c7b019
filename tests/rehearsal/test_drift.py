"""What somebody changed on live by hand is told before a release takes it away."""

from __future__ import annotations

from products import Product


def test_drift_is_refused_until_it_is_accepted(product: Product) -> None:
    product.configure(stable="0s", bake="0s", keep="1h")
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    first = f"{product.name}-local-r1"
    path = {"Namespace": "aws:elasticbeanstalk:application", "OptionName": "Application Healthcheck URL"}
    product.set_option(first, path | {"Value": "/other"})
    product.commit("two")
    before = product.cloud.calls()[-1]["number"]
    refused = product.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "drift")
    assert "/other" in refused["error"]["why"]
    assert "--accept-drift" in refused["error"]["hint"]
    assert "CreateEnvironment" not in [call["operation"] for call in product.cloud.calls(before)]
    assert len(product.json("releases")["releases"]) == 1
    shipped = product.json("ship", "--accept-drift")
    assert (shipped["exit_code"], shipped["release"]) == (0, "r2")
    assert [(item["code"], item["severity"]) for item in shipped["findings"]] == [("drift", "warning")]
