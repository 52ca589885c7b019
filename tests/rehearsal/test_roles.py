"""The roles of `ebcd bootstrap`, proven by use: the local Beanstalk judges each call by its caller's policies.

The stack is made in the local CloudFormation; a job's token opens its roles, as in GitHub Actions; then `ebcd` runs as
a user runs it, with nothing but the role's credentials.
"""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore import UNSIGNED
from botocore.config import Config
from botocore.exceptions import ClientError
from moto.iam.aws_managed_policies import aws_managed_policies_data
from products import Cloud, Product, make_product, running_cloud
from shop import CONFIGURATION, ROLLING

GITHUB = "token.actions.githubusercontent.com"
REGION = "eu-central-1"
PARTITIONS = {REGION: "aws", "cn-north-1": "aws-cn", "us-gov-west-1": "aws-us-gov"}
JOB = "repo:acme/shop:environment:production"
ARN = "arn:aws:elasticbeanstalk:eu-central-1::platform/Python 3.11 running on 64bit Amazon Linux 2023/4.7.1"
PLATFORM = "Python 3.11 running on 64bit Amazon Linux 2023"
STAGE = """
[stages.here]
target = "local"
[stages.production.options."aws:autoscaling:launchconfiguration"]
IamInstanceProfile = "{InstanceProfile}"
[stages.production.options."aws:elasticbeanstalk:environment"]
ServiceRole = "{ServiceRole}"
"""


def administrator(cloud: Cloud, service: str, region: str = REGION) -> Any:
    """A client with the server's own key."""
    told = json.loads((cloud.home / "local" / "server.json").read_text())
    keys = {"aws_access_key_id": told["access_key_id"], "aws_secret_access_key": told["secret_access_key"]}
    return boto3.client(service, endpoint_url=told["endpoint_url"], region_name=region, **keys)


def audience(region: str) -> str:
    """Whom a job asks a token for."""
    return "sts.amazonaws.com.cn" if region.startswith("cn-") else "sts.amazonaws.com"


@dataclass
class Shop:
    """A product on an account where bootstrap was run."""

    product: Product
    region: str
    roles: dict[str, str] = field(default_factory=dict)
    """Outputs of the stack: DeployRole, RollbackRole, and the environments' own."""
    _keys: dict[str, dict[str, str]] = field(default_factory=dict)

    def bootstrap(self) -> None:
        """Make the stack."""
        provider = f"arn:{PARTITIONS[self.region]}:iam::123456789012:oidc-provider/{GITHUB}"
        made = self.product.json(
            "bootstrap",
            "--repository",
            "acme/shop",
            "--environment",
            "production",
            "-s",
            "here",
            "--oidc-provider",
            provider,
            "--yes",
        )
        assert made["exit_code"] == 0, made
        self.roles = made["outputs"]

    def credentials(self, role: str) -> dict[str, str]:
        """The variables of a job that has opened a role with its token."""
        if role not in self._keys:
            self._keys[role] = self._assume(role)
        return self._keys[role]

    def _assume(self, role: str) -> dict[str, str]:
        claims = {"iss": f"https://{GITHUB}", "aud": audience(self.region), "sub": JOB, "exp": time.time() + 600}
        content = ({"alg": "RS256"}, claims)
        parts = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in content]
        sts = boto3.client(
            "sts",
            endpoint_url=self.product.cloud.endpoint_url,
            region_name=self.region,
            config=Config(signature_version=UNSIGNED),
        )
        found = sts.assume_role_with_web_identity(
            RoleArn=self.roles[role], RoleSessionName="job", WebIdentityToken=".".join([*parts, "signature"])
        )["Credentials"]
        sts.close()
        return {
            "AWS_ACCESS_KEY_ID": found["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": found["SecretAccessKey"],
            "AWS_SESSION_TOKEN": found["SessionToken"],
            "AWS_ENDPOINT_URL": self.product.cloud.endpoint_url,
        }

    @contextmanager
    def client(self, role: str, service: str) -> Iterator[Any]:
        """A client with a role's credentials, beside `ebcd`."""
        keys = {name.lower(): value for name, value in self.credentials(role).items()}
        made = boto3.client(service, region_name=self.region, endpoint_url=keys.pop("aws_endpoint_url"), **keys)
        yield made
        made.close()

    def run(self, role: str, *words: str) -> dict[str, Any]:
        """What `ebcd` tells, run with a role's credentials."""
        return self.product.json(*words, **self.credentials(role))

    def well(self, role: str, *words: str) -> dict[str, Any]:
        """The same, of a command that must go well."""
        told = self.run(role, *words)
        assert told.get("exit_code", 0) == 0, told.get("error", told)
        return told


def password(cloud: Cloud, region: str) -> str:
    """The ARN of the secret that the stage's environment properties name: no instance starts that may not read it."""
    secrets = administrator(cloud, "secretsmanager", region)
    found = str(secrets.describe_secret(SecretId="shop-password")["ARN"])
    secrets.close()
    return found


def configured(product: Product, region: str) -> None:
    """Write an ebcd.toml whose stage `production` is on AWS."""
    text = CONFIGURATION.format(application=product.name, live_port=product.cloud.live_port)
    for earlier, now in (
        ("eu-central-1", region),
        ('target = "local"', f'platform = "{PLATFORM}"\ncname = "{product.name}"'),
        ("stages.local", "stages.production"),
        ('default_stage = "local"', 'default_stage = "production"'),
    ):
        text = text.replace(earlier, now)
    text += f'PASSWORD = {{ secret = "{password(product.cloud, region)}" }}\n'
    (product.folder / "ebcd.toml").write_text(text + '[stages.here]\ntarget = "local"\n')


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    """A local Beanstalk that enforces policies. The provider for GitHub is there: moto's CloudFormation makes none."""
    with running_cloud("--enforce-iam") as found:
        for region in PARTITIONS:
            iam = administrator(found, "iam", region)
            iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=[audience(region)])
            secrets = administrator(found, "secretsmanager", region)
            secrets.create_secret(Name="shop-password", SecretString="a secret of the shop's")
            for client in (iam, secrets):
                client.close()
        yield found


