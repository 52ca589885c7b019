"""Who calls, what AWS's time is, what there is of roles and stacks, and how AWS says no."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from account import Account
from botocore.exceptions import ClientError
from ground import Ground, refusal

from ebcd.aws import identity
from ebcd.errors import AwsRefused


@pytest.mark.row("caller-identity")
def test_the_caller_has_an_account_and_an_arn(account: Account) -> None:
    who = identity.identity(account.clients)
    assert who.account.isdigit()
    assert len(who.account) == 12
    assert who.arn.split(":")[0] == "arn"
    assert who.arn.split(":")[4] == who.account


@pytest.mark.row("answers-are-dated")
def test_an_answer_tells_awss_time(account: Account) -> None:
    ahead = identity.ahead(account.clients, lambda: datetime.now(UTC))
    assert abs(ahead) < timedelta(minutes=5), "this machine's clock is wrong: signatures fail with it"


@pytest.mark.row("roles-looked-up")
def test_a_role_that_is_not_there_is_told(ground: Ground) -> None:
    clients, nobody = ground.account.clients, f"{ground.account.name}-nobody"
    assert not identity.instance_profile_exists(clients, nobody)
    assert not identity.role_exists(clients, nobody)
    assert identity.instance_profile_exists(clients, ground.roles["InstanceProfile"])
    assert identity.role_exists(clients, ground.roles["ServiceRole"])


@pytest.mark.row("stack-missing")
def test_a_stack_that_is_not_there_is_told(account: Account) -> None:
    assert account.stacks.find(f"{account.name}-nobody") is None


@pytest.mark.row("stack-again")
def test_the_same_template_again_leaves_the_roles_as_they_are(ground: Ground) -> None:
    assert set(ground.roles) == {"InstanceProfile", "ServiceRole"}
    assert ground.bring_roles().stack.outputs == ground.roles


@pytest.mark.row("refusals")
def test_what_is_not_there_is_refused_as_an_invalid_value(ground: Ground) -> None:
    beanstalk, nobody = ground.beanstalk, f"{ground.account.name}-nobody"
    calls: dict[str, Callable[[], object]] = {
        "update": lambda: beanstalk.update_version(nobody, "one"),
        "swap": lambda: beanstalk.swap_cnames(nobody, f"{nobody}-2"),
        "terminate": lambda: beanstalk.terminate("e-aaaaaaaaaa"),
        "health": lambda: beanstalk.instance_count(nobody),
        "version": lambda: ground.account.client("elasticbeanstalk").create_environment(
            ApplicationName=ground.application,
            EnvironmentName=nobody,
            VersionLabel="nobody",
            PlatformArn=ground.platform,
        ),
    }
    for name, call in calls.items():
        with pytest.raises((AwsRefused, ClientError)) as error:
            call()
        code = error.value.code if isinstance(error.value, AwsRefused) else refusal(error.value)[0]
        assert code == "InvalidParameterValue", name


@pytest.mark.row("template-missing")
def test_a_saved_configuration_that_is_gone_is_no_error_to_ebcd(ground: Ground) -> None:
    name = f"{ground.account.name}-nobody"
    with pytest.raises(ClientError) as error:
        ground.eb.delete_configuration_template(ApplicationName=ground.application, TemplateName=name)
    assert refusal(error.value)[0] == "InvalidParameterValue"
    ground.beanstalk.delete_configuration(ground.application, name)


@pytest.mark.row("refused-by-what-was-given")
def test_what_is_named_by_its_id_is_refused_by_its_id(ground: Ground) -> None:
    with pytest.raises(AwsRefused) as error:
        ground.beanstalk.terminate("e-aaaaaaaaaa")
    assert "No Environment found for EnvironmentId = 'e-aaaaaaaaaa'" in error.value.why
