"""The official `eb`, told where a stage is. Pure.

eb takes the application, the region and the profile from `.elasticbeanstalk/config.yml` in the folder where it runs,
and the environment from that file's `branch-defaults`. So it runs in a folder of its own with such a file, outside of
any repository, where its branch is called `default`. Credentials and the endpoint are environment variables.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ebcd.errors import Refused

CONFIG = ".elasticbeanstalk/config.yml"
UNPROVEN = {
    "appversion": "ebcd publish, ebcd releases or ebcd prune",
    "create": "ebcd ship --no-swap",
    "deploy": "ebcd ship",
    "labs cleanup-versions": "ebcd prune",
    "swap": "ebcd swap",
    "terminate": "ebcd retire",
    "upgrade": "ebcd ship, with another platform in ebcd.toml",
}
"""Commands of eb that bring something to users without ebcd's proofs, or take away what a rollback needs; and what ebcd
has instead. docs/decisions.md"""
OF_A_PROJECT = {
    "codesource": "",
    "init": "ebcd init",
    "local": "ebcd local",
    "migrate": "",
    "platform create": "",
    "platform delete": "",
    "platform init": "",
    "platform select": "ebcd ship, with another platform in ebcd.toml",
    "platform use": "",
    "use": "ebcd eb --env NAME -- …",
}
"""Commands that work on a project of eb's own: in the folder that ebcd makes, nothing of what they do would stay."""
WITHOUT_ENVIRONMENT = frozenset({"list", "restore", "platform", "labs", "lifecycle"})
"""Commands that are about the application, or about none."""
NAMED = frozenset({"abort"})
"""Commands that do not look at `branch-defaults`: without a name `eb abort` takes any environment that it can abort."""

_PAST = "It goes past what ebcd proves, records and keeps for a rollback."
_PROJECT = "It works on a project of eb's own; ebcd tells eb anew each time where the stage is."
_HELP = frozenset({"-h", "--help"})


@dataclass(frozen=True, slots=True)
class Place:
    """What eb is to know of a stage."""

    application: str
    region: str
    environment: str
    """Empty: none, for commands that need none."""
    platform: str = ""
    profile: str = ""


def refuse(arguments: Sequence[str]) -> None:
    """Refuse a command that ebcd does not run. Its help may be read. Raises Refused."""
    words = [] if _HELP & set(arguments) else [item for item in arguments if not item.startswith("-")]
    for name in (" ".join(words[:1]), " ".join(words[:2])):
        hint = (UNPROVEN | OF_A_PROJECT).get(name)
        if hint is not None:
            why = _PAST if name in UNPROVEN else _PROJECT
            raise Refused(
                f"ebcd does not run eb {name}.",
                why=why,
                code="eb-command",
                hint=hint or f"eb {name}, in a project of eb's own",
            )


def needs_environment(arguments: Sequence[str]) -> bool:
    """Whether a command is about one environment. Help and the version are about none."""
    told = not _HELP & set(arguments) and not arguments[0].startswith("-")
    return told and arguments[0] not in WITHOUT_ENVIRONMENT


def complete(arguments: Sequence[str], environment: str) -> list[str]:
    """The arguments, with the environment's name where eb takes it from nowhere else."""
    words = [item for item in arguments if not item.startswith("-")]
    return [*arguments, environment] if environment and len(words) == 1 and words[0] in NAMED else list(arguments)


def config(place: Place) -> str:
    """The text of eb's config.yml. It holds no credentials. JSON is YAML."""
    common = {
        "application_name": place.application,
        "default_region": place.region,
        "default_platform": place.platform or None,
        "profile": place.profile or None,
        "workspace_type": "Application",
        "sc": None,
    }
    content: dict[str, Any] = {"global": common}
    if place.environment:
        content["branch-defaults"] = {"default": {"environment": place.environment}}
    return json.dumps(content, indent=2) + "\n"


def folder_name(place: Place) -> str:
    """The name of eb's folder, by what is in its config.yml: no two runs at a time overwrite each other's."""
    digest = hashlib.sha256(config(place).encode()).hexdigest()[:8]
    return f"{place.environment or 'application'}-{digest}"


def variables(
    environ: Mapping[str, str], *, endpoint_url: str | None, keys: tuple[str, str] | None, folder: str
) -> dict[str, str]:
    """eb's environment variables: it acts as whom ebcd acts.

    keys: of the local Beanstalk, which nothing else of AWS may then stand beside.
    """
    dropped = "AWS_" if keys else "AWS_EB_PROFILE"
    kept = {name: value for name, value in environ.items() if not name.startswith(dropped)}
    if keys:
        kept |= {"AWS_ACCESS_KEY_ID": keys[0], "AWS_SECRET_ACCESS_KEY": keys[1]}
    if endpoint_url:
        kept["AWS_ENDPOINT_URL"] = endpoint_url
    return kept | {"PWD": folder}
