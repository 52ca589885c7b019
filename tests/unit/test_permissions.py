"""The stack of `ebcd bootstrap`: what its roles may do follows from what ebcd calls, and no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from ebcd.aws.models import OPERATIONS
from ebcd.permissions import actions, grants, secrets
from ebcd.permissions.environments import endings, environments
from ebcd.permissions.grant import Grant
from ebcd.permissions.template import Wanted, template
from ebcd_local.access.statements import Asked, Decision, decide

WANTED = Wanted("shop", "acme/shop", ("production",), worker=True)
DEPLOY = grants.deploy(OPERATIONS, "shop", worker=True)
ROLLBACK = grants.rollback(OPERATIONS, "shop")
SHARED = environments(worker=True)
OF_AWS = json.loads(aws_managed_policies_data)


def named(granted: list[Grant]) -> set[str]:
    return {action for grant in granted for action in grant.actions}


def resolved(item: Any) -> Any:
    """A part of a template as CloudFormation would resolve it, in a region with a long name."""
    match item:
        case {"Fn::Sub": text}:
            for name, value in (
                ("Partition", "aws"),
                ("Region", "ap-southeast-2"),
                ("AccountId", "123456789012"),
                ("URLSuffix", "amazonaws.com"),
            ):
                text = text.replace(f"${{AWS::{name}}}", value)
            return text
        case {"Fn::GetAtt": [name, "Arn"]}:
            return f"arn:aws:iam::123456789012:role/ebcd-{'a' * 40}-{name}-ABCDEFGHIJKL"
        case dict():
            return {key: resolved(value) for key, value in item.items()}
        case list():
            return [resolved(value) for value in item]
        case _:
            return item


def statements(name: str, wanted: Wanted = WANTED) -> Iterator[dict[str, Any]]:
    yield from resolved(template(wanted, OPERATIONS))["Resources"][name]["Properties"]["PolicyDocument"]["Statement"]


def of_ebcd(granted: list[Grant]) -> set[str]:
    return {name for name in named(granted) if name.startswith("elasticbeanstalk:")}


def test_the_deploy_role_may_call_what_ebcd_calls_and_nothing_else() -> None:
    called = {f"elasticbeanstalk:{name}" for name in OPERATIONS["elasticbeanstalk"]}
    assert of_ebcd(DEPLOY) == called | {"elasticbeanstalk:AddTags"}  # no operation: CreateEnvironment's tags
    wanted = {action for name in OPERATIONS["s3"] for action in actions.S3_ACTIONS[name]}
    own = [grant for grant in DEPLOY if grant.name != "DefaultBucket" and not grant.name.startswith("Beanstalk")]
    assert {name for name in named(own) if name.startswith("s3:")} == wanted
    assert set(actions.S3_ACTIONS) == OPERATIONS["s3"]
    assert set(actions.KINDS) == {name for name in OPERATIONS["elasticbeanstalk"] if not name.startswith(actions.READS)}


def test_the_rollback_role_makes_no_version_ends_nothing_and_stays_out_of_bundles() -> None:
    assert of_ebcd(DEPLOY) - of_ebcd(ROLLBACK) == {
        f"elasticbeanstalk:{name}"
        for name in (
            "CreateApplication",
            "CreateApplicationVersion",
            "CreateStorageLocation",
            "DeleteApplicationVersion",
            "TerminateEnvironment",
        )
    }
    assert named(ROLLBACK) <= named(DEPLOY)
    assert named([*endings(worker=True)]).isdisjoint(named([*ROLLBACK, *SHARED]))
    writes = [
        arn
        for grant in ROLLBACK
        for arn in grant.resources
        if any(name.startswith("s3:PutObject") for name in grant.actions)
    ]
    assert len(writes) > 3
    assert not any(fnmatchcase("arn:aws:s3:::b/ebcd/shop/bundles/0.zip", f"*{arn.partition('/')[2]}") for arn in writes)


@pytest.mark.parametrize("granted", [DEPLOY, ROLLBACK])
def test_no_role_of_ebcd_may_delete_a_record(granted: list[Grant]) -> None:
    deletes = [
        arn
        for grant in granted
        for arn in grant.resources
        if any(name.startswith("s3:DeleteObject") for name in grant.actions)
    ]
    assert len(deletes) > 3
    for stage in ("production", "preview-fix", "previews"):
        key = f"ebcd/shop/{stage}/releases/000001.json"
        assert [arn for arn in deletes if fnmatchcase(key, arn.partition("/")[2])] == []


def test_changes_of_beanstalk_are_limited_to_the_application() -> None:
    for grant in (*DEPLOY, *ROLLBACK):
        if any(name.startswith("elasticbeanstalk:") for name in grant.actions) and "*" in grant.resources:
            assert all(
                name.partition(":")[2].startswith((*actions.READS, "CreateStorageLocation")) for name in grant.actions
            )


def test_whatever_beanstalk_does_in_our_name_aws_s_own_policy_allows_too() -> None:
    document = OF_AWS["AdministratorAccess-AWSElasticBeanstalk"]["Document"]
    known = [
        action
        for item in document["Statement"]
        for action in ([item["Action"]] if isinstance(item["Action"], str) else item["Action"])
    ]
    asked = named([*SHARED, *endings(worker=True)])
    assert sorted(name for name in asked if not any(fnmatchcase(name, item) for item in known)) == []


def test_every_grant_says_why_and_has_a_name_of_its_own() -> None:
    for policy in ([*DEPLOY], [*ROLLBACK], SHARED):
        assert all(grant.why.endswith(".") and grant.actions and grant.resources for grant in policy)
        assert len({grant.name for grant in policy}) == len(policy)
        assert all(re.fullmatch(r"[A-Za-z0-9]+", grant.name) for grant in policy)


@pytest.mark.parametrize("name", ["DeployPolicy", "RollbackPolicy", "EnvironmentsPolicy"])
def test_no_policy_is_a_way_to_everything(name: str) -> None:
    for item in statements(name):
        allowed = [item["Action"]] if isinstance(item["Action"], str) else item["Action"]
        assert not any(action in {"*", "iam:*", "s3:*", "ec2:*", "elasticbeanstalk:*"} for action in allowed)
        changes_iam = [action for action in allowed if re.match(r"iam:(Create|Put|Attach|Update|Delete|Add)", action)]
        assert changes_iam in ([], ["iam:CreateServiceLinkedRole"])
        if "iam:PassRole" in allowed:
            assert "*" not in str(item["Resource"])
            assert item["Condition"]["StringEquals"]["iam:PassedToService"]


def test_a_worker_s_queues_are_granted_only_where_there_is_a_worker() -> None:
    assert {"sqs:CreateQueue", "dynamodb:CreateTable"} <= named(SHARED)
    plain = named([*environments(worker=False), *endings(worker=False)])
    assert [name for name in plain if name.startswith(("sqs:", "dynamodb:"))] == ["sqs:ListQueues"]
    roles = template(Wanted("shop"), OPERATIONS)["Resources"]["InstanceRole"]["Properties"]["ManagedPolicyArns"]
    assert [item["Fn::Sub"].rpartition("/")[2] for item in roles] == ["AWSElasticBeanstalkWebTier"]


def test_only_jobs_that_are_named_may_assume_the_roles() -> None:
    made = template(Wanted("shop", "acme@1/shop@2", ("production",), ("main",)), OPERATIONS)["Resources"]
    for role in ("DeployRole", "RollbackRole"):
        (trust,) = resolved(made)[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
        assert list(trust["Condition"]) == ["StringEquals"]
        assert trust["Condition"]["StringEquals"] == {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": [
                "repo:acme@1/shop@2:environment:production",
                "repo:acme@1/shop@2:ref:refs/heads/main",
            ],
        }
    assert made["GitHub"]["DeletionPolicy"] == "Retain"


def test_a_provider_that_is_there_is_used_and_none_is_made() -> None:
    arn = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"
    made = template(Wanted("shop", "acme/shop", ("production",), oidc_provider=arn), OPERATIONS)["Resources"]
    assert "GitHub" not in made
    (trust,) = made["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Federated": arn}


def test_without_github_only_the_roles_of_environments_are_made() -> None:
    made = template(Wanted("shop"), OPERATIONS)
    assert list(made["Resources"]) == ["InstanceRole", "LedgerPolicy", "InstanceProfile", "ServiceRole"]
    assert list(made["Outputs"]) == ["InstanceProfile", "ServiceRole"]


LEDGER = ("lock.json", "hold.json", "releases/000001.json", "releases/000001/swap.json", "previews/preview-fix.json")
BUCKET = "arn:aws:s3:::elasticbeanstalk-ap-southeast-2-123456789012"


def as_an_instance(action: str, key: str, bucket: str = BUCKET) -> Decision:
    """What IAM decides of an instance's access to an object, with AWS's policy for instances and ebcd's denial."""
    denials = {"Statement": list(statements("LedgerPolicy"))}
    return decide(Asked(action, f"{bucket}/{key}"), [OF_AWS["AWSElasticBeanstalkWebTier"]["Document"], denials])


