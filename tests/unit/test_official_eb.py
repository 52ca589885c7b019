"""What the official `eb` is told, and what ebcd does not let it do."""

from __future__ import annotations

import pytest
import yaml

from ebcd import eb
from ebcd.errors import Refused

PLACE = eb.Place("shop", "eu-central-1", "shop-local-r1", "Python 3.11 running on 64bit Amazon Linux 2023", "dev")


def test_its_configuration_names_application_region_environment_and_profile() -> None:
    told = yaml.safe_load(eb.config(PLACE))
    assert told["global"]["application_name"] == "shop"
    assert told["global"]["default_region"] == "eu-central-1"
    assert told["global"]["profile"] == "dev"
    assert told["branch-defaults"] == {"default": {"environment": "shop-local-r1"}}


def test_a_folder_belongs_to_one_configuration() -> None:
    other = eb.Place("shop", "eu-central-1", "shop-local-r1", PLACE.platform, "other")
    assert eb.folder_name(PLACE) == eb.folder_name(PLACE)
    assert eb.folder_name(PLACE) != eb.folder_name(other)
    assert eb.folder_name(PLACE).startswith("shop-local-r1-")


@pytest.mark.parametrize("command", [*eb.UNPROVEN, *eb.OF_A_PROJECT])
def test_what_has_a_command_of_ebcd_s_own_is_refused(command: str) -> None:
    with pytest.raises(Refused) as error:
        eb.refuse([*command.split(), "--force", "name"])
    assert (error.value.exit_code, error.value.code) == (3, "eb-command")
    assert error.value.hint
    eb.refuse([*command.split(), "--help"])


@pytest.mark.parametrize(
    "words", ["status", "ssh -n 1", "config save", "platform list", "labs download", "setenv A=deploy"]
)
def test_the_rest_is_let_through(words: str) -> None:
    eb.refuse(words.split())


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        ("status", True),
        ("setenv A=1", True),
        ("list", False),
        ("--version", False),
        ("status --help", False),
        ("platform list", False),
    ],
)
def test_which_commands_need_an_environment(words: str, needed: bool) -> None:
    assert eb.needs_environment(words.split()) is needed


def test_abort_is_told_which_environment() -> None:
    assert eb.complete(["abort"], "shop-r1") == ["abort", "shop-r1"]
    assert eb.complete(["abort", "-v"], "shop-r1") == ["abort", "-v", "shop-r1"]
    assert eb.complete(["abort", "other"], "shop-r1") == ["abort", "other"]
    assert eb.complete(["status"], "shop-r1") == ["status"]


def test_on_the_local_beanstalk_nothing_of_the_user_s_aws_is_left() -> None:
    environ = {"PATH": "/bin", "AWS_PROFILE": "prod", "AWS_SESSION_TOKEN": "t", "AWS_ENDPOINT_URL_S3": "http://s3"}
    made = eb.variables(environ, endpoint_url="http://127.0.0.1:8155", keys=("id", "key"), folder="/f")
    assert made == {
        "PATH": "/bin",
        "AWS_ACCESS_KEY_ID": "id",
        "AWS_SECRET_ACCESS_KEY": "key",
        "PWD": "/f",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:8155",
    }


def test_on_aws_the_user_s_credentials_stay() -> None:
    environ = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b"}
    made = eb.variables(environ | {"AWS_EB_PROFILE": "x"}, endpoint_url=None, keys=None, folder="/f")
    assert made == environ | {"PWD": "/f"}, "and eb acts as nobody else"
