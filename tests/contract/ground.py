"""What the tests stand on: an application with its versions, the roles of environments, and three environments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from account import TAG, Account
from botocore.exceptions import ClientError
from source import BUNDLES

from ebcd.aws.models import OPERATIONS
from ebcd.bootstrap import Brought, bring
from ebcd.clock import SystemClock
from ebcd.model import ApplicationVersion, Environment, OptionSetting, Reach
from ebcd.permissions.template import Wanted, template
from ebcd.release.execute.events import FAILURES

BRANCH = "Python 3.13 running on 64bit Amazon Linux 2023"
LAUNCH = 900.0
"""Seconds that an environment has to come up, and to take an update."""
SOON = 180.0
"""Seconds that AWS has for what it does within seconds: a swap, a version's processing."""
PROPERTIES = "aws:elasticbeanstalk:application:environment"
JSON = '{"Version": 1, "Rules": {"Environment": {"Application": {"ApplicationRequests4xx": {"Enabled": false}}}}}'
"""A ConfigDocument, with spaces."""
LABELS = ("one", "two", "facts", "fails")
"""The versions of the application."""


@dataclass(frozen=True)
class Network:
    """The account's default network."""

    vpc: str
    subnets: tuple[str, ...]
    """In order."""
    group: str
    """Its default security group."""


class NoNetwork(Exception):
    """The account has no default VPC in the region."""


def network(account: Account) -> Network:
    """The account's default VPC. Raises NoNetwork."""
    ec2 = account.client("ec2")
    vpcs = ec2.describe_vpcs(Filters=[{"Name": "is-default", "Values": ["true"]}])["Vpcs"]
    if not vpcs:
        raise NoNetwork(
            f"There is no default VPC in {account.region}. To make one: aws ec2 create-default-vpc "
            f"--region {account.region}"
        )
    inside = {"Name": "vpc-id", "Values": [vpcs[0]["VpcId"]]}
    subnets = ec2.describe_subnets(Filters=[inside, {"Name": "default-for-az", "Values": ["true"]}])["Subnets"]
    groups = ec2.describe_security_groups(Filters=[inside, {"Name": "group-name", "Values": ["default"]}])
    return Network(
        vpcs[0]["VpcId"], tuple(sorted(item["SubnetId"] for item in subnets)), groups["SecurityGroups"][0]["GroupId"]
    )