@pytest.fixture
def shop(cloud: Cloud, tmp_path: Path) -> Shop:
    return opened(cloud, tmp_path)


def opened(cloud: Cloud, folder: Path, region: str = REGION) -> Shop:
    """A product whose roles are there, and named in ebcd.toml."""
    made = Shop(make_product(cloud, folder), region)
    configured(made.product, region)
    made.bootstrap()
    text = made.product.configuration().replace('[stages.here]\ntarget = "local"\n', STAGE.format(**made.roles))
    (made.product.folder / "ebcd.toml").write_text(text)
    return made


def released(shop: Shop, role: str, *texts: str) -> None:
    for text in texts:
        shop.product.commit(text)
        shop.well(role, "ship")


def test_the_deploy_role_ships_goes_back_and_clears_up(shop: Shop) -> None:
    shop.product.configure(keep="1h")
    released(shop, "DeployRole", "one", "two")
    assert shop.well("DeployRole", "swap", "--rollback")["live"]["release"] == "r1"
    released(shop, "DeployRole", "three")
    shop.product.configure(keep="0s")
    shop.well("DeployRole", "retire", "--force")
    again = shop.well("DeployRole", "swap", "--rollback")
    assert "CreateEnvironment" in [item["step"] for item in again["steps"]]
    shop.well("DeployRole", "prune", "--keep", "1")
    assert shop.run("DeployRole", "doctor")["exit_code"] == 0


def test_the_deploy_role_patches_and_who_is_on_call_goes_back_from_it(shop: Shop) -> None:
    shop.product.configure(keep="1h")
    released(shop, "DeployRole", "one")
    shop.product.cloud.control("POST", "platforms", python="3.11")
    try:
        assert shop.well("DeployRole", "patch")["live"]["release"] == "r2"
    finally:
        shop.product.cloud.control("DELETE", "platforms")
    assert shop.well("DeployRole", "releases", "r2")["record"]["image_ids"]
    assert shop.well("RollbackRole", "swap", "--rollback")["live"]["release"] == "r1"


def test_the_deploy_role_makes_and_ends_previews(shop: Shop) -> None:
    released(shop, "DeployRole", "one")
    shop.product.git("checkout", "-q", "-b", "fix")
    shop.product.commit("fix")
    shop.well("DeployRole", "preview", "up", "-s", "production")
    assert [item["branch"] for item in shop.well("DeployRole", "preview", "list", "-s", "production")["previews"]] == [
        "fix"
    ]
    shop.well("DeployRole", "preview", "down", "-s", "production")


def raise_by_hand(shop: Shop, environment: str) -> None:
    """Let live have two instances, so that the way back must raise the earlier environment's."""
    beanstalk = administrator(shop.product.cloud, "elasticbeanstalk")
    beanstalk.update_environment(
        EnvironmentName=environment,
        OptionSettings=[{"Namespace": "aws:autoscaling:asg", "OptionName": "MinSize", "Value": "2"}],
    )
    beanstalk.close()