@pytest.mark.parametrize("name", LEDGER)
@pytest.mark.parametrize("application", ["shop", "another"])
def test_instances_neither_write_nor_read_the_ledger_of_any_application(application: str, name: str) -> None:
    key = f"ebcd/{application}/production/{name}"
    for action in ("s3:PutObject", "s3:PutObjectAcl", "s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObject"):
        assert as_an_instance(action, key) is Decision.DENIED, action


@pytest.mark.parametrize("region", ["ap-southeast-2", "eu-central-1", "us-gov-west-1"])
def test_instances_reach_the_ledger_of_no_region(region: str) -> None:
    bucket = f"arn:aws:s3:::elasticbeanstalk-{region}-123456789012"
    assert as_an_instance("s3:PutObject", "ebcd/shop/production/lock.json", bucket) is Decision.DENIED
    assert as_an_instance("s3:GetObject", "ebcd/shop/production/lock.json", bucket) is Decision.DENIED
    assert as_an_instance("s3:PutObject", "resources/x", bucket) is Decision.ALLOWED


def test_instances_do_what_beanstalk_needs_of_them() -> None:
    assert as_an_instance("s3:GetObject", "ebcd/shop/bundles/0.zip") is Decision.ALLOWED
    assert as_an_instance("s3:PutObject", "ebcd/shop/bundles/0.zip") is Decision.DENIED
    assert as_an_instance("s3:PutObject", "resources/environments/logs/publish/e-1/i-1/x.gz") is Decision.ALLOWED
    assert as_an_instance("s3:GetObject", "resources/environments/e-1/_runtime/versions/shop/1") is Decision.ALLOWED


