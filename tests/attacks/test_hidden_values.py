"""No form in which a text may show an environment property's value gets past the door; words that tell nothing do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from ebcd.aws.beanstalk import Beanstalk
from ebcd.errors import AwsRefused
from ebcd.model import OptionSetting
from ebcd.model.hidden import HIDDEN, HiddenValues

SPACE = "aws:elasticbeanstalk:application:environment"
PEM = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj\n-----END KEY-----"


def knowing(*values: str, name: str = "SETTING") -> HiddenValues:
    return HiddenValues([OptionSetting(SPACE, f"{name}_{index}", value) for index, value in enumerate(values)])


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("postgres://user:s3cret@host/db", "KeyError: 'postgres://user:s3cret@host/db'"),
        ("postgres://user:s3cretpass@host/db", "FATAL: no password s3cretpass"),
        ("postgres://user:p%40ss-word@host/db", "FATAL: no password p@ss-word"),
        ("sk-live-1", "ValueError: invalid token sk-live-1, sorry"),
        ('it\'s "two"\\', f"ValueError: {'it' + chr(39) + 's ' + chr(34) + 'two' + chr(34) + chr(92)!r}"),
        ('it\'s "two" ü', json.dumps({"told": 'it\'s "two" ü'})),
        ("a b&c/d?e=f", f"GET /?x={quote('a b&c/d?e=f', safe='')}"),
        ("longer-than-a-word", "xlonger-than-a-wordx"),
        (PEM, "bad line: MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"),
        (PEM, f"ValueError: {PEM!r}"),
    ],
)
def test_a_value_is_hidden_in_every_form(value: str, text: str) -> None:
    told = knowing(value).hide(text)
    assert HIDDEN in told
    assert value not in told
    assert "s3cretpass" not in told
    assert "p@ss" not in told
    assert "MIIEvQ" not in told


@pytest.mark.parametrize(
    ("name", "value", "text"),
    [
        ("APP_MODE", "production", "starts in production"),
        ("LABEL", "production", "starts in production"),
        ("DEBUG", "false", "false alarm"),
        ("SHORT", "abcde", "abcde"),
        ("LIMIT", "100000", "100000 rows"),
        ("DJANGO_SETTINGS_MODULE", "shop.settings", "No module named 'shop.settings'"),
        ("PYTHONPATH", "/var/app/venv/staging-LQM1lest/bin", "/var/app/venv/staging-LQM1lest/bin/python"),
        ("ROOT", "/var/app/current", 'File "/var/app/current/app.py", line 9'),
        ("WORD", "master", "masters of remaster"),
    ],
)
def test_words_that_tell_nothing_stay(name: str, value: str, text: str) -> None:
    assert HiddenValues([OptionSetting(SPACE, name, value)]).hide(text) == text


def test_only_environment_properties_are_hidden_and_none_is_forgotten() -> None:
    hidden = HiddenValues([OptionSetting("aws:autoscaling:launchconfiguration", "EC2KeyName", "name-of-a-key")])
    assert hidden.hide("name-of-a-key") == "name-of-a-key"
    for value in ("first-of-them", "first-of-them-and-more", "second-of-them"):
        hidden.learn([OptionSetting(SPACE, "SETTING", value)])
    assert hidden.hide("first-of-them-and-more second-of-them first-of-them.") == "… … …."
    assert "first" not in repr(hidden)


@given(st.lists(st.text(min_size=12, max_size=40), min_size=1, max_size=5), st.text(), st.text())
def test_no_long_value_is_ever_left(values: list[str], before: str, after: str) -> None:
    hidden = knowing(*values, name="ANY")
    for value in (item.strip() for item in values):
        if len(value) >= 12 and not value.startswith("/"):
            assert value not in hidden.hide(f"{before} {value} {after}") or value in f"{before} {HIDDEN} {after}"


class Answers:
    """What AWS tells of an environment whose property somebody set by hand."""

    def describe_configuration_settings(self, **_: str) -> dict[str, Any]:
        setting = {"Namespace": SPACE, "OptionName": "BY_HAND", "Value": "only-by-hand-1"}
        deployed = {"DeploymentStatus": "deployed", "OptionSettings": []}
        return {"ConfigurationSettings": [deployed, {"DeploymentStatus": "failed", "OptionSettings": [setting]}]}

    def describe_events(self, **_: object) -> dict[str, Any]:
        told = {"EventDate": datetime.now(UTC), "Severity": "ERROR", "Message": "ValueError: only-by-hand-1"}
        return {"Events": [told]}

    def create_environment(self, **_: object) -> None:
        refused = {"Error": {"Code": "InvalidParameterValue", "Message": "Invalid value: 'never-before-seen'"}}
        raise ClientError(refused, "CreateEnvironment")  # type: ignore[arg-type]


def test_what_is_read_and_sent_of_an_environment_s_properties_is_hidden_from_then_on() -> None:
    clients = SimpleNamespace(beanstalk=Answers(), beanstalk_once=Answers())
    beanstalk = Beanstalk(clients, None)  # type: ignore[arg-type]  # nothing asks whose account it is
    assert [item.message for item in beanstalk.events("shop")] == ["ValueError: only-by-hand-1"]
    beanstalk.settings("shop", "shop-r1")
    assert [item.message for item in beanstalk.events("shop")] == ["ValueError: …"]
    options = [OptionSetting(SPACE, "SENT", "never-before-seen")]
    with pytest.raises(AwsRefused) as refused:
        beanstalk.create_environment(
            application="shop", name="shop-r2", label="v", cname_prefix=None, options=options, tags={}
        )
    assert "Invalid value: '…'" in refused.value.why
