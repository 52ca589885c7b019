"""Find ebcd.toml, read it, and make a Configuration of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from ebcd.config import schema, values
from ebcd.config.platform import pythons
from ebcd.documents import LIMIT, BadDocument, toml_of, yaml_of
from ebcd.errors import UsageError
from ebcd.model import (
    BundleOptions,
    Configuration,
    OptionSetting,
    Requirements,
    Stage,
    Strategy,
    Target,
    Tier,
    by_place,
)
from ebcd.model.kinds import RESERVED_STAGES

NAME = "ebcd.toml"
LOCAL_PLATFORM = "Python 3.11 running on 64bit Amazon Linux 2023"
HIGHEST_RELEASE = 999_999
NAME_LIMIT = 40
"""Characters that an environment's name may have."""
DATABASE = OptionSetting("ebcd:local:database", "DBEngine", "postgres")
"""How an environment of the local Beanstalk asks for its application's database; AWS knows no such namespace."""
ROLES = OptionSetting("ebcd:local:database", "Roles", "two")
"""How it asks that the role which serves may make no tables."""
DATABASE_URLS = ("DATABASE_URL", "DATABASE_OWNER_URL")
STANDING = {Strategy.IN_PLACE: ("",), Strategy.PAIR: ("-a", "-b")}
"""What the names of the environments that outlive a release end in, behind application and stage."""


def load(
    start: Path, *, explicit: Path | None, environ: Mapping[str, str], application: str | None = None
) -> Configuration | None:
    """The configuration that holds in the folder `start`; None when there is none.

    explicit: the file that the user named. environ: where AWS_REGION may stand for a region that is not set.
    application: the one that is meant, where it was named. A file that is another one's lends it nothing, unless the
    user named the file, too. Raises UsageError for anything that is wrong with it.
    """
    source = explicit or find(start)
    if source is None:
        return None
    content = _toml(source)
    if source.name == "pyproject.toml":
        content = _own(content) or {}
    defaults = eb_defaults(source.parent)
    whose = content.get("application") or defaults.get("application")
    if application and explicit is None and isinstance(whose, str) and whose != application:
        return Configuration(whose, "", "", BundleOptions(), {}, source, foreign=True)
    return parse(content, source, defaults, environ)


def find(start: Path) -> Path | None:
    """ebcd.toml, or a pyproject.toml with [tool.ebcd], in the folder or above it."""
    for folder in (start, *start.parents):
        if (folder / NAME).is_file():
            return folder / NAME
        project = folder / "pyproject.toml"
        if project.is_file() and _own(_toml(project)) is not None:
            return project
        if (folder / ".git").exists():
            return None
    return None


def _own(project: Mapping[str, Any]) -> dict[str, Any] | None:
    """[tool.ebcd] of a pyproject.toml; None where there is none."""
    tools = project.get("tool")
    return dict(values.table("tool.ebcd", tools["ebcd"])) if isinstance(tools, dict) and "ebcd" in tools else None


def eb_defaults(folder: Path) -> dict[str, str]:
    """What the EB CLI's .elasticbeanstalk/config.yml tells: application, region, platform."""
    told = eb_config(folder).get("global")
    names = {"application": "application_name", "region": "default_region", "platform": "default_platform"}
    known = told if isinstance(told, dict) else {}
    return {ours: known[theirs] for ours, theirs in names.items() if isinstance(known.get(theirs), str)}


def eb_config(folder: Path) -> dict[str, Any]:
    """The EB CLI's .elasticbeanstalk/config.yml; empty where there is none."""
    path = folder / ".elasticbeanstalk" / "config.yml"
    found = _yaml(path) if path.is_file() else None
    return found if isinstance(found, dict) else {}


def parse(
    content: Mapping[str, Any], source: Path, defaults: Mapping[str, str], environ: Mapping[str, str]
) -> Configuration:
    """A configuration from TOML's tables. defaults: what holds where they say nothing."""
    top = values.members("", dict(content), schema.parsers(schema.TOP))
    application = top.get("application") or defaults.get("application")
    if not application:
        raise UsageError(
            f"{source.name} names no application.",
            why="application is not set.",
            hint='Add: application = "NAME"',
            code="missing-key",
        )
    region = top.get("region") or defaults.get("region") or region_of(environ)
    stages = {
        name: _stage(name, table, application, region, defaults, source.parent)
        for name, table in top.get("stages", {}).items()
    }
    _refuse_shared_environments(stages)
    default = top.get("default_stage") or (next(iter(stages)) if len(stages) == 1 else "")
    if default and stages and default not in stages:
        raise values.unknown_stage(default, "default_stage", list(stages))
    bundle = values.members("bundle", top.get("bundle", {}), schema.parsers(schema.BUNDLE))
    if bundle.get("requirements") is Requirements.WHEELS:
        bundle["pythons"] = pythons(stages.values())
    check = values.members("check", top.get("check", {}), schema.parsers(schema.CHECK))
    return Configuration(application, region, default, BundleOptions(**bundle), stages, source, check.get("allow", ()))


