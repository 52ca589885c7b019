"""What instances need to fetch the secrets that a stage's environment properties name by ARN. Pure.

The instance fetches them itself, with its own role. The key that encrypts a secret is not named in ebcd.toml and need
not be: a decryption names the secret that it is for (KMS's encryption context), which keeps the grant to the ARNs.
Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/AWSHowTo.secrets.IAM-permissions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/security-encryption.html (SecretARN)
https://docs.aws.amazon.com/systems-manager/latest/userguide/secure-string-parameter-kms-encryption.html (PARAMETER_ARN)
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from ebcd.permissions.grant import Grant

SECRETS_MANAGER, PARAMETER_STORE = "secretsmanager", "ssm"
ACTIONS = {
    SECRETS_MANAGER: ("secretsmanager:GetSecretValue",),
    PARAMETER_STORE: ("ssm:GetParameter", "ssm:GetParameters"),
}
"""Service → what an instance calls to fetch from it."""
_CONTEXT = {
    SECRETS_MANAGER: "kms:EncryptionContext:SecretARN",
    PARAMETER_STORE: "kms:EncryptionContext:PARAMETER_ARN",
}
_COMPLETE = re.compile(r"-(?=[a-z]*[A-Z0-9])[A-Za-z0-9]{6}$")
"""The six characters that Secrets Manager puts behind a name. Six small letters may be that, or a part of the name."""


def resources(arn: str) -> tuple[str, ...]:
    """IAM's resources behind a declared ARN: without the JSON key, or the parameter's version, that may follow it.

    A secret's ARN without its last six characters stands for whatever characters it has.
    """
    service = service_of(arn)
    plain = ":".join(arn.split(":")[: 7 if service == SECRETS_MANAGER else 6])
    whole = service == PARAMETER_STORE or _COMPLETE.search(plain)
    return (plain,) if whole else (plain, f"{plain}-??????")


def service_of(arn: str) -> str:
    """The service that keeps a declared secret."""
    return arn.split(":")[2]


def reads(arns: Iterable[str]) -> list[Grant]:
    """To fetch the declared secrets and parameters, and no others; nothing where none is declared."""
    declared = sorted(set(arns))
    return [grant for service in ACTIONS for grant in _reads(service, declared)]


def _reads(service: str, declared: list[str]) -> Iterator[Grant]:
    own = [arn for arn in declared if service_of(arn) == service]
    if not own:
        return
    named = tuple(dict.fromkeys(item for arn in own for item in resources(arn)))
    title = {SECRETS_MANAGER: "Secret", PARAMETER_STORE: "Parameter"}[service]
    why = "An instance fetches what environment properties name by ARN."
    yield Grant(f"{title}s", why, ACTIONS[service], named)
    regions = sorted({arn.split(":")[3] for arn in own})
    condition = {
        "StringEquals": {"kms:ViaService": [f"{service}.{region}.${{AWS::URLSuffix}}" for region in regions]},
        "StringLike": {_CONTEXT[service]: list(named)},
    }
    keys = ("arn:${AWS::Partition}:kms:*:*:key/*",)
    yield Grant(f"{title}Keys", "One may be encrypted with a key of one's own.", ("kms:Decrypt",), keys, condition)
