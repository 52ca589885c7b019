"""Environments: created, named, updated, swapped, terminated, and what of it is refused while they are busy."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import urllib3
from botocore.exceptions import ClientError
from ground import JSON, LAUNCH, PROPERTIES, SOON, Environments, Ground, refusal

from ebcd.errors import AwsRefused


def code_of(call: Callable[[], object]) -> tuple[str, str]:
    """The code and the message that a call is refused with."""
    with pytest.raises((AwsRefused, ClientError)) as error:
        call()
    if isinstance(error.value, AwsRefused):
        return error.value.code, error.value.why
    return refusal(error.value)


def cnames(environments: Environments) -> tuple[str, str]:
    """Both web environments' CNAMEs."""
    ground = environments.ground
    return ground.environment(environments.enhanced).cname, ground.environment(environments.basic).cname


def settings(ground: Ground, name: str) -> dict[str, str]:
    """An environment's option settings, by `namespace|name`."""
    return {f"{item.namespace}|{item.name}": item.value for item in ground.beanstalk.settings(ground.application, name)}


# names


@pytest.mark.row("environment-name-limits")
@pytest.mark.parametrize("name", ["{}-" + "x" * 40, "{}-", "-{}", "{}_x"])
def test_names_that_are_none_are_refused(ground: Ground, name: str) -> None:
    given = {"ApplicationName": ground.application, "VersionLabel": "one", "PlatformArn": ground.platform}
    code, _ = code_of(lambda: ground.eb.create_environment(EnvironmentName=name.format(ground.account.name), **given))
    assert code in {"InvalidParameterValue", "ValidationError"}


@pytest.mark.row("cname-prefix-limits")
def test_a_prefix_has_63_characters(ground: Ground) -> None:
    prefix = f"{ground.account.name}-".ljust(64, "x")
    code, _ = code_of(lambda: ground.eb.check_dns_availability(CNAMEPrefix=prefix))
    assert code in {"InvalidParameterValue", "ValidationError"}


@pytest.mark.row("cname-availability")
def test_a_prefix_is_free_until_an_environment_has_it(environments: Environments) -> None:
    ground, prefix = environments.ground, environments.prefix
    assert ground.beanstalk.cname_available(f"{ground.account.name}-free")
    assert not ground.beanstalk.cname_available(prefix)
    code, message = code_of(lambda: ground.launch(f"{ground.account.name}-second", ground.options(), prefix=prefix))
    assert (code, "is not available" in message) == ("InvalidParameterValue", True)


@pytest.mark.row("environment-unique")
def test_an_environments_name_is_taken_while_it_stands(environments: Environments) -> None:
    code, message = code_of(lambda: environments.ground.launch(environments.basic, environments.ground.options()))
    assert (code, "already exists" in message) == ("InvalidParameterValue", True)


@pytest.mark.row("environment-described")
def test_an_environment_tells_what_ebcd_asks_it_for(environments: Environments) -> None:
    ground = environments.ground
    found = ground.environment(environments.enhanced)
    assert (found.application, found.version_label, found.tier) == (ground.application, "one", "WebServer")
    assert found.platform_arn == ground.platform
    assert found.id.startswith("e-")
    held = {ground.environment(name).cname for name in (environments.enhanced, environments.basic)}
    assert any(cname.split(".")[0] == environments.prefix for cname in held)
    assert all(f".{ground.account.region}." in cname for cname in held)
    assert ground.environment(environments.worker).cname == ""
    assert ground.environment(environments.worker).tier == "Worker"


@pytest.mark.row("environment-own-address")
def test_an_environments_own_address_answers_whatever_host_it_is_asked_for(environments: Environments) -> None:
    ground = environments.ground
    address = ground.environment(environments.enhanced).endpoint_url

    def ask() -> tuple[int, str]:
        answer = urllib3.request(
            "GET", f"http://{address}/", headers={"Host": "tenant.example.com"}, retries=False, timeout=10
        )
        return answer.status, answer.data.decode()

    status, text = ground.until(ask, lambda answer: answer[0] == 200, SOON)
    assert (status, text) == (200, "one blue tenant.example.com")


