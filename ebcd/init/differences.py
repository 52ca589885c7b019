"""What an ebcd.toml that is there says otherwise than a new one would. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ebcd.init.words import Fact, Found
from ebcd.model import Configuration, Stage, Target


@dataclass(frozen=True, slots=True)
class Difference:
    """A value of an ebcd.toml that is there, and what a new one would have in its place."""

    name: str
    there: str
    found: str
    source: str
    """Where what was found comes from."""


def differences(configuration: Configuration, found: Found) -> tuple[Difference, ...]:
    """The values that differ, of those that `init` finds in a repository."""
    return tuple(
        Difference(name, there, fact.value, fact.source)
        for name, there, fact in _values(configuration, found)
        if fact is not None and fact.value != there
    )


def _values(configuration: Configuration, found: Found) -> Iterator[tuple[str, str, Fact | None]]:
    stages = list(configuration.stages.values())
    on_aws: Stage | None = next((stage for stage in stages if stage.target is Target.AWS), None)
    yield "application", configuration.application, found.application
    yield "region", configuration.region, found.region
    if on_aws is not None:
        yield "platform", on_aws.platform, found.platform
        yield "cname", on_aws.cname, found.cname
    for stage in [on_aws or stages[0]] if stages else []:
        yield "smoke", stage.smoke.path, found.smoke