def test_who_is_on_call_sees_holds_unlocks_and_goes_back_by_swap(shop: Shop) -> None:
    shop.product.configure(keep="1h")
    released(shop, "DeployRole", "one", "two")
    for words in (
        ("status",),
        ("releases", "r1"),
        ("events",),
        ("health",),
        ("logs",),
        ("lock", "--break", "--reason", "x"),
    ):
        shop.well("RollbackRole", *words)
    shop.well("RollbackRole", "hold", "--reason", "r2 loses orders")
    raise_by_hand(shop, f"{shop.product.name}-production-r2")
    done = shop.well("RollbackRole", "swap", "--rollback")
    assert "MatchCapacity" in [item["step"] for item in done["steps"]]
    assert done["live"]["release"] == "r1"
    shop.well("RollbackRole", "unhold")


@pytest.mark.long
def test_who_is_on_call_goes_back_to_an_environment_that_is_gone(shop: Shop) -> None:
    released(shop, "DeployRole", "one", "two")
    shop.well("DeployRole", "retire", "--force")
    done = shop.well("RollbackRole", "swap", "--rollback")
    assert "CreateEnvironment" in [item["step"] for item in done["steps"]]
    assert done["live"]["version_label"] == done["version_label"]


def test_who_is_on_call_goes_back_in_place(shop: Shop) -> None:
    path = shop.product.folder / "ebcd.toml"
    rolling = ROLLING.replace("stages.local", "stages.production")
    path.write_text(path.read_text().replace("cname =", 'strategy = "in-place"\ncname =') + rolling)
    released(shop, "DeployRole", "one", "two")
    done = shop.well("RollbackRole", "swap", "--rollback")
    assert "UpdateVersion" in [item["step"] for item in done["steps"]]


def test_who_is_on_call_cannot_ship_and_nothing_is_made(shop: Shop) -> None:
    released(shop, "DeployRole", "one")
    shop.product.commit("two")
    told = shop.run("RollbackRole", "ship")
    assert told["exit_code"] == 5, told
    assert "not authorized" in told["error"]["why"]
    beanstalk = administrator(shop.product.cloud, "elasticbeanstalk")
    found = beanstalk.describe_environments(ApplicationName=shop.product.name)["Environments"]
    versions = beanstalk.describe_application_versions(ApplicationName=shop.product.name)["ApplicationVersions"]
    beanstalk.close()
    assert ([item["EnvironmentName"] for item in found], len(versions)) == ([f"{shop.product.name}-production-r1"], 1)
    assert shop.well("DeployRole", "status")["live"]["release"] == "r1"


OTHER = "others-shop"
BUCKET = "elasticbeanstalk-eu-central-1-123456789012"


def neighbours(cloud: Cloud) -> None:
    """Make another application with an environment, a lock and a secret."""
    beanstalk, s3, secrets = (administrator(cloud, name) for name in ("elasticbeanstalk", "s3", "secretsmanager"))
    beanstalk.create_storage_location()
    beanstalk.create_application(ApplicationName=OTHER)
    beanstalk.create_environment(ApplicationName=OTHER, EnvironmentName=f"{OTHER}-live", PlatformArn=ARN)
    s3.put_object(Bucket=BUCKET, Key=f"ebcd/{OTHER}/production/lock.json", Body=b"{}")
    secrets.create_secret(Name="others-password", SecretString="theirs")
    for made in (beanstalk, s3, secrets):
        made.close()


