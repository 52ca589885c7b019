"""The CloudFormation stack that ebcd needs on an account, for one application. Pure, and the same each time.

The bucket is not in it: Beanstalk makes its default bucket itself (CreateStorageLocation), and would not take another.
Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/iam-instanceprofile.html
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/iam-servicerole.html
https://docs.github.com/en/actions/how-tos/secure-your-work/security-harden-deployments/oidc-in-aws
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ebcd.permissions import grants, ledger, secrets
from ebcd.permissions.environments import environments
from ebcd.permissions.grant import Grant
from ebcd.permissions.grants import Operations

GITHUB = "token.actions.githubusercontent.com"
AUDIENCE = "sts.${AWS::URLSuffix}"
"""Whom GitHub's tokens are for; in China `sts.amazonaws.com.cn`, which the workflow must ask for there."""
MANAGED = "arn:${AWS::Partition}:iam::aws:policy/"
_NAMED = re.compile(r"[^A-Za-z0-9-]+")
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the stack is for."""

    application: str
    repository: str = ""
    """`owner/name` on GitHub, with ids where its tokens have them (`owner@1/name@2`); empty: no roles for GitHub."""
    environments: tuple[str, ...] = ()
    """GitHub environments whose jobs may assume the roles."""
    branches: tuple[str, ...] = ()
    """Branches whose jobs may."""
    oidc_provider: str = ""
    """The ARN of the account's provider for GitHub; empty: the stack makes it."""
    worker: bool = False
    """Whether a stage is a worker."""
    containers: bool = False
    """Whether a stage's platform is Docker on ECS."""
    secrets: tuple[str, ...] = ()
    """ARNs of the secrets and parameters that stages' environment properties name."""

    @property
    def stack(self) -> str:
        """The stack's name."""
        return f"ebcd-{_NAMED.sub('-', self.application).strip('-')}"[:128]

    @property
    def subjects(self) -> list[str]:
        """Whom GitHub's tokens must name, letter by letter."""
        return [f"repo:{self.repository}:environment:{name}" for name in self.environments] + [
            f"repo:{self.repository}:ref:refs/heads/{name}" for name in self.branches
        ]


def template(wanted: Wanted, operations: Operations) -> Json:
    """The template. operations: which ebcd calls, by service."""
    resources = _of_beanstalk(wanted) | _of_secrets(wanted)
    outputs: Json = {
        "InstanceProfile": _output("IamInstanceProfile of environments", {"Ref": "InstanceProfile"}),
        "ServiceRole": _output("ServiceRole of environments", {"Ref": "ServiceRole"}),
    }
    if wanted.repository:
        resources |= _of_github(wanted, operations)
        outputs |= {
            "DeployRole": _output("EBCD_DEPLOY_ROLE_ARN", _arn("DeployRole")),
            "RollbackRole": _output("EBCD_ROLLBACK_ROLE_ARN", _arn("RollbackRole")),
        }
    return {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Description": f"What ebcd needs to release {wanted.application}: roles, and nothing that costs.",
        "Resources": resources,
        "Outputs": outputs,
    }


def _of_beanstalk(wanted: Wanted) -> Json:
    """The roles that environments have."""
    fits = {
        "AWSElasticBeanstalkWebTier": True,
        "AWSElasticBeanstalkWorkerTier": wanted.worker,
        "AWSElasticBeanstalkMulticontainerDocker": wanted.containers,
    }
    service = ("service-role/AWSElasticBeanstalkEnhancedHealth", "AWSElasticBeanstalkManagedUpdatesCustomerRolePolicy")
    external = {"StringEquals": {"sts:ExternalId": "elasticbeanstalk"}}
    return {
        "InstanceRole": _role(
            _trust({"Service": _sub("ec2.${AWS::URLSuffix}")}, "sts:AssumeRole"),
            [MANAGED + name for name, needed in fits.items() if needed],
        ),
        "LedgerPolicy": _policy_of("InstanceRole", "ledger", map(_statement, ledger.denials())),
        "InstanceProfile": {"Type": "AWS::IAM::InstanceProfile", "Properties": {"Roles": [{"Ref": "InstanceRole"}]}},
        "ServiceRole": _role(
            _trust({"Service": "elasticbeanstalk.amazonaws.com"}, "sts:AssumeRole", external),
            [MANAGED + name for name in service],
        ),
    }


def _of_secrets(wanted: Wanted) -> Json:
    """What instances need to fetch the declared secrets; nothing where none is declared."""
    granted = secrets.reads(wanted.secrets)
    return {"SecretsPolicy": _policy_of("InstanceRole", "secrets", map(_statement, granted))} if granted else {}


