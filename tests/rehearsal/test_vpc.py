"""A stage in a VPC, with settings that Beanstalk gives back in its own way: nothing looks changed, nothing is updated
without need, and what somebody did change is found.
"""

from __future__ import annotations

from typing import Any

import pytest
from products import Product

VPC = "aws:ec2:vpc"
LAUNCH = "aws:autoscaling:launchconfiguration"
SCHEDULED = "aws:autoscaling:scheduledaction"

SETTINGS = """
[stages.local.options."aws:ec2:vpc"]
VPCId = "vpc-1"
Subnets = "subnet-2, subnet-1"
ELBSubnets = "subnet-4,subnet-3"
AssociatePublicIpAddress = "True"
[stages.local.options."aws:autoscaling:launchconfiguration"]
SecurityGroups = "sg-2, sg-1"
SSHSourceRestriction = "tcp, 22, 22, 10.0.0.0/8"
[stages.local.options."aws:elbv2:loadbalancer"]
SecurityGroups = "sg-3"
[stages.local.options."aws:elasticbeanstalk:healthreporting:system"]
ConfigDocument = '''
{ "Version": 1, "Rules": {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": false}}}} }'''
[stages.local.options."Morning.aws:autoscaling:scheduledaction"]
MinSize = 1
MaxSize = 2
Recurrence = "0 6 1 1 *"
StartTime = 2026-01-01T00:00:00Z
"""
SAVED = """EnvironmentConfigurationMetadata:
  Description: Configuration saved by the EB CLI
  DateCreated: '1452900306000'
  DateModified: '1452900306000'
Platform:
  PlatformArn: arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.1
OptionSettings:
  AWSEBAutoScalingScaleUpPolicy.aws:autoscaling:trigger:
    UpperBreachScaleIncrement: '2'
  AWSEBCloudwatchAlarmLow.aws:autoscaling:trigger:
    LowerThreshold: '20.0'
    MeasureName: CPUUtilization
    Unit: Percent
  AWSEBCloudwatchAlarmHigh.aws:autoscaling:trigger:
    UpperThreshold: '90.0'
  Evening.aws:autoscaling:scheduledaction:
    MinSize: '1'
    MaxSize: '1'
    Recurrence: 0 18 1 1 *
  aws:elasticbeanstalk:command:
    BatchSize: '30'
    IgnoreHealthCheck: true
EnvironmentTier:
  Type: Standard
  Name: WebServer
AWSConfigurationTemplateVersion: 1.1.0.0
"""


@pytest.fixture
def product(product: Product) -> Product:
    (product.folder / "ops").mkdir()
    (product.folder / "ops" / "saved.cfg.yml").write_text(SAVED)
    text = product.configuration().replace('target = "local"', 'target = "local"\nsettings = ["ops/saved.cfg.yml"]')
    (product.folder / "ebcd.toml").write_text(text + SETTINGS)
    return product


def ship(product: Product, text: str) -> dict[str, Any]:
    """Ship a new commit, which nothing speaks against; the result."""
    product.commit(text)
    result = product.json("ship")
    assert (result["exit_code"], result.get("findings", [])) == (0, []), result.get("error")
    return result


def updates(product: Product, text: str) -> int:
    """How many updates a ship of a new commit begins."""
    before = product.cloud.last_call()
    ship(product, text)
    return [call["operation"] for call in product.cloud.calls(before)].count("UpdateEnvironment")


def change(product: Product, old: str, new: str) -> None:
    """Change ebcd.toml."""
    text = product.configuration()
    assert old in text
    (product.folder / "ebcd.toml").write_text(text.replace(old, new))


def present(product: Product, environment: str) -> dict[tuple[str, str, str], str | None]:
    with product.by_hand() as client:
        found = client.describe_configuration_settings(ApplicationName=product.name, EnvironmentName=environment)
    return {
        (item["Namespace"], item["OptionName"], item.get("ResourceName", "")): item.get("Value")
        for item in found["ConfigurationSettings"][0]["OptionSettings"]
    }


def refusal(product: Product) -> str:
    """Why the next ship is refused."""
    product.commit("after a change by hand")
    refused = product.json("ship")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "drift"), refused
    return str(refused["error"]["why"])


