"""What is asked of platforms: the versions that `platform_versions` knows, described, filtered, chosen. Custom
platforms are machine images, which cannot be built here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ebcd_local import platform_versions
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.platform_versions import LINUX, PYTHONS, Platform, number
from ebcd_local.saved_configuration import TIERS

SUPPORTED_TIERS = [f"{name}/{kind}" for name, kind in TIERS.items()]
_OTHERS = "The local Beanstalk runs Python platforms only, on Amazon Linux 2023."


def known(call: Call) -> list[Platform]:
    """Every platform version of the call's region, by branch, the newest first."""
    return platform_versions.known(call.state, call.region)


def resolve(call: Call, name: str) -> str:
    """The ARN of a platform version that is named by ARN or solution stack; without its version, an ARN names the
    branch's newest one. Raises ServiceError.
    """
    for item in known(call):
        if name in {item.arn, item.solution_stack, item.branch_arn}:
            return item.arn
    if name.startswith("arn:"):
        raise _unknown(name)
    raise invalid(f"No Solution Stack named '{name}' found.{_unless_python(name)}")


def _unknown(arn: str) -> ServiceError:
    return invalid(f"No Platform found for PlatformArn '{arn}'.{_unless_python(arn)}")


def _unless_python(name: str) -> str:
    """Why there is no such platform, where it is not a Python platform."""
    return "" if "Python" in name else f" {_OTHERS}"


def choose(call: Call, given: Structure, fallback: str = "") -> str:
    """The platform that a request chooses, by ARN or solution stack. Raises ServiceError."""
    stack, platform = given.get("SolutionStackName"), given.get("PlatformArn")
    if stack and platform:
        raise ServiceError("InvalidParameterCombination", "Specify PlatformArn or SolutionStackName, not both.")
    if stack or platform:
        return resolve(call, platform or stack or "")
    if not fallback:
        raise invalid("Unable to determine base for template pack (no solution stack)")
    return fallback


def list_platform_versions(call: Call, given: Structure) -> Structure:
    """ListPlatformVersions."""
    found = [item for item in known(call) if _passes(_facts(item), given.get("Filters", []), "Type")]
    shown, token = page(found, given, most=1000)
    return {"PlatformSummaryList": [_summary(item) for item in shown], "NextToken": token}


def list_platform_branches(call: Call, given: Structure) -> Structure:
    """ListPlatformBranches."""
    found = [
        item
        for item in known(call)
        if item.recommended and _passes(_branch_facts(item), given.get("Filters", []), "Attribute")
    ]
    shown, token = page(found, given, most=1000)
    return {"PlatformBranchSummaryList": [_branch_summary(item) for item in shown], "NextToken": token}


def describe_platform_version(call: Call, given: Structure) -> Structure:
    """DescribePlatformVersion."""
    platform = _known(call, given)
    return {
        "PlatformDescription": {
            **_summary(platform),
            "PlatformName": platform.branch,
            "SolutionStackName": platform.solution_stack,
            "DateCreated": platform.released,
            "DateUpdated": platform.released,
            "Description": f"{LINUX} running Python {platform.python}",
            "Maintainer": "aws-elasticbeanstalk",
            "ProgrammingLanguages": [{"Name": "Python", "Version": platform.python}],
            "Frameworks": [],
            "CustomAmiList": [
                {"VirtualizationType": "pv", "ImageId": ""},
                {"VirtualizationType": "hvm", "ImageId": platform.image("x86_64")},
            ],
            "DefaultAmiList": [
                {"Architecture": name, "ImageId": platform.image(name)} for name in platform_versions.ARCHITECTURES
            ],
        }
    }


def create_platform_version(_: Call, __: Structure) -> Structure:
    """CreatePlatformVersion: refused, for a custom platform is a machine image."""
    raise ServiceError("ElasticBeanstalkServiceException", "The local Beanstalk cannot build custom platforms.")


def delete_platform_version(call: Call, given: Structure) -> Structure:
    """DeletePlatformVersion: refused, for every platform here is the service's own."""
    platform = _known(call, given)
    users = [item.name for item in call.living() if item.platform_arn == platform.arn]
    if users:
        raise ServiceError("PlatformVersionStillReferencedException", f"Environment {users[0]} uses {platform.arn}.")
    raise ServiceError("InsufficientPrivilegesException", f"{platform.arn} belongs to AWSElasticBeanstalk.", 403)


def list_available_solution_stacks(call: Call, _: Structure) -> Structure:
    """ListAvailableSolutionStacks."""
    stacks = [item.solution_stack for item in known(call)]
    details = [{"SolutionStackName": stack, "PermittedFileTypes": ["zip"]} for stack in stacks]
    return {"SolutionStacks": stacks, "SolutionStackDetails": details}


