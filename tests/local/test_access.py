"""`--enforce-iam`: a call is judged by the policies of whoever makes it, and what Beanstalk does in its name, too."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import boto3
import pytest
import urllib3
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from running import BUCKET, PLATFORM, REGION, Local, bundle, running

ACCOUNT = "123456789012"
APPLICATIONS = f"arn:aws:elasticbeanstalk:{REGION}:{ACCOUNT}"
READS = {"Action": "elasticbeanstalk:Describe*", "Resource": "*"}


@dataclass
class Account:
    """A local Beanstalk that enforces policies."""

    local: Local
    users: int = 0

    def client(self, service: str, key: dict[str, str] | None = None, **more: Any) -> Any:
        """A client of somebody; without a key the server's own, an administrator's."""
        endpoint, own = self.local.told["endpoint_url"], self.local.keys
        made = boto3.client(service, endpoint_url=endpoint, region_name=REGION, **(key or own), **more)
        self.local.clients.append(made)
        return made

    def user(self, *statements: dict[str, Any]) -> dict[str, str]:
        """The key of a new user with a policy of these statements, each an Allow unless it says else."""
        self.users += 1
        iam, name = self.client("iam"), f"user-{self.users}"
        iam.create_user(UserName=name)
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | item for item in statements]}
        iam.put_user_policy(UserName=name, PolicyName="own", PolicyDocument=json.dumps(document))
        found = iam.create_access_key(UserName=name)["AccessKey"]
        return {"aws_access_key_id": found["AccessKeyId"], "aws_secret_access_key": found["SecretAccessKey"]}

    def describe(self, name: str) -> dict[str, Any]:
        """An environment."""
        found = self.client("elasticbeanstalk").describe_environments(EnvironmentNames=[name])["Environments"]
        return dict(found[-1])

    def role(self, name: str, trust: dict[str, Any], *statements: dict[str, Any]) -> str:
        """The ARN of a new role."""
        iam = self.client("iam")
        document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | trust]}
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(document))["Role"]
        policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | item for item in statements]}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=json.dumps(policy))
        return str(made["Arn"])


def keys(credentials: dict[str, str]) -> dict[str, str]:
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }


@pytest.fixture(scope="module")
def account() -> Iterator[Account]:
    with running("--enforce-iam") as local:
        made = Account(local)
        beanstalk = made.client("elasticbeanstalk")
        beanstalk.create_storage_location()
        for name in ("shop", "other"):
            beanstalk.create_application(ApplicationName=name)
        s3 = made.client("s3")
        s3.put_object(Bucket=BUCKET, Key="shop/one.zip", Body=bundle())
        source = {"S3Bucket": BUCKET, "S3Key": "shop/one.zip"}
        beanstalk.create_application_version(ApplicationName="shop", VersionLabel="one", SourceBundle=source)
        yield made


def refused(error: pytest.ExceptionInfo[ClientError]) -> tuple[str, str]:
    answer = error.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)
    return answer["Error"]["Code"], answer["Error"]["Message"]


def test_a_key_that_iam_does_not_know_is_refused(account: Account) -> None:
    stranger = {"aws_access_key_id": "AKIAUNKNOWN", "aws_secret_access_key": "x"}
    for service, call in (("elasticbeanstalk", "describe_applications"), ("sts", "get_caller_identity")):
        with pytest.raises(ClientError) as error:
            getattr(account.client(service, stranger), call)()
        assert refused(error)[0] == "InvalidClientTokenId"


def test_a_session_of_a_user_may_do_what_the_user_may(account: Account) -> None:
    allowed = {"Action": "sts:GetSessionToken", "Resource": "*"}
    sts = account.client("sts", account.user(READS, allowed))
    session = keys(sts.get_session_token()["Credentials"])
    assert account.client("elasticbeanstalk", session).describe_applications()["Applications"]
    with pytest.raises(ClientError) as error:
        account.client("elasticbeanstalk", session).create_application(ApplicationName="no")
    assert refused(error)[0] == "AccessDenied"


def test_a_user_may_do_what_its_policy_says_and_is_told_in_aws_s_words_what_it_may_not(account: Account) -> None:
    own = {"Action": "elasticbeanstalk:UpdateApplication", "Resource": f"{APPLICATIONS}:application/shop"}
    beanstalk = account.client("elasticbeanstalk", account.user(READS, own))
    assert beanstalk.describe_applications()["Applications"]
    assert beanstalk.update_application(ApplicationName="shop", Description="mine")
    with pytest.raises(ClientError) as error:
        beanstalk.update_application(ApplicationName="other", Description="not mine")
    name = f"arn:aws:iam::{ACCOUNT}:user/user-{account.users}"
    assert refused(error) == (
        "AccessDenied",
        f"User: {name} is not authorized to perform: elasticbeanstalk:UpdateApplication on resource: "
        f"{APPLICATIONS}:application/other because no identity-based policy allows the "
        "elasticbeanstalk:UpdateApplication action",
    )


def test_a_deny_wins_over_an_allow(account: Account) -> None:
    everything = {"Action": "*", "Resource": "*"}
    never = {"Effect": "Deny", "Action": "elasticbeanstalk:Delete*", "Resource": "*"}
    with pytest.raises(ClientError) as error:
        account.client("elasticbeanstalk", account.user(everything, never)).delete_application(ApplicationName="other")
    assert refused(error)[1].endswith("with an explicit deny in an identity-based policy")


def test_tags_application_version_and_region_of_a_request_are_known(account: Account) -> None:
    created = {
        "Action": ["elasticbeanstalk:CreateEnvironment", "elasticbeanstalk:AddTags"],
        "Resource": "*",
        "Condition": {
            "StringEquals": {
                "elasticbeanstalk:InApplication": f"{APPLICATIONS}:application/shop",
                "elasticbeanstalk:FromApplicationVersion": f"{APPLICATIONS}:applicationversion/shop/one",
                "aws:RequestTag/team": "shop",
                "aws:RequestedRegion": REGION,
            }
        },
    }
    beanstalk = account.client("elasticbeanstalk", account.user(created))
    request = {"ApplicationName": "shop", "EnvironmentName": "tagged", "PlatformArn": PLATFORM}
    good = request | {"VersionLabel": "one", "Tags": [{"Key": "team", "Value": "shop"}]}
    with pytest.raises(ClientError) as error:
        beanstalk.create_environment(**good)
    assert refused(error)[0] == "InsufficientPrivilegesException"  # the request is allowed, what it brings is not
    for bad in ({"Tags": []}, {"Tags": [{"Key": "team", "Value": "other"}]}, {"VersionLabel": "two"}):
        with pytest.raises(ClientError) as error:
            beanstalk.create_environment(**(good | bad))
        assert refused(error)[0] == "AccessDenied"


@pytest.mark.parametrize(
    ("lacking", "code", "said"),
    [
        ("s3:CreateBucket", "InsufficientPrivilegesException", "perform the 's3:CreateBucket' action"),
        ("s3:PutBucketPolicy", "InsufficientPrivilegesException", "perform the 's3:PutBucketPolicy' action"),
        ("iam:PassRole", "InsufficientPrivilegesException", "Insufficient privileges for IAM PassRole Action."),
        ("cloudformation:CreateStack", "InsufficientPrivilegesException", "cloudformation:CreateStack on resource:"),
        ("ec2:RunInstances", "InsufficientPrivilegesException", "ec2:RunInstances on resource:"),
        ("elasticbeanstalk:AddTags", "AccessDenied", "elasticbeanstalk:AddTags"),
    ],
)
def test_what_beanstalk_does_in_the_caller_s_name_must_be_allowed_too(
    account: Account, lacking: str, code: str, said: str
) -> None:
    never = {"Effect": "Deny", "Action": lacking, "Resource": "*"}
    beanstalk = account.client("elasticbeanstalk", account.user({"Action": "*", "Resource": "*"}, never))
    profile = {
        "Namespace": "aws:autoscaling:launchconfiguration",
        "OptionName": "IamInstanceProfile",
        "Value": "aws-elasticbeanstalk-ec2-role",
    }
    with pytest.raises(ClientError) as error:
        beanstalk.create_environment(
            ApplicationName="shop",
            EnvironmentName="never-made",
            VersionLabel="one",
            PlatformArn=PLATFORM,
            OptionSettings=[profile],
            Tags=[{"Key": "team", "Value": "shop"}],
        )
    assert refused(error)[0] == code
    assert said in refused(error)[1]
    assert beanstalk.describe_environments(EnvironmentNames=["never-made"])["Environments"] == []


def test_a_bundle_that_the_caller_may_not_read_makes_no_version(account: Account) -> None:
    beanstalk = account.client("elasticbeanstalk", account.user({"Action": "elasticbeanstalk:*", "Resource": "*"}))
    source = {"S3Bucket": BUCKET, "S3Key": "shop/one.zip"}
    with pytest.raises(ClientError) as error:
        beanstalk.create_application_version(ApplicationName="shop", VersionLabel="two", SourceBundle=source)
    assert refused(error) == (
        "InvalidParameterValue",
        f"Unable to download from S3 location (Bucket: {BUCKET}  Key: shop/one.zip). Reason: Forbidden",
    )


def test_s3_is_judged_by_bucket_key_and_prefix(account: Account) -> None:
    objects = {"Action": ["s3:GetObject", "s3:PutObject"], "Resource": f"arn:aws:s3:::{BUCKET}/shop/*"}
    lists = {
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{BUCKET}",
        "Condition": {"StringLike": {"s3:prefix": "shop/*"}},
    }
    s3 = account.client("s3", account.user(objects, lists))
    s3.put_object(Bucket=BUCKET, Key="shop/kept", Body=b"1")
    s3.head_object(Bucket=BUCKET, Key="shop/kept")
    assert s3.list_objects_v2(Bucket=BUCKET, Prefix="shop/")["KeyCount"] == 2
    for call, given in (
        ("list_objects_v2", {}),
        ("put_object", {"Key": "other/kept"}),
        ("delete_object", {"Key": "shop/kept"}),
        ("get_bucket_policy", {}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "shop/kept"}]}}),
        ("get_bucket_acl", {}),
        ("list_object_versions", {}),
        ("delete_objects", {"Delete": {"Objects": [{"Key": "a&b"}]}}),
        ("copy_object", {"Key": "shop/copy", "CopySource": f"{BUCKET}/other/kept"}),
        ("put_object_acl", {"Key": "shop/kept", "ACL": "public-read"}),
    ):
        with pytest.raises(ClientError) as error:
            getattr(s3, call)(Bucket=BUCKET, **given)
        assert refused(error)[0] == "AccessDenied", call


def test_that_an_object_is_missing_is_told_only_to_who_may_list(account: Account) -> None:
    reads = {"Action": "s3:GetObject", "Resource": "*"}
    lists = {"Action": "s3:ListBucket", "Resource": "*"}
    for statements, code in (((reads,), "AccessDenied"), ((reads, lists), "NoSuchKey")):
        with pytest.raises(ClientError) as error:
            account.client("s3", account.user(*statements)).get_object(Bucket=BUCKET, Key="shop/nothing")
        assert error.value.response["Error"]["Code"] == code


def test_a_role_is_assumed_by_whom_it_trusts_and_a_session_s_policy_narrows_it(account: Account) -> None:
    user = account.user({"Action": "sts:AssumeRole", "Resource": "*"})
    name = f"arn:aws:iam::{ACCOUNT}:user/user-{account.users}"
    trust = {"Action": "sts:AssumeRole", "Principal": {"AWS": name}}
    role = account.role("trusting", trust, READS, {"Action": "s3:*", "Resource": "*"})
    sts = account.client("sts", user)
    credentials = sts.assume_role(RoleArn=role, RoleSessionName="one")["Credentials"]
    who = account.client("sts", keys(credentials)).get_caller_identity()["Arn"]
    assert who == f"arn:aws:sts::{ACCOUNT}:assumed-role/trusting/one"
    assert account.client("s3", keys(credentials)).list_objects_v2(Bucket=BUCKET)
    narrow = json.dumps({"Statement": {"Effect": "Allow", "Action": "elasticbeanstalk:*", "Resource": "*"}})
    session = keys(sts.assume_role(RoleArn=role, RoleSessionName="two", Policy=narrow)["Credentials"])
    assert account.client("elasticbeanstalk", session).describe_applications()
    with pytest.raises(ClientError) as error:
        account.client("s3", session).list_objects_v2(Bucket=BUCKET)
    assert refused(error)[1].endswith("because no session policy allows the s3:ListBucket action")
    with pytest.raises(ClientError) as error:
        account.client("sts").assume_role(RoleArn=role, RoleSessionName="administrator")
    assert refused(error)[0] == "AccessDenied"


def token(**claims: object) -> str:
    content = ({"alg": "RS256"}, {"exp": time.time() + 600, **claims})
    parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in content]
    return ".".join([*parts, "signature"])


def test_a_job_s_token_opens_a_role_only_for_the_subject_that_it_names(account: Account) -> None:
    host = "token.actions.githubusercontent.com"
    account.client("iam").create_open_id_connect_provider(Url=f"https://{host}", ClientIDList=["sts.amazonaws.com"])
    provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{host}"
    told = {"StringEquals": {f"{host}:aud": "sts.amazonaws.com", f"{host}:sub": ["repo:acme/shop:environment:live"]}}
    trust = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": provider}, "Condition": told}
    role = account.role("job", trust, READS)
    sts = account.client("sts", config=Config(signature_version=UNSIGNED))
    good = {"iss": f"https://{host}", "aud": "sts.amazonaws.com", "sub": "repo:acme/shop:environment:live"}
    given = {"RoleArn": role, "RoleSessionName": "job"}
    credentials = sts.assume_role_with_web_identity(**given, WebIdentityToken=token(**good))["Credentials"]
    assert account.client("elasticbeanstalk", keys(credentials)).describe_applications()
    assert "the signature was not checked" in (account.local.home / "local" / "server.log").read_text()
    for bad, code in (
        ({"sub": "repo:acme/shop:ref:refs/heads/x"}, "AccessDenied"),
        ({"aud": "another"}, "InvalidIdentityToken"),
        ({"exp": time.time() - 1}, "ExpiredTokenException"),
        ({"iss": "https://evil.example"}, "InvalidIdentityToken"),
    ):
        with pytest.raises(ClientError) as error:
            sts.assume_role_with_web_identity(**given, WebIdentityToken=token(**(good | bad)))
        assert error.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError) as error:
        sts.assume_role_with_web_identity(**given, WebIdentityToken="no-token")
    assert error.value.response["Error"]["Code"] == "InvalidIdentityToken"


def test_who_may_read_and_write_objects_may_not_for_that_change_what_guards_them(account: Account) -> None:
    actions = ["s3:GetObject", "s3:PutObject", "s3:ListBucket", "s3:CreateBucket"]
    s3 = account.client("s3", account.user({"Action": actions, "Resource": "*"}))
    place = {"Bucket": BUCKET, "Key": "shop/one.zip"}
    assert s3.get_object(**place)["Body"].read()
    refusals = (
        ("GetObjectRetention", lambda: s3.get_object_retention(**place)),
        ("GetObjectAcl", lambda: s3.get_object_acl(**place)),
        ("PutObjectAcl", lambda: s3.put_object_acl(**place, ACL="public-read")),
        ("PutObjectAcl", lambda: s3.put_object(**place, Body=b"x", ACL="public-read")),
        ("PutObjectTagging", lambda: s3.put_object_tagging(**place, Tagging={"TagSet": []})),
        ("PutBucketVersioning", lambda: s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={})),
        ("PutLifecycleConfiguration", lambda: s3.delete_bucket_lifecycle(Bucket=BUCKET)),
        ("PutBucketPolicy", lambda: s3.put_bucket_policy(Bucket=BUCKET, Policy="{}")),
        ("ListBucketMultipartUploads", lambda: s3.list_multipart_uploads(Bucket=BUCKET)),
    )
    for action, call in refusals:
        with pytest.raises(ClientError) as error:
            call()
        assert f"not authorized to perform: s3:{action} " in refused(error)[1]
    with pytest.raises(ClientError) as error:
        s3.rename_object(**place, RenameSource="other")
    assert "cannot judge" in refused(error)[1]


def test_what_cannot_be_judged_is_refused(account: Account) -> None:
    user = account.user({"Action": "*", "Resource": "*"})
    with pytest.raises(ClientError) as error:
        account.client("lambda", user).list_functions()
    assert "cannot judge" in refused(error)[1]


def test_cloudwatch_is_asked_under_another_name_than_its_actions_have(account: Account) -> None:
    own = account.client("cloudwatch", account.user({"Action": "cloudwatch:ListMetrics", "Resource": "*"}))
    assert own.list_metrics(Namespace="AWS/ELB")["Metrics"] == []
    with pytest.raises(ClientError) as error:
        own.describe_alarms()
    assert refused(error)[0] in {"AccessDenied", "AccessDeniedException"}


@pytest.mark.parametrize(
    ("service", "call", "given", "allowed"),
    [
        ("iam", "get_role", {"RoleName": "trusted"}, f"arn:aws:iam::{ACCOUNT}:role/trusted"),
        (
            "secretsmanager",
            "get_secret_value",
            {"SecretId": "db"},
            f"arn:aws:secretsmanager:*:{ACCOUNT}:secret:db-??????",
        ),
        ("ssm", "get_parameter", {"Name": "/shop/key"}, f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/key"),
        ("cloudformation", "describe_stacks", {"StackName": "ours"}, "arn:aws:cloudformation:*:*:stack/ours/*"),
    ],
)
def test_other_services_are_judged_by_what_they_are_about(
    account: Account, service: str, call: str, given: dict[str, str], allowed: str
) -> None:
    action = service + ":" + "".join(part.capitalize() for part in call.split("_"))
    own = account.client(service, account.user({"Action": action, "Resource": allowed}))
    with pytest.raises(ClientError) as error:  # it is allowed, and not there
        getattr(own, call)(**given)
    assert "not authorized" not in str(error.value)
    with pytest.raises(ClientError) as error:
        getattr(own, call)(**{name: f"{value}-of-others" for name, value in given.items()})
    assert refused(error)[0] in {"AccessDenied", "AccessDeniedException"}


def secret_settings(profile: str, **arns: str) -> list[dict[str, str]]:
    """Option settings of an environment that reads secrets with an instance profile."""
    launch = {"Namespace": "aws:autoscaling:launchconfiguration", "OptionName": "IamInstanceProfile", "Value": profile}
    space = "aws:elasticbeanstalk:application:environmentsecrets"
    return [launch, *({"Namespace": space, "OptionName": name, "Value": arn} for name, arn in arns.items())]


def instance_profile(account: Account, name: str, *statements: dict[str, Any]) -> str:
    trust = {"Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
    account.role(name, trust, READS, *statements)
    iam = account.client("iam")
    iam.create_instance_profile(InstanceProfileName=name)
    iam.add_role_to_instance_profile(InstanceProfileName=name, RoleName=name)
    return name


def launched(account: Account, name: str, settings: list[dict[str, str]]) -> list[str]:
    """The messages of an environment's events, once it is Ready."""
    beanstalk = account.client("elasticbeanstalk")
    beanstalk.create_environment(
        ApplicationName="shop", EnvironmentName=name, VersionLabel="one", PlatformArn=PLATFORM, OptionSettings=settings
    )
    account.local.wait(lambda: account.describe(name)["Status"] == "Ready")
    return [item["Message"] for item in beanstalk.describe_events(EnvironmentName=name)["Events"]]


