"""The Python platforms: of each branch the versions that are always there, and those that were published here, so that
a change to a newer one can be rehearsed. Bundles run on the interpreter that the local Beanstalk itself runs on,
whatever is chosen.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from ebcd_local import partitions
from ebcd_local.records import PlatformVersion
from ebcd_local.state import State, now

LINUX = "64bit Amazon Linux 2023"
PYTHONS = ("3.11", "3.12", "3.13", "3.14")
ARCHITECTURES = ("x86_64", "arm64")
_BUILT_IN = {"4.7.1": datetime(2025, 9, 3, tzinfo=UTC), "4.7.0": datetime(2025, 8, 6, tzinfo=UTC)}
"""Versions of every branch, and when each was released."""
_RECOMMENDED = "4.7.1"
_ARN = re.compile(rf"arn:[^:]+:elasticbeanstalk:[^:]*::platform/Python ([0-9.]+) running on {LINUX}/([0-9.]+)")


@dataclass(frozen=True, slots=True)
class Platform:
    """A platform version."""

    region: str
    python: str
    version: str
    released: datetime
    recommended: bool
    """Whether it has its branch's mark, which one version has."""

    @property
    def branch(self) -> str:
        """The platform branch's name."""
        return f"Python {self.python} running on {LINUX}"

    @property
    def branch_arn(self) -> str:
        """The ARN without its version."""
        return partitions.arn("elasticbeanstalk", self.region, "", f"platform/{self.branch}")

    @property
    def arn(self) -> str:
        """The platform version's ARN."""
        return f"{self.branch_arn}/{self.version}"

    @property
    def solution_stack(self) -> str:
        """The solution stack's name."""
        return _solution_stack(self.python, self.version)

    def image(self, architecture: str) -> str:
        """The machine image's id that instances of an architecture start from."""
        return image(self.arn, architecture)


def known(state: State, region: str) -> list[Platform]:
    """Every platform version of a region, by branch, the newest first."""
    return [
        Platform(region, python, version, released, version == recommended(state, python))
        for python in PYTHONS
        for version, released in sorted(_versions(state, python), key=lambda item: number(item[0]), reverse=True)
    ]


def recommended(state: State, python: str) -> str:
    """The version of a branch that is marked as the recommended one: the last that was published so."""
    marked = [item for item in _published(state, python) if item.recommended]
    last = max(marked, key=lambda item: (item.released, number(item.version)), default=None)
    return last.version if last else _RECOMMENDED


def publish(state: State, python: str, version: str = "", *, recommend: bool = True) -> PlatformVersion:
    """Publish a version of a branch, in every region. Raises ValueError.

    version: empty for the next patch of the newest one. recommend: whether it gets its branch's mark.
    """
    if python not in PYTHONS:
        raise ValueError(f"There is no platform branch of Python {python}; there are {', '.join(PYTHONS)}.")
    with state.lock:
        there = [item for item, _ in _versions(state, python)]
        major, minor, patch = number(max(there, key=number))
        version = version or f"{major}.{minor}.{patch + 1}"
        if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,5}){2}", version):
            raise ValueError(f"A platform version is called MAJOR.MINOR.PATCH, and not {version!r}.")
        if version in there:
            raise ValueError(f"Python {python} has the platform version {version} already.")
        made = PlatformVersion(python, version, now(), recommend)
        state.save(made)
        return made


def withdraw(state: State) -> int:
    """Forget all that was published here; how many there were. Environments that run one keep it."""
    with state.lock:
        found = list(state.platforms.values())
        for item in found:
            state.delete(item)
    return len(found)


def newer(state: State, platform_arn: str, level: str) -> str:
    """The newest version of the same branch that an update of a level (patch, minor) leads to; empty when none does."""
    branch, _, version = platform_arn.rpartition("/")
    parts = 1 if level == "minor" else 2
    fitting = [
        item.version
        for item in known(state, _region(platform_arn))
        if item.branch_arn == branch and number(item.version)[:parts] == number(version)[:parts]
    ]
    newest = max(fitting, key=number, default=version)
    return f"{branch}/{newest}" if number(newest) > number(version) else ""


def solution_stack(platform_arn: str) -> str:
    """The solution stack's name of a platform version; empty for the ARN of another platform."""
    found = _ARN.fullmatch(platform_arn)
    return _solution_stack(found[1], found[2]) if found else ""


def image(platform_arn: str, architecture: str) -> str:
    """The id of a platform version's machine image: one for each architecture, and of nothing that exists."""
    told = platform_arn if architecture == "x86_64" else f"{platform_arn}/{architecture}"
    return f"ami-{hashlib.sha256(told.encode()).hexdigest()[:17]}"


def number(version: str) -> tuple[int, ...]:
    """A version as it is compared: 4.10.0 is newer than 4.9.0."""
    return tuple(int(part) if part.isdecimal() else -1 for part in version.split("."))


def _versions(state: State, python: str) -> list[tuple[str, datetime]]:
    return [*_BUILT_IN.items(), *((item.version, item.released) for item in _published(state, python))]


def _published(state: State, python: str) -> Iterable[PlatformVersion]:
    return [item for item in list(state.platforms.values()) if item.python == python]


def _solution_stack(python: str, version: str) -> str:
    return f"{LINUX} v{version} running Python {python}"


def _region(arn: str) -> str:
    return arn.split(":")[3] if arn.count(":") > 3 else ""