def _of_github(wanted: Wanted, operations: Operations) -> Json:
    """The roles that jobs of the repository may assume, and whom IAM believes about jobs."""
    provider: Json = {}
    if not wanted.oidc_provider:
        provider["GitHub"] = {
            "Type": "AWS::IAM::OIDCProvider",
            "DeletionPolicy": "Retain",  # an account has one at most, and others may rely on it by then
            "UpdateReplacePolicy": "Retain",
            "Properties": {"Url": f"https://{GITHUB}", "ClientIdList": [_sub(AUDIENCE)]},
        }
    told = {"StringEquals": {f"{GITHUB}:aud": _sub(AUDIENCE), f"{GITHUB}:sub": wanted.subjects}}
    federated = wanted.oidc_provider or {"Ref": "GitHub"}
    trust = _trust({"Federated": federated}, "sts:AssumeRoleWithWebIdentity", told)
    application, worker = wanted.application, wanted.worker
    return provider | {
        "DeployRole": _role(trust),
        "DeployPolicy": _policy("DeployRole", grants.deploy(operations, application, worker=worker)),
        "RollbackRole": _role(trust),
        "RollbackPolicy": _policy("RollbackRole", grants.rollback(operations, application)),
        "EnvironmentsPolicy": _shared_policy(environments(worker=worker)),
    }


def _shared_policy(granted: Iterable[Grant]) -> Json:
    """What both roles may do. IAM takes 10,240 characters of a role's own policies: too few for all of it."""
    document = {"Version": "2012-10-17", "Statement": [_statement(item) for item in granted]}
    roles = [{"Ref": "DeployRole"}, {"Ref": "RollbackRole"}]
    return {"Type": "AWS::IAM::ManagedPolicy", "Properties": {"Roles": roles, "PolicyDocument": document}}


def _policy(role: str, granted: Iterable[Grant]) -> Json:
    """A role's policy: a resource of its own, because it names the role, which `doctor` asks IAM about."""
    return _policy_of(role, "ebcd", [*map(_statement, granted), *_about_roles(role)])


def _policy_of(role: str, name: str, statements: Iterable[Json]) -> Json:
    document = {"Version": "2012-10-17", "Statement": list(statements)}
    properties = {"PolicyName": name, "Roles": [{"Ref": role}], "PolicyDocument": document}
    return {"Type": "AWS::IAM::Policy", "Properties": properties}


def _about_roles(role: str) -> list[Json]:
    """Hand the environments' roles to Beanstalk, and no others; and ask IAM about what is one's own."""
    passed = {
        "StringEquals": {"iam:PassedToService": ["elasticbeanstalk.amazonaws.com", _sub("ec2.${AWS::URLSuffix}")]}
    }
    own = [_arn("InstanceRole"), _arn("ServiceRole")]
    return [
        {"Sid": "PassRoles", "Effect": "Allow", "Action": "iam:PassRole", "Resource": own, "Condition": passed},
        {
            "Sid": "LookAtRoles",
            "Effect": "Allow",
            "Resource": [*own, _arn(role)],
            "Action": ["iam:GetRole", "iam:ListAttachedRolePolicies", "iam:ListRolePolicies"],
        },
        {
            "Sid": "LookAtProfile",
            "Effect": "Allow",
            "Action": "iam:GetInstanceProfile",
            "Resource": _arn("InstanceProfile"),
        },
        {
            "Sid": "Doctor",
            "Effect": "Allow",
            "Action": "iam:SimulatePrincipalPolicy",
            "Resource": [_arn(role), _arn("InstanceRole")],
        },
    ]


def _statement(grant: Grant) -> Json:
    made: Json = {
        "Sid": grant.name,
        "Effect": grant.effect,
        "Action": list(grant.actions),
        "Resource": [_sub(item) for item in grant.resources],
    }
    if grant.condition:
        made["Condition"] = {
            test: {key: _values(value) for key, value in keys.items()} for test, keys in grant.condition.items()
        }
    return made


def _values(value: object) -> object:
    return [_sub(str(item)) for item in value] if isinstance(value, list) else _sub(str(value))


def _role(trust: Json, policies: Iterable[str] = ()) -> Json:
    properties: Json = {"AssumeRolePolicyDocument": {"Version": "2012-10-17", "Statement": [trust]}}
    if attached := [_sub(item) for item in policies]:
        properties["ManagedPolicyArns"] = attached
    return {"Type": "AWS::IAM::Role", "Properties": properties}


def _trust(principal: Json, action: str, condition: Json | None = None) -> Json:
    made = {"Effect": "Allow", "Principal": principal, "Action": action}
    return made | ({"Condition": condition} if condition else {})


def _sub(text: str) -> object:
    return {"Fn::Sub": text} if "${" in text else text


def _arn(name: str) -> Json:
    return {"Fn::GetAtt": [name, "Arn"]}


def _output(description: str, value: object) -> Json:
    return {"Description": description, "Value": value}
