"""Durations on the command line: as in ebcd.toml."""

from __future__ import annotations

import typer

from ebcd.errors import UsageError


def seconds(value: str | None, *, positive: bool = False) -> float | None:
    """A duration in seconds; None when it was not given. positive: it must be longer than nothing."""
    if value is None:
        return None
    from ebcd.config import values

    try:
        return (values.positive_duration if positive else values.duration)("the duration", value)
    except UsageError as error:
        raise typer.BadParameter(error.why) from error
