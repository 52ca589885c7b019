"""The names that ebcd gives to environments, and what a name tells. Pure."""

from __future__ import annotations

_DIGITS = 6
"""Of the highest release number."""


def environment_name(application: str, stage: str, number: int) -> str:
    """The name of a release's environment: fixed when its number is allocated."""
    return f"{application}-{stage}-r{number}"


def standing_name(application: str, stage: str, side: str = "") -> str:
    """The name of an environment that outlives its releases: the one of `in-place`, or a side of `pair`."""
    return f"{application}-{stage}" + (f"-{side}" if side else "")


def is_side(application: str, stage: str, environment: str) -> bool:
    """Whether an environment is a side of the stage's pair."""
    return environment in {standing_name(application, stage, side) for side in "ab"}


def is_of_stage(application: str, stage: str, environment: str) -> bool:
    """Whether an environment has a name that ebcd gives to the stage's."""
    fixed = environment == standing_name(application, stage) or is_side(application, stage, environment)
    return fixed or release_number(application, stage, environment) is not None


def release_number(application: str, stage: str, environment: str) -> int | None:
    """The release number that an environment's name carries; None when it is not one of the stage's."""
    number = environment.removeprefix(f"{application}-{stage}-r")
    digits = number != environment and number.isascii() and number.isdigit() and len(number) <= _DIGITS
    return int(number) if digits else None


def saved_configuration(environment: str) -> str:
    """The name of the saved configuration that an environment is created from, or comes back to."""
    return f"ebcd-{environment}"
