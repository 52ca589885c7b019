"""`doctor` for people and for programs. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.doctor.check import SEE_IDENTITY
from ebcd.report.envelope import Json
from ebcd.report.parts import title

if TYPE_CHECKING:
    from ebcd.doctor.check import Check

_MARKS = {"ok": "[green]✔[/]", "warning": "[yellow]![/]", "error": "[red]✘[/]", "unknown": "[cyan]?[/]"}


def rows(checks: Iterable[Check]) -> list[Json]:
    """The checks as JSON."""
    return [{name: str(value) for name, value in asdict(item).items() if name != "exit_code"} for item in checks]


def text(result: Json) -> RenderableType:
    """Each check with its mark, why, and a way out; then what they come to."""
    checks: list[Json] = result["checks"]
    width = max(len(item["check"]) for item in checks)
    lines = [f"[bold]{title(result)}[/]"]
    shown = [item for item in checks if item["why"] != SEE_IDENTITY]
    for item in shown:
        lines.append(f"{_MARKS[item['outcome']]} [dim]{item['check']:<{width}}[/]  {escape(item['what'])}")
        indent = " " * (width + 4)
        if item["why"]:
            lines.append(f"{indent}[dim]{escape(item['why'])}[/]")
        if item["hint"]:
            lines.append(f"{indent}[cyan]→[/] {escape(item['hint'])}")
    if blind := list(dict.fromkeys(item["check"] for item in checks if item["why"] == SEE_IDENTITY)):
        lines.append(f"{_MARKS['unknown']} Without it nothing is known of: {', '.join(blind)}.")
    return Group(*lines, *_verdict(shown, len(blind), ok=result["ok"]))


def _verdict(shown: list[Json], blind: int, *, ok: bool) -> list[str]:
    """What the checks come to. blind: how many more are named in one line, because nobody could look."""
    counts = {name: sum(item["outcome"] == name for item in shown) for name in _MARKS}
    counts["unknown"] += blind
    seen = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    return [f"[green]✔[/] Nothing here would stop a ship. [dim]{seen}[/]" if ok else f"[dim]{seen}[/]"]
