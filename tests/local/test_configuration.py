"""Saved configurations, settings and options, through boto3 and as `eb config` uses them."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import pytest
import urllib3
import yaml
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, Local, bundle

from ebcd_local import options, setting_keys

PROPERTIES = "aws:elasticbeanstalk:application:environment"
OLDER = PLATFORM.replace("4.7.1", "4.7.0")
ROLE = "arn:aws:iam::123456789012:role/eb"


def setting(namespace: str, name: str, value: str) -> dict[str, str]:
    return {"Namespace": namespace, "OptionName": name, "Value": value}


def code(error: pytest.ExceptionInfo[ClientError]) -> str:
    return str(error.value.response["Error"]["Code"])


def settings(local: Local, application: str, **subject: str) -> dict[str, str | None]:
    found = local.client("elasticbeanstalk").describe_configuration_settings(ApplicationName=application, **subject)
    rows = found["ConfigurationSettings"][0]["OptionSettings"]
    return {f"{item['Namespace']}|{item['OptionName']}": item.get("Value") for item in rows}


def env_yaml(**more: Any) -> str:
    return yaml.safe_dump({"AWSConfigurationTemplateVersion": "1.1.0.0", **more})


def test_what_is_set_where_wins_in_the_documented_order(local: Local) -> None:
    extension = f"option_settings:\n  {PROPERTIES}:\n    A: extension\n    B: extension\n    C: extension\n"
    local.publish("order", "v1", bundle(**{".ebextensions/a.config": extension}))
    eb = local.client("elasticbeanstalk")
    saved = [setting(PROPERTIES, "A", "saved"), setting(PROPERTIES, "B", "saved")]
    eb.create_configuration_template(
        ApplicationName="order", TemplateName="base", PlatformArn=OLDER, OptionSettings=saved
    )
    eb.create_environment(
        ApplicationName="order",
        EnvironmentName="order-r1",
        VersionLabel="v1",
        TemplateName="base",
        OptionSettings=[setting(PROPERTIES, "A", "request")],
    )
    found = local.until("order-r1", lambda item: item["Status"] == "Ready")
    assert (found["TemplateName"], found["PlatformArn"]) == ("base", OLDER)
    holds = settings(local, "order", EnvironmentName="order-r1")
    assert [holds[f"{PROPERTIES}|{name}"] for name in "ABC"] == ["request", "saved", "extension"]
    assert holds["aws:elasticbeanstalk:command|DeploymentPolicy"] == "AllAtOnce"


def test_a_saved_configuration_is_a_file_in_s3_both_ways(local: Local) -> None:
    local.publish("saved", "v1", bundle())
    local.launch("saved", "saved-r1", "v1", **{f"{PROPERTIES}|COLOR": "blue"})
    eb, s3 = local.client("elasticbeanstalk"), local.client("s3")
    environment_id = local.describe("saved-r1")["EnvironmentId"]
    eb.create_configuration_template(
        ApplicationName="saved", TemplateName="kept", EnvironmentId=environment_id, Description="as it was"
    )
    key = "resources/templates/saved/kept"
    content = yaml.safe_load(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    assert content["OptionSettings"] == {PROPERTIES: {"COLOR": "blue"}}
    assert content["Platform"] == {"PlatformArn": PLATFORM}
    assert content["EnvironmentConfigurationMetadata"]["Description"] == "as it was"
    content["OptionSettings"][PROPERTIES]["COLOR"] = "green"
    s3.put_object(Bucket=BUCKET, Key=key, Body=yaml.safe_dump(content))
    assert settings(local, "saved", TemplateName="kept") == {f"{PROPERTIES}|COLOR": "green"}
    eb.update_environment(EnvironmentName="saved-r1", TemplateName="kept")
    local.until("saved-r1", lambda item: item["Status"] == "Ready")
    assert settings(local, "saved", EnvironmentName="saved-r1")[f"{PROPERTIES}|COLOR"] == "green"
    s3.put_object(Bucket=BUCKET, Key="resources/templates/saved/uploaded", Body=yaml.safe_dump(content))
    described = eb.describe_applications(ApplicationNames=["saved"])["Applications"][0]
    assert described["ConfigurationTemplates"] == ["kept", "uploaded"]
    for name in ("kept", "uploaded"):
        eb.delete_configuration_template(ApplicationName="saved", TemplateName=name)
    assert "Contents" not in s3.list_objects_v2(Bucket=BUCKET, Prefix="resources/templates/saved/")


@pytest.mark.parametrize("content", [b"a: [", b"- 1", b"a: &a [1]\nb: *a\n", b"\xff", b"OptionSettings: {}"])
def test_a_file_that_is_no_saved_configuration_is_refused(local: Local, content: bytes) -> None:
    local.publish("spoilt", "v1", bundle()) if not _exists(local, "spoilt") else None
    local.client("s3").put_object(Bucket=BUCKET, Key="resources/templates/spoilt/bad", Body=content)
    with pytest.raises(ClientError) as error:
        settings(local, "spoilt", TemplateName="bad")
    assert code(error) == "InvalidParameterValue"


def _exists(local: Local, application: str) -> bool:
    return bool(local.client("elasticbeanstalk").describe_applications(ApplicationNames=[application])["Applications"])


def test_a_template_is_changed_and_settings_are_taken_out(local: Local) -> None:
    local.publish("changed", "v1", bundle())
    eb = local.client("elasticbeanstalk")
    base = {"ApplicationName": "changed", "TemplateName": "one"}
    eb.create_configuration_template(
        **base,
        SolutionStackName="64bit Amazon Linux 2023 v4.7.1 running Python 3.12",
        OptionSettings=[setting(PROPERTIES, "A", "1")],
    )
    with pytest.raises(ClientError) as error:
        eb.create_configuration_template(**base, PlatformArn=PLATFORM)
    assert error.value.response["Error"]["Message"] == "Configuration Template one already exists."
    removed = [{"Namespace": PROPERTIES, "OptionName": "A"}]
    found = eb.update_configuration_template(
        **base, OptionSettings=[setting(PROPERTIES, "B", "2")], OptionsToRemove=removed
    )
    assert [item["OptionName"] for item in found["OptionSettings"]] == ["B"]
    copied = eb.create_configuration_template(ApplicationName="changed", TemplateName="two", SourceConfiguration=base)
    assert copied["OptionSettings"] == found["OptionSettings"]
    assert "Python 3.12" in copied["PlatformArn"]


@pytest.mark.parametrize(
    ("namespace", "name", "value", "said"),
    [
        ("aws:autoscaling:asg", "Size", "1", "Unknown configuration setting."),
        ("aws:nothing", "MinSize", "1", "Unknown configuration setting."),
        ("aws:autoscaling:asg", "MinSize", "many", "Value is not a number"),
        ("aws:autoscaling:asg", "MinSize", "10001", "greater than maximum allowed value: 10000"),
        ("aws:elasticbeanstalk:command", "DeploymentPolicy", "Slow", "allowed values: [AllAtOnce, Rolling, "),
        ("aws:elasticbeanstalk:environment:process:default", "MatcherHTTPCode", "", "does not satisfy regex"),
        ("aws:elasticbeanstalk:managedactions", "ManagedActionsEnabled", "true", "PreferredStartTime"),
        (PROPERTIES, "A", "x" * 4097, "4,096 bytes"),
    ],
)
def test_settings_that_are_not_valid_are_refused_and_reported(
    local: Local, namespace: str, name: str, value: str, said: str
) -> None:
    eb = local.client("elasticbeanstalk")
    if not _exists(local, "wrong"):
        local.publish("wrong", "v1", bundle())
    given = [setting(namespace, name, value)]
    with pytest.raises(ClientError) as error:
        eb.create_environment(
            ApplicationName="wrong",
            EnvironmentName="wrong-r1",
            VersionLabel="v1",
            PlatformArn=PLATFORM,
            OptionSettings=given,
        )
    assert code(error) == "ConfigurationValidationException"
    assert said in error.value.response["Error"]["Message"]
    (message,) = eb.validate_configuration_settings(ApplicationName="wrong", OptionSettings=given)["Messages"]
    assert message["Severity"] == "error"
    assert said in message["Message"]
    assert eb.validate_configuration_settings(ApplicationName="wrong", OptionSettings=[])["Messages"] == []


def test_options_are_described_with_what_they_take(local: Local) -> None:
    eb = local.client("elasticbeanstalk")
    wanted = [
        {"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize"},
        {"Namespace": "aws:elasticbeanstalk:command", "OptionName": "DeploymentPolicy"},
    ]
    found = eb.describe_configuration_options(PlatformArn=PLATFORM, Options=wanted)["Options"]
    size, policy = found
    assert (size["MinValue"], size["MaxValue"], size["DefaultValue"]) == (0, 10000, "1")
    assert "Immutable" in policy["ValueOptions"]
    everything = eb.describe_configuration_options(PlatformArn=PLATFORM)["Options"]
    assert len(everything) > 120
    for item in everything:
        stored = {setting_keys.key(item["Namespace"], item["Name"], "night"): item.get("DefaultValue", "")}
        assert options.problems(stored) == [], item


def test_an_older_platform_is_updated_by_a_managed_action(local: Local) -> None:
    managed = {
        "aws:elasticbeanstalk:managedactions|ManagedActionsEnabled": "true",
        "aws:elasticbeanstalk:managedactions|PreferredStartTime": "Tue:09:00",
        "aws:elasticbeanstalk:managedactions:platformupdate|UpdateLevel": "patch",
    }
    local.publish("managed", "v1", bundle())
    local.launch("managed", "managed-r1", "v1", **managed)
    eb = local.client("elasticbeanstalk")
    assert eb.describe_environment_managed_actions(EnvironmentName="managed-r1")["ManagedActions"] == []
    eb.update_environment(EnvironmentName="managed-r1", PlatformArn=OLDER)
    local.until("managed-r1", lambda item: item["Status"] == "Ready")
    (action,) = eb.describe_environment_managed_actions(EnvironmentName="managed-r1")["ManagedActions"]
    assert (action["Status"], action["ActionType"]) == ("Scheduled", "PlatformUpdate")
    assert (action["WindowStartTime"].weekday(), action["WindowStartTime"].hour) == (1, 9)
    with pytest.raises(ClientError) as error:
        eb.apply_environment_managed_action(EnvironmentName="managed-r1", ActionId="another")
    assert code(error) == "ManagedActionInvalidStateException"
    assert eb.apply_environment_managed_action(EnvironmentName="managed-r1", ActionId=action["ActionId"])
    found = local.until("managed-r1", lambda item: item["Status"] == "Ready")
    assert found["PlatformArn"] == PLATFORM
    history = eb.describe_environment_managed_action_history(EnvironmentName="managed-r1")
    (item,) = history["ManagedActionHistoryItems"]
    assert (item["ActionId"], item["Status"]) == (action["ActionId"], "Completed")


def test_a_group_is_composed_from_its_manifests(local: Local) -> None:
    front = env_yaml(
        EnvironmentName="front+",
        CName="front-of-all+",
        EnvironmentLinks={"BACK": "back+"},
        Platform={"PlatformArn": PLATFORM},
    )
    back = env_yaml(
        EnvironmentName="back+",
        EnvironmentTier={"Name": "Worker", "Type": "SQS/HTTP"},
        SolutionStack="64bit Amazon Linux 2023 v4.7.1 running Python 3.11",
        OptionSettings={PROPERTIES: {"ROLE": "back"}},
    )
    for label, manifest in (("front", front), ("back", back)):
        assert local.publish("group", label, bundle(**{"env.yaml": manifest})) == "PROCESSED"
    eb = local.client("elasticbeanstalk")
    eb.compose_environments(ApplicationName="group", GroupName="dev", VersionLabels=["front", "back"])
    for name in ("front-dev", "back-dev"):
        local.until(name, lambda item: item["Status"] == "Ready")
    assert local.describe("front-dev")["CNAME"].startswith("front-of-all-dev.")
    assert local.describe("front-dev")["EnvironmentLinks"] == [{"LinkName": "BACK", "EnvironmentName": "back-dev"}]
    worker = local.describe("back-dev")
    assert (worker["Tier"]["Name"], worker.get("CNAME")) == ("Worker", None)
    assert settings(local, "group", EnvironmentName="back-dev")[f"{PROPERTIES}|ROLE"] == "back"
    with pytest.raises(ClientError) as error:
        eb.swap_environment_cnames(SourceEnvironmentName="front-dev", DestinationEnvironmentName="back-dev")
    assert code(error) == "InvalidParameterValue"
    eb.compose_environments(ApplicationName="group", GroupName="dev", VersionLabels=["front"])
    assert local.until("front-dev", lambda item: item["Status"] == "Ready")["VersionLabel"] == "front"


def test_the_logs_are_bundled_whole(local: Local) -> None:
    local.publish("bundled", "v1", bundle())
    local.launch("bundled", "bundled-r1", "v1")
    eb = local.client("elasticbeanstalk")
    eb.request_environment_info(EnvironmentName="bundled-r1", InfoType="bundle")
    (info,) = eb.retrieve_environment_info(EnvironmentName="bundled-r1", InfoType="bundle")["EnvironmentInfo"]
    with zipfile.ZipFile(io.BytesIO(urllib3.request("GET", info["Message"]).data)) as archive:
        assert any(b"starting" in archive.read(name) for name in archive.namelist())


def test_an_operations_role_is_kept_and_let_go(local: Local) -> None:
    local.publish("role", "v1", bundle())
    local.launch("role", "role-r1", "v1")
    eb = local.client("elasticbeanstalk")
    eb.associate_environment_operations_role(EnvironmentName="role-r1", OperationsRole=ROLE)
    assert local.describe("role-r1")["OperationsRole"] == ROLE
    eb.disassociate_environment_operations_role(EnvironmentName="role-r1")
    assert "OperationsRole" not in local.describe("role-r1")