# what an environment is made with


@pytest.mark.row("settings-come-back-rewritten")
@pytest.mark.row("security-groups-hold-one-of-beanstalks")
def test_settings_say_the_same_and_not_in_the_same_words(environments: Environments) -> None:
    ground = environments.ground
    found = settings(ground, environments.enhanced)
    subnets = found["aws:ec2:vpc|Subnets"]
    assert sorted(item.strip() for item in subnets.split(",")) == list(ground.network.subnets)
    assert subnets == ",".join(ground.network.subnets), "sorted, and without spaces"
    groups = found["aws:autoscaling:launchconfiguration|SecurityGroups"].split(",")
    assert ground.network.group in groups
    assert len(groups) > 1, "a group of Beanstalk's own stands beside it"


@pytest.mark.row("json-settings-come-back-rewritten")
def test_a_setting_in_json_says_what_was_set_and_more(environments: Environments) -> None:
    found = settings(environments.ground, environments.enhanced)
    document = json.loads(found["aws:elasticbeanstalk:healthreporting:system|ConfigDocument"])
    assert document["Rules"] == json.loads(JSON)["Rules"]


@pytest.mark.row("settings-of-a-resource")
def test_a_setting_may_be_of_a_resource_by_its_name(ground: Ground) -> None:
    name, place = f"{ground.account.name}-nightly", ("aws:autoscaling:scheduledaction", "MinSize")
    setting = {"Namespace": place[0], "OptionName": place[1], "ResourceName": "Nightly", "Value": "1"}
    ground.eb.create_configuration_template(
        ApplicationName=ground.application, TemplateName=name, PlatformArn=ground.platform, OptionSettings=[setting]
    )
    (found,) = ground.eb.describe_configuration_settings(ApplicationName=ground.application, TemplateName=name)[
        "ConfigurationSettings"
    ]
    told = [item for item in found["OptionSettings"] if (item["Namespace"], item["OptionName"]) == place]
    assert [item for item in told if item.get("ResourceName") == "Nightly"] == [setting]
    ground.beanstalk.delete_configuration(ground.application, name)


@pytest.mark.row("settings-have-defaults")
def test_settings_hold_what_nobody_set_too(environments: Environments) -> None:
    found = settings(environments.ground, environments.enhanced)
    assert found[f"{PROPERTIES}|COLOR"] == "blue"
    assert found["aws:autoscaling:asg|MinSize"] == "1"
    assert found["aws:elasticbeanstalk:environment|EnvironmentType"] == "SingleInstance"
    assert found["aws:elasticbeanstalk:command|DeploymentPolicy"]


@pytest.mark.row("tags-of-an-environment")
def test_an_environment_has_the_tags_that_it_was_created_with(environments: Environments) -> None:
    ground = environments.ground
    arn = ground.described(environments.enhanced)["EnvironmentArn"]
    found = {item["Key"]: item["Value"] for item in ground.eb.list_tags_for_resource(ResourceArn=arn)["ResourceTags"]}
    assert found.items() >= {item["Key"]: item["Value"] for item in [*ground.account.tags]}.items()
    assert found["color"] == "blue"


@pytest.mark.row("templates-hold-properties")
def test_a_saved_configuration_holds_environment_properties_as_text(environments: Environments) -> None:
    ground, name = environments.ground, f"{environments.ground.account.name}-saved"
    ground.beanstalk.save_configuration(ground.application, name, ground.environment(environments.basic).id)
    (found,) = ground.eb.describe_configuration_settings(ApplicationName=ground.application, TemplateName=name)[
        "ConfigurationSettings"
    ]
    saved = {(item["Namespace"], item["OptionName"]): item.get("Value") for item in found["OptionSettings"]}
    assert saved[(PROPERTIES, "COLOR")] == "blue"
    assert found["PlatformArn"] == ground.platform, "it brings its platform with it"
    storage = ground.account.storage
    key = f"resources/templates/{ground.application}/{name}"
    stored = ground.until(lambda: storage.get(key), lambda stored: stored is not None, SOON)
    assert stored is not None
    assert b"COLOR: blue" in stored.body
    ground.beanstalk.delete_configuration(ground.application, name)
    ground.until(lambda: storage.exists(key), lambda there: not there, SOON)


