"""Settings as the service gives them back, a version and settings in one update, scheduled actions."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, Local, bundle
from test_configuration import OLDER, PROPERTIES, setting
from test_daemon import request

ASG = "aws:autoscaling:asg"
LAUNCH = "aws:autoscaling:launchconfiguration"
ELB = "aws:elb:loadbalancer"
ELBV2 = "aws:elbv2:loadbalancer"
SCHEDULED = "aws:autoscaling:scheduledaction"
VPC = "aws:ec2:vpc"
HEALTH = "aws:elasticbeanstalk:healthreporting:system"
TRIGGER = "aws:autoscaling:trigger"


def rows(local: Local, application: str, environment: str) -> dict[tuple[str, str, str], str | None]:
    """Settings as they are given back, by namespace, name and resource."""
    found = local.client("elasticbeanstalk").describe_configuration_settings(
        ApplicationName=application, EnvironmentName=environment
    )["ConfigurationSettings"][0]["OptionSettings"]
    return {(item["Namespace"], item["OptionName"], item.get("ResourceName", "")): item.get("Value") for item in found}


def events(local: Local, environment: str) -> list[str]:
    found = local.client("elasticbeanstalk").describe_events(EnvironmentName=environment)["Events"]
    return [item["Message"] for item in found][::-1]


def in_vpc(**more: str) -> dict[str, str]:
    return {f"{VPC}|VPCId": "vpc-1", f"{VPC}|Subnets": "subnet-2, subnet-1", f"{VPC}|ELBSubnets": "b,a"} | more


def test_lists_groups_and_documents_are_rewritten_and_resources_are_named(local: Local) -> None:
    local.publish("given", "v1", bundle())
    document = '{ "Rules": {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": false}}}} }'
    local.launch(
        "given",
        "given-r1",
        "v1",
        **in_vpc(
            **{
                f"{LAUNCH}|SecurityGroups": "sg-z, sg-a",
                f"{LAUNCH}|SSHSourceRestriction": "tcp, 22, 22, 10.0.0.0/8",
                f"{HEALTH}|ConfigDocument": document,
                f"{PROPERTIES}|HOSTS": "b, a",
                "aws:elasticbeanstalk:environment|LoadBalancerType": "application",
            }
        ),
    )
    found = rows(local, "given", "given-r1")
    assert found[VPC, "Subnets", "AWSEBAutoScalingGroup"] == "subnet-1,subnet-2"
    assert found[VPC, "ELBSubnets", ""] == "a,b"
    assert found[LAUNCH, "SSHSourceRestriction", ""] == "tcp,22,22,10.0.0.0/8"
    assert found[PROPERTIES, "HOSTS", ""] == "b, a", "an environment property is the user's, letter by letter"
    assert found[ASG, "MinSize", "AWSEBAutoScalingGroup"] == "1"
    assert found[TRIGGER, "UpperThreshold", "AWSEBCloudwatchAlarmHigh"] == "6000000"
    assert found[TRIGGER, "LowerThreshold", "AWSEBCloudwatchAlarmLow"] == "2000000"
    groups = (found[LAUNCH, "SecurityGroups", "AWSEBEC2LaunchTemplate"] or "").split(",")
    assert groups == sorted(groups)
    (own,) = set(groups) - {"sg-a", "sg-z"}
    assert own.startswith("sg-")
    assert (found[ELBV2, "SecurityGroups", "AWSEBV2LoadBalancer"] or "").startswith("sg-")
    back = found[HEALTH, "ConfigDocument", ""] or ""
    assert back != document
    assert json.loads(back)["Rules"] == json.loads(document)["Rules"]
    assert not [key for key in found if key[0] == SCHEDULED], "there is none"


def test_outside_a_vpc_groups_are_told_by_name_and_the_own_one_can_be_left_out(local: Local) -> None:
    local.publish("classic", "v1", bundle())
    local.launch("classic", "classic-r1", "v1", **{f"{ELB}|SecurityGroups": "mine"})
    found = rows(local, "classic", "classic-r1")
    assert (found[LAUNCH, "SecurityGroups", "AWSEBEC2LaunchTemplate"] or "").startswith("awseb-e-")
    assert (found[ELB, "SecurityGroups", "AWSEBLoadBalancer"] or "").startswith("awseb-e-")
    assert (found[ELB, "SecurityGroups", "AWSEBLoadBalancer"] or "").endswith(",mine")
    assert found["aws:elb:listener:80", "ListenerProtocol", "AWSEBLoadBalancer"] == "HTTP"
    local.client("elasticbeanstalk").update_environment(
        EnvironmentName="classic-r1",
        OptionSettings=[
            setting(LAUNCH, "DisableDefaultEC2SecurityGroup", "true"),
            setting(LAUNCH, "SecurityGroups", "mine"),
        ],
    )
    local.until("classic-r1", lambda item: item["Status"] == "Ready")
    assert rows(local, "classic", "classic-r1")[LAUNCH, "SecurityGroups", "AWSEBEC2LaunchTemplate"] == "mine"


def test_a_version_and_settings_in_one_update_are_one_operation(local: Local) -> None:
    local.publish("both", "v1", bundle("one"))
    local.publish("both", "v2", bundle("two"))
    local.launch("both", "both-r1", "v1", prefix="both-live")
    local.client("elasticbeanstalk").update_environment(
        EnvironmentName="both-r1",
        VersionLabel="v2",
        PlatformArn=OLDER,
        OptionSettings=[setting(PROPERTIES, "COLOR", "green"), setting(ASG, "MinSize", "2")],
        OptionsToRemove=[{"Namespace": ASG, "OptionName": "Cooldown"}],
    )
    found = local.until("both-r1", lambda item: item["Status"] == "Ready" and item["Health"] == "Green")
    assert (found["VersionLabel"], found["PlatformArn"]) == ("v2", OLDER)
    answer = request(local.told["proxy_url"], host=found["CNAME"])[2]
    assert answer.startswith(b"two green")
    told = events(local, "both-r1")
    assert told.count("Environment update is starting.") == 1
    assert told.count("Environment update completed successfully.") == 1
    resources = local.client("elasticbeanstalk").describe_environment_resources(EnvironmentName="both-r1")
    assert len(resources["EnvironmentResources"]["Instances"]) == 2


def drafts(local: Local, application: str, environment: str) -> dict[str, str | None]:
    """COLOR in each set of settings that an environment has, by the set's status."""
    found = local.client("elasticbeanstalk").describe_configuration_settings(
        ApplicationName=application, EnvironmentName=environment
    )["ConfigurationSettings"]
    return {
        item["DeploymentStatus"]: next(
            (option.get("Value") for option in item["OptionSettings"] if option["OptionName"] == "COLOR"), None
        )
        for item in found
    }


