"""`bundle` and `check`: what needs git and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.options import Common, shared
from ebcd.cli.output import console, tell
from ebcd.cli.release import Dirty, Rev
from ebcd.errors import EbcdError, Refused
from ebcd.report.envelope import envelope

if TYPE_CHECKING:
    from ebcd.model import Configuration, Stage


FETCH = "fetch the wheels"
"""The step of a bundle that takes long and has bytes to tell of."""


@shared
def bundle(
    common: Common,
    rev: Rev = "HEAD",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="The file to write.")] = None,
    listed: Annotated[bool, typer.Option("--list", help="Show each path and why it is in or out.")] = False,
    allow_dirty: Dirty = False,
) -> None:
    """Write the source bundle of a commit."""
    from ebcd import folders
    from ebcd.bundle import build, listing
    from ebcd.cli.progress import progress, transfer
    from ebcd.cli.source import load, options_of, repository_of, wheel_cache
    from ebcd.report import text

    shown = progress(console(common, stderr=True), quiet=common.quiet, verbose=common.verbose)
    configuration = load(common)
    repository, options = repository_of(configuration), options_of(configuration)
    commit = repository.resolve(rev, allow_dirty=allow_dirty)
    head = envelope("bundle") | {"version_label": commit.version_label, "sha": commit.sha}
    if listed:
        with transfer(shown, FETCH) as transferred:
            found = listing(repository, commit, options, wheels=wheel_cache(transferred))
        paths = [
            {"path": item.entry.path, "size": item.entry.size, "included": item.included, "reason": item.reason}
            for item in found
        ]
        tell(common, head | {"paths": paths}, text.listed)
        return
    path = output or Path(f"{commit.version_label}.zip")
    streams = folders.cache(os.environ, "streams")
    with transfer(shown, FETCH) as transferred:
        made = build(repository, commit, options, path, cache=streams, wheels=wheel_cache(transferred))
    told = {
        "path": str(made.path),
        "content_digest": made.content_digest,
        "sha256": made.sha256,
        "size": made.size,
        "entries": made.entries,
    }
    tell(common, head | told, text.bundled)


@shared
def check(
    common: Common,
    rev: Rev = "HEAD",
    allow_dirty: Dirty = True,
    since: Annotated[str, typer.Option(metavar="REV", help="What is live: its migrations are not checked.")] = "",
) -> None:
    """Find offline what would fail on Beanstalk."""
    from dataclasses import asdict

    from ebcd.check import Severity
    from ebcd.cli.source import checked_offline, load, repository_of
    from ebcd.report import text

    configuration = load(common)
    stage = _stage(common, configuration)
    repository = repository_of(configuration)
    commit = repository.resolve(rev, allow_dirty=allow_dirty)
    found = checked_offline(configuration, stage, repository, commit, since)
    errors = sum(item.severity is Severity.ERROR for item in found)
    error: EbcdError | None = None
    if errors:
        error = Refused(
            f"{errors} error{'s' if errors > 1 else ''} found.",
            why="A ship would refuse this commit.",
            hint="Correct what is listed, commit, and check again.",
            code="check-failed",
        )
    told = envelope("check", error) | {"version_label": commit.version_label, "sha": commit.sha}
    tell(common, told | {"findings": [asdict(item) for item in found]}, text.findings, always=True)
    if error:
        error.told = True
        raise error


def _stage(common: Common, configuration: Configuration | None) -> Stage | None:
    """The stage, where one is named: its option settings count in the checks. Raises UsageError."""
    from ebcd.config.values import unknown_stage

    stages = configuration.stages if configuration else {}
    name = common.stage or (configuration.default_stage if configuration else "")
    if name and stages and name not in stages:
        raise unknown_stage(name, "--stage or EBCD_STAGE", list(stages))
    return stages.get(name)
