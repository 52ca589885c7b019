"""`eb`: the official EB CLI, told where the stage is."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from ebcd.cli.inspect import Env, chosen
from ebcd.cli.options import Common, shared
from ebcd.cli.signals import looking
from ebcd.errors import UsageError

if TYPE_CHECKING:
    from ebcd.cli.session import Session
    from ebcd.eb import Place


@shared
def eb(
    common: Common,
    arguments: Annotated[list[str] | None, typer.Argument(metavar="-- ARGS", help="What eb is told.")] = None,
    env: Env = "live",
) -> None:
    """Run the official eb on the stage: ebcd eb -- ARGS.

    eb runs in a folder of its own, so files are named by their whole path. Its exit code is ebcd's.
    """
    from ebcd import eb as official
    from ebcd.cli.session import open_session

    words = _words(common, arguments)
    official.refuse(words)
    program = _program()
    session = open_session(common, looking())
    place = _place(session, env, needed=env != "live" or official.needs_environment(words))
    folder = _folder(place, os.environ)
    access = session.access
    keys = (access.access_key_id, access.secret_access_key or "") if access.access_key_id else None
    variables = official.variables(os.environ, endpoint_url=access.endpoint_url, keys=keys, folder=str(folder))
    _become([program, *official.complete(words, place.environment)], folder, variables)


def _words(common: Common, arguments: list[str] | None) -> list[str]:
    """What eb is told. Raises UsageError where that is nothing, or where JSON is to come out."""
    if common.json:
        raise UsageError("eb prints no JSON.", why="Its output is its own.", hint="Leave --json out.", code="usage")
    if not arguments:
        raise UsageError("eb is told nothing.", why="No arguments are given.", hint="ebcd eb -- status", code="usage")
    return arguments


def _program() -> str:
    """Where eb is. Raises UsageError where it is missing."""
    beside = str(Path(sys.executable).parent)  # where pipx puts what an extra brings, which is not on PATH
    found = shutil.which("eb") or shutil.which("eb", path=beside)
    if found is None:
        raise UsageError(
            "eb is not installed.",
            why="There is no program of that name, on PATH or beside ebcd.",
            hint="pipx install --force 'ebcd[eb]'",
            code="no-eb",
        )
    return str(Path(found).absolute())


def _place(session: Session, env: str, *, needed: bool) -> Place:
    from ebcd.eb import Place

    stage, profile = session.stage, session.access.profile or ""
    environment = chosen(session, env).name if needed else ""
    return Place(stage.application, stage.region, environment, stage.platform, profile)


def _folder(place: Place, environ: Mapping[str, str]) -> Path:
    """eb's folder. It stays: eb tells its user of files in it (saved configurations, logs)."""
    from ebcd import eb as official
    from ebcd import folders

    cache = folders.cache(environ, "eb")
    if cache is None:
        raise UsageError(
            "eb has nowhere to run.",
            why="There is no home folder for its files.",
            hint="Set XDG_CACHE_HOME to a folder.",
            code="no-home",
        )
    folder = cache / official.folder_name(place)
    path = folder / official.CONFIG
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    made = path.with_suffix(f".{os.getpid()}")
    made.write_text(official.config(place), encoding="utf-8")
    made.replace(path)
    return folder


def _become(command: list[str], folder: Path, variables: Mapping[str, str]) -> NoReturn:
    """Become eb: the terminal, its signals and the exit code are then eb's own."""
    sys.stdout.flush()
    os.chdir(folder)
    os.execve(command[0], command, variables)  # noqa: S606 - no shell: a list, as everywhere