def test_the_managed_policies_exist_and_are_those_that_beanstalk_asks_for() -> None:
    made = template(Wanted("shop", worker=True, containers=True), OPERATIONS)["Resources"]
    arns = [
        resolved(item)
        for role in ("InstanceRole", "ServiceRole")
        for item in made[role]["Properties"]["ManagedPolicyArns"]
    ]
    assert len(arns) == 5
    for arn in arns:
        name = arn.rpartition("/")[2]
        assert arn == f"arn:aws:iam::aws:policy{OF_AWS[name]['Path']}{name}"


def test_the_template_is_the_same_each_time_and_refers_to_what_it_has() -> None:
    made = template(WANTED, OPERATIONS)
    assert json.dumps(made) == json.dumps(template(WANTED, OPERATIONS))
    text = json.dumps(made)
    assert set(re.findall(r'"Ref": "(\w+)"', text)) | set(re.findall(r'"Fn::GetAtt": \["(\w+)"', text)) <= set(
        made["Resources"]
    )
    assert "RoleName" not in text  # names would need CAPABILITY_NAMED_IAM, and could be taken


def test_it_all_fits_into_what_aws_takes() -> None:
    """Sources: IAM's and CloudFormation's quotas. IAM does not count blanks."""
    longest = Wanted("a" * 100, "acme/shop", ("production", "staging"), worker=True, containers=True)
    assert len(json.dumps(template(longest, OPERATIONS), separators=(",", ":"))) < 51_200

    def size(name: str) -> int:
        return len(json.dumps([*statements(name, longest)], separators=(",", ":"))) + 40

    assert max(size("DeployPolicy"), size("RollbackPolicy")) < 10_240
    assert size("EnvironmentsPolicy") < 6_144


@pytest.mark.parametrize(("application", "stack"), [("shop", "ebcd-shop"), ("My shop (2)", "ebcd-My-shop-2")])
def test_a_stack_s_name_is_one_that_cloudformation_takes(application: str, stack: str) -> None:
    assert Wanted(application).stack == stack