def test_a_version_that_fails_with_settings_leaves_the_earlier_label_and_the_settings_as_a_draft(local: Local) -> None:
    broken = {".ebextensions/a.config": "container_commands: {a: {command: 'sleep 2; exit 3'}}\n"}
    local.publish("half", "v1", bundle("one"))
    local.publish("half", "v2", bundle("two", **broken))
    local.launch("half", "half-r1", "v1", **{f"{PROPERTIES}|COLOR": "red"})
    assert drafts(local, "half", "half-r1") == {"deployed": "red"}
    eb = local.client("elasticbeanstalk")
    eb.update_environment(
        EnvironmentName="half-r1", VersionLabel="v2", OptionSettings=[setting(PROPERTIES, "COLOR", "green")]
    )
    local.wait(lambda: drafts(local, "half", "half-r1") == {"deployed": "red", "pending": "green"})
    assert local.until("half-r1", lambda item: item["Status"] == "Ready")["VersionLabel"] == "v1"
    assert "Failed to deploy application." in events(local, "half-r1")
    assert drafts(local, "half", "half-r1") == {"deployed": "red", "failed": "green"}
    eb.delete_environment_configuration(ApplicationName="half", EnvironmentName="half-r1")
    assert drafts(local, "half", "half-r1") == {"deployed": "red"}
    eb.update_environment(
        EnvironmentName="half-r1", VersionLabel="v1", OptionSettings=[setting(PROPERTIES, "COLOR", "blue")]
    )
    local.until("half-r1", lambda item: item["Status"] == "Ready")
    assert drafts(local, "half", "half-r1") == {"deployed": "blue"}


def scheduled(action: str, **settings: str) -> list[dict[str, str]]:
    return [setting(SCHEDULED, name, value) | {"ResourceName": action} for name, value in settings.items()]