@pytest.mark.row("resources")
def test_an_environment_tells_the_instances_that_it_has(environments: Environments) -> None:
    ground = environments.ground
    assert ground.beanstalk.instance_count(environments.enhanced) == 1
    found = ground.eb.describe_environment_resources(EnvironmentName=environments.enhanced)["EnvironmentResources"]
    assert len(found["AutoScalingGroups"]) == len(found["Instances"]) == 1


@pytest.mark.row("single-instance-has-no-load-balancer")
@pytest.mark.row("worker-has-a-queue")
@pytest.mark.row("empty-lists-are-sent")
def test_what_an_environment_has_not_is_an_empty_list(environments: Environments) -> None:
    ground = environments.ground
    web, worker = (
        ground.eb.describe_environment_resources(EnvironmentName=name)["EnvironmentResources"]
        for name in (environments.enhanced, environments.worker)
    )
    assert (web["LoadBalancers"], web["Queues"]) == ([], [])
    assert worker["Queues"], "a worker has one"


@pytest.mark.row("sh-is-bash")
@pytest.mark.row("platform-folders")
@pytest.mark.row("get-config")
@pytest.mark.row("leader-is-told")
@pytest.mark.row("hooks-of-windows")
def test_commands_and_hooks_find_what_the_platform_gives_them(environments: Environments) -> None:
    ground, name = environments.ground, environments.basic
    ground.ready(name)
    address = ground.environment(name).endpoint_url

    def ask() -> str:
        return urllib3.request("GET", f"http://{address}/facts", retries=False, timeout=10).data.decode()

    try:
        ground.deploy(name, "facts")
        found = dict(line.split("=", 1) for line in ground.until(ask, lambda text: "=" in text, SOON).splitlines())
    finally:
        ground.ready(name)
        ground.deploy(name, "two", "one")  # the others' tests begin with a healthy one
    assert (found["shell"], found["leader"], found["color"], found["hook"]) == ("bash", "true", "blue", "true")
    assert found["here"].endswith("/staging")
    assert found["python"].endswith("/bin/python")


@pytest.mark.row("managed-actions")
def test_an_environment_without_managed_updates_has_no_managed_actions(environments: Environments) -> None:
    assert environments.ground.beanstalk.managed_actions(environments.basic) == ()


@pytest.mark.row("log-tails")
def test_instances_deliver_their_log_tails_when_they_are_asked(environments: Environments) -> None:
    ground, name = environments.ground, environments.basic
    ground.ready(name)
    before = len(ground.beanstalk.log_tails(name))
    ground.beanstalk.request_log_tail(name)
    tails = ground.until(lambda: ground.beanstalk.log_tails(name), lambda found: len(found) > before, SOON)
    found = ground.eb.describe_environment_resources(EnvironmentName=name)["EnvironmentResources"]
    assert tails[-1].instance in {item["Id"] for item in found["Instances"]}
    assert tails[-1].url.startswith("http"), "it is the address of a file in S3"
    ground.ready(name)


# what changes an environment


@pytest.mark.row("swap-answers-nothing")
@pytest.mark.row("swap-is-its-own-inverse")
@pytest.mark.row("swap-moves-only-cnames")
def test_a_swap_exchanges_both_cnames_and_a_second_one_undoes_it(environments: Environments) -> None:
    ground, names = environments.ground, (environments.enhanced, environments.basic)
    before, described = cnames(environments), [ground.described(name) for name in names]
    swap = {"SourceEnvironmentName": names[0], "DestinationEnvironmentName": names[1]}
    answer = ground.account.clients.beanstalk_once.swap_environment_cnames(**swap)
    assert set(answer) == {"ResponseMetadata"}
    ground.until(lambda: cnames(environments), lambda found: found == before[::-1], SOON)
    ground.ready(*names, seconds=SOON)
    for name, earlier in zip(names, described, strict=True):
        kept = ("EnvironmentId", "EnvironmentArn", "VersionLabel", "EndpointURL", "PlatformArn")
        assert [ground.described(name)[member] for member in kept] == [earlier[member] for member in kept]
    told = "Completed swapping CNAMEs for environments"
    ground.until(
        lambda: ground.beanstalk.events(ground.application, names[0], limit=50),
        lambda events: any(event.message.startswith(told) for event in events),
        SOON,
    )
    ground.beanstalk.swap_cnames(*names)
    ground.until(lambda: cnames(environments), lambda found: found == before, SOON)
    ground.ready(*names, seconds=SOON)


