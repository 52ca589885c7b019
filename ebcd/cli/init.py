"""`init`: a repository's first ebcd.toml."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.errors import Refused, UsageError
from ebcd.report.envelope import Json, envelope

if TYPE_CHECKING:
    from ebcd.init import Found


@shared
def init(
    common: Common,
    force: Annotated[bool, typer.Option("--force", help="Write over an ebcd.toml that is there.")] = False,
    print_: Annotated[bool, typer.Option("--print", help="Print it, and write nothing.")] = False,
) -> None:
    """Write ebcd.toml from what is found here."""
    from ebcd.init import Asked, decide, look, root, text
    from ebcd.report import init as report

    folder = common.config.absolute().parent if common.config else root(Path.cwd())
    path = common.config.absolute() if common.config else folder / "ebcd.toml"
    if not print_:
        _refuse(path, force=force, named=common.config is not None)
    stage = common.stage if common.stage and common.stage != "local" else ""
    asked = Asked(common.application or "", common.region or "", stage, path.name)
    found = decide(look(folder, os.environ), asked)
    content = text(found)
    stages = _loaded(content, path)
    if not print_:
        _write(path, content)
    told = envelope("init") | {"application": found.application.value, "path": None if print_ else str(path)}
    following = [found.commit, "ebcd check", "ebcd ship" if found.local else "ebcd doctor"]
    told |= {"stages": stages, **_described(found), "next": following, "text": content}
    tell(common, told, report.printed if print_ else report.written)


def _refuse(path: Path, *, force: bool, named: bool) -> None:
    """Refuse to write over a configuration, or beside one that would no longer hold."""
    from ebcd.config.read import find

    if path.name == "pyproject.toml":
        raise UsageError("ebcd init writes no pyproject.toml.", why="What is in it would be lost.",
                         hint="ebcd init --print, and put it under [tool.ebcd] yourself.", code="usage")  # fmt: skip
    there = (path if path.exists() else None) if named else find(path.parent)
    if there is not None and not force:
        table = ", in [tool.ebcd]" if there.name == "pyproject.toml" else ""
        raise Refused(f"{there} configures ebcd already{table}.", why="Nothing was written over.",
                      hint="ebcd check, or ebcd init --print, or ebcd init --force", code="exists")  # fmt: skip


def _loaded(content: str, path: Path) -> list[str]:
    """The names of the stages, as ebcd itself reads them. Raises UsageError for an option that cannot be used."""
    from ebcd.config.read import eb_defaults, parse
    from ebcd.documents import toml_of

    return list(parse(toml_of(content), path, eb_defaults(path.parent), os.environ).stages)


def _write(path: Path, content: str) -> None:
    try:
        path.write_text(content, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written.", why=str(error.strerror), code="unwritable",
                         hint="ebcd init --print, or --config with another place.") from error  # fmt: skip


def _described(found: Found) -> Json:
    from dataclasses import asdict

    facts = {"application": found.application, "region": found.region, "platform": found.platform,
             "cname": found.cname, "runs": found.runs, "smoke": found.smoke}  # fmt: skip
    return {
        "found": {name: asdict(fact) if fact else None for name, fact in facts.items()},
        "missing": [asdict(item) for item in found.missing],
        "notes": list(found.notes),
    }
