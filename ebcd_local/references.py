"""What CloudFormation's pseudo parameters and the logical names of Beanstalk's own resources stand for in an
environment, and the functions of a template that can be computed from them.

Sources: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/ebextensions-functions.html,
https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/customize-containers-format-resources-eb.html
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from ebcd_local.records import Environment
from ebcd_local.state import ACCOUNT

OWN = "AWSEB"
"""What the logical names of the service's own resources begin with."""
PARTITION = "aws"
_VPC = "aws:ec2:vpc\x1fVPCId"
_BACKTICKS = re.compile(r"`(\{.*?\})`", re.DOTALL)
_SUB = re.compile(r"\$\{(?!!)\s*([A-Za-z0-9:.]+)\s*\}")


def names(environment: Environment) -> dict[str, str]:
    """What `Ref` says of a name, and `Fn::GetAtt` of a name and an attribute (`NAME.ATTRIBUTE`), in an environment."""
    stack = f"awseb-{environment.id}-stack"
    named = (
        "AWSEBAutoScalingGroup",
        "AWSEBAutoScalingLaunchConfiguration",
        "AWSEBCloudwatchAlarmHigh",
        "AWSEBCloudwatchAlarmLow",
    )
    groups = ("AWSEBSecurityGroup", "AWSEBLoadBalancerSecurityGroup")
    return {
        "AWS::AccountId": ACCOUNT,
        "AWS::Partition": PARTITION,
        "AWS::Region": environment.region,
        "AWS::StackId": _arn(environment, "cloudformation", f"stack/{stack}/{_digits(environment, 32)}"),
        "AWS::StackName": stack,
        "AWS::URLSuffix": "amazonaws.com",
        "AWSEBEC2LaunchTemplate": f"lt-{_digits(environment, 17)}",
        "AWSEBEnvironmentId": environment.id,
        "AWSEBEnvironmentName": environment.name,
        **{name: f"{stack}-{name}-{_suffix(environment, name)}" for name in named},
        **{
            name: _scaling_policy(environment, name)
            for name in ("AWSEBAutoScalingScaleDownPolicy", "AWSEBAutoScalingScaleUpPolicy")
        },
        **{name: security_group(environment, name) for name in groups},
        **{f"{name}.GroupId": _group_id(environment, name) for name in groups},
        **_balancers(environment),
    }


def _balancers(environment: Environment) -> dict[str, str]:
    name = f"awseb-{environment.id}"
    arn = _arn(environment, "elasticloadbalancing", f"{{}}/app/{name}/{_digits(environment, 16)}")
    address = f"{name}.{environment.region}.elb.amazonaws.com"
    return {
        "AWSEBLoadBalancer": name,
        "AWSEBLoadBalancer.DNSName": address,
        "AWSEBV2LoadBalancer": arn.format("loadbalancer"),
        "AWSEBV2LoadBalancer.DNSName": address,
        "AWSEBV2LoadBalancer.LoadBalancerName": name,
        "AWSEBV2LoadBalancerListener": f"{arn.format('listener')}/{_digits(environment, 16, 'listener')}",
        "AWSEBV2LoadBalancerTargetGroup": _arn(
            environment, "elasticloadbalancing", f"targetgroup/{name}/{_digits(environment, 16, 'targets')}"
        ),
    }


def _scaling_policy(environment: Environment, name: str) -> str:
    path = f"scalingPolicy:{_digits(environment, 32, name)}:policyName/awseb-{environment.id}-stack-{name}"
    return _arn(environment, "autoscaling", path)


def _arn(environment: Environment, service: str, path: str) -> str:
    return f"arn:{PARTITION}:{service}:{environment.region}:{ACCOUNT}:{path}"


def security_group(environment: Environment, name: str) -> str:
    """The security group that Beanstalk makes under a logical name: by its id in a VPC, else by its name."""
    if environment.options.get(_VPC):
        return _group_id(environment, name)
    return f"awseb-{environment.id}-stack-{name}-{_suffix(environment, name)}"