def region_of(environ: Mapping[str, str]) -> str:
    """The region that the environment's variables name; empty when they name none."""
    return environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION") or ""


def check_names(application: str, stage: str, key: str, *, numbered: bool = True) -> None:
    """Refuse names of which no environment name can be made (`{application}-{stage}-r{N}`), and a stage whose ledger
    would lie where the application's bundles or previews are.

    numbered: False for a stage whose one environment is called `{application}-{stage}`.
    """
    if stage.lower() in RESERVED_STAGES:
        why = f"In the bucket, ebcd/{application}/{stage.lower()}/ holds what all stages share."
        raise values.wrong(key, stage, why, f"Give the stage another name than {' or '.join(RESERVED_STAGES)}.")
    longest = f"{application}-{stage}" + (f"-r{HIGHEST_RELEASE}" if numbered else "")
    if not re.fullmatch(r"[A-Za-z0-9]+(-+[A-Za-z0-9]+)*", longest):
        raise values.wrong(
            key,
            stage,
            f"The environment name {longest!r} may hold letters, digits and hyphens only.",
            "Change the application's or the stage's name.",
        )
    if len(longest) > NAME_LIMIT:
        over = len(longest) - NAME_LIMIT
        raise values.wrong(
            key,
            stage,
            f"The environment name {longest!r} has {len(longest)} characters; Beanstalk allows {NAME_LIMIT}.",
            f"Shorten the application's or the stage's name by {over}.",
        )


def _stage(name: str, table: Any, application: str, region: str, defaults: Mapping[str, str], folder: Path) -> Stage:
    key = f"stages.{name}"
    check_names(application, name, key)
    found = values.members(key, table, schema.parsers(schema.STAGE))
    settings = tuple(item for file in found.pop("settings", ()) for item in saved_settings(folder / file, key))
    if found.get("tier") is Tier.WORKER:
        _refuse_web_keys(key, found)
    found["options"] = _merged(key, settings, found.pop("options", ()), found.pop("env", ()))
    if database := found.pop("database", False):
        asked = (DATABASE, ROLES) if database == values.TWO_ROLES else (DATABASE,)
        found["options"] = _with_database(key, found.get("target", Target.AWS), found["options"], asked)
    stage = Stage(name, application, region, found.pop("cname", ""), platform=defaults.get("platform", ""))
    if found.get("target") is Target.LOCAL:
        cname = "" if found.get("tier") is Tier.WORKER else stage.cname or application
        stage = local_defaults(replace(stage, cname=cname))
    stage = replace(stage, **found)
    if stage.url and stage.target is Target.LOCAL:
        why = "The local Beanstalk answers by HTTP at its CNAMEs, and at no other name."
        raise values.wrong(f"{key}.url", stage.url, why, "Take it out of this stage.")
    _complete(stage, key)
    return stage


def local_defaults(stage: Stage) -> Stage:
    """A stage on the local Beanstalk, with the short times that a rehearsal on one's own machine needs."""
    return replace(stage, target=Target.LOCAL, platform=LOCAL_PLATFORM, stable=2.0, timeout=180.0, keep=60.0, bake=3.0)


def _complete(stage: Stage, key: str) -> None:
    if stage.tier is Tier.WEB and not stage.cname:
        raise values.wrong(f"{key}.cname", None, "A stage on AWS needs its live CNAME's prefix.")
    if not stage.platform:
        raise values.wrong(
            f"{key}.platform",
            None,
            "A stage on AWS needs a platform branch or a platform ARN.",
            f'For example: platform = "{LOCAL_PLATFORM}"',
        )


