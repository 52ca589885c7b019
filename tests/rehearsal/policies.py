"""What the roles of `ebcd bootstrap` allow, asked of calls as a run made them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

from engine import Sent

from ebcd.aws.models import OPERATIONS
from ebcd.permissions import actions, grants
from ebcd.permissions.grant import Grant

ACCOUNT, REGION = "123456789012", "eu-central-1"
BEANSTALK = frozenset(OPERATIONS["elasticbeanstalk"])


@dataclass(frozen=True)
class Policy:
    """The statements of a role."""

    application: str
    granted: list[Grant]

    @classmethod
    def deploy(cls, application: str) -> Policy:
        return cls(application, grants.deploy(OPERATIONS, application, worker=True))

    @classmethod
    def rollback(cls, application: str) -> Policy:
        return cls(application, grants.rollback(OPERATIONS, application))

    def denied(self, calls: Iterable[Sent]) -> list[str]:
        """The calls that it does not allow, each once."""
        asked = {(action, arn) for sent in calls for action, arn in needed(sent, self.application)}
        return sorted(f"{action} {arn}" for action, arn in asked if not self._allows(action, arn))

    def _allows(self, action: str, arn: str) -> bool:
        return any(
            fnmatchcase(action, name) and fnmatchcase(arn, here(resource))
            for grant in self.granted
            for name in grant.actions
            for resource in grant.resources
        )


def here(resource: str) -> str:
    """A resource of a grant, in the local Beanstalk's account."""
    for name, value in (("Partition", "aws"), ("Region", REGION), ("AccountId", ACCOUNT)):
        resource = resource.replace(f"${{AWS::{name}}}", value)
    return resource


def needed(sent: Sent, own: str) -> list[tuple[str, str]]:
    """Which actions on which resources a call needs. own: the application that was released."""
    if sent.operation in BEANSTALK:
        return [(f"elasticbeanstalk:{sent.operation}", _about(sent, own))]
    if sent.operation not in actions.S3_ACTIONS:
        assert sent.operation == "GetCallerIdentity", sent  # everybody may
        return []
    bucket = f"arn:aws:s3:::{sent.given['Bucket']}"
    return [(action, bucket if action in actions.OF_BUCKET else f"{bucket}/{sent.given['Key']}")
            for action in actions.S3_ACTIONS[sent.operation]]  # fmt: skip


def _about(sent: Sent, own: str) -> str:
    given = sent.given
    application = given.get("ApplicationName", "")
    home = f"arn:aws:elasticbeanstalk:{REGION}:{ACCOUNT}"
    match actions.KINDS.get(sent.operation, "").partition("/")[0]:
        case "application":
            return f"{home}:application/{application}"
        case "applicationversion":
            return f"{home}:applicationversion/{application}/{given['VersionLabel']}"
        case "configurationtemplate":
            return f"{home}:configurationtemplate/{application}/{given['TemplateName']}"
        case "environment":
            name = str(given.get("EnvironmentName") or given.get("SourceEnvironmentName") or given["EnvironmentId"])
            # An environment's ARN names its application, which most calls do not, and never its id.
            owner = own if "EnvironmentId" in given else application or name.partition("-local")[0]
            return f"{home}:environment/{owner}/{name}"
    return "*"
