"""The way back, as it is found at night: warm, scaled in, or gone. Few calls, and nothing is toggled."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from products import Product
from users import Clients

READS = ("Describe", "List", "Get", "Check", "Retrieve")


def two_releases(product: Product) -> tuple[str, str]:
    """Ships two releases; their SHAs."""
    product.configure(keep="1h")
    shas = []
    for text in ("one", "two"):
        shas.append(product.commit(text))
        assert product.json("ship")["exit_code"] == 0
    return shas[0], shas[1]


@contextmanager
def terminated(product: Product, name: str) -> Iterator[None]:
    """A block after somebody terminated an environment."""
    with product.by_hand() as client:
        client.terminate_environment(EnvironmentName=name)
        deadline = time.monotonic() + 30
        while client.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"]:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield


def test_it_swaps_after_four_reads_of_the_service(product: Product) -> None:
    one, _ = two_releases(product)
    last = product.cloud.last_call()
    assert product.json("swap", "--rollback")["exit_code"] == 0
    operations = [(call["service"], call["operation"]) for call in product.cloud.calls(last)]
    before = operations[: operations.index(("elasticbeanstalk", "SwapEnvironmentCNAMEs"))]
    reads = [name for service, name in before if service != "s3" and name.startswith(READS)]
    assert reads == ["DescribeEnvironments", *["DescribeInstancesHealth"] * 2, "DescribeEnvironments"]
    records = [name for service, name in before if service == "s3" and name.startswith(READS)]
    assert records == ["GetObject"] * 2, "the records of the two releases and nothing else of the ledger"
    assert product.serving() == one


def test_it_tells_from_where_to_where_and_what_it_does_not_undo(product: Product) -> None:
    one, two = two_releases(product)
    told = product.ebcd("swap", "--rollback").stderr
    assert f"From r2 ({two[:12]}, live for " in told
    assert f"to r1 ({one[:12]}, left live " in told
    assert "Not undone: database migrations" in told


def test_diff_logs_and_health_after_a_rollback_show_what_was_left(product: Product) -> None:
    two = two_releases(product)[1]
    assert product.json("swap", "--rollback", "--reason", "it was slow")["left"]["reason"] == "it was slow"
    told = product.json("diff")
    assert (told["exit_code"], told["from"]["release"], told["to"]["release"]) == (0, "r2", "r1")
    assert [item["sha"] for item in told["undone"]] == [two]
    assert product.json("diff", "live", "r2")["commits"][0]["sha"] == two
    assert product.json("logs", "--env", "r2")["environment"] == f"{product.name}-local-r2"
    assert product.json("health", "--env", "r2")["exit_code"] == 0
    refused = product.json("health", "--env", "previous")
    assert (refused["exit_code"], refused["error"]["code"]) == (2, "no-environment")
    assert "--env r2" in refused["error"]["hint"]
    assert product.json("diff", "previous")["error"]["code"] == "unknown-release"
    whole = product.ebcd("releases", "r2").stdout
    assert "intent" not in whole
    assert "swap" in whole


def test_a_target_that_scaled_in_gets_live_s_capacity_before_the_swap(product: Product) -> None:
    one, _ = two_releases(product)
    minimum = {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "2"}
    product.set_option(f"{product.name}-local-r2", minimum)
    with Clients(product, count=2) as clients:
        back = product.json("swap", "--rollback")
    assert [step["step"] for step in back["steps"]][:2] == ["MatchCapacity", "AwaitEnvironment"]
    assert back["steps"][0]["reason"] == "2 instances"
    assert product.serving() == one
    assert clients.failures == []


def test_a_version_whose_environment_is_gone_is_deployed_again_with_the_settings_of_live(product: Product) -> None:
    one, _ = two_releases(product)
    setting = {"Namespace": "aws:elasticbeanstalk:application:environment", "OptionName": "COLOUR", "Value": "teal"}
    product.set_option(f"{product.name}-local-r2", setting)
    with terminated(product, f"{product.name}-local-r1"), Clients(product, count=2) as clients:
        ready = product.json("status")["rollback"]
        assert (ready["ready"], ready["to"]) == (False, "r1")
        assert ready["seconds_estimate"] > 0
        back = product.json("swap", "--rollback", "--reason", "r2 loses orders")
        assert (back["exit_code"], back["live"]["release"], back["sha"]) == (0, "r3", one)
        assert product.serving() == one
        again = product.json("swap", "--rollback")
    assert (again["exit_code"], again["steps"], again["live"]["release"]) == (0, [], "r3")
    assert clients.failures == []
    record = product.json("releases", "r3")["record"]
    assert (record["restores"], record["outcome"], record["from_release"]) == ("r1", "live", "r2")
    with product.by_hand() as client:
        settings = client.describe_configuration_settings(
            ApplicationName=product.name, EnvironmentName=f"{product.name}-local-r3"
        )["ConfigurationSettings"][0]["OptionSettings"]
        assert "teal" in [item.get("Value") for item in settings if item["OptionName"] == "COLOUR"]
        templates = client.describe_applications(ApplicationNames=[product.name])["Applications"][0]
        assert templates["ConfigurationTemplates"] == [], "environment properties are not left as plain text"
    product.commit("three")
    assert product.json("ship")["previous"]["release"] == "r3"
    assert product.json("swap", "--rollback")["live"]["release"] == "r3"
