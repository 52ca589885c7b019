"""What `make install` installs is what pyproject.toml asks for, each at one version and with hashes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
EXTRAS = PROJECT["project"]["optional-dependencies"]
INSTALLED = [*PROJECT["project"]["dependencies"], *EXTRAS["local"], *EXTRAS["database"]]
GROUPS = PROJECT["dependency-groups"]
DEVELOPED = [
    *INSTALLED,
    *EXTRAS["cloudformation"],
    *(item for name in GROUPS for item in GROUPS[name] if isinstance(item, str)),
]


def locked(name: str) -> dict[str, str]:
    """The text of each locked requirement, by its name and version."""
    entries = re.split(r"\n(?=\S)", (ROOT / "locks" / name).read_text().strip())
    return {entry.split()[0]: entry for entry in entries if not entry.startswith("#")}


def versions(name: str) -> dict[str, str]:
    return {canonicalize_name(key.partition("==")[0]): key.partition("==")[2] for key in locked(name)}


@pytest.mark.parametrize(("name", "asked"), [("install.txt", INSTALLED), ("develop.txt", DEVELOPED)])
def test_a_lock_has_what_is_asked_for(name: str, asked: list[str]) -> None:
    found = versions(name)
    for text in asked:
        requirement = Requirement(text)
        version = found[canonicalize_name(requirement.name)]
        assert requirement.specifier.contains(version, prereleases=True), f"{text}: make locks"


@pytest.mark.parametrize("name", ["install.txt", "develop.txt"])
def test_each_locked_requirement_has_hashes(name: str) -> None:
    assert all("--hash=sha256:" in entry for entry in locked(name).values())


def test_what_is_developed_with_is_what_is_installed() -> None:
    assert versions("install.txt").items() <= versions("develop.txt").items()


def test_what_only_tests_need_is_not_installed() -> None:
    assert not versions("install.txt").keys() & {"cfn-lint", "sympy", "networkx"}
