"""The platform of a repository: what eb knows, and what its files say of their Python. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ebcd.config.read import LOCAL_PLATFORM
from ebcd.init import eb, names
from ebcd.init.installed import table
from ebcd.init.words import Asked, Fact, Seen
from ebcd.model.platforms import Family, family_of

DOCKER = "Docker running on 64bit Amazon Linux 2023"
PYTHONS = ("3.11", "3.12", "3.13", "3.9")
"""Pythons of which Beanstalk has a platform branch on Amazon Linux 2023, the one that ebcd prefers first."""
_DOCKERFILES = ("Dockerfile", "docker-compose.yml", "Dockerrun.aws.json")


def platform(seen: Seen, asked: Asked, *, python: bool) -> tuple[Fact, tuple[str, ...]]:
    """The platform, and notes where one was named that is none. python: whether there is Python to run."""
    if asked.platform:
        return Fact(names.platform(asked.platform) or asked.platform, "--platform"), ()
    told = eb.text(seen.eb.get("global"), "default_platform")
    if told and (branch := names.platform(told)):
        return Fact(branch, eb.FILE), ()
    notes = [f"{eb.FILE} names the platform {told!r}, which is no platform branch."] if told else []
    docker = next((name for name in _DOCKERFILES if name in seen.paths or name in seen.files), "")
    if docker and not python:
        return Fact(DOCKER, docker), tuple(notes)
    for source, version in _told(seen.files):
        if version in PYTHONS:
            return Fact(names.python_branch(version), source), tuple(notes)
        if version:
            notes.append(f"{source} names Python {version}, of which Beanstalk has no platform on Amazon Linux 2023.")
    if docker:
        notes.append(
            f"There is a {docker}, too: Python platforms do not read it. For Docker: ebcd init --force "
            f"--platform '{DOCKER}'"
        )
    return Fact(LOCAL_PLATFORM, "the default"), tuple(notes)


def runs_locally(branch: str) -> bool:
    """Whether the local Beanstalk runs it: it has Python platforms only."""
    return family_of(branch) in (Family.PYTHON, Family.OTHER)


def _told(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Files that name a Python, and which: 3.12."""
    ways = (
        ("runtime.txt", r"python-(\d+\.\d+)"),
        (".python-version", r"(\d+\.\d+)"),
        (".tool-versions", r"python\s+(\d+\.\d+)"),
    )
    for path, pattern in ways:
        if found := re.search(rf"^[^\S\n]*{pattern}", files.get(path, ""), re.MULTILINE):
            yield path, found[1]
    for path, wanted in _specified(files):
        if fitting := _fitting(wanted):
            yield path, fitting


def _fitting(wanted: str) -> str:
    """The Python that a specifier allows, as near to the preferred one as can be; empty where none does."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        specifier = SpecifierSet(wanted)
    except InvalidSpecifier:
        return ""
    return next((item for item in PYTHONS if specifier.contains(f"{item}.99")), "")


def _specified(files: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    project = table(files.get("pyproject.toml", "")).get("project")
    if wanted := eb.text(project, "requires-python"):
        yield "pyproject.toml", wanted
    if wanted := eb.text(table(files.get("uv.lock", "")), "requires-python"):
        yield "uv.lock", wanted
