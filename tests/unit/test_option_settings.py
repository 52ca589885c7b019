"""Option settings: how one is named, and whether an environment has it as it was declared."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from stages import STAGE, environment, snapshot

from ebcd.aws import shapes
from ebcd.check.extensions import File, load, option_settings
from ebcd.config import values
from ebcd.documents import BadDocument
from ebcd.errors import UsageError
from ebcd.model import OptionSetting, PresentSettings
from ebcd.release.plan.plan import settings_digest
from ebcd.release.plan.updating import change
from ebcd_local import option_table, plain_yaml

PROPERTY = "aws:elasticbeanstalk:application:environment"
JSON_WITH_TABS = f'{{\n\t"option_settings": {{\n\t\t"{PROPERTY}": {{"COLOR": "blue"}}\n\t}}\n}}\n'
LAUNCH = "aws:autoscaling:launchconfiguration"
SCHEDULED = "aws:autoscaling:scheduledaction"
TRIGGER = "aws:autoscaling:trigger"
VPC = "aws:ec2:vpc"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
PROCESS = "aws:elasticbeanstalk:environment:process:default"


def has(namespace: str, name: str, declared: str, actual: str, *more: OptionSetting) -> bool:
    present = PresentSettings.of([OptionSetting(namespace, name, actual), *more] if actual else more)
    return present.has(OptionSetting(namespace, name, declared))


@pytest.mark.parametrize(
    ("namespace", "name", "declared", "actual"),
    [
        (VPC, "Subnets", "subnet-2, subnet-1", "subnet-1,subnet-2"),
        (VPC, "ELBSubnets", "b,a", "a,b"),
        (LAUNCH, "SSHSourceRestriction", "tcp, 22, 22, 10.0.0.0/8", "tcp,22,22,10.0.0.0/8"),
        ("aws:ec2:instances", "InstanceTypes", "t3.small,t3.micro", "t3.micro,t3.small"),
        ("aws:ec2:instances", "InstanceTypes", "t3.small,t3.micro", "t3.small, t3.micro"),
        ("aws:elbv2:listener:443", "SSLCertificateArns", "arn:b,arn:a", "arn:a,arn:b"),
        (LAUNCH, "SecurityGroups", "sg-2, sg-1", "sg-0,sg-1,sg-2"),
        (LAUNCH, "SecurityGroups", "mine", "awseb-e-abc-stack-AWSEBSecurityGroup-XYZ,mine"),
        (LAUNCH, "SecurityGroups", "sg-1", "awseb-e-abc-stack-AWSEBSecurityGroup-XYZ,sg-0,sg-1"),
        ("aws:elb:loadbalancer", "SecurityGroups", "sg-1", "sg-1,sg-own"),
        ("aws:elbv2:loadbalancer", "SecurityGroups", "sg-1", "sg-1,sg-own"),
        (LAUNCH, "SecurityGroups", "sg-1", "sg-1"),
        (TRIGGER, "UpperThreshold", "60.0", "60"),
        (TRIGGER, "LowerThreshold", "2e6", "2000000"),
        ("aws:ec2:instances", "SpotMaxPrice", "0.50", "0.5"),
        (VPC, "AssociatePublicIpAddress", "True", "true"),
        (HEALTH, "ConfigDocument", '{"Version": 1, "Rules": {"a": 1}}', '{"Rules":{"a":1},"Version":1}'),
        (
            HEALTH,
            "ConfigDocument",
            '{"Rules": {"a": 1}}',
            '{"Version":1,"CloudWatchMetrics":{"Environment":{}},"Rules":{"a":1}}',
        ),
        (
            HEALTH,
            "ConfigDocument",
            '{"CloudWatchMetrics":{"Environment":{"x":60}},"Version":1}',
            '{"Version":1,"CloudWatchMetrics":{"Instance":{"y":null},"Environment":{"x":60,"z":null}}}',
        ),
        (SCHEDULED, "StartTime", "2026-05-14T07:00:00Z", "2026-05-14T07:00:00.000Z"),
        (SCHEDULED, "StartTime", "2026-05-14T07:00:00", "2026-05-14T07:00:00+00:00"),
        ("aws:elasticbeanstalk:sns:topics", "Notification Endpoint", "", ""),
    ],
)
def test_what_beanstalk_writes_in_its_own_way_is_as_declared(
    namespace: str, name: str, declared: str, actual: str
) -> None:
    assert has(namespace, name, declared, actual)


@pytest.mark.parametrize(
    ("namespace", "name", "declared", "actual"),
    [
        (VPC, "Subnets", "subnet-1,subnet-2", "subnet-1"),
        (VPC, "Subnets", "subnet-1", "subnet-1,subnet-2"),
        (VPC, "Subnets", "subnet-1", ""),
        (LAUNCH, "SecurityGroups", "sg-1,sg-2", "sg-0,sg-1"),
        (LAUNCH, "SecurityGroups", "sg-1", "sg-0,sg-1,sg-by-hand"),
        ("aws:elbv2:loadbalancer", "SecurityGroups", "sg-1", "sg-own"),
        (TRIGGER, "UpperThreshold", "60", "60.1"),
        ("aws:rds:dbinstance", "DBEngineVersion", "5.10", "5.1"),
        (PROCESS, "HealthCheckPath", "/Health", "/health"),
        ("aws:elasticbeanstalk:container:python", "WSGIPath", "shop.App", "shop.app"),
        (HEALTH, "ConfigDocument", '{"Version":1,"Rules":{"a":1}}', '{"Version":1,"Rules":{"a":2}}'),
        (HEALTH, "ConfigDocument", '{"Version":1,"Rules":{"a":1}}', '{"Version":1,"Rules":{"a":1,"b":1}}'),
        (SCHEDULED, "StartTime", "2026-05-14T07:00:00Z", "2026-05-14T08:00:00Z"),
        (PROPERTY, "HOSTS", "a,b", "b,a"),
        (PROPERTY, "HOSTS", "a, b", "a,b"),
        (PROPERTY, "DEBUG", "true", "True"),
        (PROPERTY, "DOCUMENT", '{"a": 1}', '{"a":1}'),
        ("aws:elasticbeanstalk:application:environmentsecrets", "KEY", "arn:a", "arn:A"),
        ("aws:elasticbeanstalk:customoption", "MINE", "b,a", "a,b"),
    ],
)
def test_what_means_something_else_is_not(namespace: str, name: str, declared: str, actual: str) -> None:
    assert not has(namespace, name, declared, actual)


def test_the_default_listener_comes_back_by_its_port() -> None:
    port = OptionSetting("aws:elb:listener:80", "ListenerProtocol", "TCP")
    assert has("aws:elb:listener", "ListenerProtocol", "TCP", "", port)
    assert not has("aws:elb:listener", "ListenerProtocol", "HTTP", "", port)


def test_without_the_default_group_there_is_none_of_beanstalks_own() -> None:
    without = OptionSetting(LAUNCH, "DisableDefaultEC2SecurityGroup", "true")
    assert has(LAUNCH, "SecurityGroups", "sg-1", "sg-1", without)
    assert not has(LAUNCH, "SecurityGroups", "sg-1", "sg-1,sg-2", without), "somebody added it, or the stage gave it up"
    assert has("aws:elb:loadbalancer", "SecurityGroups", "sg-1", "sg-1,sg-2", without)


NAMES = st.text(st.characters(codec="ascii", exclude_characters=',"\\', categories=("L", "N", "P")), min_size=1)
SPACE = st.sampled_from(["", " ", "  "])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.lists(NAMES, min_size=1), SPACE, SPACE)
def test_a_list_is_as_declared_in_any_order_and_with_any_space(items: list[str], before: str, behind: str) -> None:
    declared = f"{before},{behind}".join(reversed(items))
    assert has(VPC, "Subnets", declared, ",".join(sorted(items)))


@given(st.lists(NAMES, min_size=1), NAMES)
def test_a_list_with_something_else_in_it_is_not(items: list[str], other: str) -> None:
    if other.lower() not in {item.lower() for item in items}:
        assert not has(VPC, "Subnets", ",".join(items), ",".join([*items, other]))


@given(st.dictionaries(st.text(), JSON))
def test_a_document_is_as_declared_however_it_is_written(document: dict[str, Any]) -> None:
    declared = json.dumps(document, indent=1)
    written = json.dumps(dict(reversed(list(document.items()))), separators=(",", ":"))
    assert has(HEALTH, "ConfigDocument", declared, written)


@given(st.text(), st.text())
def test_every_comparison_answers_and_agrees_with_itself(one: str, other: str) -> None:
    for namespace, name in ((VPC, "Subnets"), (TRIGGER, "UpperThreshold"), (SCHEDULED, "StartTime"), (PROPERTY, "A")):
        declared = OptionSetting(namespace, name, one)
        assert declared.means(one)
        assert declared.means(other) is replace(declared, value=other).means(one)


def test_what_the_local_beanstalk_gives_back_of_every_option_is_as_declared() -> None:
    for namespace, option in option_table.named("application", "WebServer"):
        for declared in filter(None, {option.default, *option.values, "b, a" if option.type in ("List",) else ""}):
            assert has(namespace, option.name, declared, option.given_back(declared)), (namespace, option)


def test_a_scheduled_action_keeps_its_name_and_a_resource_of_the_environments_own_is_inferred() -> None:
    assert OptionSetting.named(f"Up.{SCHEDULED}", "MinSize", "2") == OptionSetting(SCHEDULED, "MinSize", "2", "Up")
    assert OptionSetting.named(SCHEDULED, "MinSize", "2", "Up") == OptionSetting(SCHEDULED, "MinSize", "2", "Up")
    high = OptionSetting.named(f"AWSEBCloudwatchAlarmHigh.{TRIGGER}", "UpperThreshold", "70")
    assert high == OptionSetting.named(TRIGGER, "UpperThreshold", "70", "AWSEBCloudwatchAlarmHigh")
    assert high == OptionSetting(TRIGGER, "UpperThreshold", "70")


@pytest.mark.parametrize(
    "namespace",
    ["aws:elasticbeanstalk:environment:process:my.proc", "aws:elbv2:listenerrule:a.b", "custom.namespace", ""],
)
def test_a_namespace_with_dots_of_its_own_is_one(namespace: str) -> None:
    assert OptionSetting.named(namespace, "Port", "80") == OptionSetting(namespace, "Port", "80")


def test_a_resource_before_a_namespace_with_dots_is_told_from_it() -> None:
    process = "aws:elasticbeanstalk:environment:process:my.proc"
    assert OptionSetting.named(f"AWSEBV2LoadBalancerTargetGroup.{process}", "Port", "80").namespace == process
    assert OptionSetting.named(f"At.nine.{SCHEDULED}", "MinSize", "2").resource == "At.nine"


TYPES = OptionSetting("aws:ec2:instances", "InstanceTypes", "m5.large,c5.large,t3.large")


@pytest.mark.parametrize(
    ("actual", "is_drift", "is_sent"),
    [
        ("m5.large, c5.large, t3.large", False, False),
        ("c5.large,m5.large,t3.large", False, True),
        ("t3.large,m5.large,c5.large", True, True),
        ("m5.large,c5.large", True, True),
    ],
    ids=["as it was set", "sorted, maybe by Beanstalk", "in another order", "one less"],
)
def test_the_order_of_instance_types_is_a_priority(actual: str, is_drift: bool, is_sent: bool) -> None:
    present = PresentSettings.of([replace(TYPES, value=actual)])
    assert present.has(TYPES) is not is_drift
    assert present.has(TYPES, surely=True) is not is_sent


def test_an_order_of_instance_types_that_changed_is_sent_to_an_environment_that_stands() -> None:
    found = replace(snapshot(environment(1, live=True)), settings={"shop-prod-r1": (replace(TYPES, value="a,b"),)})
    there = change(found, environment(1, live=True), [replace(TYPES, value="b,a")], "").update
    assert there is not None
    assert there.options == (replace(TYPES, value="b,a"),)


def test_two_actions_are_two_options() -> None:
    up, down = (OptionSetting(SCHEDULED, "MinSize", size, name) for name, size in (("Up", "4"), ("Down", "1")))
    present = PresentSettings.of([up, down])
    assert present.has(up)
    assert present.has(down)
    assert not present.has(replace(up, resource="Other"))
    assert up.title == f"Up.{SCHEDULED} MinSize"


def test_the_wire_has_a_resource_only_where_there_is_one() -> None:
    up, plain = OptionSetting(SCHEDULED, "MinSize", "4", "Up"), OptionSetting("aws:autoscaling:asg", "MinSize", "1")
    assert shapes.wire_options([up, plain]) == [
        {"Namespace": SCHEDULED, "OptionName": "MinSize", "ResourceName": "Up", "Value": "4"},
        {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "1"},
    ]
    assert shapes.wire_place(up.place) == {"Namespace": SCHEDULED, "OptionName": "MinSize", "ResourceName": "Up"}


def described(status: str, value: str) -> dict[str, Any]:
    option = {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "ResourceName": "AWSEBAutoScalingGroup"}
    return {"DeploymentStatus": status, "OptionSettings": [option | {"Value": value}, option | {"OptionName": "Unset"}]}


def test_beside_a_draft_the_deployed_settings_are_those_of_the_environment() -> None:
    size = OptionSetting("aws:autoscaling:asg", "MinSize", "1")
    assert shapes.deployed_settings([described("failed", "2"), described("deployed", "1")]) == (size,)
    assert shapes.deployed_settings([described("pending", "1")]) == (size,), "the only ones"
    assert shapes.deployed_settings([]) == ()


def test_the_digest_is_as_it_was_where_nothing_has_a_resource() -> None:
    """Of c47502f, so that no stage gets a new release by an update of ebcd."""
    before = "b3648852f3e5d25d7ee0add31d7e2ebd0d6520a318d1766e3c8ea13cda941659"
    options = (OptionSetting(VPC, "Subnets", "b, a"), OptionSetting(PROPERTY, "A", "1"))
    plain = settings_digest(replace(STAGE, platform="branch", options=options))
    assert plain == before
    action = OptionSetting(SCHEDULED, "MinSize", "2", "Up")
    named = settings_digest(replace(STAGE, options=(action,)))
    assert named != settings_digest(replace(STAGE, options=(replace(action, resource="Down"),)))


def test_configuration_names_scheduled_actions_and_takes_times() -> None:
    table = {f"Up.{SCHEDULED}": {"MinSize": 2, "StartTime": datetime(2026, 5, 14, 7, tzinfo=UTC)}}
    assert values.options("stages.prod.options", table) == (
        OptionSetting(SCHEDULED, "MinSize", "2", "Up"),
        OptionSetting(SCHEDULED, "StartTime", "2026-05-14T07:00:00Z", "Up"),
    )
    assert values.options("saved", {"aws:rds:dbinstance": {"DBSnapshotIdentifier": None}}) == ()
    with pytest.raises(UsageError) as refusal:
        values.options("stages.prod.options", {SCHEDULED: {"MinSize": 2}})
    assert f"NAME.{SCHEDULED}" in refusal.value.hint


@pytest.mark.parametrize(
    ("namespace", "name"),
    [
        ("aws:autoscaling:launchconfiguration", "EC2KeyName"),
        ("aws:rds:dbinstance", "DBPassword"),
        ("aws:elasticbeanstalk:environment:proxy:staticfiles", "/static"),
    ],
)
def test_names_and_passwords_are_compared_letter_by_letter(namespace: str, name: str) -> None:
    assert not OptionSetting(namespace, name, "Prod").means("prod")


@pytest.mark.parametrize("text", [JSON_WITH_TABS, "\ufeff" + JSON_WITH_TABS, JSON_WITH_TABS.replace("\n", "\r\n")])
def test_a_file_of_json_may_be_indented_by_tabs(text: str) -> None:
    files = {".ebextensions/a.config": File(text.encode())}
    assert [(item.name, item.value) for item in option_settings(files)] == [("COLOR", "blue")]
    assert plain_yaml.mapping(text.encode())["option_settings"]


@pytest.mark.parametrize("text", ['{\n\t"a": \n', "a:\n\tb: 1\n"])
def test_what_is_neither_yaml_nor_json_is_refused(text: str) -> None:
    with pytest.raises(BadDocument, match="it is no"):
        load(text.encode())
    with pytest.raises((yaml.YAMLError, ValueError)):
        plain_yaml.mapping(text.encode())
