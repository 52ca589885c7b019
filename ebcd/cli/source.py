"""From a revision to a source bundle that may be shipped: built, and checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ebcd import config, folders
from ebcd.cli.options import Common
from ebcd.errors import Refused, UsageError
from ebcd.model import BundleOptions, Commit, Configuration, Requirements, SourceBundle, Stage, Target

if TYPE_CHECKING:
    from ebcd.bundle import Repository
    from ebcd.check import Finding, Inspection


Live = Callable[["Repository", frozenset[str]], frozenset[str] | None]
"""Tells the paths of the live release's files, next to a bundle's; None where they are not known."""


def load(options: Common) -> Configuration | None:
    """ebcd.toml here or above, or the one named; None when there is none."""
    return config.load(Path.cwd(), explicit=options.config, environ=os.environ, application=options.application)


def repository_of(configuration: Configuration | None) -> Repository:
    """The repository of ebcd.toml's folder, else of this one. Raises UsageError (code `foreign`) for another
    application's: its commits are none of the one that is meant.
    """
    from ebcd.bundle import Repository

    if configuration and configuration.foreign:
        raise UsageError(
            f"The commits here are those of the application {configuration.application}.",
            why=f"{configuration.source} says so, and another application is named.",
            hint="Change to its folder, or name its file: --config FILE",
            code="foreign",
        )
    source = configuration.source if configuration else None
    return Repository(source.parent if source else Path.cwd())


def options_of(configuration: Configuration | None) -> BundleOptions:
    """What goes into the bundle."""
    return configuration.bundle if configuration else BundleOptions()


def inspected_bundle(
    repository: Repository, commit: Commit, options: BundleOptions, folder: Path
) -> tuple[SourceBundle, Inspection]:
    """A commit's bundle in a folder, and what `check` sees of it: each file is read once for both."""
    from ebcd.bundle import build
    from ebcd.check import Inspection

    inspection = Inspection()
    path = folder / f"{commit.version_label}.zip"
    made = build(repository, commit, options, path, cache=folders.cache(os.environ, "streams"),
                 wheels=folders.cache(os.environ, "wheels"), inspection=inspection)  # fmt: skip
    return made, inspection


def checked_offline(
    repository: Repository, commit: Commit, options: BundleOptions, folder: Path
) -> tuple[Inspection, list[Finding]]:
    """What `check` sees of a commit's bundle, and what is wrong with its requirements. No wheel is fetched for it."""
    from ebcd.bundle import unlocked
    from ebcd.check import Finding, Severity

    problems = unlocked(repository, commit, options)
    if problems:
        options = replace(options, requirements=Requirements.AS_IS)
    elif options.requirements is Requirements.WHEELS:
        options = replace(options, requirements=Requirements.LOCK)
    _, inspection = inspected_bundle(repository, commit, options, folder)
    return inspection, [Finding(Severity.ERROR, item.code, item.path, item.line, item.message, item.hint)
                        for item in problems]  # fmt: skip


def checked_bundle(
    configuration: Configuration | None,
    stage: Stage,
    revision: str,
    *,
    allow_dirty: bool,
    folder: Path,
    live: Live | None = None,
) -> SourceBundle:
    """The revision's bundle in a folder. Raises Refused when `check` finds an error in it.

    live: tells the paths of what is live; asked only where a migration takes something away.
    """
    from ebcd.check.extensions import option_settings

    repository, options = repository_of(configuration), options_of(configuration)
    commit = repository.resolve(revision, allow_dirty=allow_dirty)
    made, inspection = inspected_bundle(repository, commit, options, folder)
    if options.requirements is Requirements.WHEELS and stage.target is Target.LOCAL:
        from ebcd.requirements.here import refuse_unfit

        refuse_unfit(made.path, options.pythons)
    files = inspection.files()
    known = live(repository, frozenset(files)) if live and inspection.takes_away else None
    _refuse_errors(commit, inspection.findings(stage, known))
    return replace(made, options=option_settings(files))


def paths_of(repository: Repository, revision: str) -> frozenset[str]:
    """The paths of a commit. Raises UsageError where this clone has no such commit."""
    return frozenset(entry.path for entry in repository.entries(repository.resolve(revision, allow_dirty=True).tree))


def _refuse_errors(commit: Commit, found: list[Finding]) -> None:
    errors = [item for item in found if item.severity == "error"]
    if not errors:
        return
    first = errors[0]
    place = f"{first.path}:{first.line}" if first.line else first.path
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    raise Refused(f"The commit {commit.sha[:12]} cannot be shipped.", why=f"{place}: {first.message}{more}",
                  hint=first.hint if not more else "ebcd check shows them all.", code="check-failed")  # fmt: skip
