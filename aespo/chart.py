"""The chart of the usage page: plain geometry, drawn as SVG by the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

WIDTH, HEIGHT, FOOT = 720, 170, 22


@dataclass(frozen=True, slots=True)
class Bar:
    """One day."""

    day: date
    count: int
    x: float
    y: float
    width: float
    height: float
    over: bool
    """It reached the plan's limit."""


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars, the limit's line if it lies within, and the value at the top."""

    bars: tuple[Bar, ...]
    top: int
    limit_y: float | None


def daily(counts: Mapping[date, int], limit: int, today: date, days: int = 30) -> Chart:
    """Requests of the last days. The limit is drawn once use comes near it; else it would press the bars flat."""
    most = max(counts.values(), default=0)
    shows_limit = most * 2 >= limit
    top = _round_up(max(most, limit if shows_limit else 1))
    step = WIDTH / days
    bars = []
    for number in range(days):
        day = today - timedelta(days=days - 1 - number)
        count = counts.get(day, 0)
        height = max(2.0 if count else 1.0, HEIGHT * count / top)
        bars.append(
            Bar(
                day,
                count,
                round(number * step + step * 0.14, 1),
                round(HEIGHT - height, 1),
                round(step * 0.72, 1),
                round(height, 1),
                count >= limit,
            )
        )
    return Chart(tuple(bars), top, round(HEIGHT - HEIGHT * limit / top, 1) if shows_limit else None)


def _round_up(count: int) -> int:
    """The next number that people like at the top of an axis."""
    size = int(10 ** (len(str(count)) - 1))
    return next(step * size for step in (1, 2, 3, 5, 10) if step * size >= count)
