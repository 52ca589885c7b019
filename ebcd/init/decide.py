"""What is seen of a repository → what its ebcd.toml says, and what is written beside it. Pure."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

from ebcd.init import eb, names
from ebcd.init.beside import beside
from ebcd.init.folders import below
from ebcd.init.words import Asked, Fact, Found, Missing, Seen

_MAIN = ("main", "master", "default")
"""Branches whose environment users reach, as a rule."""


def decide(seen: Seen, asked: Asked) -> Found:
    """Names and values that ebcd's own reader of ebcd.toml takes, from whatever was seen."""
    application, stage, notes = _application(seen, asked)
    region, unset = _region(seen, asked, stage)
    rest = beside(seen, asked)
    cname, unsure = _cname(seen, application.value, stage)
    files = (*rest.files, *rest.workflows(stage, region.value if region else ""))
    folders = below(seen) if rest.runs is None and rest.local else ()
    return Found(
        application=application,
        stage=stage,
        region=region,
        platform=rest.platform,
        cname=cname,
        local_cname=names.cname(application.value, names.LOCAL),
        smoke=rest.smoke,
        runs=rest.runs,
        missing=(*rest.missing, *_elsewhere(folders)),
        notes=(*notes, *unset, *rest.notes, *unsure, *eb.notes(seen.eb)),
        commit=_commit(seen, asked, [item.path for item in files]),
        local=rest.local,
        health_check=rest.health_check,
        proof=rest.proof,
        database=rest.database,
        lock=rest.lock,
        submodules=eb.submodules(seen.eb),
        env=rest.env,
        aws_env=rest.aws_env,
        settings=eb.settings(seen.eb),
        files=files,
        below=folders,
    )


def _commit(seen: Seen, asked: Asked, beside: list[str]) -> str:
    """The command by which what was written is committed: ebcd ships commits."""
    if not seen.git:
        return 'git init && git add -A && git commit -m "First commit"'
    if not seen.committed:
        return 'git add -A && git commit -m "First commit"'
    return f'git add {" ".join([asked.file, *beside])} && git commit -m "Ship with ebcd"'


def _elsewhere(folders: tuple[str, ...]) -> Iterator[Missing]:
    """Applications in folders below, where there is none here."""
    if folders:
        yield Missing(
            f"There are applications below: {', '.join(folders[:5])}.",
            f"Each has an ebcd.toml of its own: cd {shlex.quote(folders[0])} && ebcd init",
        )


def _application(seen: Seen, asked: Asked) -> tuple[Fact, str, tuple[str, ...]]:
    """The application, the stage on AWS that goes with it, and what is to be known of both."""
    stage = asked.stage or names.STAGES[0]
    if asked.application:
        return Fact(asked.application, asked.told or "--application"), _fitting(asked.application, asked) or stage, ()
    told = eb.text(seen.eb.get("global"), "application_name")
    if told and (fitting := _fitting(told, asked)):
        return Fact(told, eb.FILE), fitting, ()
    if told:
        made = names.legal(told, stage) or "application"
        notes = (
            f"No environment can be named after {told!r}, the application in {eb.FILE}: "
            f"ebcd.toml names another, {made}.",
        )
        return Fact(made, f"{told!r} in {eb.FILE}"), stage, notes
    remote = re.sub(r"\.git$", "", seen.remote.rstrip("/")).replace("\\", "/")
    repository = re.split(r"[/:]", remote)[-1]
    if seen.below:
        named = {"the repository's and the folder's name": f"{repository or seen.top}-{seen.folder}"}
    else:
        named = {"git's remote": repository, "the folder's name": seen.folder}
    for source, text in named.items():
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
        return Fact(asked.region, asked.told or "--region"), ()
    if told := eb.text(seen.eb.get("global"), "default_region"):
        return Fact(told, eb.FILE), ()
    for name, value in seen.variables.items():
        if value.strip():
            return Fact(value, name), ()
    return None, (f"No region was found: until ebcd.toml names one, {stage} takes AWS_REGION or --region.",)


def _cname(seen: Seen, application: str, stage: str) -> tuple[Fact, tuple[str, ...]]:
    """The live CNAME's prefix: the name of the environment that eb knows of, as `eb create` gives it; and a note.

    Another application's environment keeps its CNAME: a swap stays within one.
    """
    same = application == eb.text(seen.eb.get("global"), "application_name")
    for branch, name in _environments(seen) if same else ():
        if names.is_cname(name):
            note = (
                f"eb's file does not tell the CNAME of {name}: eb status {name} does. One with eba-… in it stays "
                "with its environment, and the first release takes a new one."
            )
            return Fact(name, f"the environment of the branch {branch} in {eb.FILE}"), (note,)
    made = names.cname(application, stage)
    return Fact(made, "the application's name" if made == application else "the application's and the stage's name"), ()


def _environments(seen: Seen) -> Iterator[tuple[str, str]]:
    """eb's environments by branch: of the usual main ones, of this branch, or the only one."""
    told: Any = seen.eb.get("branch-defaults")
    tables = told if isinstance(told, dict) else {}
    named = {str(branch): eb.text(table, "environment") for branch, table in tables.items()}
    known = {branch: environment for branch, environment in named.items() if environment}
    order = [*(name for name in _MAIN if name in known), *([seen.branch] if seen.branch in known else [])]
    for branch in order or (list(known) if len(known) == 1 else []):
        yield branch, known[branch]