def substituted(value: Any, known: Mapping[str, str]) -> Any:
    """A part of a template with what is known put in: `Ref`, `Fn::GetAtt`, `Fn::Join` and `Fn::Sub` become strings
    where all that they name is known, and stay what they are where it is not.
    """
    if isinstance(value, list):
        return [substituted(item, known) for item in value]
    if not isinstance(value, dict):
        return value
    found = {name: substituted(item, known) for name, item in value.items()}
    if len(found) == 1:
        ((function, argument),) = found.items()
        text = _computed(str(function), argument, known)
        return found if text is None else text
    return found


def in_text(text: str, known: Mapping[str, str], resources: Mapping[str, str]) -> str:
    """An option setting's value, in which functions stand between backticks, with what they stand for.

    resources: what the environment's own stack tells of the functions that `known` does not answer, as JSON → value.
    """

    def put(match: re.Match[str]) -> str:
        found = _function(match[1], known)
        return found if isinstance(found, str) else resources.get(json.dumps(found, sort_keys=True), match[0])

    return _BACKTICKS.sub(put, text)


def unknown(text: str, known: Mapping[str, str]) -> Iterator[str]:
    """The functions in an option setting's value that only the environment's own stack can answer, each as JSON."""
    for match in _BACKTICKS.finditer(text):
        found = _function(match[1], known)
        if is_function(found):
            yield json.dumps(found, sort_keys=True)


def in_document(value: Any, known: Mapping[str, str], resources: Mapping[str, str]) -> Any:
    """A document, whose functions are mappings, with what they stand for."""
    found = substituted(value, known)
    if is_function(found):
        return resources.get(json.dumps(found, sort_keys=True), found)
    if isinstance(found, dict):
        return {name: in_document(item, known, resources) for name, item in found.items()}
    return [in_document(item, known, resources) for item in found] if isinstance(found, list) else found


def functions(value: Any) -> Iterator[dict[str, Any]]:
    """The functions in a document, the outermost of those that stand in one another."""
    if is_function(value):
        yield value
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from functions(item)


def is_function(value: Any) -> bool:
    """Whether a mapping is a function of a template, and not a document."""
    return isinstance(value, dict) and len(value) == 1 and next(iter(value)) in _FUNCTIONS


def _function(text: str, known: Mapping[str, str]) -> Any:
    """What stands between two backticks, with what is known put in; None for what is no JSON."""
    try:
        return substituted(json.loads(text), known)
    except (ValueError, RecursionError):
        return None


_FUNCTIONS = frozenset(
    {
        "Ref",
        "Fn::GetAtt",
        "Fn::Join",
        "Fn::Sub",
        "Fn::Select",
        "Fn::Split",
        "Fn::Base64",
        "Fn::FindInMap",
        "Fn::If",
        "Fn::ImportValue",
        "Fn::GetOptionSetting",
    }
)


def _computed(function: str, argument: Any, known: Mapping[str, str]) -> str | None:
    """What a function says, its arguments being substituted already; None where that is not known."""
    match function, argument:
        case "Ref", str():
            return known.get(argument)
        case "Fn::GetAtt", [str() as name, str() as attribute]:
            return known.get(f"{name}.{attribute}")
        case "Fn::GetAtt", str():
            return known.get(argument)
        case "Fn::Join", [str() as between, [*parts]] if all(isinstance(part, str) for part in parts):
            return between.join(parts)
        case "Fn::Sub", str():
            return _filled(argument, known)
        case "Fn::Sub", [str() as text, dict() as own] if all(isinstance(item, str) for item in own.values()):
            return _filled(text, {**known, **own})
    return None


def _filled(text: str, known: Mapping[str, str]) -> str | None:
    """A text of `Fn::Sub` with every name replaced; None where one is not known. `${!NAME}` stands for `${NAME}`."""
    if any(match[1] not in known for match in _SUB.finditer(text)):
        return None
    return _SUB.sub(lambda match: known[match[1]], text).replace("${!", "${")


def _group_id(environment: Environment, name: str) -> str:
    return f"sg-{_digits(environment, 17, name)}"


def _suffix(environment: Environment, name: str) -> str:
    """What CloudFormation ends a physical name with."""
    return _digits(environment, 12, name).upper()


def _digits(environment: Environment, count: int, of: str = "") -> str:
    """Hexadecimal digits that an environment always gets for the same thing."""
    return hashlib.sha256(f"{environment.id}/{of}".encode()).hexdigest()[:count]
