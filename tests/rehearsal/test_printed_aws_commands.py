"""Printed commands of the AWS CLI reach the Beanstalk that the stage is on, from an empty folder and without a key."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from products import Cloud, Product

from ebcd.model import Reach

BUCKET = "elasticbeanstalk-eu-central-1-123456789012"
pytestmark = pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not on PATH")


def printed(cloud: Cloud, *words: str) -> str:
    """A command as ebcd prints it of a stage that is on this local Beanstalk."""
    return Reach("eu-central-1", local_endpoint=cloud.endpoint_url).aws(*words)


def shell(cloud: Cloud, folder: Path, line: str) -> subprocess.CompletedProcess[str]:
    """Run a line as a person pastes it, with ebcd on PATH."""
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    (programs / "ebcd").write_text(f'#!/bin/sh\nexec {sys.executable} -m ebcd "$@"\n')
    (programs / "ebcd").chmod(0o755)
    environ = cloud.environ | {"PATH": f"{programs}:{cloud.environ['PATH']}"}
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environ, capture_output=True, text=True, check=False)


def test_they_ask_and_change_what_the_stage_is_on(product: Product, tmp_path: Path) -> None:
    product.commit("one")
    assert product.ebcd("ship").returncode == 0
    name, cloud = f"{product.name}-local-r1", product.cloud
    asked = {
        "DescribeEnvironments": ("elasticbeanstalk", "describe-environments"),
        "ListPlatformBranches": ("elasticbeanstalk", "list-platform-branches"),
        "DescribeApplications": ("elasticbeanstalk", "describe-applications"),
        "DescribeEnvironmentManagedActions": (
            *("elasticbeanstalk", "describe-environment-managed-actions"),
            *("--environment-name", name),
        ),
        "UpdateEnvironment": (
            *("elasticbeanstalk", "update-environment", "--environment-name", name, "--option-settings"),
            "Namespace=aws:autoscaling:asg,OptionName=MinSize,Value=1",
        ),
        "ListOpenIDConnectProviders": ("iam", "list-open-id-connect-providers"),
    }
    for operation, words in asked.items():
        before = cloud.last_call()
        done = shell(cloud, tmp_path, printed(cloud, *words))
        assert done.returncode == 0, f"{operation}: {done.stderr}"
        assert operation in [call["operation"] for call in cloud.calls(before)]


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("GetBucketPolicy", ("s3api", "get-bucket-policy", "--bucket", BUCKET)),
        ("DescribeStackEvents", ("cloudformation", "describe-stack-events", "--stack-name", "ebcd-none")),
        (
            "ApplyEnvironmentManagedAction",
            (
                *("elasticbeanstalk", "apply-environment-managed-action"),
                *("--environment-name", "nobody", "--action-id", "none"),
            ),
        ),
        (
            "DeleteConfigurationTemplate",
            (
                *("elasticbeanstalk", "delete-configuration-template"),
                *("--application-name", "nobody", "--template-name", "none"),
            ),
        ),
        ("DeleteStack", ("cloudformation", "delete-stack", "--stack-name", "ebcd-none")),
    ],
)
def test_what_asks_for_something_that_is_not_there_asks_the_local_beanstalk(
    cloud: Cloud, tmp_path: Path, operation: str, words: tuple[str, ...]
) -> None:
    before = cloud.last_call()
    done = shell(cloud, tmp_path, printed(cloud, *words))
    assert cloud.calls(before), done.stderr
    assert f"calling the {operation} operation" in done.stderr or done.returncode == 0, done.stderr


def test_an_object_of_the_ledger_is_shown_and_taken_away(product: Product, tmp_path: Path) -> None:
    product.commit("one")
    assert product.ebcd("publish").returncode == 0
    shown = printed(product.cloud, "s3", "cp", f"s3://{BUCKET}/none", "-")
    assert shell(product.cloud, tmp_path, shown).returncode != 0
    done = shell(product.cloud, tmp_path, printed(product.cloud, "s3", "rm", f"s3://{BUCKET}/none"))
    assert done.returncode == 0, done.stderr


def test_on_aws_they_name_region_profile_and_endpoint() -> None:
    reach = Reach("eu-west-1", "my profile", "http://127.0.0.1:4566")
    options = "--region eu-west-1 --profile 'my profile' --endpoint-url http://127.0.0.1:4566"
    assert reach.aws("s3", "rm", "s3://b/k") == f"aws s3 rm s3://b/k {options}"
