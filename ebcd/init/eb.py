"""All that the EB CLI's .elasticbeanstalk/config.yml says, and what becomes of it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ebcd.init.words import Setting

FILE = ".elasticbeanstalk/config.yml"
_LAUNCH = "aws:autoscaling:launchconfiguration"
_OPTIONS = {"default_ec2_keyname": (_LAUNCH, "EC2KeyName"), "instance_profile": (_LAUNCH, "IamInstanceProfile")}
_KNOWN = frozenset(
    {
        "application_name",
        "default_region",
        "default_platform",
        "include_git_submodules",
        "sc",
        "profile",
        "branch",
        "repository",
        "platform_name",
        "platform_version",
        "workspace_type",
        *_OPTIONS,
    }
)


def text(table: Any, name: str) -> str:
    """A text in a table of YAML, where both are what they should be."""
    value = table.get(name) if isinstance(table, dict) else None
    return value.strip() if isinstance(value, str) else ""


def settings(told: Mapping[str, Any]) -> tuple[Setting, ...]:
    """The option settings that eb gives to environments that it creates."""
    found = told.get("global")
    return tuple(Setting(*place, text(found, name), FILE) for name, place in _OPTIONS.items() if text(found, name))


def submodules(told: Mapping[str, Any]) -> bool:
    """Whether eb's bundles have git's submodules in them."""
    found = told.get("global")
    return isinstance(found, dict) and found.get("include_git_submodules") is True


def notes(told: Mapping[str, Any]) -> Iterator[str]:
    """What ebcd has no use for, with what to do instead."""
    found = told.get("global")
    table = found if isinstance(found, dict) else {}
    if (profile := text(table, "profile")) and profile != "eb-cli":
        yield f"eb uses the AWS profile {profile}: export AWS_PROFILE={profile}, or ebcd … --profile {profile}."
    if text(table, "workspace_type").lower() == "platform":
        yield f"{FILE} is a workspace for a custom platform, which ebcd does not build: ebcd ships applications."
    if repository := text(table, "repository"):
        yield f"eb pushes to the CodeCommit repository {repository}; ebcd uploads the source bundle itself."
    artifact = told.get("deploy")
    if isinstance(artifact, dict) and (path := text(artifact, "artifact")):
        yield f"eb deploys the artifact {path}, which a build makes; ebcd ships what is committed."
    groups = [text(item, "group_suffix") for item in _tables(told.get("branch-defaults"))]
    if group := next(filter(None, groups), ""):
        yield f"eb appends the group {group} to environments' names; ebcd names them itself."
    if table and text(table, "sc") not in ("git", ""):
        yield f"eb is told of the source control {text(table, 'sc')}; ebcd ships git's commits."
    if unknown := sorted(str(name) for name in set(table) - _KNOWN):
        yield f"{FILE} says what ebcd does not know: {', '.join(unknown)}."


def _tables(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else []
