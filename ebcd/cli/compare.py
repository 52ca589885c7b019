"""`diff`: what one release has and another has not."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.completion import releases
from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.cli.signals import looking
from ebcd.errors import EbcdError, UsageError

if TYPE_CHECKING:
    from ebcd.bundle import Repository
    from ebcd.cli.session import Session
    from ebcd.model import Stage
    from ebcd.release.plan.difference import Side
    from ebcd.release.state.release import ReleaseRecord
    from ebcd.release.state.snapshot import Snapshot
    from ebcd.report.difference import Between

_RELEASE = re.compile(r"r[1-9]\d*")
_ROLES = frozenset({"live", "candidate", "previous"})
_CONFIGURATION = (".toml", ".yml", ".yaml", ".json")
_LARGEST = 1024**2
"""Bytes of a file from which it is no configuration."""

SideName = Annotated[
    str,
    typer.Argument(
        metavar="[rA]",
        autocompletion=releases,
        help="The one before: a release, live, previous, candidate, or a revision of git.",
    ),
]
OtherName = Annotated[str, typer.Argument(metavar="[rB]", autocompletion=releases, help="The one after it.")]


@shared
def diff(common: Common, before: SideName = "", after: OtherName = "") -> None:
    """Show the commits, files and settings between two releases.

    By default between the one before live, and live; after a rollback between the one that it left, and live.
    """
    from ebcd.cli.inspect import observed
    from ebcd.cli.session import open_session
    from ebcd.cli.source import repository_of
    from ebcd.release.plan.rollback import taken_back
    from ebcd.report import difference

    session = open_session(common, looking())
    snapshot = observed(session)
    live = snapshot.record_of(snapshot.live)
    left = taken_back(snapshot) or (snapshot.previous if live else None)
    repository: Repository | None = None
    try:
        repository = repository_of(session.configuration)
        unknown = ""
    except UsageError as error:  # a look from another folder: the records tell the rest
        unknown = f"{error.what} {error.why}"
    before, after = (_resolved(snapshot, name) for name in (before, after))
    sides = (_side(session, repository, before, left, "before live"), _side(session, repository, after, live, "live"))
    between = _between(repository, *sides) if repository else difference.Between(why=unknown)
    tell(common, difference.told(session.stage, sides, between), difference.text)


def _resolved(snapshot: Snapshot, name: str) -> str:
    """A side as a release is called, where its role is named. Raises UsageError where nothing has that role."""
    from ebcd.cli.choose import release_named

    if name not in _ROLES:
        return name
    record = release_named(snapshot, name)
    if record is None:
        stage = snapshot.stage
        raise UsageError(
            f"There is no {name} release.",
            why=f"The stage {stage.name} has none now.",
            hint=stage.flags.of("releases"),
            code="unknown-release",
        )
    return record.release


def _side(session: Session, repository: Repository | None, name: str, usual: ReleaseRecord | None, role: str) -> Side:
    """One side: the release or the revision of that name; where none is named, the usual release."""
    from ebcd.cli.inspect import recorded
    from ebcd.release.plan.difference import Side

    if not name and usual is None:
        raise UsageError(
            f"There is no release {role}.",
            why=f"The stage {session.stage.name} has nothing to compare with.",
            hint=f"Name two releases of those that there are: ebcd releases {session.flags}",
            code="unknown-release",
        )
    if not name or _RELEASE.fullmatch(name):
        record = recorded(session, name) if name else usual
        assert record is not None
        stage = _stage_at(session, repository, record.sha) if repository else None
        return Side(record.release, record.sha, record.version_label, record, stage)
    if repository is None:
        raise UsageError(
            f"{name!r} is no release.",
            why="Without a repository no other revision is known.",
            hint=f"ebcd releases {session.flags} shows the releases; or change to the repository's folder.",
            code="unknown-release",
        )
    commit = repository.resolve(name, allow_dirty=True)
    return Side(name, commit.sha, commit.sha[:12], None, _stage_at(session, repository, commit.sha))


def _stage_at(session: Session, repository: Repository, sha: str) -> Stage | None:
    """The stage as a commit's ebcd.toml has it; None where it has none, or this clone has no such commit."""
    from ebcd import config

    source = session.configuration.source if session.configuration else None
    if source is None or repository.commit(sha) is None or not source.is_relative_to(repository.folder):
        return None
    with TemporaryDirectory(prefix="ebcd-") as folder:
        _write_configuration(repository, sha, Path(folder))
        file = Path(folder) / source.relative_to(repository.folder)
        try:
            found = config.load(file.parent, explicit=file, environ={})
            return config.select_stage(
                found,
                name=session.stage.name,
                application=session.stage.application,
                region=session.stage.region,
                environ={},
            )
        except EbcdError:
            return None


def _write_configuration(repository: Repository, sha: str, folder: Path) -> None:
    """Write what a configuration is made of: ebcd.toml and the saved configurations that it may name."""
    from ebcd.bundle import Repository

    tree = repository.git("rev-parse", f"{sha}^{{tree}}").decode().strip()
    wanted = [
        item
        for item in Repository(repository.folder).entries(tree)
        if item.path.endswith(_CONFIGURATION) and item.size <= _LARGEST
    ]
    with repository.blobs(wanted) as reader:
        for entry in wanted:
            place = folder / entry.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(reader.read(entry))


def _between(repository: Repository, before: Side, after: Side) -> Between:
    from ebcd.bundle import history
    from ebcd.report.difference import Between

    missing = [side for side in (before, after) if repository.commit(side.sha) is None]
    if missing:
        return Between(why=f"This clone has not the commit {missing[0].sha[:12]} of {missing[0].name}: git fetch")
    return Between(
        history.commits(repository, before.sha, after.sha),
        history.commits(repository, after.sha, before.sha),
        history.changed_paths(repository, before.sha, after.sha),
    )