@pytest.fixture(scope="module")
def stored(account: Account) -> dict[str, str]:
    """ARNs of a secret with a key of one's own, and of a parameter."""
    key = account.client("kms").create_key()["KeyMetadata"]["KeyId"]
    text = json.dumps({"user": "shop", "port": 5432})
    made = account.client("secretsmanager").create_secret(Name="shop/db", SecretString=text, KmsKeyId=key)
    account.client("ssm").put_parameter(Name="/shop/color", Value="blue", Type="SecureString")
    return {"secret": made["ARN"], "parameter": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/color"}


def test_instances_get_the_secrets_that_their_role_may_read(account: Account, stored: dict[str, str]) -> None:
    decrypt = {
        "Action": "kms:Decrypt",
        "Resource": "*",
        "Condition": {"StringEquals": {"kms:EncryptionContext:SecretARN": stored["secret"]}},
    }
    fetch = {"Action": "secretsmanager:GetSecretValue", "Resource": stored["secret"]}
    read = {"Action": "ssm:GetParameter", "Resource": stored["parameter"]}
    profile = instance_profile(account, "may-read", fetch, read, decrypt)
    arns = {"COLOR": stored["parameter"], "DB_USER": f"{stored['secret']}:user", "DB_PORT": f"{stored['secret']}:port"}
    launched(account, "with-secrets", secret_settings(profile, **arns))
    port = account.describe("with-secrets")["EndpointURL"].rpartition(":")[2]
    assert b"one blue" in urllib3.request("GET", f"http://127.0.0.1:{port}/", retries=False).data
    told = json.dumps(account.client("elasticbeanstalk").describe_events(EnvironmentName="with-secrets"), default=str)
    assert "blue" not in told


@pytest.mark.parametrize(
    ("lacking", "said"),
    [
        ("secretsmanager:GetSecretValue", "secretsmanager:GetSecretValue on resource:"),
        ("ssm:GetParameter", "ssm:GetParameter on resource:"),
        ("kms:Decrypt", "kms:Decrypt on resource:"),
    ],
)
def test_a_secret_that_the_role_may_not_read_fails_the_deployment(
    account: Account, stored: dict[str, str], lacking: str, said: str
) -> None:
    name = f"lacks-{lacking.partition(':')[0]}"
    rights = [
        {"Action": action, "Resource": "*"}
        for action in ("secretsmanager:GetSecretValue", "ssm:GetParameter", "kms:Decrypt")
        if action != lacking
    ]
    profile = instance_profile(account, name, *rights)
    messages = launched(account, name, secret_settings(profile, COLOR=stored["parameter"], DB=stored["secret"]))
    assert "Instance deployment failed. For details, see 'eb-engine.log'." in messages
    assert any(said in text and f"assumed-role/{name}/" in text for text in messages), messages


def test_a_secret_or_a_profile_that_is_not_there_fails_the_deployment(
    account: Account,
) -> None:
    profile = instance_profile(account, "reads-all", {"Action": "*", "Resource": "*"})
    missing = f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/nothing"
    for environment, name in (("reads-nothing", profile), ("no-profile", "never-made")):
        messages = launched(account, environment, secret_settings(name, COLOR=missing))
        assert any("COLOR could not be fetched" in text or "never-made is not there" in text for text in messages)


def test_without_enforced_policies_and_without_a_profile_the_arns_stand_for_the_values_and_that_is_told() -> None:
    from ebcd_local.access.secrets import fetch  # moto's parameters take 90 MB, of each worker that collects the tests

    wanted = {"COLOR": f"arn:aws:ssm:{REGION}:{ACCOUNT}:parameter/shop/color"}
    values, told = fetch(wanted, "never-made", REGION, enforced=False)
    assert values == wanted
    assert told.startswith("The secrets of COLOR are not fetched: there is no instance profile never-made here.")
