"""What `ebcd init` sees of a repository, and what it makes of that. No I/O and no decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said. Empty: nothing."""

    application: str = ""
    region: str = ""
    stage: str = ""
    """The name of the stage on AWS."""
    file: str = "ebcd.toml"
    """The file that is written."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository, as it is."""

    folder: str
    """The folder's name."""
    git: bool = True
    """Whether it is a git repository."""
    committed: bool = True
    """Whether that has a commit."""
    remote: str = ""
    """The URL of git's remote `origin`."""
    branch: str = ""
    """The branch that is checked out."""
    eb: Mapping[str, Any] = field(default_factory=dict)
    """.elasticbeanstalk/config.yml."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """Environment variables that name a region."""
    files: Mapping[str, str] = field(default_factory=dict)
    """The texts of the files that tell what Beanstalk would run, by path."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A value, and where it comes from."""

    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Missing:
    """What a release needs and the repository lacks."""

    what: str
    hint: str
    """The next action."""


@dataclass(frozen=True, slots=True)
class Found:
    """All that ebcd.toml is written from."""

    application: Fact
    stage: str
    """The name of the stage on AWS."""
    region: Fact | None
    platform: Fact
    cname: Fact
    """The live CNAME's prefix on AWS."""
    local_cname: str
    smoke: Fact
    """The path of the smoke test."""
    runs: Fact | None
    """What Beanstalk will run."""
    missing: tuple[Missing, ...] = ()
    notes: tuple[str, ...] = ()
    """What was found and could not be taken over."""
    commit: str = ""
    """The command by which the file is committed."""
    local: bool = True
    """Whether the local Beanstalk runs it: it runs Python's platforms only."""