def _refuse_shared_environments(stages: Mapping[str, Stage]) -> None:
    """Refuse two stages of which one's standing environment has a name that the other's releases get too."""
    for stage in stages.values():
        for suffix in STANDING.get(stage.strategy, ()):
            name = f"{stage.name}{suffix}"
            for other in stages.values():
                taken = {f"{other.name}{end}" for end in STANDING.get(other.strategy, ())}
                numbered = re.fullmatch(rf"{re.escape(other.name)}-r\d+", name)
                if other != stage and (name in taken or numbered):
                    why = f"Its environment {stage.application}-{name} could be one of the stage {other.name} too."
                    raise values.wrong(f"stages.{stage.name}", stage.name, why, "Give one of them another name.")


def _refuse_web_keys(key: str, found: Mapping[str, Any]) -> None:
    """Refuse what a worker cannot have: nothing answers requests, and there is no CNAME to swap."""
    for name in ("cname", "url", "smoke", "proof", "tenants"):
        if name in found:
            why = "A worker has no CNAME, and nobody sends it requests."
            raise values.wrong(f"{key}.{name}", found[name], why, "Take it out of ebcd.toml.")
    strategy = found.get("strategy", Strategy.BLUE_GREEN)
    if strategy is not Strategy.IN_PLACE:
        why = "A worker has no CNAME that could be swapped, so its one environment is updated."
        raise values.wrong(f"{key}.strategy", str(strategy), why, f'Write strategy = "{Strategy.IN_PLACE}".')


def _merged(
    key: str, settings: tuple[OptionSetting, ...], options: tuple[OptionSetting, ...], env: tuple[OptionSetting, ...]
) -> tuple[OptionSetting, ...]:
    """One value an option: the saved configuration's, else the table's. Two tables that disagree are refused."""
    named = by_place(options)
    for item in env:
        other = named.get(item.place)
        if other is not None and other != item:
            raise values.wrong(f"{key}.env.{item.name}", "…", f"{key}.options gives it another value.")
    return tuple(sorted(by_place((*settings, *options, *env)).values()))


def _with_database(
    key: str, target: Target, options: tuple[OptionSetting, ...], asked: tuple[OptionSetting, ...]
) -> tuple[OptionSetting, ...]:
    """The option settings that ask the local Beanstalk for the application's database; refused on AWS."""
    if target is not Target.LOCAL:
        raise values.wrong(
            f"{key}.database",
            True,
            "Only the local Beanstalk gives a stage its database.",
            f"Take it out, and name your own in [{key}.env]: {DATABASE_URLS[0]} = "
            '{ secret = "arn:aws:secretsmanager:…" }',
        )
    for item in options:
        if item.name in DATABASE_URLS and item.namespace in {values.ENVIRONMENT, values.SECRETS}:
            raise values.wrong(
                f"{key}.env.{item.name}", "…", f"{key}.database = true sets it.", "Take one of them out."
            )
    return tuple(sorted((*options, *asked)))


def saved_settings(path: Path, key: str) -> tuple[OptionSetting, ...]:
    """The option settings of a saved configuration file, as `eb config save` writes it."""
    if not path.is_file():
        raise values.wrong(f"{key}.settings", path.name, f"There is no file {path}.")
    content = _yaml(path)
    found = content.get("OptionSettings") if isinstance(content, dict) else None
    if not isinstance(found, dict):
        raise values.wrong(f"{key}.settings", path.name, "It is no saved configuration: OptionSettings is missing.")
    return values.options(f"{path.name}: OptionSettings", found)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return toml_of(_bytes(path))
    except BadDocument as error:
        raise _bad(path, "TOML", error) from error


def _yaml(path: Path) -> Any:
    try:
        return yaml_of(_bytes(path))
    except BadDocument as error:
        raise _bad(path, "YAML", error) from error


def _bytes(path: Path) -> bytes:
    """A file's content, one byte more than the largest document has at most. Raises UsageError."""
    try:
        with path.open("rb") as file:
            return file.read(LIMIT + 1)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read.",
            why=str(error.strerror),
            hint="Name another file with --config.",
            code="unreadable",
        ) from error


def _bad(path: Path, kind: str, error: BadDocument) -> UsageError:
    place = f"{path}:{error.line}" if error.line else str(path)
    hint = "Correct that line." if error.line else "Correct it."
    return UsageError(
        f"{path} is no valid {kind}.", why=f"{place}: {error.what}.", hint=hint, code=f"bad-{kind.lower()}"
    )
