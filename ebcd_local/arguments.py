"""Values of command-line options."""

from __future__ import annotations

import argparse
import re

_DOMAIN = re.compile(r"(?=.{1,180}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_UNITS = {"s": 1, "m": 60, "h": 3600}


def duration(text: str) -> float:
    """Seconds of 90, 90s, 5m or 2h. Raises ArgumentTypeError."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        found = float(number) * _UNITS[unit]
    except ValueError:
        found = -1.0
    if not 0 <= found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no duration: write 5s, 2m or 1h")
    return found


def domain(text: str) -> str:
    """A domain's name, as elasticbeanstalk.com. Raises ArgumentTypeError."""
    found = text.lower().strip(".")
    if not _DOMAIN.fullmatch(found):
        raise argparse.ArgumentTypeError(f"{text!r} is no domain: write one as elasticbeanstalk.com")
    return found


def speed(text: str) -> float:
    """A number above 0. Raises ArgumentTypeError."""
    try:
        found = float(text)
    except ValueError:
        found = 0.0
    if not 0 < found < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: write a number above 0, as 10")
    return found
