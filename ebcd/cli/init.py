"""`init`: a repository's first ebcd.toml, and what a release needs beside it."""

from __future__ import annotations

import os
import shlex
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebcd.cli.options import Common, shared
from ebcd.cli.output import tell
from ebcd.errors import UsageError
from ebcd.report.envelope import Json, envelope

if TYPE_CHECKING:
    from ebcd.init import Asked, Found, NewFile
    from ebcd.model import Configuration


@shared
def init(
    common: Common,
    run: Annotated[str, typer.Option(help="The command of the web process, where it is not found.")] = "",
    health: Annotated[str, typer.Option(help="The path that a healthy release answers with 200.")] = "",
    platform: Annotated[str, typer.Option(help="The platform branch of the stage on AWS, or python-3.12.")] = "",
    database: Annotated[
        bool | None, typer.Option(help="Give the local stage a PostgreSQL; by default where the code asks for one.")
    ] = None,
    github: Annotated[bool, typer.Option("--github", help="Write workflows for GitHub, too.")] = False,
    action: Annotated[str, typer.Option(help="Where they get ebcd from: OWNER/ebcd@SHA.")] = "",
    plan: Annotated[bool, typer.Option("--plan", help="Say what would be written, and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Write over an ebcd.toml that is there.")] = False,
    print_: Annotated[bool, typer.Option("--print", help="Print ebcd.toml, and write nothing.")] = False,
) -> None:
    """Write ebcd.toml and what else a release needs, from what is found here.

    On a terminal it asks a few questions first; --yes takes all answers as they are. What is there stays as it is.
    """
    from ebcd.init import Asked
    from ebcd.init.action import action as own_action

    stage = common.stage if common.stage and common.stage != "local" else ""
    source = action or (own_action() if github else "")
    asked = Asked(common.application or "", common.region or "", stage, "ebcd.toml", run, health, platform, database)
    _init(common, replace(asked, github=github, action=source), Way(plan=plan, force=force, printed=print_))


@dataclass(frozen=True, slots=True)
class Way:
    """What is done with what was found."""

    plan: bool
    force: bool
    printed: bool


def _init(common: Common, asked: Asked, way: Way) -> None:
    from ebcd.cli import questions
    from ebcd.init import decide, look, root, text
    from ebcd.init.differences import differences
    from ebcd.report import init as report

    folder = common.config.absolute().parent if common.config else root(Path.cwd())
    path = common.config.absolute() if common.config else folder / "ebcd.toml"
    there = _there(path, named=common.config is not None)
    _refuse(path, asked.health)
    kept = there if there and not (way.force or way.printed) else None
    wished = asked = replace(asked, file=path.name)
    configuration = _configuration(kept) if kept else None
    asked = _of_configuration(asked, configuration) if configuration else asked
    seen = look(folder, os.environ)
    if not (kept or way.force or way.printed or asked.run):
        _refuse_below(folder, decide(seen, asked).below)
    if questions.possible(common) and not (way.printed or way.plan):
        asked = questions.ask(common, seen, asked, kept=kept is not None)
    found = decide(seen, asked)
    content = text(found)
    stages = _loaded(content, path)
    written = [] if way.printed else _write(folder, path, content, found.files, kept=kept, planned=way.plan)
    told = envelope("init") | {"application": found.application.value}
    told |= {"path": None if way.printed else str(kept or path), "stages": stages, **_described(found)}
    told |= {**_done(found, folder, path, written, kept, planned=way.plan), "text": content}
    if configuration:
        told["differs"] = [asdict(item) for item in differences(configuration, decide(seen, wished))]
    tell(common, told, report.printed if way.printed else report.written)


def _refuse_below(folder: Path, below: tuple[str, ...]) -> None:
    """Raises UsageError where a repository's top holds no application and folders below hold some."""
    if not below:
        return
    places = [os.path.relpath(folder / item) for item in below]
    are, each = ("Applications are", "Each has") if len(places) > 1 else ("An application is", "It has")
    raise UsageError(
        f"{are} below: {', '.join(places)}. None is here.",
        why=f"{each} an ebcd.toml in its own folder, so nothing was written. --run COMMAND writes one here.",
        hint=", or ".join(f"cd {shlex.quote(place)} && ebcd init" for place in places),
        code="applications-below",
    )


