"""What .ebextensions may refer to: pseudo parameters, the service's own resources, those of the environment's stack."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from zipfile import ZipFile

import pytest

from ebcd_local import ebextensions, options, references
from ebcd_local.records import Environment
from ebcd_local.setting_keys import key

WHEN = datetime(2026, 1, 1, tzinfo=UTC)
SHOP = Environment(
    "eu-central-1", "e-abc", "shop-prod", "shop", "v1", "shop.example", "Ready", "Green", "Ok", "arn", "", WHEN, WHEN
)
KNOWN = references.names(SHOP)


def extensions(folder: Path, text: str) -> ebextensions.Extensions:
    with ZipFile(folder / "bundle.zip", "w") as archive:
        archive.writestr(".ebextensions/a.config", text)
    return ebextensions.read(folder / "bundle.zip")


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ({"Ref": "AWS::Region"}, "eu-central-1"),
        ({"Ref": "AWS::AccountId"}, "123456789012"),
        ({"Ref": "AWS::Partition"}, "aws"),
        ({"Ref": "AWS::StackName"}, "awseb-e-abc-stack"),
        ({"Ref": "AWSEBEnvironmentName"}, "shop-prod"),
        ({"Fn::Join": [":", ["arn", {"Ref": "AWS::Partition"}, "s3"]]}, "arn:aws:s3"),
        ({"Fn::Sub": "${AWS::Region}-${AWSEBEnvironmentName}-${!x}"}, "eu-central-1-shop-prod-${x}"),
        ({"Fn::Sub": ["${a}/${AWS::Region}", {"a": {"Ref": "AWSEBEnvironmentName"}}]}, "shop-prod/eu-central-1"),
    ],
)
def test_what_is_known_of_every_environment_becomes_text(function: object, expected: str) -> None:
    assert references.substituted(function, KNOWN) == expected
    assert references.in_text(f"a `{json.dumps(function)}` b", KNOWN, {}) == f"a {expected} b"
    assert not list(references.unknown(f"`{json.dumps(function)}`", KNOWN))


@pytest.mark.parametrize("name", ["AWSEBAutoScalingGroup", "AWSEBSecurityGroup", "AWSEBCloudwatchAlarmHigh"])
def test_own_resources_have_a_name_of_the_environments_stack(name: str) -> None:
    assert KNOWN[name].startswith(f"awseb-e-abc-stack-{name}-")
    assert references.names(replace(SHOP, name="other"))[name] == KNOWN[name], "it does not change"
    assert references.names(replace(SHOP, id="e-other"))[name] != KNOWN[name]


def test_a_security_group_in_a_vpc_is_told_by_its_id() -> None:
    inside = replace(SHOP, options={key("aws:ec2:vpc", "VPCId"): "vpc-1"})
    assert references.names(inside)["AWSEBSecurityGroup"].startswith("sg-")


def test_what_only_the_stack_can_answer_is_asked_of_it_with_the_rest_put_in() -> None:
    text = '`{"Fn::Join": ["-", [{"Ref": "AWS::Region"}, {"Ref": "Queue"}]]}`'
    (asked,) = references.unknown(text, KNOWN)
    assert json.loads(asked) == {"Fn::Join": ["-", ["eu-central-1", {"Ref": "Queue"}]]}
    assert references.in_text(text, KNOWN, {asked: "eu-central-1-q"}) == "eu-central-1-q"
    assert references.in_text(text, KNOWN, {}) == text


@pytest.mark.parametrize("text", ["`{plain}`", '`{"a": 1}`', '`{"Ref": "X", "b": 2}`', "`ls`", "` {"])
def test_what_is_no_function_stays_as_it_is(text: str) -> None:
    assert list(references.unknown(text, KNOWN)) == []
    assert references.in_text(text, KNOWN, {}) == text


def test_settings_name_resources_in_both_forms(tmp_path: Path) -> None:
    found = extensions(
        tmp_path,
        """
option_settings:
  AWSEBCloudwatchAlarmHigh.aws:autoscaling:trigger:
    UpperThreshold: 50
  Morning.aws:autoscaling:scheduledaction:
    MinSize: 2
    StartTime: 2026-05-14T07:00:00Z
""",
    )
    assert found.options == {("aws:autoscaling:trigger", "UpperThreshold"): "50"}
    assert found.scheduled == {("Morning", "MinSize"): "2", ("Morning", "StartTime"): "2026-05-14T07:00:00Z"}
    listed = extensions(
        tmp_path,
        """
option_settings:
  - {namespace: 'aws:autoscaling:scheduledaction', resource_name: Evening, option_name: MinSize, value: '1'}
  - {namespace: 'aws:autoscaling:asg', resource_name: AWSEBAutoScalingGroup, option_name: MinSize, value: '3'}
""",
    )
    assert listed.options == {("aws:autoscaling:asg", "MinSize"): "3"}
    assert listed.scheduled == {("Evening", "MinSize"): "1"}
    stored = {key("aws:autoscaling:scheduledaction", "MinSize", "Evening"): "5"}
    assert options.scheduled(stored, listed.scheduled) == {"Evening": {"MinSize": "5"}}, "the API's wins"


def test_a_document_is_json_and_a_function_stands_between_backticks(tmp_path: Path) -> None:
    found = extensions(
        tmp_path,
        """
option_settings:
  aws:elasticbeanstalk:healthreporting:system:
    ConfigDocument: {"Version": 1, "Rules": {"Environment": {}}}
  aws:elasticbeanstalk:application:environment:
    REGION: {Ref: "AWS::Region"}
""",
    )
    assert not found.problems
    document = found.options["aws:elasticbeanstalk:healthreporting:system", "ConfigDocument"]
    assert json.loads(document) == {"Version": 1, "Rules": {"Environment": {}}}
    region = found.options["aws:elasticbeanstalk:application:environment", "REGION"]
    assert references.in_text(region, KNOWN, {}) == "eu-central-1"
