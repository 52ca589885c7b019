"""Which stage a command is about: from its options, the environment's variables and ebcd.toml."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace

from ebcd.config import values
from ebcd.config.read import check_names, local_defaults, region_of
from ebcd.errors import UsageError
from ebcd.model import Configuration, Reach, Stage, Target
from ebcd.model.command import LOCAL

PREVIEW = "preview"
"""The stage that previews are made like, where ebcd.toml declares it; and what the name of each begins with."""


def select_stage(
    configuration: Configuration | None,
    *,
    name: str | None,
    application: str | None,
    region: str | None,
    environ: Mapping[str, str],
) -> Stage:
    """The stage that is meant. Options win over ebcd.toml.

    Without ebcd.toml the application and the stage must be named; what else is needed is in the stage's own records,
    and a stage named `local` lives on the local Beanstalk. A local stage's region may stay empty. So it is with a
    preview, whose records know more of it than this ebcd.toml: which stage it was made like, and by which commit's
    settings. Raises UsageError.
    """
    known = configuration.stages if configuration else {}
    chosen = name or (configuration.default_stage if configuration else "")
    if not chosen and configuration is None:
        raise _stageless(application) if application else _unconfigured("application and stage are")
    if not chosen and configuration and configuration.foreign:
        raise _foreign(configuration)
    if not chosen:
        raise _unnamed("stage", "Name one: --stage NAME, EBCD_STAGE, or default_stage in ebcd.toml.")
    preview = chosen not in known and is_preview(chosen)
    if configuration and known and chosen not in known and not preview:
        raise values.unknown_stage(chosen, "--stage or EBCD_STAGE", list(known))
    app = application or (configuration.application if configuration else "")
    if not app:
        raise _unconfigured("application is")
    stage = known.get(chosen) or _bare(chosen, app, _usual(configuration) if preview else None)
    where = region or stage.region or region_of(environ)
    check_names(app, chosen, "stage", numbered=not preview)
    if not where and stage.target is not Target.LOCAL:
        raise _unnamed("region", "Name one: --region NAME, AWS_REGION, or region in ebcd.toml.")
    return replace(stage, application=app, region=where)


def _foreign(configuration: Configuration) -> UsageError:
    """That the only ebcd.toml at hand is of another application, so that no stage is named."""
    return UsageError(
        "No stage is named.",
        why=f"{configuration.source} is of the application {configuration.application}.",
        hint="Name the stage, too: --stage NAME; or take what the file says all the same: --config FILE",
        code="foreign",
    )


def is_preview(name: str) -> bool:
    """Whether a stage of that name is a preview, unless ebcd.toml declares it."""
    return name.startswith(f"{PREVIEW}-")


def beside(stage: Stage, name: str) -> Stage:
    """A stage of which only the name is known, in the place of another one."""
    return _bare(name, stage.application, stage)


def _bare(name: str, application: str, other: Stage | None = None) -> Stage:
    """A stage of which only the names are known; where it lives is told by another one, or by its name."""
    stage = Stage(name, application, other.region if other else "", "", reach=other.reach if other else Reach())
    local = other.target is Target.LOCAL if other else name == LOCAL
    return local_defaults(stage) if local else stage


def _usual(configuration: Configuration | None) -> Stage | None:
    """The stage in whose place previews are where nobody names one."""
    known = configuration.stages if configuration else {}
    return known.get(PREVIEW) or known.get(configuration.default_stage if configuration else "")


def _stageless(application: str) -> UsageError:
    """That an application is named and no stage of it, where no ebcd.toml tells the usual one."""
    return UsageError(
        f"It is not said which stage of {application} is meant.",
        why="There is no ebcd.toml here or above, which would name the usual one.",
        hint=f"Add --stage NAME, and on AWS --region, too: ebcd status -a {shlex.quote(application)} -s local",
        code="no-stage",
    )


def _unconfigured(what: str) -> UsageError:
    return UsageError(
        f"There is no ebcd.toml here or above, and no {what} named.",
        why="ebcd finds in it what to release, and where.",
        hint="In the folder of your application: ebcd init",
        code="no-configuration",
    )


def _unnamed(what: str, hint: str) -> UsageError:
    return UsageError(
        f"No {what} is named.", why=f"Neither an option nor ebcd.toml names the {what}.", hint=hint, code=f"no-{what}"
    )