def test_a_scheduled_action_changes_the_group_and_not_the_settings(local: Local) -> None:
    def soon(seconds: float) -> str:
        return (datetime.now(UTC) + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")

    def instances() -> int:
        found = eb.describe_environment_resources(EnvironmentName="timed-r1")
        return len(found["EnvironmentResources"]["Instances"])

    eb = local.client("elasticbeanstalk")
    extension = "option_settings:\n  Never.aws:autoscaling:scheduledaction: {MinSize: 4, StartTime: 2020-01-01}\n"
    local.publish("timed", "v1", bundle(**{".ebextensions/a.config": extension}))
    local.launch("timed", "timed-r1", "v1")
    eb.update_environment(
        EnvironmentName="timed-r1",
        OptionSettings=[
            *scheduled("Up", MinSize="2", MaxSize="2", StartTime=soon(3)),
            *scheduled("Suspended", MinSize="3", Recurrence="* * * * *", Suspend="true"),
        ],
    )
    local.wait(lambda: instances() == 2)
    found = rows(local, "timed", "timed-r1")
    assert found[ASG, "MinSize", "AWSEBAutoScalingGroup"] == "1"
    assert found[SCHEDULED, "MinSize", "Up"] == "2"
    assert found[SCHEDULED, "Suspend", "Suspended"] == "true"
    assert found[SCHEDULED, "MinSize", "Never"] == "4"
    local.until("timed-r1", lambda item: item["Status"] == "Ready")
    eb.update_environment(
        EnvironmentName="timed-r1",
        OptionSettings=[setting(ASG, "MaxSize", "1")],
        OptionsToRemove=[
            {"ResourceName": "Up", "Namespace": SCHEDULED, "OptionName": name}
            for name in ("MinSize", "MaxSize", "StartTime")
        ],
    )
    local.wait(lambda: instances() == 1)
    assert (SCHEDULED, "MinSize", "Up") not in rows(local, "timed", "timed-r1")


def test_a_scheduled_action_that_is_none_is_refused(local: Local) -> None:
    local.publish("unscheduled", "v1", bundle())
    for settings in ({"Recurrence": "at six", "MinSize": "1"}, {"StartTime": "soon"}):
        with pytest.raises(ClientError, match="Invalid scheduled action 'Up'"):
            local.client("elasticbeanstalk").create_environment(
                ApplicationName="unscheduled",
                EnvironmentName="unscheduled-r1",
                VersionLabel="v1",
                PlatformArn=PLATFORM,
                OptionSettings=scheduled("Up", **settings),
            )


def test_a_saved_configuration_names_the_resources_of_the_trigger(local: Local) -> None:
    local.publish("saving", "v1", bundle())
    local.launch("saving", "saving-r1", "v1", **{f"{TRIGGER}|UpperThreshold": "70", f"{ASG}|MaxSize": "2"})
    eb = local.client("elasticbeanstalk")
    eb.update_environment(
        EnvironmentName="saving-r1", OptionSettings=scheduled("Up", MinSize="1", Recurrence="0 6 1 1 *")
    )
    found = local.until("saving-r1", lambda item: item["Status"] == "Ready")
    eb.create_configuration_template(
        ApplicationName="saving", TemplateName="kept", EnvironmentId=found["EnvironmentId"]
    )
    content = local.client("s3").get_object(Bucket=BUCKET, Key="resources/templates/saving/kept")["Body"].read()
    assert yaml.safe_load(content)["OptionSettings"] == {
        f"AWSEBCloudwatchAlarmHigh.{TRIGGER}": {"UpperThreshold": "70"},
        f"Up.{SCHEDULED}": {"MinSize": "1", "Recurrence": "0 6 1 1 *"},
        ASG: {"MaxSize": "2"},
    }
    eb.update_environment(EnvironmentName="saving-r1", TemplateName="kept", VersionLabel="v1")
    local.until("saving-r1", lambda item: item["Status"] == "Ready")
    assert rows(local, "saving", "saving-r1")[TRIGGER, "UpperThreshold", "AWSEBCloudwatchAlarmHigh"] == "70"


def test_settings_of_a_bundle_refer_to_what_every_environment_has(local: Local) -> None:
    extension = f"""
option_settings:
  {PROPERTIES}:
    COLOR: '`{{"Fn::Join": ["/", [{{"Ref": "AWS::Region"}}, {{"Ref": "AWSEBEnvironmentName"}}]]}}`'
    GROUP: {{Ref: AWSEBAutoScalingGroup}}
"""
    local.publish("refers", "v1", bundle("one", **{".ebextensions/a.config": extension}))
    local.launch("refers", "refers-r1", "v1")
    answer = request(local.told["proxy_url"], host=local.describe("refers-r1")["CNAME"])[2]
    assert answer.startswith(b"one eu-central-1/refers-r1 ")
    found = local.client("elasticbeanstalk").describe_environment_resources(EnvironmentName="refers-r1")
    (group,) = found["EnvironmentResources"]["AutoScalingGroups"]
    assert rows(local, "refers", "refers-r1")[PROPERTIES, "GROUP", ""] == group["Name"]


def test_a_setting_that_refers_to_nothing_fails_the_creation(local: Local) -> None:
    extension = f"option_settings:\n  {PROPERTIES}:\n    COLOR: {{Ref: Nothing}}\n"
    local.publish("dangling", "v1", bundle("one", **{".ebextensions/a.config": extension}))
    local.launch("dangling", "dangling-r1", "v1", health="Red")
    assert any(
        'no resource of the environment answers {"Ref": "Nothing"}' in text for text in events(local, "dangling-r1")
    )
