"""Wrong input: a clear message, the right exit code, nothing changed."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import boto3
import pytest
from products import Cloud, Product, processes_below, run_ebcd


def refused(result: dict[str, object], exit_code: int, code: str) -> dict[str, str]:
    """The error of a refusal, which always has its three parts."""
    error = result["error"]
    assert isinstance(error, dict)
    assert (result["ok"], result["exit_code"], error["code"]) == (False, exit_code, code), error
    assert error["what"]
    assert error["why"]
    assert error["hint"]
    return error


def test_no_git_repository(cloud: Cloud, tmp_path: Path) -> None:
    done = run_ebcd("ship", "-a", "shop", "-s", "local", "--json", folder=tmp_path, environ=cloud.environ)
    refused(json.loads(done.stdout), 2, "no-repository")


def test_a_repository_without_a_commit(product: Product) -> None:
    refused(product.json("ship"), 2, "unknown-revision")


def test_an_unknown_revision(product: Product) -> None:
    product.commit("one")
    error = refused(product.json("ship", "no-such-branch"), 2, "unknown-revision")
    assert "no-such-branch" in error["what"]


def test_a_dirty_tree_is_refused_unless_it_is_allowed(product: Product) -> None:
    sha = product.commit("one")
    (product.folder / "new.txt").write_text("not committed")
    error = refused(product.json("ship"), 3, "dirty-tree")
    assert "new.txt" in error["why"]
    shipped = product.json("ship", "--allow-dirty")
    assert shipped["version_label"].startswith(f"{sha[:12]}-dirty-")
    assert product.serving() == sha


@pytest.mark.parametrize(
    ("line", "code", "said"),
    [
        ('stabel = "1s"', "unknown-key", "stable"),
        ('cname = "x"', "bad-value", "4 to 63"),
        ('accept = ["Purple"]', "bad-value", "Green"),
    ],
)
def test_a_wrong_key_in_ebcd_toml(product: Product, line: str, code: str, said: str) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace('target = "local"', f'target = "local"\n{line}'))
    product.commit("one")
    error = refused(product.json("ship"), 2, code)
    assert said in " ".join(error.values())
    assert "stages.local." in error["what"]


def test_a_stage_of_which_nothing_tells_the_cname(product: Product) -> None:
    content = product.configuration()
    (product.folder / "ebcd.toml").unlink()
    product.commit("one")
    named = ("ship", "-a", product.name, "-s", "local")
    for extra in ((), ("--plan",)):
        error = refused(product.json(*named, *extra), 2, "undeclared-stage")
        assert "ebcd init" in error["hint"]
    product.commit("two", **{"ebcd.toml": content})
    assert product.json("ship")["exit_code"] == 0
    (product.folder / "ebcd.toml").unlink()
    sha = product.commit("three")
    assert product.json(*named)["exit_code"] == 0, "its record tells"
    assert product.serving() == sha


def test_an_environment_name_that_cannot_be(product: Product) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace(f'"{product.name}"', '"an-application-with-a-very-long-name"'))
    product.commit("one")
    error = refused(product.json("ship"), 2, "bad-value")
    assert "40" in error["why"]


def test_neither_procfile_nor_application(product: Product) -> None:
    (product.folder / "Procfile").unlink()
    product.commit("one")
    error = refused(product.json("ship"), 3, "check-failed")
    assert "application.py" in error["why"]
    assert product.json("status")["live"] is None


def test_a_bundle_that_is_too_large(product: Product) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace("[stages.local]", '[bundle]\nmax_size = "1KB"\n[stages.local]'))
    product.commit("one")
    error = refused(product.json("ship"), 3, "bundle-too-large")
    assert "server.py" in error["why"]


def test_no_credentials_for_a_stage_on_aws(product: Product) -> None:
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text() + '[stages.prod]\ncname = "shop-prod"\nplatform = "Python 3.11"\n')
    product.commit("one")
    result = product.json("ship", "-s", "prod", AWS_EC2_METADATA_DISABLED="true")
    error = refused(result, 5, "no-credentials")
    assert "--profile" in error["hint"]


def test_a_bucket_of_another_owner(product: Product) -> None:
    """Somebody else made the bucket whose name can be guessed: nothing is sent to it."""
    product.commit("one")
    region = "ap-southeast-1"  # no other test's
    keys = product.cloud.keys(region)
    sts = boto3.client("sts", endpoint_url=product.cloud.endpoint_url, **keys)
    role = sts.assume_role(RoleArn="arn:aws:iam::222222222222:role/other", RoleSessionName="squatter")["Credentials"]
    squatter = boto3.client(
        "s3",
        endpoint_url=product.cloud.endpoint_url,
        region_name=region,
        aws_access_key_id=role["AccessKeyId"],
        aws_secret_access_key=role["SecretAccessKey"],
        aws_session_token=role["SessionToken"],
    )
    bucket = f"elasticbeanstalk-{region}-123456789012"
    squatter.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": region})
    refused(product.json("ship", "--region", region), 5, "bucket-owner")
    assert squatter.list_objects_v2(Bucket=bucket).get("KeyCount") == 0


def test_a_local_port_that_is_taken(tmp_path: Path, cloud: Cloud) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = str(other.getsockname()[1])
        environ = cloud.environ | {"EBCD_HOME": str(tmp_path / "home"), "EBCD_LOCAL_PORT": port}
        for arguments in (("local", "up"), ("status", "-a", "shop", "-s", "local")):
            done = run_ebcd(*arguments, folder=tmp_path, environ=environ)
            assert done.returncode == 2
            assert f"Port {port}" in done.stderr
            assert "ebcd local up --port 0" in done.stderr
    assert processes_below(str(tmp_path)) == []


def test_a_wrong_command_line(product: Product) -> None:
    done = product.ebcd("ship", "--no-such-option")
    assert done.returncode == 2
    assert "--no-such-option" in done.stderr
    assert "ebcd ship --help" in done.stderr
    assert json.loads(product.ebcd("shipp", "--json").stdout)["exit_code"] == 2
    assert refused(product.json("swap", "--to", "r9"), 2, "unknown-release")
    assert refused(product.json("swap"), 3, "no-candidate")


def test_a_cname_that_is_another_application_s(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    path = product.folder / "ebcd.toml"
    path.write_text(path.read_text().replace('target = "local"', f'target = "local"\ncname = "{product.name}"'))
    product.commit("two")
    refused(product.json("ship", "-a", f"{product.name}b"), 2, "foreign")
    refused(product.json("ship", "-a", f"{product.name}b", "--config", str(path)), 3, "cname-taken")


def test_the_same_label_with_another_content_is_refused(product: Product) -> None:
    sha = product.commit("one")
    keys = product.cloud.keys()
    product.json("publish")
    beanstalk = boto3.client("elasticbeanstalk", endpoint_url=product.cloud.endpoint_url, **keys)
    beanstalk.delete_application_version(ApplicationName=product.name, VersionLabel=sha[:12])
    s3 = boto3.client("s3", endpoint_url=product.cloud.endpoint_url, **keys)
    bucket = "elasticbeanstalk-eu-central-1-123456789012"
    key = next(item["Key"] for item in s3.list_objects_v2(Bucket=bucket, Prefix=f"ebcd/{product.name}/")["Contents"])
    s3.copy_object(Bucket=bucket, Key="other.zip", CopySource={"Bucket": bucket, "Key": key})
    beanstalk.create_application_version(
        ApplicationName=product.name, VersionLabel=sha[:12], SourceBundle={"S3Bucket": bucket, "S3Key": "other.zip"}
    )
    refused(product.json("ship"), 3, "digest-mismatch")
    assert product.json("status")["live"] is None


def test_a_lock_that_is_held_is_told_and_can_be_broken(product: Product) -> None:
    product.commit("one")
    product.json("ship")
    keys = product.cloud.keys()
    s3 = boto3.client("s3", endpoint_url=product.cloud.endpoint_url, **keys)
    held = {
        "owner": "ada",
        "host": "ci-7",
        "message": "ship abc",
        "token": "t",
        "since": "2026-01-02T03:04:05+00:00",
        "expires": "2026-01-02T03:05:05+00:00",
        "lease_seconds": 90,
    }
    key = f"ebcd/{product.name}/local/lock.json"
    s3.put_object(Bucket="elasticbeanstalk-eu-central-1-123456789012", Key=key, Body=json.dumps(held).encode())
    product.commit("two")
    error = refused(product.json("ship"), 4, "lock-held")
    assert "ada on ci-7" in error["why"]
    assert product.json("status")["lock"]["owner"] == "ada"
    assert product.json("lock", "--break", "--reason", "its run is gone")["broken"] is True
    assert product.json("ship")["release"] == "r2"


def test_a_live_environment_with_a_database_of_its_own(product: Product) -> None:
    """Somebody attached a database by hand: its environment must not be left to be terminated."""
    one = product.commit("one")
    assert product.json("ship")["exit_code"] == 0
    live = product.json("status")["live"]["environment"]
    for name, value in (("DBPassword", "correct-horse-9"), ("DBEngine", "postgres"), ("HasCoupledDatabase", "true")):
        product.set_option(live, {"Namespace": "aws:rds:dbinstance", "OptionName": name, "Value": value})
    product.commit("two")
    for command in (["ship", "--plan"], ["ship"]):
        refused = product.json(*command)
        assert (refused["exit_code"], refused["error"]["code"]) == (3, "attached-database")
    assert product.serving() == one
    assert [item["release"] for item in product.json("releases")["releases"]] == ["r1"], "nothing was begun"
