"""`ebcd bootstrap` against a local CloudFormation, and whether its roles allow what ebcd then does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from products import Cloud, Product

ACCOUNT = "123456789012"
GITHUB = ("bootstrap", "--repository", "acme/shop", "--environment", "production")


@pytest.fixture
def faulty(cloud: Cloud) -> Iterator[Cloud]:
    yield cloud
    cloud.control("DELETE", "faults")


def client(product: Product, service: str) -> Any:
    return boto3.client(service, endpoint_url=product.cloud.endpoint_url, **product.cloud.keys())


def test_the_template_is_printed_without_credentials_and_without_a_call(product: Product) -> None:
    (product.folder / "ebcd.toml").write_text(f'application = "{product.name}"\nregion = "eu-central-1"\n')
    nowhere = {"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true"}
    printed = [product.ebcd(*GITHUB, "--print", **nowhere) for _ in range(2)]
    assert [(done.returncode, done.stderr) for done in printed] == [(0, ""), (0, "")]
    assert printed[0].stdout == printed[1].stdout
    template = json.loads(printed[0].stdout)
    assert {"DeployRole", "RollbackRole", "InstanceProfile", "ServiceRole", "GitHub"} <= set(template["Resources"])
    assert product.json(*GITHUB, "--print", **nowhere)["template"] == template


def test_the_stack_is_made_once_and_a_second_run_changes_nothing_of_it(product: Product) -> None:
    made = product.json(*GITHUB, "-s", "local", "--yes")
    assert (made["exit_code"], made["stack"]["name"], made["stack"]["change"]) == (0, f"ebcd-{product.name}", "created")
    again = product.json(*GITHUB, "-s", "local", "--yes")
    assert (again["exit_code"], again["outputs"], again["stack"]["id"]) == (0, made["outputs"], made["stack"]["id"])
    assert set(made["outputs"]) == {"InstanceProfile", "ServiceRole", "DeployRole", "RollbackRole"}
    assert made["outputs"]["DeployRole"].startswith(f"arn:aws:iam::{ACCOUNT}:role/")
    iam = client(product, "iam")
    profile = iam.get_instance_profile(InstanceProfileName=made["outputs"]["InstanceProfile"])["InstanceProfile"]
    assert len(profile["Roles"]) == 1
    name = made["outputs"]["RollbackRole"].rpartition("/")[2]
    trust = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]["Statement"][0]
    assert trust["Condition"]["StringEquals"]["token.actions.githubusercontent.com:sub"] == [
        "repo:acme/shop:environment:production"
    ]
    policy = iam.get_role_policy(RoleName=name, PolicyName="ebcd")["PolicyDocument"]
    assert "elasticbeanstalk:SwapEnvironmentCNAMEs" in json.dumps(policy)
    assert "elasticbeanstalk:TerminateEnvironment" not in json.dumps(policy)
    assert len(iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]) == 1
    iam.close()


def test_what_it_made_is_told_with_the_next_steps(product: Product) -> None:
    done = product.ebcd(*GITHUB, "-s", "local", "--yes")
    assert done.returncode == 0, done.stderr
    assert "CREATE_COMPLETE" in done.stderr
    for told in (
        "IamInstanceProfile = ",
        "ServiceRole = ",
        "gh variable set EBCD_DEPLOY_ROLE_ARN --body arn:",
        "gh variable set EBCD_ROLLBACK_ROLE_ARN --body arn:",
        f"ebcd doctor -a {product.name} -s local",
    ):
        assert told in done.stdout


def test_nothing_is_made_where_nobody_can_be_asked(product: Product) -> None:
    refused = product.json(*GITHUB, "-s", "local")
    assert (refused["exit_code"], refused["error"]["code"]) == (3, "unconfirmed")
    cloudformation = client(product, "cloudformation")
    names = [item["StackName"] for item in cloudformation.describe_stacks()["Stacks"]]
    assert f"ebcd-{product.name}" not in names
    cloudformation.close()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), "no-repository"),
        (("--repository", "acme"), "repository"),
        (("--repository", "acme/*"), "repository"),
        (("--repository", "acme/shop", "--no-github"), "no-repository"),
        (("--repository", "acme/shop"), "no-subject"),
        (("--repository", "acme/shop", "--branch", "*"), "subject"),
        (("--repository", "acme/shop", "--branch", "main", "--oidc-provider", "arn:x"), "oidc-provider"),
    ],
)
def test_what_no_role_could_be_made_of_is_refused(product: Product, arguments: tuple[str, ...], code: str) -> None:
    refused = product.json("bootstrap", *arguments)
    assert (refused["exit_code"], refused["error"]["code"]) == (2, code)
    assert refused["error"]["hint"]


@pytest.mark.parametrize(
    ("fault", "exit_code"),
    [
        ({"kind": "error", "place": "cloudformation:CreateStack", "code": "AccessDenied", "status": 403}, 5),
        ({"kind": "lost", "place": "cloudformation:CreateStack"}, 0),
        ({"kind": "throttle", "place": "cloudformation:DescribeStacks", "nth": 2}, 0),
        ({"kind": "error", "place": "cloudformation:DescribeStackEvents", "status": 500}, 0),
    ],
)
def test_a_fault_on_the_way_is_survived_or_told(
    product: Product, faulty: Cloud, fault: dict[str, Any], exit_code: int
) -> None:
    faulty.control("POST", "faults", **{"times": 1} | fault)
    told = product.json(*GITHUB, "-s", "local", "--yes")
    assert told["exit_code"] == exit_code, told
    if exit_code:
        assert "CreateStack" in told["error"]["what"]
    else:
        assert told["outputs"]["DeployRole"]
