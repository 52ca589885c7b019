"""EC2's DescribeInstances, of the instances that environments run here: moto, which serves the rest of EC2, knows none
of them.

Source: https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeInstances.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from xml.sax.saxutils import escape

from ebcd_local import options, platform_versions
from ebcd_local.errors import ServiceError
from ebcd_local.fleet import Fleet
from ebcd_local.records import Environment

NAMESPACE = "http://ec2.amazonaws.com/doc/2016-11-15/"
_LAUNCH = "aws:autoscaling:launchconfiguration"
_INSTANCES = "aws:ec2:instances"
_DEFAULT_TYPE = {"x86_64": "t3.micro", "arm64": "t4g.micro"}
_GRAVITON = re.compile(r"a1\.|[a-z]+[0-9]+g[a-z]*\.")
"""What the names of arm64 instance types begin with."""
_FILTER = re.compile(r"Filter\.(\d+)\.(?:Name|Value\.\d+)")


@dataclass(frozen=True, slots=True)
class Ec2Instance:
    """An instance, as EC2 tells of it."""

    id: str
    image: str
    kind: str
    """Its instance type."""
    architecture: str
    launched: datetime
    tags: Mapping[str, str]


def describe_instances(fleet: Fleet, region: str, parameters: Mapping[str, str], request_id: str) -> str:
    """The answer, in XML. Raises ServiceError for an instance or a filter that there is not."""
    found = list(_running(fleet, region))
    if wanted := [value for name, value in parameters.items() if re.fullmatch(r"InstanceId\.\d+", name)]:
        if unknown := set(wanted) - {item.id for item in found}:
            raise ServiceError("InvalidInstanceID.NotFound", f"The instance ID '{min(unknown)}' does not exist")
        found = [item for item in found if item.id in wanted]
    for name, values in _filters(parameters):
        found = [item for item in found if any(_matches(item, name, value) for value in values)]
    return (
        f'<DescribeInstancesResponse xmlns="{NAMESPACE}"><requestId>{request_id}</requestId><reservationSet>'
        f"{''.join(map(_reservation, found))}</reservationSet></DescribeInstancesResponse>"
    )


def instance_type(found: options.Options) -> tuple[str, str]:
    """The instance type that an environment's option settings ask for, and its architecture."""
    asked = found.get((_INSTANCES, "InstanceTypes")) or found.get((_LAUNCH, "InstanceType")) or ""
    kind = asked.split(",")[0].strip()
    if kind:
        return kind, "arm64" if _GRAVITON.match(kind) else "x86_64"
    architecture = found.get((_INSTANCES, "SupportedArchitectures"), "x86_64").split(",")[0].strip()
    return _DEFAULT_TYPE[architecture], architecture


def image(environment: Environment, found: options.Options) -> str:
    """The machine image that an environment's instances start from: its own, or its platform version's."""
    own = found.get((_LAUNCH, "ImageId"), "")
    return own or platform_versions.image(environment.platform_arn, instance_type(found)[1])


def _running(fleet: Fleet, region: str) -> Iterator[Ec2Instance]:
    for environment in fleet.state.living():
        if environment.region != region:
            continue
        found = fleet.effective(environment)
        runs, kind = image(environment, found), instance_type(found)
        tags = {
            **environment.tags,
            "Name": environment.name,
            "elasticbeanstalk:environment-name": environment.name,
            "elasticbeanstalk:environment-id": environment.id,
        }
        for member in fleet.members(environment.key):
            yield Ec2Instance(member.instance.id, runs, *kind, member.launched, tags)


def _filters(parameters: Mapping[str, str]) -> Iterator[tuple[str, list[str]]]:
    """Name and values of each filter."""
    numbers = sorted({int(found[1]) for name in parameters if (found := _FILTER.fullmatch(name))})
    for number in numbers:
        values = [value for name, value in parameters.items() if name.startswith(f"Filter.{number}.Value.")]
        yield parameters.get(f"Filter.{number}.Name", ""), values


def _matches(item: Ec2Instance, name: str, wanted: str) -> bool:
    """Whether an instance passes a filter's value, in which * and ? are wildcards. Raises ServiceError."""
    facts = {
        "instance-id": item.id,
        "image-id": item.image,
        "instance-type": item.kind,
        "architecture": item.architecture,
        "instance-state-name": "running",
    }
    if name.startswith("tag:"):
        key = name.removeprefix("tag:")
        return key in item.tags and fnmatchcase(item.tags[key], wanted)
    if name == "tag-key":
        return wanted in item.tags
    if name not in facts:
        raise ServiceError("InvalidParameterValue", f"The filter '{name}' is not served by the local Beanstalk.")
    return fnmatchcase(facts[name], wanted)


def _reservation(item: Ec2Instance) -> str:
    tags = "".join(
        f"<item><key>{escape(key)}</key><value>{escape(value)}</value></item>" for key, value in item.tags.items()
    )
    return (
        f"<item><reservationId>r-{item.id[2:]}</reservationId><groupSet/><instancesSet><item>"
        f"<instanceId>{item.id}</instanceId><imageId>{escape(item.image)}</imageId>"
        f"<instanceState><code>16</code><name>running</name></instanceState>"
        f"<instanceType>{escape(item.kind)}</instanceType><architecture>{item.architecture}</architecture>"
        f"<launchTime>{item.launched.isoformat(timespec='milliseconds')}</launchTime><tagSet>{tags}</tagSet>"
        "</item></instancesSet></item>"
    )
