"""What is seen of a repository → what its ebcd.toml says. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ebcd.config.read import LOCAL_PLATFORM
from ebcd.init import names, runs
from ebcd.init.words import Asked, Fact, Found, Seen

EB = ".elasticbeanstalk/config.yml"
_MAIN = ("main", "master", "default")
"""Branches whose environment users reach, as a rule."""
_PYTHONS = ("3.9", "3.11", "3.12", "3.13")
"""Pythons of which Beanstalk has a platform branch on Amazon Linux 2023."""


def decide(seen: Seen, asked: Asked) -> Found:
    """Names and values that ebcd's own reader of ebcd.toml takes, from whatever was seen."""
    application, stage, notes = _application(seen, asked)
    region, unset = _region(seen, asked, stage)
    platform, unknown = _platform(seen)
    cname, unsure = _cname(seen, application.value, stage)
    return Found(
        application=application,
        stage=stage,
        region=region,
        platform=platform,
        cname=cname,
        local_cname=names.cname(application.value, names.LOCAL),
        smoke=runs.smoke_path(seen.files),
        runs=runs.runs(seen.files),
        missing=tuple(runs.missing(seen.files)),
        notes=(*notes, *unset, *unknown, *unsure),
        commit=_commit(seen, asked),
        local=not runs.container(seen.files),
    )


def _commit(seen: Seen, asked: Asked) -> str:
    """The command by which the new file is committed: ebcd ships commits."""
    if not seen.git:
        return 'git init && git add -A && git commit -m "First commit"'
    if not seen.committed:
        return 'git add -A && git commit -m "First commit"'
    return f'git add {asked.file} && git commit -m "Ship with ebcd"'


def _application(seen: Seen, asked: Asked) -> tuple[Fact, str, tuple[str, ...]]:
    """The application, the stage on AWS that goes with it, and what is to be known of both."""
    stage = asked.stage or names.STAGES[0]
    if asked.application:
        return Fact(asked.application, "--application"), _fitting(asked.application, asked) or stage, ()
    told = _text(_eb_global(seen), "application_name")
    if told and (fitting := _fitting(told, asked)):
        return Fact(told, EB), fitting, ()
    if told:
        made = names.legal(told, stage) or "application"
        notes = (f"No environment can be named after {told!r}, the application in {EB}: "
                 f"ebcd.toml names another, {made}.",)  # fmt: skip
        return Fact(made, f"{told!r} in {EB}"), stage, notes
    remote = re.sub(r"\.git$", "", seen.remote.rstrip("/")).replace("\\", "/")
    for text, source in ((re.split(r"[/:]", remote)[-1], "git's remote"), (seen.folder, "the folder's name")):
        if made := names.legal(text, stage):
            return Fact(made, source), stage, ()
    return Fact("application", "a default: nothing here has a name"), stage, ()


def _fitting(application: str, asked: Asked) -> str:
    """The stage's name that an application leaves room for; empty where none fits."""
    stages = (asked.stage,) if asked.stage else names.STAGES
    return next((stage for stage in stages if names.fits(application, stage)), "")


def _region(seen: Seen, asked: Asked, stage: str) -> tuple[Fact | None, tuple[str, ...]]:
    """The region, and a note where none is known."""
    if asked.region:
        return Fact(asked.region, "--region"), ()
    if told := _text(_eb_global(seen), "default_region"):
        return Fact(told, EB), ()
    for name, value in seen.variables.items():
        if value.strip():
            return Fact(value, name), ()
    return None, (f"No region was found: until ebcd.toml names one, {stage} takes AWS_REGION or --region.",)


def _platform(seen: Seen) -> tuple[Fact, tuple[str, ...]]:
    """The platform, and a note where eb names one that is no branch."""
    told = _text(_eb_global(seen), "default_platform")
    if told and (branch := names.platform(told)):
        return Fact(branch, EB), ()
    notes = (f"{EB} names the platform {told!r}, which is no platform branch.",) if told else ()
    if image := runs.container(seen.files):
        return Fact(names.DOCKER, image), notes
    version = re.match(r"3\.\d+", seen.files.get(".python-version", "").strip())
    if version and version[0] in _PYTHONS:
        return Fact(names.python_branch(version[0]), ".python-version"), notes
    return Fact(LOCAL_PLATFORM, "the default"), notes


def _cname(seen: Seen, application: str, stage: str) -> tuple[Fact, tuple[str, ...]]:
    """The live CNAME's prefix: the name of the environment that eb knows of, as `eb create` gives it; and a note.

    Another application's environment keeps its CNAME: a swap stays within one.
    """
    same = application == _text(_eb_global(seen), "application_name")
    for branch, name in _environments(seen) if same else ():
        if names.is_cname(name):
            note = (f"eb's file does not tell the CNAME of {name}: eb status {name} does. One with eba-… in it stays "
                    "with its environment, and the first release takes a new one.")  # fmt: skip
            return Fact(name, f"the environment of the branch {branch} in {EB}"), (note,)
    made = names.cname(application, stage)
    return Fact(made, "the application's name" if made == application else "the application's and the stage's name"), ()


def _environments(seen: Seen) -> Iterator[tuple[str, str]]:
    """eb's environments by branch: of the usual main ones, of this branch, or the only one."""
    tables = _table(seen.eb.get("branch-defaults"))
    named = {str(branch): _text(table, "environment") for branch, table in tables.items()}
    known = {branch: environment for branch, environment in named.items() if environment}
    order = [*(name for name in _MAIN if name in known), *([seen.branch] if seen.branch in known else [])]
    for branch in order or (list(known) if len(known) == 1 else []):
        yield branch, known[branch]


def _eb_global(seen: Seen) -> Any:
    return seen.eb.get("global")


def _text(table: Any, name: str) -> str:
    """A text in a table of YAML, where both are what they should be."""
    value = _table(table).get(name)
    return value.strip() if isinstance(value, str) else ""


def _table(value: Any) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
