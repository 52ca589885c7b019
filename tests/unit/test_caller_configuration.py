"""The caller's own set-up, broken in every way that botocore can tell; a local stage needs none of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from ebcd.aws.session import Access, Clients
from ebcd.cli.session import refuse_malformed
from ebcd.errors import AwsRefused, EbcdError, ExitCode, UsageError

KEYS = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}
NO_NUMBER = ("AWS_METADATA_SERVICE_TIMEOUT", "AWS_METADATA_SERVICE_NUM_ATTEMPTS")
NO_CHOICE = ("AWS_STS_REGIONAL_ENDPOINTS", "AWS_DEFAULTS_MODE", "AWS_REQUEST_CHECKSUM_CALCULATION")


@pytest.fixture(autouse=True)
def empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without any AWS set-up."""
    import os

    for name in os.environ:
        if name.startswith("AWS_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def failure(access: Access) -> EbcdError:
    with pytest.raises(EbcdError) as error:
        assert Clients(access).beanstalk is not None
    return error.value


@pytest.mark.parametrize("text", ["[default\nregion=x\n", "\x00\xff", "[a]\n[a]\nx\n"])
def test_a_file_that_is_none_of_aws_is_named(text: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_bytes(text.encode("latin-1"))
    found = failure(Access("eu-central-1"))
    assert (found.exit_code, found.code) == (ExitCode.USAGE, "aws-configuration")
    assert str(tmp_path / "config") in found.what


@pytest.mark.parametrize("name", [*NO_NUMBER, *NO_CHOICE])
def test_a_variable_that_holds_nonsense_is_the_callers(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for key, value in {**KEYS, name: "nonsense"}.items():
        monkeypatch.setenv(key, value)
    found = failure(Access("eu-central-1"))
    assert isinstance(found, UsageError)
    assert "nonsense" in found.why


@pytest.mark.parametrize(
    "text",
    [
        "credential_process = /no/such/program",
        "credential_process = /bin/echo hello",
        "credential_process = /bin/echo {}",
        "credential_process = /bin/false",
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = nobody",
        "role_arn = arn:aws:iam::123456789012:role/x\nsource_profile = default",
        "role_arn = arn:aws:iam::123456789012:role/x\ncredential_source = Nowhere",
        "role_arn = arn:aws:iam::123456789012:role/x\nweb_identity_token_file = /no/file",
        "aws_access_key_id = AKIAEXAMPLE",
        "sso_session = nowhere\nsso_account_id = 1\nsso_role_name = x",
    ],
)
def test_credentials_that_cannot_be_had_are_no_defect(text: str, tmp_path: Path) -> None:
    (tmp_path / "config").write_text(f"[default]\n{text}\n")
    with pytest.raises(AwsRefused) as error:
        Clients(Access("eu-central-1")).beanstalk.describe_applications()
    assert error.value.code == "no-credentials"
    assert error.value.hint


def test_a_container_that_names_a_foreign_host_has_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://example.com/x")
    assert failure(Access("eu-central-1")).code == "no-credentials"


def test_an_unknown_profile_is_named() -> None:
    found = failure(Access("eu-central-1", profile="nobody"))
    assert (found.exit_code, found.code, "nobody" in found.what) == (ExitCode.USAGE, "no-profile", True)


@pytest.mark.parametrize("name", [*NO_NUMBER, *NO_CHOICE, "AWS_PROFILE", "AWS_MAX_ATTEMPTS", "AWS_CA_BUNDLE"])
def test_where_keys_are_given_nothing_of_the_callers_set_up_has_a_say(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "config").write_text("[default\n")
    monkeypatch.setenv(name, "nonsense")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    access = Access("eu-central-1", endpoint_url="http://127.0.0.1:1", access_key_id="a", secret_access_key="b")
    client = Clients(access).beanstalk
    assert client.meta.config.proxies == {}
    assert (client.meta.region_name, client.meta.config.s3) == ("eu-central-1", {"addressing_style": "path"})


@pytest.mark.parametrize(
    "text", ["127.0.0.1:8155", "localhost", "aws.example.com/x", "ftp://x", "http://", "", "http://h:p"]
)
def test_an_endpoint_is_a_url_of_http(text: str) -> None:
    with pytest.raises(UsageError) as error:
        refuse_malformed(text)
    assert error.value.code == "endpoint"


@pytest.mark.parametrize(
    ("text", "hint"),
    [("127.0.0.1:8155", "http://127.0.0.1:8155"), ("aws.example.com", "https://aws.example.com")],
)
def test_an_endpoint_without_its_scheme_is_told_with_one(text: str, hint: str) -> None:
    with pytest.raises(UsageError, match="is no endpoint") as error:
        refuse_malformed(text)
    assert error.value.hint == f"--endpoint-url {hint}"


@pytest.mark.parametrize(
    "text", [None, "http://127.0.0.1:8155", "https://vpce-1.elasticbeanstalk.eu.vpce.amazonaws.com/"]
)
def test_endpoints_that_are_some_pass(text: str | None) -> None:
    refuse_malformed(text)
