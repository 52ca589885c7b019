"""What somebody changed on live by hand is told before a release takes it away."""

from __future__ import annotations

from products import Product


def test_drift_is_refused_until_it_is_accepted(product: Product) -> None:
    product.configure(keep="1h")
    product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    first = f"{product.name}-local-r1"
    path = {"Namespace": "aws:elasticbeanstalk:application", "OptionName": "Application Healthcheck URL"}
    product.set_option(first, path | {"Value": "/other"})
    product.commit("two")
    before = product.cloud.last_call()
    refused = product.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "drift")
    assert "/other" in refused["error"]["why"]
    assert "--accept-drift" in refused["error"]["hint"]
    assert "CreateEnvironment" not in [call["operation"] for call in product.cloud.calls(before)]
    assert len(product.json("releases")["releases"]) == 1
    shipped = product.json("ship", "--accept-drift")
    assert (shipped["exit_code"], shipped["release"]) == (0, "r2")
    assert [(item["code"], item["severity"]) for item in shipped["findings"]] == [("drift", "warning")]


def test_a_version_that_somebody_deployed_onto_live_is_told_and_released_over(product: Product) -> None:
    product.configure(keep="1h")
    one = product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    two = product.commit("two")
    first, second = product.json("ship")["previous"], f"{product.name}-local-r2"
    product.deploy(second, first["version_label"])
    assert product.serving() == one
    status = product.json("status")["live"]
    assert (status["release"], status["version_label"]) == ("r2", first["version_label"])
    assert f"somebody deployed {first['version_label']} onto it" in product.ebcd("status").stdout
    shipped = product.json("ship")
    assert (shipped["exit_code"], shipped["release"]) == (0, "r3")
    assert product.serving() == two
    back = product.json("swap", "--rollback")
    assert (back["exit_code"], back["live"]["release"], back["live"]["version_label"]) == (
        0,
        "r4",
        shipped["version_label"],
    )
    assert f"{second} carries {first['version_label']}" in back["told"][1]
    assert "in a new environment" in back["told"][1]
    assert product.serving() == two