@pytest.mark.parametrize("ships", [2, pytest.param(5, marks=pytest.mark.long)])
def test_no_ship_is_refused_and_a_change_by_hand_is_found(product: Product, ships: int) -> None:
    product.configure(keep="1h")
    for number in range(ships):
        last = ship(product, f"ship {number}")
    given = present(product, last["environment"]["name"])
    assert given[VPC, "Subnets", "AWSEBAutoScalingGroup"] == "subnet-1,subnet-2"
    assert given[SCHEDULED, "Recurrence", "Morning"] == "0 6 1 1 *"
    assert given[SCHEDULED, "StartTime", "Morning"] == "2026-01-01T00:00:00Z"
    assert given[SCHEDULED, "Recurrence", "Evening"] == "0 18 1 1 *"
    back = product.json("swap", "--rollback")
    assert (back["exit_code"], back["live"]["release"]) == (0, f"r{ships - 1}"), back.get("error")
    live = ship(product, "after the rollback")["environment"]["name"]
    product.set_option(live, {"Namespace": SCHEDULED, "OptionName": "MaxSize", "Value": "9", "ResourceName": "Morning"})
    assert f"Morning.{SCHEDULED} MaxSize is 9, declared is 2" in refusal(product)


def test_each_kind_of_change_by_hand_is_found(product: Product) -> None:
    changes = {
        (VPC, "Subnets"): "subnet-1,subnet-2,subnet-9",
        (LAUNCH, "SecurityGroups"): "sg-1,sg-2,sg-9",
        ("aws:elbv2:loadbalancer", "SecurityGroups"): "sg-4",
        ("aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"): '{"Version": 1}',
        ("aws:autoscaling:trigger", "UpperThreshold"): "91",
    }
    live = ship(product, "one")["environment"]["name"]
    product.update(
        live,
        OptionSettings=[
            {"Namespace": space, "OptionName": name, "Value": value} for (space, name), value in changes.items()
        ],
    )
    why = refusal(product)
    assert [place for place in changes if " ".join(place) not in why] == []
    assert why.count("declared is") == len(changes), "and nothing else is told"


@pytest.mark.parametrize("strategy", ["pair", "in-place"])
def test_a_standing_environment_is_updated_once_and_only_where_something_changed(
    product: Product, strategy: str
) -> None:
    change(product, 'target = "local"', f'target = "local"\nstrategy = "{strategy}"')
    ship(product, "one")
    if strategy == "pair":
        assert updates(product, "the other side") == 0
    assert updates(product, "two") == 1
    change(product, "[stages.local.env]", '[stages.local.env]\nCOLOUR = "blue"')
    change(product, 'Subnets = "subnet-2, subnet-1"', 'Subnets = "subnet-3, subnet-1"')
    before = product.cloud.last_call()
    last = ship(product, "three")
    assert [call["operation"] for call in product.cloud.calls(before)].count("UpdateEnvironment") == 1
    given = present(product, last["environment"]["name"])
    assert given[VPC, "Subnets", "AWSEBAutoScalingGroup"] == "subnet-1,subnet-3"
    assert given["aws:elasticbeanstalk:application:environment", "COLOUR", ""] == "blue"
    product.set_option(last["environment"]["name"], {"Namespace": VPC, "OptionName": "Subnets", "Value": "subnet-9"})
    assert f"{VPC} Subnets is subnet-9" in refusal(product)


def test_where_aws_takes_one_thing_at_a_time_settings_and_version_go_one_by_one(product: Product) -> None:
    change(product, 'target = "local"', 'target = "local"\nstrategy = "in-place"')
    ship(product, "one")
    change(product, "[stages.local.env]", '[stages.local.env]\nCOLOUR = "blue"')
    product.cloud.control(
        "POST",
        "faults",
        kind="error",
        place="elasticbeanstalk:UpdateEnvironment",
        status=400,
        code="InvalidParameterCombination",
    )
    sha = product.commit("two")
    before = product.cloud.last_call()
    result = product.json("ship")
    assert (result["exit_code"], product.serving()) == (0, sha), result.get("error")
    assert [call["operation"] for call in product.cloud.calls(before)].count("UpdateEnvironment") == 3
    given = present(product, result["environment"]["name"])
    assert given["aws:elasticbeanstalk:application:environment", "COLOUR", ""] == "blue"


def test_an_update_of_both_that_fails_on_the_instance_leaves_neither(product: Product) -> None:
    change(product, 'target = "local"', 'target = "local"\nstrategy = "in-place"')
    one = ship(product, "one")["sha"]
    change(product, "[stages.local.env]", '[stages.local.env]\nCOLOUR = "blue"')
    (product.folder / ".ebextensions").mkdir()
    (product.folder / ".ebextensions" / "a.config").write_text("container_commands: {a: {command: 'exit 3'}}\n")
    product.commit("two")
    failed = product.json("ship")
    assert (failed["exit_code"], product.serving()) == (6, one), failed.get("error")
    given = present(product, failed["environment"]["name"])
    assert ("aws:elasticbeanstalk:application:environment", "COLOUR", "") not in given
    (product.folder / ".ebextensions" / "a.config").unlink()
    last = ship(product, "three")
    given = present(product, last["environment"]["name"])
    assert given["aws:elasticbeanstalk:application:environment", "COLOUR", ""] == "blue"
