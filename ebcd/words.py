"""Sizes and time spans as people read them. Pure."""

from __future__ import annotations

from datetime import timedelta

_SPANS = ((86400, "day"), (3600, "hour"), (60, "minute"))


def size(count: int) -> str:
    """Bytes: `12 B`, `12.3 kB`, `4.5 MB`."""
    if count < 1000:
        return f"{count} B"
    return f"{count / 1000:.1f} kB" if count < 1_000_000 else f"{count / 1_000_000:.1f} MB"


def count(number: int, noun: str) -> str:
    """So many of something: `1 instance`, `2 instances`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def span(delta: timedelta) -> str:
    """A time span: `5 s`, `1 minute`, `3 hours`. Negative ones are none."""
    seconds = max(0, int(delta.total_seconds()))
    for length, unit in _SPANS:
        if seconds >= length:
            return count(seconds // length, unit)
    return f"{seconds} s"
