"""What texts for people are made of: titles, commands, pairs, colours."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd import words
from ebcd.model.command import CommandLine, completed
from ebcd.report.envelope import Json

_HEALTH = {"Green": "green", "Yellow": "yellow", "Red": "red"}


def title(result: Json) -> str:
    """Application and stage."""
    return f"{escape(result['application'])} · {escape(result['stage'])}"


def flags(result: Mapping[str, object]) -> str:
    """The options that name a result's stage, wherever they are pasted."""
    return str(result.get("options") or CommandLine(str(result.get("application")), str(result.get("stage"))))


def command(result: Mapping[str, object], *given: str) -> str:
    """A command of these words on a result's stage, to be pasted anywhere."""
    return completed(given, flags(result), str(result.get("config") or ""))


def pairs(rows: list[tuple[str, str]], *, markup: bool = False) -> RenderableType:
    """Names and values, one a line. markup: the values hold rich's marks."""
    width = max((len(name) for name, _ in rows), default=0)
    return Group(*(f"  [dim]{name:<{width}}[/]  {value if markup else escape(value)}" for name, value in rows))


def told_health(result: Json) -> str:
    """Health and health status, where there are any."""
    return f"{result['health'] or ''} {result['health_status'] or ''}".strip()


def colored(color: str | None, health: str) -> str:
    """A health in its colour."""
    return f"[{_HEALTH.get(color or '', 'dim')}]{health}[/]"


def ago(stamp: str | None) -> str:
    """How long ago a time was; empty for none."""
    return f"{words.span(datetime.now(UTC) - datetime.fromisoformat(stamp))} ago" if stamp else ""
