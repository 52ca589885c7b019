"""What `ebcd init` sees of a repository, and what it makes of that. No I/O and no decisions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

MARKS = ("Procfile", "requirements.txt", "pyproject.toml", "Pipfile", "manage.py", "Dockerfile", ".elasticbeanstalk")
"""What shows that a folder is an application's."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the user said. Empty: nothing."""

    application: str = ""
    region: str = ""
    stage: str = ""
    """The name of the stage on AWS."""
    file: str = "ebcd.toml"
    """The file that is written."""
    run: str = ""
    """The command of the web process."""
    health: str = ""
    """The path that a healthy release answers with 200."""
    platform: str = ""
    database: bool | None = None
    """Whether the local stage has a PostgreSQL; None: where the code asks for one."""
    github: bool = False
    """Whether workflows for GitHub are wanted."""
    action: str = ""
    """Where they get ebcd from: OWNER/ebcd@SHA."""
    told: str = ""
    """The file that said what the application and the region are; empty: the user did."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A repository, as it is."""

    folder: str
    """The folder's name."""
    below: str = ""
    """The folder's place in its repository; empty at the top."""
    top: str = ""
    """The name of the repository's own folder."""
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
    paths: tuple[str, ...] = ()
    """All paths, of which git ignores none."""
    ignored: bool = False
    """Whether a file is committed that git would ignore."""


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
class NewFile:
    """A file that a repository lacks."""

    path: str
    content: str
    why: str


@dataclass(frozen=True, slots=True)
class Setting:
    """An option setting of the stage on AWS, and where it comes from."""

    namespace: str
    name: str
    value: str
    source: str


@dataclass(frozen=True, slots=True)
class Property:
    """An environment property, and why it is there."""

    name: str
    value: str
    why: str


@dataclass(frozen=True, slots=True)
class Found:
    """All that ebcd.toml is written from, and what is written beside it."""

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
    """The command by which what was written is committed."""
    local: bool = True
    """Whether the local Beanstalk can run it."""
    health_check: bool = False
    """Whether the load balancer must be told of the smoke test's path."""
    proof: str = ""
    """The path at which the release names itself."""
    database: bool = False
    lock: bool = False
    """Whether requirements.txt is made of a lock as the bundle is made."""
    submodules: bool = False
    env: tuple[Property, ...] = ()
    """Environment properties of the local stage."""
    aws_env: tuple[Property, ...] = ()
    """Those of the stage on AWS; what only the user knows has no value."""
    settings: tuple[Setting, ...] = ()
    """Option settings of the stage on AWS."""
    files: tuple[NewFile, ...] = ()
    """What is written beside it."""
    below: tuple[str, ...] = ()
    """The folders below that hold an application each, where this one holds none."""