class Ground:
    """An application of the run's own and what it has, each made when it is first needed."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.eb = account.client("elasticbeanstalk")
        self.beanstalk = account.beanstalk
        self.until = account.until

    @cached_property
    def application(self) -> str:
        """The application, which is there, and the bucket, and the versions LABELS."""
        self.eb.create_application(ApplicationName=self.account.name, Tags=self.account.tags)
        self.beanstalk.create_storage_location()
        for label in LABELS:
            self.publish(label)
        for label in LABELS:
            self.processed(label)
        return self.account.name

    def publish(self, label: str) -> ApplicationVersion:
        """Upload a bundle of BUNDLES and create its version, as ebcd does."""
        key = self.key(f"{label}.zip")
        self.account.storage.create(key, BUNDLES[label])
        version = ApplicationVersion(label, "", self.account.storage.bucket, key, f"the bundle {label}")
        self.beanstalk.create_version(version, self.account.name)
        return version

    def processed(self, label: str) -> ApplicationVersion:
        """The version, once Beanstalk is through with it."""

        def read() -> ApplicationVersion | None:
            return self.beanstalk.version(self.account.name, label)

        ended = {"processed", "failed"}
        found = self.until(read, lambda version: version is not None and version.status.lower() in ended, SOON)
        assert found is not None
        return found

    def key(self, name: str) -> str:
        """A key of the run's own in the bucket."""
        return f"ebcd/{self.account.name}/{name}"

    @cached_property
    def network(self) -> Network:
        """The account's default network."""
        return network(self.account)

    @cached_property
    def platform(self) -> str:
        """The ARN of the platform version."""
        return self.beanstalk.platform_arn(BRANCH)

    @cached_property
    def roles(self) -> Mapping[str, str]:
        """The roles of environments: the outputs of the stack that brings them."""
        return self.bring_roles().stack.outputs

    def bring_roles(self) -> Brought:
        """Bring `ebcd bootstrap`'s stack, as it does."""
        wanted = Wanted(self.application, worker=True)
        return bring(self.account.stacks, SystemClock(), wanted, template(wanted, OPERATIONS), lambda _: None, Reach())

    def options(self, *, health: str = "enhanced", **more: str) -> list[OptionSetting]:
        """What every environment of the run is made with. more: options by `namespace|name`."""
        found = {
            "aws:autoscaling:launchconfiguration|IamInstanceProfile": self.roles["InstanceProfile"],
            "aws:ec2:instances|InstanceTypes": "t3.micro",
            "aws:ec2:vpc|VPCId": self.network.vpc,
            "aws:ec2:vpc|Subnets": ", ".join(reversed(self.network.subnets)),
            "aws:ec2:vpc|AssociatePublicIpAddress": "true",
            "aws:elasticbeanstalk:environment|EnvironmentType": "SingleInstance",
            "aws:elasticbeanstalk:environment|ServiceRole": self.roles["ServiceRole"],
            "aws:elasticbeanstalk:healthreporting:system|SystemType": health,
            f"{PROPERTIES}|COLOR": "blue",
        } | more
        places = {tuple(key.split("|", 1)): value for key, value in found.items()}
        return [OptionSetting(namespace, name, value) for (namespace, name), value in places.items()]

    def launch(
        self, name: str, options: Iterable[OptionSetting], *, prefix: str | None = None, worker: bool = False
    ) -> None:
        """Begin to create an environment, as ebcd does."""
        self.beanstalk.create_environment(
            application=self.application,
            name=name,
            label="one",
            cname_prefix=prefix,
            options=options,
            tags={TAG: self.account.run, "color": "blue"},
            platform_arn=self.platform,
            worker=worker,
        )

    def seen(self, name: str) -> None:
        """Wait until an environment that was just created is described: a read may lag behind its creation."""
        self.until(lambda: self.beanstalk.environment(self.application, name), lambda found: found is not None, SOON)

    def environment(self, name: str) -> Environment:
        """An environment that stands."""
        found = self.beanstalk.environment(self.account.name, name)
        assert found is not None, f"{name} is gone"
        return found

    def ready(self, *names: str, seconds: float = LAUNCH) -> None:
        """Wait until environments are Ready."""
        self.until(lambda: {self.environment(name).status for name in names}, lambda found: found == {"Ready"}, seconds)

    def deployed(self, name: str, label: str) -> None:
        """Wait until an environment is Ready on a version."""
        wanted = ("Ready", label)
        self.until(lambda: self.environment(name), lambda found: (found.status, found.version_label) == wanted, LAUNCH)

    def deploy(self, name: str, *labels: str) -> None:
        """Deploy versions one after another to an environment that is Ready. Fails as soon as one of them fails."""
        for label in labels:
            self._deploy(name, label)

    def _deploy(self, name: str, label: str) -> None:
        after = self.newest_event(name)

        def outcome() -> tuple[str, str]:
            assert not (told := self.failures(name, after)), told
            found = self.environment(name)
            return found.status, found.version_label

        self.beanstalk.update_version(name, label)
        self.until(outcome, lambda found: found == ("Ready", label), LAUNCH)

    def newest_event(self, name: str) -> datetime:
        """When the newest event of an environment was."""
        return self.beanstalk.events(self.application, name, limit=1)[0].time

    def failures(self, name: str, after: datetime) -> list[str]:
        """The events of an environment that tell of a failure, behind a time."""
        events = self.beanstalk.events(self.application, name, after + timedelta(milliseconds=1))
        return [event.message for event in events if event.severity in FAILURES]

    def described(self, name: str) -> dict[str, Any]:
        """An environment as the service describes it."""
        (found,) = self.eb.describe_environments(EnvironmentNames=[name], IncludeDeleted=False)["Environments"]
        return dict(found)


@dataclass(frozen=True)
class Environments:
    """Three environments of one instance each, launched together. Tests leave the first two Ready, on version one."""

    ground: Ground
    enhanced: str
    """A web environment that reports enhanced health and has a CNAME prefix of its own."""
    basic: str
    """One that reports basic health."""
    worker: str
    """A worker, which a test may end."""

    @property
    def prefix(self) -> str:
        """The CNAME prefix that the first is created with."""
        return f"{self.ground.account.name}-live"


def launched(ground: Ground) -> Environments:
    """The environments, all of them Ready."""
    name = ground.account.name
    made = Environments(ground, f"{name}-enhanced", f"{name}-basic", f"{name}-worker")
    more = {
        "aws:autoscaling:launchconfiguration|SecurityGroups": ground.network.group,
        "aws:elasticbeanstalk:healthreporting:system|ConfigDocument": JSON,
    }
    ground.launch(made.enhanced, ground.options(**more), prefix=made.prefix)
    ground.launch(made.basic, ground.options(health="basic"))
    ground.launch(made.worker, ground.options(), worker=True)
    everything = (made.enhanced, made.basic, made.worker)
    for item in everything:
        ground.seen(item)
    ground.ready(*everything)
    return made


def refusal(error: ClientError) -> tuple[str, str]:
    """A refusal's code and message."""
    return error.response["Error"]["Code"], error.response["Error"]["Message"]
