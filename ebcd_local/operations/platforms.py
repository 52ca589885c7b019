"""The Python platforms. Bundles run on the interpreter that the local Beanstalk itself runs on, whatever is chosen."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ebcd_local.errors import ServiceError, invalid
from ebcd_local.operations.call import Call, Operation, Structure, page

VERSION = "4.7.1"
LINUX = "64bit Amazon Linux 2023"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def branches() -> list[str]:
    """The platform branches."""
    return [f"Python {python} running on {LINUX}" for python in PYTHONS]


def arn(region: str, branch: str) -> str:
    """The ARN of a branch's platform version."""
    return f"arn:aws:elasticbeanstalk:{region}::platform/{branch}/{VERSION}"


def solution_stack(platform_arn: str) -> str:
    """The solution stack's name of a platform version."""
    branch = platform_arn.split("/")[1] if "/" in platform_arn else ""
    return f"{LINUX} v{VERSION} running {branch.partition(' running ')[0]}"


def choose(call: Call, given: Structure) -> str:
    """The platform that a request chooses, by ARN or solution stack. Raises ServiceError."""
    stack, platform = given.get("SolutionStackName"), given.get("PlatformArn")
    if stack and platform:
        raise ServiceError("InvalidParameterCombination", "Specify PlatformArn or SolutionStackName, not both.")
    known = [arn(call.region, branch) for branch in branches()]
    if platform:
        if platform not in known:
            raise invalid(f"No Platform found for PlatformArn '{platform}'.")
        return str(platform)
    for item in known:
        if solution_stack(item) == stack:
            return item
    if stack:
        raise invalid(f"No Solution Stack named '{stack}' found.")
    raise ServiceError("MissingRequiredParameter", "A PlatformArn or a SolutionStackName is required.")


def list_platform_versions(call: Call, given: Structure) -> Structure:
    """ListPlatformVersions."""
    found = [_summary(call.region, branch) for branch in branches()]
    chosen = [item for item in found if _passes(item, given.get("Filters", []))]
    shown, token = page(chosen, given, most=1000)
    return {"PlatformSummaryList": shown, "NextToken": token}


def list_platform_branches(_: Call, given: Structure) -> Structure:
    """ListPlatformBranches."""
    found = [{"PlatformName": f"Python on {LINUX}", "BranchName": branch, "LifecycleState": "Supported",
              "BranchOrder": order, "SupportedTierList": ["WebServer/Standard"]}
             for order, branch in enumerate(branches())]  # fmt: skip
    shown, token = page(found, given, most=1000)
    return {"PlatformBranchSummaryList": shown, "NextToken": token}


def list_available_solution_stacks(call: Call, _: Structure) -> Structure:
    """ListAvailableSolutionStacks."""
    stacks = [solution_stack(arn(call.region, branch)) for branch in branches()]
    details = [{"SolutionStackName": stack, "PermittedFileTypes": ["zip"]} for stack in stacks]
    return {"SolutionStacks": stacks, "SolutionStackDetails": details}


def _summary(region: str, branch: str) -> dict[str, Any]:
    return {
        "PlatformArn": arn(region, branch),
        "PlatformOwner": "AWSElasticBeanstalk",
        "PlatformStatus": "Ready",
        "PlatformCategory": "Python",
        "OperatingSystemName": "Amazon Linux",
        "OperatingSystemVersion": "2023",
        "SupportedTierList": ["WebServer/Standard"],
        "PlatformLifecycleState": "recommended",
        "PlatformVersion": VERSION,
        "PlatformBranchName": branch,
        "PlatformBranchLifecycleState": "supported",
    }


def _passes(summary: dict[str, Any], filters: Iterable[Structure]) -> bool:
    for item in filters:
        value, wanted = str(summary.get(item["Type"], "")), item.get("Values", [])
        match item.get("Operator", "="):
            case "=" | "in":
                passed = value in wanted
            case "!=" | "not_in":
                passed = value not in wanted
            case "contains":
                passed = any(part in value for part in wanted)
            case "begins_with":
                passed = any(value.startswith(part) for part in wanted)
            case "ends_with":
                passed = any(value.endswith(part) for part in wanted)
            case other:
                raise invalid(f"The operator {other!r} is not served by the local Beanstalk.")
        if not passed:
            return False
    return True


SERVED: dict[str, Operation] = {
    "ListPlatformVersions": list_platform_versions,
    "ListPlatformBranches": list_platform_branches,
    "ListAvailableSolutionStacks": list_available_solution_stacks,
}
