"""From a revision to a source bundle that may be shipped: built, and checked."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ebcd import config, folders
from ebcd.cli.options import Common
from ebcd.errors import Refused, UsageError
from ebcd.model import BundleOptions, Commit, Configuration, Requirements, SourceBundle, Stage, Target, WheelCache

if TYPE_CHECKING:
    from ebcd.bundle import Repository
    from ebcd.check import Finding, Inspection


@dataclass(frozen=True, slots=True)
class CheckedBundle:
    """A bundle in which `check` finds no error."""

    bundle: SourceBundle
    warnings: tuple[Finding, ...]
    """What it finds that does not stop a release."""


def _nobody(done: int, total: int) -> None:
    """Nobody is told."""


Transferred = Callable[[int, int], None]
"""Told how many bytes of how many have come; the second is 0 where nothing tells."""
Live = Callable[["Repository", frozenset[str]], frozenset[str] | None]
"""Tells the paths of the live release's files, next to a bundle's; None where they are not known."""


def load(options: Common) -> Configuration | None:
    """ebcd.toml here or above, or the one named; None when there is none."""
    return config.load(Path.cwd(), explicit=options.config, environ=os.environ, application=options.application)


def repository_of(configuration: Configuration | None) -> Repository:
    """The repository of ebcd.toml's folder, whose bundles are made of the folder that it names; else of this one.

    Raises UsageError (code `foreign`) for another application's: its commits are none of the one that is meant.
    """
    from ebcd.bundle import Repository

    if configuration is None or configuration.source is None:
        return Repository(Path.cwd())
    if configuration.foreign:
        raise UsageError(
            f"The commits here are those of the application {configuration.application}.",
            why=f"{configuration.source} says so, and another application is named.",
            hint="Change to its folder, or name its file: --config FILE",
            code="foreign",
        )
    return Repository(configuration.source.parent, configuration.bundle.root)


def options_of(configuration: Configuration | None) -> BundleOptions:
    """What goes into the bundle."""
    return configuration.bundle if configuration else BundleOptions()


def checked_offline(
    configuration: Configuration | None, stage: Stage | None, repository: Repository, commit: Commit, since: str
) -> list[Finding]:
    """What is wrong with a commit's bundle and its requirements. No wheel is fetched for it.

    since: the revision that is live; empty: not known.
    """
    from ebcd.bundle import unlocked
    from ebcd.check import BundleFiles, Finding, Severity, findings

    options = options_of(configuration)
    problems = unlocked(repository, commit, options)
    if problems:
        options = replace(options, requirements=Requirements.AS_IS)
    elif options.requirements is Requirements.WHEELS:
        options = replace(options, requirements=Requirements.LOCK)
    live = paths_of(repository, since) if since else None
    with TemporaryDirectory(prefix="ebcd-") as folder:
        made, inspection = _inspected(repository, commit, options, Path(folder), stage)
        with BundleFiles(made.path) as files:
            found = findings(files, inspection, stage, live)
    found += [Finding(Severity.ERROR, item.code, item.path, item.line, item.message, item.hint) for item in problems]
    return _let_through(configuration, found)


def checked_bundle(
    configuration: Configuration | None,
    stage: Stage,
    revision: str,
    *,
    allow_dirty: bool,
    folder: Path,
    live: Live | None = None,
    transferred: Transferred = _nobody,
) -> CheckedBundle:
    """The revision's bundle in a folder. Raises Refused when `check` finds an error in it.

    live: tells the paths of what is live; asked only where a migration takes something away. transferred: told how many
    bytes of how many wheels have come.
    """
    from ebcd.check import BundleFiles, findings
    from ebcd.check.extensions import option_settings
    from ebcd.check.migrations import any_takes_away

    repository, options = repository_of(configuration), options_of(configuration)
    commit = repository.resolve(revision, allow_dirty=allow_dirty)
    made, inspection = _inspected(repository, commit, options, folder, stage, transferred)
    if options.requirements is Requirements.WHEELS and stage.target is Target.LOCAL:
        from ebcd.requirements.here import refuse_unfit

        refuse_unfit(made.path, options.pythons)
    with BundleFiles(made.path) as files:
        known = live(repository, frozenset(files)) if live and any_takes_away(files) else None
        found = _let_through(configuration, findings(files, inspection, stage, known))
        _refuse_errors(commit, found)
        return CheckedBundle(replace(made, options=option_settings(files)), tuple(found))


def wheel_cache(transferred: Transferred) -> WheelCache | None:
    """Where wheels are kept; None where there is no place for them. transferred: told how many bytes have come."""
    folder = folders.cache(os.environ, "wheels")
    return WheelCache(folder, transferred) if folder else None


def _inspected(
    repository: Repository,
    commit: Commit,
    options: BundleOptions,
    folder: Path,
    stage: Stage | None,
    transferred: Transferred = _nobody,
) -> tuple[SourceBundle, Inspection]:
    """A commit's bundle in a folder, and what was found in its files: each is read once for both."""
    from ebcd.bundle import build
    from ebcd.check import Inspection
    from ebcd.check.entry import python_version

    inspection = Inspection(python_version(stage))
    path = folder / f"{commit.version_label}.zip"
    streams, wheels = folders.cache(os.environ, "streams"), wheel_cache(transferred)
    made = build(repository, commit, options, path, cache=streams, wheels=wheels, inspection=inspection)
    return made, inspection


def _let_through(configuration: Configuration | None, found: list[Finding]) -> list[Finding]:
    """The findings without those that ebcd.toml lets through, errors first."""
    from ebcd.check import allowed, ordered

    if configuration is None or configuration.source is None:
        return ordered(found)
    return ordered(allowed(found, configuration.allowances, configuration.source.name))


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
    raise Refused(
        f"The commit {commit.sha[:12]} cannot be shipped.",
        why=f"{place}: {first.message}{more}",
        hint=first.hint if not more else "ebcd check shows them all.",
        code="check-failed",
    )
