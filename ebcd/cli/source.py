"""From a revision to a source bundle that may be shipped: built, and checked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ebcd import check as linting
from ebcd.bundle import Repository, build
from ebcd.bundle.build import contents
from ebcd.check.extensions import File, option_settings
from ebcd.check.lint import Finding, Severity
from ebcd.errors import Refused
from ebcd.model import BundleOptions, Commit, Configuration, SourceBundle, Stage


def repository_of(configuration: Configuration | None) -> Repository:
    """The repository of ebcd.toml's folder, else of this one."""
    source = configuration.source if configuration else None
    return Repository(source.parent if source else Path.cwd())


def options_of(configuration: Configuration | None) -> BundleOptions:
    """What goes into the bundle."""
    return configuration.bundle if configuration else BundleOptions()


def files_of(repository: Repository, commit: Commit, options: BundleOptions) -> dict[str, File]:
    """What a commit's bundle holds, for `check`."""
    found = contents(repository, commit, options)
    return {item.path: File(item.data, bool(item.mode & 0o111)) for item in found}


def checked_bundle(
    configuration: Configuration | None, stage: Stage, revision: str, *, allow_dirty: bool, folder: Path
) -> SourceBundle:
    """The revision's bundle in a folder. Raises Refused when `check` finds an error in it."""
    repository, options = repository_of(configuration), options_of(configuration)
    commit = repository.resolve(revision, allow_dirty=allow_dirty)
    files = files_of(repository, commit, options)
    _refuse_errors(commit, linting.check(files, stage))
    made = build(repository, commit, options, folder / f"{commit.version_label}.zip")
    return replace(made, options=option_settings(files))


def _refuse_errors(commit: Commit, found: list[Finding]) -> None:
    errors = [item for item in found if item.severity is Severity.ERROR]
    if not errors:
        return
    first = errors[0]
    place = f"{first.path}:{first.line}" if first.line else first.path
    more = f" ({len(errors) - 1} more)" if len(errors) > 1 else ""
    raise Refused(f"The commit {commit.sha[:12]} cannot be shipped.", why=f"{place}: {first.message}{more}",
                  hint=first.hint if not more else "ebcd check shows them all.", code="check-failed")  # fmt: skip
