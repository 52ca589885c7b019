"""What the name of a platform tells: its branch, its version, what kind of application it runs. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/platforms/platforms-supported.html
"""

from __future__ import annotations

import re
from enum import StrEnum

_PYTHON = re.compile(r"Python 3\.(\d+) ")


class Family(StrEnum):
    """What the platforms of a language, or of containers, have in common. The value begins a branch's name."""

    PYTHON = "Python"
    DOCKER = "Docker"
    ECS = "ECS"
    """Docker on Amazon ECS: several containers."""
    NODE = "Node.js"
    GO = "Go"
    RUBY = "Ruby"
    PHP = "PHP"
    JAVA = "Corretto"
    TOMCAT = "Tomcat"
    DOTNET = ".NET"
    WINDOWS = "IIS"
    OTHER = ""
    """A custom platform, or one that is not known here: nothing can be said of what it needs."""


LOCAL_PYTHONS = ("3.11", "3.12", "3.13", "3.14")
"""The Pythons that the local Beanstalk has platforms of."""


def local_branches() -> tuple[str, ...]:
    """The platform branches of the local Beanstalk."""
    return tuple(f"Python {python} running on 64bit Amazon Linux 2023" for python in LOCAL_PYTHONS)


def nearest_branch(platform: str) -> str:
    """The branch of the local Beanstalk that is most like a platform's name; empty where none is."""
    from difflib import get_close_matches

    known = {name.lower(): name for name in local_branches()}
    found = get_close_matches(branch_of(platform).lower(), known, n=1, cutoff=0.7)
    return known[found[0]] if found else ""


def family_of(platform: str) -> Family:
    """The family of a stage's platform, which is named by its branch or by an ARN."""
    name = branch_of(platform).lower()
    return next((item for item in Family if item and name.startswith(item.lower())), Family.OTHER)


def branch_of(platform: str) -> str:
    """The platform branch of a stage's platform. An ARN names it: `…::platform/BRANCH/VERSION`."""
    parts = platform.split("/")
    return parts[1] if platform.startswith("arn:") and len(parts) > 1 else platform


def python_of(platform: str) -> tuple[int, int] | None:
    """The version of Python that a platform runs; None where its name does not tell."""
    found = _PYTHON.match(branch_of(platform))
    return (3, int(found[1])) if found else None


def version_of(arn: str) -> str:
    """The version of a platform version's ARN; empty where it names none."""
    parts = arn.split("/")
    return parts[2] if len(parts) > 2 else ""


def change_of(before: str, after: str) -> str:
    """A change of platform versions: `4.3.1 → 4.4.0`; with the branches' names where they differ."""
    branches, versions = (branch_of(before), branch_of(after)), (version_of(before), version_of(after))
    if branches[0] == branches[1] and all(versions):
        return " → ".join(versions)
    return " → ".join(f"{branch} {version}".rstrip() for branch, version in zip(branches, versions, strict=True))


def version_order(version: str) -> tuple[int, ...]:
    """A version as it is compared: 4.10.0 is newer than 4.9.0."""
    return tuple(int(part) if part.isascii() and part.isdigit() else -1 for part in version.split("."))


def is_newer(arn: str, than: str) -> bool:
    """Whether a platform version is a newer one of the same branch."""
    same = arn.rpartition("/")[0] == than.rpartition("/")[0]
    return same and version_order(version_of(arn)) > version_order(version_of(than))