SECRET = "arn:aws:secretsmanager:ap-southeast-2:123456789012:secret:shop/db-AbCd12"
PARAMETER = "arn:aws:ssm:ap-southeast-2:123456789012:parameter/shop/key"
KEY = "arn:aws:kms:ap-southeast-2:123456789012:key/0"


def may(wanted: Wanted, policy: str, action: str, resource: str, **context: str) -> bool:
    """Whether IAM allows it by a policy of the template. context: condition keys, with __ for a colon."""
    known = {name.replace("__", ":").lower(): [value] for name, value in context.items()}
    known.setdefault("aws:requestedregion", ["ap-southeast-2"])
    document = {"Statement": list(statements(policy, wanted))}
    return decide(Asked(action, resource, known), [document]) is Decision.ALLOWED


def test_instances_may_fetch_the_declared_secrets_and_no_others() -> None:
    """A stage's environment properties name them; AWSElasticBeanstalkWebTier has no right to any."""
    wanted = Wanted("shop", secrets=(f"{SECRET}:password", PARAMETER, f"{PARAMETER}/other:3"))
    fetch, read = "secretsmanager:GetSecretValue", "ssm:GetParameter"
    assert may(wanted, "SecretsPolicy", fetch, SECRET)
    assert may(wanted, "SecretsPolicy", read, PARAMETER)
    assert may(wanted, "SecretsPolicy", read, f"{PARAMETER}/other")
    assert not may(wanted, "SecretsPolicy", fetch, f"{SECRET}x")
    assert not may(wanted, "SecretsPolicy", fetch, SECRET.replace("shop/db", "shop/other"))
    assert not may(wanted, "SecretsPolicy", read, f"{PARAMETER}/third")
    assert not may(wanted, "SecretsPolicy", "secretsmanager:PutSecretValue", SECRET)
    assert "SecretsPolicy" not in template(Wanted("shop"), OPERATIONS)["Resources"]
    assert json.dumps(OF_AWS["AWSElasticBeanstalkWebTier"]).count("secretsmanager") == 0


def test_instances_may_decrypt_for_the_declared_secrets_only() -> None:
    wanted, decrypt = Wanted("shop", secrets=(SECRET, PARAMETER)), "kms:Decrypt"
    manager, store = "secretsmanager.ap-southeast-2.amazonaws.com", "ssm.ap-southeast-2.amazonaws.com"
    secret = {"kms__ViaService": manager, "kms__EncryptionContext__SecretARN": SECRET}
    assert may(wanted, "SecretsPolicy", decrypt, KEY, **secret)
    parameter = {"kms__ViaService": store, "kms__EncryptionContext__PARAMETER_ARN": PARAMETER}
    assert may(wanted, "SecretsPolicy", decrypt, KEY, **parameter)
    assert not may(wanted, "SecretsPolicy", decrypt, KEY)
    assert not may(wanted, "SecretsPolicy", decrypt, KEY, **(secret | {"kms__ViaService": "s3.amazonaws.com"}))
    other = {"kms__EncryptionContext__SecretARN": SECRET.replace("shop", "other")}
    assert not may(wanted, "SecretsPolicy", decrypt, KEY, **(secret | other))


CHINESE = "arn:aws-cn:secretsmanager:cn-north-1:123456789012:secret:db-secret"


@pytest.mark.parametrize(
    ("declared", "granted"),
    [
        (SECRET, (SECRET,)),
        (f"{SECRET}:key", (SECRET,)),
        (f"{SECRET}:key:AWSCURRENT:", (SECRET,)),
        (CHINESE, (CHINESE, f"{CHINESE}-??????")),
        (f"{PARAMETER}:2", (PARAMETER,)),
    ],
)
def test_what_a_declared_arn_stands_for(declared: str, granted: tuple[str, ...]) -> None:
    assert secrets.resources(declared) == granted


BUCKET = "arn:aws:s3:::elasticbeanstalk-ap-southeast-2-123456789012"
HOME = "arn:aws:elasticbeanstalk:ap-southeast-2:123456789012"