def _known(call: Call, given: Structure) -> Platform:
    arn = given.get("PlatformArn")
    if not arn:
        raise ServiceError("MissingRequiredParameter", "A PlatformArn is required.")
    for item in known(call):
        if arn in {item.arn, item.branch_arn}:
            return item
    raise _unknown(arn)


def _summary(item: Platform) -> dict[str, Any]:
    found: dict[str, Any] = {
        "PlatformArn": item.arn,
        "PlatformOwner": "AWSElasticBeanstalk",
        "PlatformStatus": "Ready",
        "PlatformCategory": "Python",
        "OperatingSystemName": "Amazon Linux",
        "OperatingSystemVersion": "2023",
        "SupportedTierList": SUPPORTED_TIERS,
        "SupportedAddonList": ["Log/S3", "Monitoring/Healthd", "WorkerDaemon/SQSD"],
        "PlatformVersion": item.version,
        "PlatformBranchName": item.branch,
        "PlatformBranchLifecycleState": "Supported",
    }
    return found | ({"PlatformLifecycleState": "Recommended"} if item.recommended else {})


def _branch_summary(item: Platform) -> dict[str, Any]:
    return {
        "PlatformName": f"Python on {LINUX}",
        "BranchName": item.branch,
        "LifecycleState": "Supported",
        "BranchOrder": PYTHONS.index(item.python),
        "SupportedTierList": SUPPORTED_TIERS,
    }


def _facts(item: Platform) -> dict[str, list[str]]:
    """What ListPlatformVersions filters by.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_PlatformFilter.html
    """
    summary = _summary(item)
    return {
        "PlatformName": [item.branch],
        "PlatformVersion": [item.version],
        "PlatformStatus": ["Ready"],
        "PlatformBranchName": [item.branch],
        "PlatformLifecycleState": [summary.get("PlatformLifecycleState", "")],
        "PlatformOwner": ["AWSElasticBeanstalk"],
        "SupportedTier": SUPPORTED_TIERS,
        "SupportedAddon": summary["SupportedAddonList"],
        "ProgrammingLanguageName": ["Python"],
        "OperatingSystemName": ["Amazon Linux"],
    }


def _branch_facts(item: Platform) -> dict[str, list[str]]:
    """What ListPlatformBranches filters by.

    Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/api/API_SearchFilter.html
    """
    summary = _branch_summary(item)
    return {
        "BranchName": [item.branch],
        "LifecycleState": ["Supported"],
        "PlatformName": [summary["PlatformName"]],
        "TierType": SUPPORTED_TIERS,
    }


_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "=": lambda value, wanted: value in wanted,
    "in": lambda value, wanted: value in wanted,
    "!=": lambda value, wanted: value not in wanted,
    "not_in": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: any(part in value for part in wanted),
    "begins_with": lambda value, wanted: value.startswith(tuple(wanted)),
    "ends_with": lambda value, wanted: value.endswith(tuple(wanted)),
    "<": lambda value, wanted: number(value) < number(wanted[0]),
    "<=": lambda value, wanted: number(value) <= number(wanted[0]),
    ">": lambda value, wanted: number(value) > number(wanted[0]),
    ">=": lambda value, wanted: number(value) >= number(wanted[0]),
}


def _passes(facts: Mapping[str, list[str]], filters: Iterable[Structure], attribute: str) -> bool:
    passed = [_one_passes(facts, item, attribute) for item in filters]  # each one is checked for what it names
    return all(passed)


def _one_passes(facts: Mapping[str, list[str]], item: Structure, attribute: str) -> bool:
    name, operator, wanted = item.get(attribute, ""), item.get("Operator", "="), item.get("Values", [])
    if name not in facts:
        raise invalid(f"'{name}' is no {attribute} of a filter; there are {', '.join(facts)}.")
    if operator not in _OPERATORS or not wanted:
        raise invalid(f"The filter for {name} needs Values and one of the operators {' '.join(_OPERATORS)}.")
    test = _OPERATORS[operator]
    every = operator in {"!=", "not_in"}
    return (all if every else any)(test(value, wanted) for value in facts[name])


SERVED: dict[str, Operation] = {
    "ListPlatformVersions": list_platform_versions,
    "ListPlatformBranches": list_platform_branches,
    "DescribePlatformVersion": describe_platform_version,
    "CreatePlatformVersion": create_platform_version,
    "DeletePlatformVersion": delete_platform_version,
    "ListAvailableSolutionStacks": list_available_solution_stacks,
}
