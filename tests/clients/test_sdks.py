"""`aws`, boto3 and the AWS SDK for JavaScript, unchanged."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from shell import HERE, PLATFORM, REGION, Client

BUCKET = f"elasticbeanstalk-{REGION}-123456789012"
ARN = f"arn:aws:elasticbeanstalk:{REGION}::platform/{PLATFORM}/4.7.1"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    path = tmp_path / "bundle.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(
            "application.py",
            "from flask import Flask\napplication = Flask(__name__)\napplication.get('/')(lambda: 'flask')\n",
        )
        archive.writestr("requirements.txt", "flask>=3\n")
    return path


def test_the_aws_command_from_bundle_to_termination(client: Client, bundle: Path) -> None:
    def eb(*words: str, ok: bool = True) -> Any:
        return client.aws("elasticbeanstalk", *words, ok=ok)

    assert eb("create-storage-location") == {"S3Bucket": BUCKET}
    client.run("aws", "s3", "cp", str(bundle), f"s3://{BUCKET}/cli/one.zip", "--region", REGION)
    eb("create-application", "--application-name", "cli")
    eb(
        "create-application-version",
        "--application-name",
        "cli",
        "--version-label",
        "one",
        "--process",
        "--source-bundle",
        f"S3Bucket={BUCKET},S3Key=cli/one.zip",
    )
    assert "already exists" in eb("create-application", "--application-name", "cli", ok=False)
    stacks = eb("list-available-solution-stacks")["SolutionStacks"]
    made = eb(
        "create-environment",
        "--application-name",
        "cli",
        "--environment-name",
        "cli-one",
        "--version-label",
        "one",
        "--cname-prefix",
        "cli-one",
        "--solution-stack-name",
        stacks[0],
    )
    assert made["Status"] == "Launching"
    client.run(
        "aws", "elasticbeanstalk", "wait", "environment-exists", "--environment-names", "cli-one", "--region", REGION
    )
    assert client.get("cli-one") == (200, "flask")
    events = eb("describe-events", "--environment-name", "cli-one", "--page-size", "2")["Events"]
    assert "Successfully launched environment: cli-one" in [event["Message"] for event in events]
    assert eb("check-dns-availability", "--cname-prefix", "cli-one")["Available"] is False
    assert eb("describe-environment-resources", "--environment-name", "cli-one")["EnvironmentResources"]["Queues"] == []
    setting = "Namespace=aws:elasticbeanstalk:application:environment,OptionName=COLOR,Value=red"
    eb("update-environment", "--environment-name", "cli-one", "--option-settings", setting)
    client.run(
        "aws", "elasticbeanstalk", "wait", "environment-updated", "--environment-names", "cli-one", "--region", REGION
    )
    eb("terminate-environment", "--environment-name", "cli-one")
    client.run(
        "aws",
        "elasticbeanstalk",
        "wait",
        "environment-terminated",
        "--environment-names",
        "cli-one",
        "--region",
        REGION,
    )
    assert client.get("cli-one")[0] == 404


@pytest.fixture
def sdk(client: Client) -> Iterator[Any]:
    made = boto3.client("elasticbeanstalk", region_name=REGION, endpoint_url=client.endpoint_url, **client.keys)
    yield made
    made.close()


def test_boto3_s_waiters_paginators_and_typed_errors(client: Client, sdk: Any, bundle: Path) -> None:
    sdk.create_storage_location()
    s3 = boto3.client("s3", region_name=REGION, endpoint_url=client.endpoint_url, **client.keys)
    s3.upload_file(str(bundle), BUCKET, "sdk/one.zip")
    s3.close()
    sdk.create_application_version(
        ApplicationName="sdk",
        VersionLabel="one",
        AutoCreateApplication=True,
        Process=True,
        SourceBundle={"S3Bucket": BUCKET, "S3Key": "sdk/one.zip"},
    )
    for name in ("sdk-one", "sdk-two"):
        sdk.create_environment(
            ApplicationName="sdk", EnvironmentName=name, VersionLabel="one", CNAMEPrefix=name, PlatformArn=ARN
        )
    names = {"ApplicationName": "sdk", "EnvironmentNames": ["sdk-one", "sdk-two"]}
    sdk.get_waiter("environment_exists").wait(**names, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    pages = sdk.get_paginator("describe_events").paginate(ApplicationName="sdk", PaginationConfig={"PageSize": 3})
    messages = [event["Message"] for page in pages for event in page["Events"]]
    assert len(messages) == len(sdk.describe_events(ApplicationName="sdk")["Events"]) > 3
    with pytest.raises(sdk.exceptions.OperationInProgressException):
        sdk.delete_application(ApplicationName="sdk")
    sdk.swap_environment_cnames(SourceEnvironmentName="sdk-one", DestinationEnvironmentName="sdk-two")
    sdk.get_waiter("environment_updated").wait(**names, WaiterConfig={"Delay": 1, "MaxAttempts": 30})
    cnames = {
        item["EnvironmentName"]: item["CNAME"].split(".")[0]
        for item in sdk.describe_environments(**names)["Environments"]
    }
    assert cnames == {"sdk-one": "sdk-two", "sdk-two": "sdk-one"}
    for name in names["EnvironmentNames"]:
        sdk.terminate_environment(EnvironmentName=name)
    sdk.get_waiter("environment_terminated").wait(**names, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


def test_the_sdk_for_javascript(client: Client, modules: Path) -> None:
    script = modules / "releases.mjs"
    shutil.copy(HERE / "releases.mjs", script)
    told = json.loads(client.run("node", str(script), cwd=modules).splitlines()[-1])
    assert told == {
        "created": True,
        "description": "a <b> & c",
        "environments": [],
        "again": ["InvalidParameterValue", "Application script already exists.", 400],
        "tags": True,
        "missing": True,
        "events": ["Created new Application: script"],
        "left": [],
    }


def test_a_whole_deployment_by_the_sdk_for_javascript(client: Client, modules: Path, tmp_path: Path) -> None:
    for label in ("one", "two"):
        with zipfile.ZipFile(tmp_path / f"{label}.zip", "w") as archive:
            archive.writestr(
                "application.py",
                "import os\n\ndef application(_, start):\n    start('200 OK', [])\n"
                f"    return [f'{label} {{os.environ.get(\"COLOR\")}}'.encode()]\n",
            )
    client.aws("elasticbeanstalk", "create-storage-location")
    client.run("aws", "s3", "cp", str(tmp_path), f"s3://{BUCKET}/scripted", "--recursive", "--region", REGION)
    script = modules / "deployment.mjs"
    shutil.copy(HERE / "deployment.mjs", script)
    told = json.loads(client.run("node", str(script), BUCKET, ARN, cwd=modules).splitlines()[-1])
    assert told == {
        "statuses": ["PROCESSED", "PROCESSED"],
        "exists": "SUCCESS",
        "queues": [],
        "updated": "SUCCESS",
        "label": "two",
        "errors": [],
        "page": "two blue",
        "terminated": "SUCCESS",
    }