@pytest.mark.parametrize("policy", ["DeployPolicy", "RollbackPolicy"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:CreateBucket", BUCKET),
        ("s3:GetBucketLocation", BUCKET),
        ("s3:GetBucketPolicy", BUCKET),
        ("s3:ListBucket", BUCKET),
        ("s3:PutBucketPolicy", BUCKET),
        ("s3:PutObject", f"{BUCKET}/.elasticbeanstalk"),
        ("s3:PutObject", f"{BUCKET}/resources/environments/e-1/any"),
        ("s3:GetObject", f"{BUCKET}/ebcd/shop/bundles/0.zip"),
        ("elasticbeanstalk:UpdateEnvironment", f"{HOME}:environment/shop/made-by-hand"),
        ("elasticbeanstalk:DescribeConfigurationSettings", f"{HOME}:environment/shop/made-by-hand"),
    ],
)
def test_both_roles_may_do_what_a_change_of_an_environment_takes(policy: str, action: str, resource: str) -> None:
    assert may(WANTED, policy, action, resource)


@pytest.mark.parametrize("policy", ["DeployPolicy", "RollbackPolicy"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("elasticbeanstalk:UpdateEnvironment", f"{HOME}:environment/other/other-live"),
        ("elasticbeanstalk:SwapEnvironmentCNAMEs", f"{HOME}:environment/other/other-live"),
        ("elasticbeanstalk:DescribeConfigurationSettings", f"{HOME}:environment/other/other-live"),
        ("elasticbeanstalk:RetrieveEnvironmentInfo", f"{HOME}:environment/other/other-live"),
        ("elasticbeanstalk:DeleteApplication", f"{HOME}:application/shop"),
        ("s3:GetObject", f"{BUCKET}/ebcd/other/production/lock.json"),
        ("s3:DeleteObject", f"{BUCKET}/ebcd/shop/production/releases/000001.json"),
        ("s3:DeleteBucket", BUCKET),
        ("iam:PassRole", "arn:aws:iam::123456789012:role/administrator"),
        ("iam:PutRolePolicy", "arn:aws:iam::123456789012:role/administrator"),
        ("secretsmanager:GetSecretValue", SECRET),
    ],
)
def test_neither_role_may_reach_what_is_not_the_application_s(policy: str, action: str, resource: str) -> None:
    assert not may(WANTED, policy, action, resource, iam__PassedToService="ec2.amazonaws.com")


def test_only_what_ebcd_made_and_tagged_may_be_created_or_ended() -> None:
    create, end = "elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:TerminateEnvironment"
    mine, by_hand = f"{HOME}:environment/shop/shop-production-r1", f"{HOME}:environment/shop/database"
    tagged = {"aws__RequestTag/ebcd__stage": "production", "aws__ResourceTag/ebcd__stage": "production"}
    assert may(WANTED, "DeployPolicy", create, mine, **tagged)
    assert may(WANTED, "DeployPolicy", end, mine, **tagged)
    assert may(WANTED, "RollbackPolicy", create, mine, **tagged)
    assert not may(WANTED, "RollbackPolicy", end, mine, **tagged)
    for action in (create, end):
        assert not may(WANTED, "DeployPolicy", action, mine)
        assert not may(WANTED, "DeployPolicy", action, by_hand, **tagged)


@pytest.mark.parametrize("name", ["DeployPolicy", "RollbackPolicy", "EnvironmentsPolicy"])
def test_what_no_resource_limits_is_limited_to_the_region(name: str) -> None:
    for item in statements(name):
        actions_of = [item["Action"]] if isinstance(item["Action"], str) else item["Action"]
        if "*" in item["Resource"] and not all(action.startswith("iam:") for action in actions_of):
            assert item["Condition"]["StringEquals"]["aws:RequestedRegion"] == "ap-southeast-2", item


def test_in_china_and_govcloud_the_template_names_nothing_of_another_partition() -> None:
    """All that differs is left to CloudFormation's pseudo parameters."""
    text = json.dumps(
        template(Wanted("shop", "acme/shop", ("production",), worker=True, secrets=(SECRET,)), OPERATIONS)
    )
    assert set(re.findall(r"arn:(\$\{.*?\}|[\w-]+):", text.replace(SECRET, ""))) == {"${AWS::Partition}"}
    fixed = set(re.findall(r'"[^"$]*\.amazonaws\.com[^"]*"', text))
    assert {item.strip('"').removesuffix(".amazonaws.com") for item in fixed} == {
        "elasticbeanstalk",
        "autoscaling",
        "elasticloadbalancing",
        "managedupdates.elasticbeanstalk",
        "maintenance.elasticbeanstalk",
    }
    assert "ec2.${AWS::URLSuffix}" in text
    assert "sts.${AWS::URLSuffix}" in text
