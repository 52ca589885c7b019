"""Which option settings hold: those of .ebextensions, and over them what is set through the API. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/command-options.html#configuration-options-precedence
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from ebcd.check import extensions
from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.model import OptionSetting, Stage

CONFIGURATION = "ebcd.toml"
PYTHON = "aws:elasticbeanstalk:container:python"
Name = tuple[str, str]
"""Namespace and option."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One option setting, and where it stands."""

    value: str
    path: str
    name: Name
    data: bytes = b""
    """The file's content; empty where it is not one of .ebextensions."""

    @property
    def line(self) -> int | None:
        """The line in its file; None where that is not known."""
        return _lines(self.data).get(self.name) if self.data else None


def bundled(tree: Tree) -> dict[Name, Setting]:
    """What the files of .ebextensions set, the later name winning. Invalid ones count for nothing."""
    found: dict[Name, Setting] = {}
    for path in sorted(filter(extensions.is_read, tree.files)):
        if path in tree.links:
            continue
        data = tree.files[path].data
        try:
            options = extensions.options_of(extensions.load(data))
        except ValueError:
            continue
        for item in options:
            if not item.resource:
                name = (item.namespace, item.name)
                found[name] = Setting(item.value, path, name, data)
    return found


def effective(tree: Tree, stage: Stage | None) -> dict[Name, Setting]:
    """What holds in an environment of a stage."""
    return bundled(tree) | _declared(stage)


def _declared(stage: Stage | None) -> dict[Name, Setting]:
    options: tuple[OptionSetting, ...] = stage.options if stage else ()
    return {
        (item.namespace, item.name): Setting(item.value, CONFIGURATION, (item.namespace, item.name))
        for item in options
        if not item.resource
    }


def overridden(tree: Tree, stage: Stage | None) -> Iterator[Finding]:
    """What .ebextensions set to no effect: ebcd.toml and saved configurations are sent through the API, which wins."""
    declared = _declared(stage)
    for (namespace, name), setting in bundled(tree).items():
        winner = declared.get((namespace, name))
        if winner is not None and winner.value != setting.value and stage is not None:
            message = f"{namespace} {name} is set here to no effect: the stage {stage.name} sets it, and the API wins."
            hint = f"Take it out of one of them: here, or in stages.{stage.name} of ebcd.toml (options, env, settings)."
            yield Finding(Severity.WARNING, "overridden", setting.path, setting.line, message, hint)


def _lines(data: bytes) -> Mapping[Name, int]:
    """The lines of the options of a file, in either form."""
    places = extensions.places(data)
    found: dict[Name, int] = {}
    for path, place in places.items():
        if path[0] != "option_settings" or len(path) != 3:
            continue
        if path[2] == "option_name":
            namespace = places.get((*path[:2], "namespace"))
            found[namespace.plain if namespace else extensions.ENVIRONMENT, place.plain] = place.line
        found[path[1], path[2]] = place.line
    return found
