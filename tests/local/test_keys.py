"""The server's own key: kept, told to who asks on its machine, and not needed with --open."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError
from running import BUCKET, REGION, Local, running

from ebcd_local import client_variables, daemon, login_users


def client(local: Local, key: str, secret: str, service: str = "sts") -> Any:
    local.clients.append(
        boto3.client(
            service,
            REGION,
            endpoint_url=local.told["endpoint_url"],
            aws_access_key_id=key,
            aws_secret_access_key=secret,
        )
    )
    return local.clients[-1]


def test_a_shell_takes_what_env_prints(local: Local) -> None:
    said = local.run("env").stdout
    script = 'eval "$1"; echo "$AWS_ENDPOINT_URL $AWS_ACCESS_KEY_ID $AWS_SECRET_ACCESS_KEY ${AWS_SESSION_TOKEN-none}"'
    environ = {"PATH": "/usr/bin:/bin", "AWS_SESSION_TOKEN": "of something else"}
    done = subprocess.run(["sh", "-c", script, "sh", said], env=environ, capture_output=True, text=True, check=True)
    told = local.told
    expected = [told["endpoint_url"], told["access_key_id"], told["secret_access_key"], "none"]
    assert done.stdout.split() == expected
    assert json.loads(local.run("env", "--json").stdout)["variables"] == {
        "AWS_ENDPOINT_URL": expected[0],
        "AWS_ACCESS_KEY_ID": expected[1],
        "AWS_SECRET_ACCESS_KEY": expected[2],
        "AWS_DEFAULT_REGION": "eu-central-1",
    }


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_a_region_that_the_shell_names_stays(local: Local, name: str) -> None:
    server = daemon.live(local.home / "local")
    assert "AWS_DEFAULT_REGION" not in client_variables.variables(server, {name: "cn-north-1"})


def test_up_prints_the_key_for_a_shell_and_nothing_else_does(local: Local) -> None:
    secret, said = local.told["secret_access_key"], local.run("up").stdout
    assert f"  export AWS_ENDPOINT_URL={local.told['endpoint_url']} AWS_ACCESS_KEY_ID=" in said
    assert f"AWS_SECRET_ACCESS_KEY={secret}" in said
    for words in (("up", "--json"), ("status",), ("status", "--json"), ("logs",)):
        assert secret not in local.run(*words).stdout


def test_the_key_outlives_a_restart_and_no_two_states_have_the_same(own: Local, local: Local) -> None:
    first = own.told["secret_access_key"]
    own.run("down")
    not_there = own.run("env")
    assert (not_there.returncode, "ebcd local up" in not_there.stderr) == (2, True)
    own.run("up", "--port", "0", "--lb-port", "0")
    assert own.told["secret_access_key"] == first
    assert first not in {"", local.told["secret_access_key"]}
    for path in (own.home / "local").iterdir():
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_server_that_takes_its_own_key_does_not_open(local: Local) -> None:
    done = local.run("up", "--json", "--open")
    assert (done.returncode, json.loads(done.stdout)["error"]["code"]) == (2, "not-open")
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        client(local, "ANY", "any").get_caller_identity()


def test_with_open_any_key_is_good_and_a_presigned_url_reads_only() -> None:
    with running("--open") as local:
        assert client(local, "ANY", "any").get_caller_identity()
        assert json.loads(local.run("status", "--json").stdout)["open"] is True
        assert "any key pair is good" in local.run("status").stdout
        s3 = client(local, "ANY", "any", "s3")
        client(local, "ANY", "any", "elasticbeanstalk").create_storage_location()
        s3.put_object(Bucket=BUCKET, Key="there", Body=b"x")
        answers = {}
        for method, call in (("GET", "get_object"), ("PUT", "put_object"), ("DELETE", "delete_object")):
            url = s3.generate_presigned_url(call, Params={"Bucket": BUCKET, "Key": "there"})
            answers[method] = urllib3.request(method, url, retries=False).status
        assert answers == {"GET": 200, "PUT": 403, "DELETE": 403}
        others = login_users.others()
        assert (others[0] in local.run("up", "--open").stderr) if others else True


def test_the_warning_names_who_could() -> None:
    said, others = login_users.warning(), login_users.others()
    assert bool(said) is bool(others)
    assert all(name in said for name in others[:3])
