"""`status --watch`: the stage as it is now, its requests of the last minutes and its newest events. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.report import health, text
from ebcd.report import status as picture
from ebcd.report.envelope import Json

HISTORY = 40
"""Readings of requests that are drawn."""
_BARS = "▁▂▃▄▅▆▇█"


def watched(status: Json, found: Json | None, events: Sequence[Json], counts: Sequence[int]) -> RenderableType:
    """All of it. found: how live does, as `health` tells it; None where nothing is live. counts: requests so far."""
    parts: list[RenderableType] = [picture.text(status)]
    if found is not None:
        parts.append(_requests(found, counts))
        parts += [f"  [yellow]cause[/]     {escape(cause)}" for cause in found["causes"]]
    if events:
        parts += ["", text.events({"events": list(events)})]
    return Group(*parts, "", "  [dim]Ctrl-C ends it.[/]")


def _requests(found: Json, counts: Sequence[int]) -> str:
    if found["requests"] is None:
        return "  [dim]requests[/]  basic health: none are reported"
    return f"  [dim]requests[/]  {escape(health.requests(found['requests']))}  [cyan]{chart(counts)}[/]"


def chart(counts: Sequence[int]) -> str:
    """Numbers as bars, the highest of which is full; the newest at the right."""
    shown = counts[-HISTORY:]
    top = max(shown, default=0)
    return "".join(_BARS[round(count * (len(_BARS) - 1) / top)] if top else _BARS[0] for count in shown)