def _refuse(path: Path, health: str) -> None:
    if path.name == "pyproject.toml":
        raise UsageError(
            "ebcd init writes no pyproject.toml.",
            why="What is in it would be lost.",
            hint="ebcd init --print, and put it under [tool.ebcd] yourself.",
            code="usage",
        )
    if health and not health.startswith("/"):
        raise UsageError(
            f"--health {health} is no path.",
            why="A path begins with a slash.",
            hint=f"ebcd init --health /{health}",
            code="bad-value",
        )


def _there(path: Path, *, named: bool) -> Path | None:
    """The configuration of this folder. One above it is another application's."""
    from ebcd.config.read import find

    if named:
        return path if path.exists() else None
    found = find(path.parent)
    return found if found and found.parent == path.parent else None


def _configuration(kept: Path) -> Configuration | None:
    """The configuration that stays. Raises UsageError."""
    from ebcd import config

    return config.load(kept.parent, explicit=kept, environ=os.environ)


def _of_configuration(asked: Asked, loaded: Configuration) -> Asked:
    """What the configuration that stays says of the stage on AWS: workflows are made for that."""
    from ebcd.model import Target

    stages = [stage for stage in loaded.stages.values() if stage.target is Target.AWS]
    if not stages:
        return asked
    told = loaded.source.name if loaded.source else ""
    return replace(asked, application=loaded.application, stage=stages[0].name, region=loaded.region, told=told)


def _loaded(content: str, path: Path) -> list[str]:
    """The names of the stages, as ebcd itself reads them. Raises UsageError for an option that cannot be used."""
    from ebcd.config.read import eb_defaults, parse
    from ebcd.documents import toml_of

    return list(parse(toml_of(content), path, eb_defaults(path.parent), os.environ).stages)


def _write(
    folder: Path, path: Path, content: str, files: tuple[NewFile, ...], *, kept: Path | None, planned: bool
) -> list[Json]:
    """Write what is not there; what was written, in that order."""
    from ebcd.init import NewFile

    wanted = [] if kept else [NewFile(os.path.relpath(path, folder), content, "how ebcd ships it")]
    wanted += [item for item in files if not (folder / item.path).exists()]
    for item in [] if planned else wanted:
        target = folder / item.path
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(item.content, encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"{target} cannot be written.",
                why=str(error.strerror),
                code="unwritable",
                hint="ebcd init --print, or --config with another place.",
            ) from error
    return [{"path": item.path, "why": item.why} for item in wanted]


def _done(found: Found, folder: Path, path: Path, written: list[Json], kept: Path | None, *, planned: bool) -> Json:
    """What was written, what was there, and what comes next."""
    new = {item["path"] for item in written}
    left = [kept.name] if kept else []
    left += [item.path for item in found.files if item.path not in new]
    commit = found.commit
    if Path.cwd().resolve() != folder.resolve():
        commit = commit.replace("git ", f"git -C {shlex.quote(str(folder))} ")
    stage = [] if found.local else ["-s", found.stage]
    file = _named(kept or path)
    ship = shlex.join(["ebcd", "ship", *stage, *([] if found.local else ["--plan"]), *file])
    return {
        "planned": planned,
        "kept": kept is not None,
        "wrote": written,
        "anew": shlex.join(["ebcd", "init", "--force", *file]),
        "left": [{"path": item, "why": "it is there already"} for item in left],
        "next": [*([commit] if written and not planned else []), shlex.join(["ebcd", "check", *file]), ship],
    }


def _named(path: Path) -> list[str]:
    """The option that names a configuration where ebcd does not find it from this folder."""
    found = path.name in {"ebcd.toml", "pyproject.toml"} and Path.cwd().resolve().is_relative_to(path.parent.resolve())
    return [] if found else ["--config", os.path.relpath(path)]


def _described(found: Found) -> Json:
    facts = {
        "application": found.application,
        "region": found.region,
        "platform": found.platform,
        "cname": found.cname,
        "runs": found.runs,
        "smoke": found.smoke,
    }
    return {
        "found": {name: asdict(fact) if fact else None for name, fact in facts.items()},
        "missing": [asdict(item) for item in found.missing],
        "notes": list(found.notes),
    }
