"""IAM's logic, as the local Beanstalk evaluates it: statements, wildcards, conditions, by IAM's user guide."""

from __future__ import annotations

from typing import Any

import pytest

from ebcd_local.access.conditions import fits
from ebcd_local.access.statements import Asked, Decision, decide, trusts

ARN = "arn:aws:s3:::bucket/ebcd/shop/lock.json"


def allow(**elements: Any) -> dict[str, Any]:
    return {"Statement": [{"Effect": "Allow"} | elements]}


@pytest.mark.parametrize(
    ("statement", "decision"),
    [
        ({"Action": "s3:GetObject", "Resource": ARN}, Decision.ALLOWED),
        ({"Action": ["s3:PutObject", "s3:Get*"], "Resource": ["*"]}, Decision.ALLOWED),
        ({"Action": "S3:getobject", "Resource": "arn:aws:s3:::bucket/*"}, Decision.ALLOWED),
        ({"Action": "s3:Get?bject", "Resource": "arn:aws:s3:::*/shop/*"}, Decision.ALLOWED),
        ({"Action": "s3:GetObject", "Resource": "arn:aws:s3:::BUCKET/*"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:GetObject", "Resource": "arn:aws-cn:s3:::bucket/*"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:GetObjectAcl", "Resource": "*"}, Decision.NOT_ALLOWED),
        ({"NotAction": "iam:*", "Resource": "*"}, Decision.ALLOWED),
        ({"NotAction": ["iam:*", "s3:Get*"], "Resource": "*"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:*", "NotResource": "arn:aws:s3:::bucket/ebcd/*"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:*", "NotResource": "arn:aws:s3:::other/*"}, Decision.ALLOWED),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::bucket/ebcd/${aws:PrincipalTag/app}/*"}, Decision.ALLOWED),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::bucket/ebcd/${aws:username}/*"}, Decision.NOT_ALLOWED),
        ({"Action": "s3:*", "Resource": "arn:aws:s3:::bucket/ebcd/${aws:username, 'shop'}/*"}, Decision.ALLOWED),
    ],
)
def test_a_statement_allows_what_it_names(statement: dict[str, Any], decision: Decision) -> None:
    asked = Asked("s3:GetObject", ARN, {"aws:principaltag/app": ["shop"]})
    assert decide(asked, [allow(**statement)]) is decision


def test_a_deny_anywhere_wins_and_nothing_is_allowed_by_default() -> None:
    asked, deny = Asked("s3:GetObject", ARN), {"Effect": "Deny", "Action": "s3:*", "Resource": "*"}
    assert decide(asked, []) is Decision.NOT_ALLOWED
    assert decide(asked, [allow(Action="*", Resource="*"), {"Statement": deny}]) is Decision.DENIED
    elsewhere = deny | {"Condition": {"StringEquals": {"aws:RequestedRegion": "eu-west-1"}}}
    assert decide(asked, [allow(Action="*", Resource="*"), {"Statement": elsewhere}]) is Decision.ALLOWED


def test_an_arn_s_wildcard_does_not_reach_over_a_part() -> None:
    group = Asked("logs:PutLogEvents", "arn:aws:logs:eu-central-1:123456789012:log-group:/shop:log-stream:a")
    assert decide(group, [allow(Action="*", Resource="arn:aws:logs:*:*:log-group:*:a")]) is Decision.ALLOWED
    assert (
        decide(group, [allow(Action="*", Resource="arn:aws:logs:*:log-group:/shop:log-stream:a")])
        is Decision.NOT_ALLOWED
    )


def test_a_wildcard_that_a_variable_brings_is_none() -> None:
    statement = allow(Action="*", Resource="arn:aws:s3:::bucket/${aws:username}/*")
    asked = Asked("s3:GetObject", "arn:aws:s3:::bucket/other/key", {"aws:username": ["*"]})
    assert decide(asked, [statement]) is Decision.NOT_ALLOWED


REQUEST = {
    "aws:requestedregion": ["eu-central-1"],
    "aws:requesttag/team": ["shop*"],
    "aws:tagkeys": ["team", "ebcd:stage"],
    "aws:securetransport": ["true"],
    "aws:sourceip": ["127.0.0.1"],
    "aws:currenttime": ["2026-11-02T10:00:00Z"],
    "s3:max-keys": ["100"],
    "ec2:launchtemplate": ["arn:aws:ec2:eu-central-1:123456789012:launch-template/lt-0"],
}


@pytest.mark.parametrize(
    ("operator", "key", "wanted", "held"),
    [
        ("StringEquals", "aws:RequestedRegion", "eu-central-1", True),
        ("StringEquals", "AWS:requestedregion", ["us-east-1", "eu-central-1"], True),
        ("StringEquals", "aws:RequestedRegion", "eu-*", False),
        ("StringLike", "aws:RequestedRegion", "eu-*", True),
        ("StringNotLike", "aws:RequestedRegion", ["us-*", "eu-*"], False),
        ("StringNotEquals", "aws:RequestedRegion", ["us-east-1", "us-east-2"], True),
        ("StringEqualsIgnoreCase", "aws:RequestedRegion", "EU-Central-1", True),
        ("StringEquals", "aws:RequestTag/team", "shop${*}", True),
        ("StringEquals", "aws:ResourceTag/team", "shop", False),
        ("StringEqualsIfExists", "aws:ResourceTag/team", "shop", True),
        ("StringNotEquals", "aws:ResourceTag/team", "shop", True),
        ("Null", "aws:ResourceTag/team", "true", True),
        ("Null", "aws:RequestTag/team", True, False),
        ("Null", "aws:RequestTag/team", "false", True),
        ("ForAllValues:StringLike", "aws:TagKeys", ["team", "ebcd:*"], True),
        ("ForAllValues:StringEquals", "aws:TagKeys", ["team"], False),
        ("ForAllValues:StringEquals", "s3:RequestObjectTagKeys", ["team"], True),
        ("ForAnyValue:StringEquals", "aws:TagKeys", ["team", "owner"], True),
        ("ForAnyValue:StringEquals", "s3:RequestObjectTagKeys", ["team"], False),
        ("ForAnyValue:StringNotEquals", "aws:TagKeys", ["team"], True),
        ("ForAllValues:StringNotEquals", "aws:TagKeys", ["team"], False),
        ("Bool", "aws:SecureTransport", "true", True),
        ("Bool", "aws:SecureTransport", False, False),
        ("BoolIfExists", "aws:MultiFactorAuthPresent", "true", True),
        ("IpAddress", "aws:SourceIp", "127.0.0.0/8", True),
        ("NotIpAddress", "aws:SourceIp", ["10.0.0.0/8", "192.168.0.0/16"], True),
        ("IpAddress", "aws:RequestedRegion", "10.0.0.0/8", False),
        ("NumericLessThanEquals", "s3:max-keys", "100", True),
        ("NumericGreaterThan", "s3:max-keys", 100, False),
        ("NumericNotEquals", "s3:max-keys", "7", True),
        ("DateGreaterThan", "aws:CurrentTime", "2026-11-01T00:00:00Z", True),
        ("DateLessThan", "aws:CurrentTime", "2026-11-01T00:00:00Z", False),
        ("ArnLike", "ec2:LaunchTemplate", "arn:aws:ec2:*:*:launch-template/*", True),
        ("ArnNotLike", "ec2:LaunchTemplate", "arn:aws:ec2:us-*:*:launch-template/*", True),
        ("ArnEquals", "ec2:LaunchTemplate", "arn:aws:ec2:*:*:instance/*", False),
    ],
)
def test_a_condition_holds_as_iam_documents_it(operator: str, key: str, wanted: object, held: bool) -> None:
    assert fits({operator: {key: wanted}}, REQUEST) is held


def test_every_key_of_every_operator_must_hold() -> None:
    region, team = {"aws:RequestedRegion": "eu-central-1"}, {"aws:RequestTag/team": "shop*"}
    assert fits({"StringEquals": region, "StringLike": team}, REQUEST)
    assert not fits({"StringEquals": region | {"aws:RequestTag/team": "other"}}, REQUEST)


def test_an_operator_that_there_is_not_is_told() -> None:
    with pytest.raises(ValueError, match="StringAlmostEquals"):
        fits({"StringAlmostEquals": {"aws:RequestedRegion": "eu-central-1"}}, REQUEST)


def test_a_role_trusts_whom_its_policy_names() -> None:
    trust = {
        "Statement": {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": "arn:aws:iam::1:user/a"},
            "Condition": {"StringEquals": {"sts:ExternalId": "x"}},
        }
    }
    asked = Asked("sts:AssumeRole", "arn:aws:iam::1:role/r", {"sts:externalid": ["x"]})
    assert trusts(trust, asked, {"AWS": {"arn:aws:iam::1:user/a", "1"}})
    assert not trusts(trust, asked, {"AWS": {"arn:aws:iam::1:user/b", "1"}})
    assert not trusts(trust, Asked("sts:AssumeRole", asked.resource), {"AWS": {"arn:aws:iam::1:user/a"}})