@pytest.mark.row("swap-of-a-worker")
def test_a_worker_is_not_swapped(environments: Environments) -> None:
    code, _ = code_of(lambda: environments.ground.beanstalk.swap_cnames(environments.basic, environments.worker))
    assert code == "InvalidParameterValue"


@pytest.mark.row("busy-environment-refuses")
def test_a_busy_environment_is_neither_swapped_nor_updated(environments: Environments) -> None:
    ground, name = environments.ground, environments.basic
    ground.ready(name, environments.enhanced)
    before = cnames(environments)
    setting = {"Namespace": PROPERTIES, "OptionName": "COLOR", "Value": "red"}
    swap = {"SourceEnvironmentName": environments.enhanced, "DestinationEnvironmentName": name}
    ground.beanstalk.update_version(name, "two")
    try:
        busy = [
            code_of(lambda: ground.account.clients.beanstalk_once.swap_environment_cnames(**swap)),
            code_of(lambda: ground.eb.update_environment(EnvironmentName=name, OptionSettings=[setting])),
        ]
    finally:
        ground.deployed(name, "two")
        ground.deploy(name, "one")
    assert cnames(environments) == before
    for code, message in busy:
        assert code == "InvalidParameterValue"
        assert "invalid state for this operation. Must be Ready" in message


@pytest.mark.row("failed-update-returns")
def test_a_version_that_cannot_be_deployed_leaves_the_environment_ready_on_the_earlier_one(
    environments: Environments,
) -> None:
    ground, name = environments.ground, environments.basic
    ground.ready(name)
    after = ground.newest_event(name)
    ground.beanstalk.update_version(name, "fails")
    assert ground.until(lambda: ground.failures(name, after), bool, LAUNCH)
    ground.deployed(name, "one")
    ground.deploy(name, "two", "one")  # its health tells of the failure until a deployment succeeds


@pytest.mark.row("update-takes-version-and-settings")
def test_one_update_takes_a_version_and_settings(environments: Environments) -> None:
    ground, name = environments.ground, environments.basic
    for label, color in (("two", "green"), ("one", "blue")):
        ground.ready(name)
        setting = {"Namespace": PROPERTIES, "OptionName": "COLOR", "Value": color}
        ground.eb.update_environment(EnvironmentName=name, VersionLabel=label, OptionSettings=[setting])
        ground.deployed(name, label)
        assert settings(ground, name)[f"{PROPERTIES}|COLOR"] == color


@pytest.mark.row("pending-deployment")
@pytest.mark.row("terminated-is-gone")
def test_an_environment_is_terminated_when_it_is_ready_and_its_events_stay(environments: Environments) -> None:
    ground, name = environments.ground, environments.worker
    ground.ready(name)
    found = ground.environment(name)
    ground.beanstalk.update_version(name, "two")
    code, message = code_of(lambda: ground.eb.terminate_environment(EnvironmentId=found.id))
    assert (code, "pending deployment" in message or "Must be Ready" in message) == ("InvalidParameterValue", True)
    ground.deployed(name, "two")
    ground.beanstalk.terminate(found.id)
    ground.until(lambda: ground.beanstalk.environment(ground.application, name), lambda seen: seen is None, LAUNCH)
    assert ground.eb.describe_events(EnvironmentId=found.id)["Events"]
    listed = ground.eb.describe_environments(
        EnvironmentIds=[found.id], IncludeDeleted=True, IncludedDeletedBackTo=found.created
    )["Environments"]
    assert [item["Status"] for item in listed] == ["Terminated"]
