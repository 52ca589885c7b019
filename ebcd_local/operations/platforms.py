"""The Python platforms, two versions of each branch. Bundles run on the interpreter that the local Beanstalk itself
runs on, whatever is chosen. Custom platforms are machine images, which cannot be built here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from ebcd_local import partitions
from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations.call import Call, Operation, Structure, page
from ebcd_local.saved_configuration import TIERS

VERSIONS = ("4.7.1", "4.7.0")
"""The newest first."""
LINUX = "64bit Amazon Linux 2023"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
SUPPORTED_TIERS = [f"{name}/{kind}" for name, kind in TIERS.items()]
_RELEASED = {"4.7.1": datetime(2025, 9, 3, tzinfo=UTC), "4.7.0": datetime(2025, 8, 6, tzinfo=UTC)}


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform version."""

    region: str
    python: str
    version: str

    @property
    def branch(self) -> str:
        """The platform branch's name."""
        return f"Python {self.python} running on {LINUX}"

    @property
    def arn(self) -> str:
        """The platform version's ARN."""
        return partitions.arn("elasticbeanstalk", self.region, "", f"platform/{self.branch}/{self.version}")

    @property
    def solution_stack(self) -> str:
        """The solution stack's name."""
        return f"{LINUX} v{self.version} running Python {self.python}"

    @property
    def image(self) -> str:
        """The machine image's id: one for each platform version and region, and of nothing that exists."""
        return f"ami-{hashlib.sha256(self.arn.encode()).hexdigest()[:17]}"


def known(region: str) -> list[Platform]:
    """Every platform version of a region, by branch, the newest first."""
    return [Platform(region, python, version) for python in PYTHONS for version in VERSIONS]


def solution_stack(platform_arn: str) -> str:
    """The solution stack's name of a platform version."""
    region = platform_arn.split(":")[3] if platform_arn.count(":") > 3 else ""
    return next((item.solution_stack for item in known(region) if item.arn == platform_arn), "")


def newer(platform_arn: str, level: str) -> str:
    """The newest version of the same branch that an update of a level (patch, minor) leads to; empty when none does."""
    branch, _, version = platform_arn.rpartition("/")
    parts = 1 if level == "minor" else 2
    for item in VERSIONS:
        if _number(item) > _number(version) and item.split(".")[:parts] == version.split(".")[:parts]:
            return f"{branch}/{item}"
    return ""


def resolve(call: Call, name: str) -> str:
    """The ARN of a platform version that is named by ARN (with or without its version) or solution stack.
    Raises ServiceError.
    """
    for item in known(call.region):
        if name in {item.arn, item.solution_stack, item.arn.rpartition("/")[0]}:
            return item.arn
    if name.startswith("arn:"):
        raise invalid(f"No Platform found for PlatformArn '{name}'.")
    raise invalid(f"No Solution Stack named '{name}' found.")


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
    found = [item for item in known(call.region) if _passes(_facts(item), given.get("Filters", []), "Type")]
    shown, token = page(found, given, most=1000)
    return {"PlatformSummaryList": [_summary(item) for item in shown], "NextToken": token}


def list_platform_branches(call: Call, given: Structure) -> Structure:
    """ListPlatformBranches."""
    found = [item for item in known(call.region) if item.version == VERSIONS[0]
             and _passes(_branch_facts(item), given.get("Filters", []), "Attribute")]  # fmt: skip
    shown, token = page(found, given, most=1000)
    return {"PlatformBranchSummaryList": [_branch_summary(item) for item in shown], "NextToken": token}


def describe_platform_version(call: Call, given: Structure) -> Structure:
    """DescribePlatformVersion."""
    platform = _known(call, given)
    released = _RELEASED[platform.version]
    return {
        "PlatformDescription": {
            **_summary(platform),
            "PlatformName": platform.branch,
            "SolutionStackName": platform.solution_stack,
            "DateCreated": released,
            "DateUpdated": released,
            "Description": f"{LINUX} running Python {platform.python}",
            "Maintainer": "aws-elasticbeanstalk",
            "ProgrammingLanguages": [{"Name": "Python", "Version": platform.python}],
            "Frameworks": [],
            "CustomAmiList": [
                {"VirtualizationType": "pv", "ImageId": ""},
                {"VirtualizationType": "hvm", "ImageId": platform.image},
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
    stacks = [item.solution_stack for item in known(call.region)]
    details = [{"SolutionStackName": stack, "PermittedFileTypes": ["zip"]} for stack in stacks]
    return {"SolutionStacks": stacks, "SolutionStackDetails": details}


def _known(call: Call, given: Structure) -> Platform:
    arn = given.get("PlatformArn")
    if not arn:
        raise ServiceError("MissingRequiredParameter", "A PlatformArn is required.")
    for item in known(call.region):
        if item.arn == arn:
            return item
    raise invalid(f"No Platform found for PlatformArn '{arn}'.")


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
    return found | ({"PlatformLifecycleState": "Recommended"} if item.version == VERSIONS[0] else {})


def _branch_summary(item: Platform) -> dict[str, Any]:
    return {"PlatformName": f"Python on {LINUX}", "BranchName": item.branch, "LifecycleState": "Supported",
            "BranchOrder": PYTHONS.index(item.python), "SupportedTierList": SUPPORTED_TIERS}  # fmt: skip


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
    return {"BranchName": [item.branch], "LifecycleState": ["Supported"], "PlatformName": [summary["PlatformName"]],
            "TierType": SUPPORTED_TIERS}  # fmt: skip


_OPERATORS: dict[str, Callable[[str, list[str]], bool]] = {
    "=": lambda value, wanted: value in wanted,
    "in": lambda value, wanted: value in wanted,
    "!=": lambda value, wanted: value not in wanted,
    "not_in": lambda value, wanted: value not in wanted,
    "contains": lambda value, wanted: any(part in value for part in wanted),
    "begins_with": lambda value, wanted: value.startswith(tuple(wanted)),
    "ends_with": lambda value, wanted: value.endswith(tuple(wanted)),
    "<": lambda value, wanted: _number(value) < _number(wanted[0]),
    "<=": lambda value, wanted: _number(value) <= _number(wanted[0]),
    ">": lambda value, wanted: _number(value) > _number(wanted[0]),
    ">=": lambda value, wanted: _number(value) >= _number(wanted[0]),
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


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))


SERVED: dict[str, Operation] = {
    "ListPlatformVersions": list_platform_versions,
    "ListPlatformBranches": list_platform_branches,
    "DescribePlatformVersion": describe_platform_version,
    "CreatePlatformVersion": create_platform_version,
    "DeletePlatformVersion": delete_platform_version,
    "ListAvailableSolutionStacks": list_available_solution_stacks,
}
