"""CloudFormation resources of .ebextensions: made with the environment, told to the application, gone with it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from running import Local, bundle
from test_daemon import request

EXTENSION = """
Resources:
  Orders:
    Type: AWS::SQS::Queue
    Properties: {QueueName: first-orders}
  Topic:
    Type: AWS::SNS::Topic
  Files:
    Type: AWS::S3::Bucket
  Ingress:
    Type: AWS::EC2::SecurityGroupIngress
    DependsOn: AWSEBSecurityGroup
    Properties: {GroupId: {"Fn::GetAtt": [AWSEBSecurityGroup, GroupId]}, IpProtocol: tcp, ToPort: 443, FromPort: 443,
                 CidrIp: 0.0.0.0/0}
  AWSEBAutoScalingGroup:
    Metadata: {a: b}
files:
  /etc/app.conf:
    content: |
      region=`{"Ref": "AWS::Region"}` topic=`{"Ref": "Topic"}`
      name=`{"Fn::Join": ["-", [{"Ref": "AWSEBEnvironmentName"}, "x"]]}`
  /etc/app.json:
    content: {topic: {Ref: Topic}, names: [{"Fn::Sub": "${AWS::Region}/${AWSEBEnvironmentName}"}]}
  /etc/app.name:
    content: {Ref: AWSEBEnvironmentName}
option_settings:
  aws:elasticbeanstalk:application:environment:
    COLOR: '`{"Fn::GetAtt": ["Orders", "Arn"]}`'
    TOPIC: {Ref: Topic}
"""


def test_resources_live_and_die_with_their_environment(own: Local) -> None:
    more = "Resources: {More: {Type: 'AWS::SQS::Queue', Properties: {QueueName: second-orders}}}\n"
    later = EXTENSION.replace('["Orders", "Arn"]', '["More", "Arn"]')
    own.publish("stacked", "v1", bundle("one", **{".ebextensions/r.config": EXTENSION}))
    own.publish("stacked", "v2", bundle("two", **{".ebextensions/r.config": later, ".ebextensions/s.config": more}))
    own.launch("stacked", "stacked-one", "v1", prefix="stacked-one")
    host, sqs = own.describe("stacked-one")["CNAME"], own.client("sqs")
    assert b":first-orders" in request(own.told["proxy_url"], host=host)[2]
    assert sqs.get_queue_url(QueueName="first-orders")["QueueUrl"]
    found = own.client("elasticbeanstalk").describe_configuration_settings(
        ApplicationName="stacked", EnvironmentName="stacked-one"
    )
    settings = {item["OptionName"]: item.get("Value") for item in found["ConfigurationSettings"][0]["OptionSettings"]}
    assert settings["TOPIC"].startswith("arn:aws:sns:")
    (conf,) = own.home.glob("local/environments/*/*/system/etc/app.conf")
    assert conf.read_text() == f"region=eu-central-1 topic={settings['TOPIC']}\nname=stacked-one-x\n"
    assert json.loads((conf.parent / "app.json").read_text()) == {
        "topic": settings["TOPIC"],
        "names": ["eu-central-1/stacked-one"],
    }
    assert (conf.parent / "app.name").read_text() == "stacked-one"
    events = own.client("elasticbeanstalk").describe_events(EnvironmentName="stacked-one", Severity="WARN")["Events"]
    assert [item["Message"] for item in events if "AWSEBAutoScalingGroup" in item["Message"]], "an override is told"
    own.client("elasticbeanstalk").update_environment(EnvironmentName="stacked-one", VersionLabel="v2")
    own.until("stacked-one", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert b":second-orders" in request(own.told["proxy_url"], host=host)[2]
    own.run("down")
    own.run("up")
    own.until("stacked-one", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert own.client("sqs").get_queue_url(QueueName="second-orders")["QueueUrl"]
    own.client("elasticbeanstalk").terminate_environment(EnvironmentName="stacked-one")
    own.until("stacked-one", lambda item: item["Status"] == "Terminated")
    with pytest.raises(ClientError, match="NonExistentQueue"):
        own.client("sqs").get_queue_url(QueueName="second-orders")


def test_a_stack_that_cannot_be_made_fails_the_creation(own: Local) -> None:
    broken = "Resources: {Table: {Type: 'AWS::DynamoDB::Table', Properties: {KeySchema: 3}}}\n"
    own.publish("broken", "v1", bundle("one", **{".ebextensions/r.config": broken}))
    own.launch("broken", "broken-one", "v1", health="Red")
    events = own.client("elasticbeanstalk").describe_events(EnvironmentName="broken-one")["Events"]
    assert any("CloudFormation stack failed" in event["Message"] for event in events)


def test_a_resource_that_refers_to_what_is_not_there_is_refused_by_name(own: Local) -> None:
    resource = (
        "{Type: 'AWS::SNS::Topic', Properties: {TopicName: {'Fn::GetAtt': [AWSEBRDSDatabase, Endpoint.Address]}}}"
    )
    own.publish("missing", "v1", bundle("one", **{".ebextensions/r.config": f"Resources: {{Topic: {resource}}}\n"}))
    own.launch("missing", "missing-one", "v1", health="Red")
    events = own.client("elasticbeanstalk").describe_events(EnvironmentName="missing-one")["Events"]
    assert any("Resources refer to AWSEBRDSDatabase" in event["Message"] for event in events)