def attempts(shop: Shop, role: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Calls that no role of ebcd's may make: service, method, what is given."""
    name, live = shop.product.name, {"EnvironmentName": f"{OTHER}-live"}
    sides = {"SourceEnvironmentName": f"{OTHER}-live", "DestinationEnvironmentName": f"{name}-production-r1"}
    itself = shop.roles[role].rpartition("/")[2]
    return [
        ("elasticbeanstalk", "terminate_environment", live),
        ("elasticbeanstalk", "update_environment", live | {"VersionLabel": "x"}),
        ("elasticbeanstalk", "rebuild_environment", live),
        ("elasticbeanstalk", "request_environment_info", live | {"InfoType": "tail"}),
        ("elasticbeanstalk", "retrieve_environment_info", live | {"InfoType": "tail"}),
        ("elasticbeanstalk", "describe_configuration_settings", live | {"ApplicationName": OTHER}),
        ("elasticbeanstalk", "swap_environment_cnames", sides),
        ("elasticbeanstalk", "delete_application", {"ApplicationName": name}),
        ("elasticbeanstalk", "create_environment", {"ApplicationName": name, "EnvironmentName": f"{name}-untagged"}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": f"ebcd/{OTHER}/production/lock.json"}),
        ("s3", "delete_object", {"Bucket": BUCKET, "Key": f"ebcd/{name}/production/releases/000001.json"}),
        ("s3", "delete_bucket", {"Bucket": BUCKET}),
        ("secretsmanager", "get_secret_value", {"SecretId": "others-password"}),
        ("iam", "create_user", {"UserName": "intruder"}),
        ("iam", "attach_role_policy", {"RoleName": itself, "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
        ("sts", "assume_role", {"RoleArn": shop.roles["ServiceRole"], "RoleSessionName": "intruder"}),
    ]


def test_no_role_reaches_what_is_not_its_application_s(shop: Shop) -> None:
    neighbours(shop.product.cloud)
    for role in ("DeployRole", "RollbackRole"):
        for service, call, given in attempts(shop, role):
            with shop.client(role, service) as own, pytest.raises(ClientError) as error:
                getattr(own, call)(**given)
            code = error.value.response["Error"]["Code"]
            assert code in {"AccessDenied", "AccessDeniedException"}, (role, call, error.value)


def test_an_instance_cannot_forge_the_ledger(shop: Shop) -> None:
    """The role that bootstrap makes for instances trusts EC2 only, and moto knows none of AWS's own policies: both are
    added by hand.
    """
    released(shop, "DeployRole", "one")
    iam, sts = (administrator(shop.product.cloud, name) for name in ("iam", "sts"))
    profile = iam.get_instance_profile(InstanceProfileName=shop.roles["InstanceProfile"])["InstanceProfile"]
    role = profile["Roles"][0]["RoleName"]
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    trusting = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam.update_assume_role_policy(RoleName=role, PolicyDocument=trusting)
    of_aws = json.dumps(json.loads(aws_managed_policies_data)["AWSElasticBeanstalkWebTier"]["Document"])
    iam.put_role_policy(RoleName=role, PolicyName="web-tier", PolicyDocument=of_aws)
    keys = sts.assume_role(RoleArn=profile["Roles"][0]["Arn"], RoleSessionName="i-1")["Credentials"]
    s3 = boto3.client(
        "s3",
        endpoint_url=shop.product.cloud.endpoint_url,
        region_name=REGION,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )
    bucket = f"elasticbeanstalk-{REGION}-123456789012"
    record = f"ebcd/{shop.product.name}/production/releases/000001.json"
    s3.put_object(Bucket=bucket, Key="resources/environments/logs/publish/e-1/x.gz", Body=b"log")
    for call in (
        lambda: s3.put_object(Bucket=bucket, Key=record, Body=b"{}"),
        lambda: s3.delete_object(Bucket=bucket, Key=record),
        lambda: s3.get_object(Bucket=bucket, Key=record),
    ):
        with pytest.raises(ClientError, match="AccessDenied"):
            call()
    for client in (iam, sts, s3):
        client.close()


def test_what_somebody_made_by_hand_is_ended_by_no_role_and_live_not_by_who_is_on_call(shop: Shop) -> None:
    """IAM does not know what is live: that the deploy role's `ebcd` never ends it is its own first rule."""
    released(shop, "DeployRole", "one")
    live, by_hand = f"{shop.product.name}-production-r1", f"{shop.product.name}-by-hand"
    beanstalk = administrator(shop.product.cloud, "elasticbeanstalk")
    beanstalk.create_environment(ApplicationName=shop.product.name, EnvironmentName=by_hand, PlatformArn=ARN)
    beanstalk.close()
    for role, environment in (("DeployRole", by_hand), ("RollbackRole", by_hand), ("RollbackRole", live)):
        with (
            shop.client(role, "elasticbeanstalk") as own,
            pytest.raises(ClientError, match="TerminateEnvironment on resource"),
        ):
            own.terminate_environment(EnvironmentName=environment)


@pytest.mark.long
@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1"])
def test_in_other_partitions_a_release_and_a_way_back_are_as_anywhere(
    cloud: Cloud, tmp_path: Path, region: str
) -> None:
    shop = opened(cloud, tmp_path, region)
    shop.product.configure(keep="1h")
    assert {arn.split(":")[1] for name, arn in shop.roles.items() if name != "InstanceProfile" and ":" in arn} == {
        PARTITIONS[region]
    }
    released(shop, "DeployRole", "one", "two")
    done = shop.well("RollbackRole", "swap", "--rollback")
    assert done["live"]["release"] == "r1"
    assert f".{region}.elasticbeanstalk.localhost" in done["live"]["url"]
