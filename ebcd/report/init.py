"""`init` for people. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ebcd.report.envelope import Json
from ebcd.report.parts import pairs

_AFTER = {
    "ebcd check": "finds offline what would fail",
    "ebcd ship": "to the local Beanstalk, which starts by itself",
    "ebcd doctor": "asks AWS what would stop a ship; the local Beanstalk runs Python only",
}


def written(result: Json) -> RenderableType:
    """What was written, from what, what is missing, and what comes next."""
    facts = [(name, fact) for name, fact in result["found"].items() if fact]
    width = max(len(fact["value"]) for _, fact in facts)
    rows = [(name, f"{escape(fact['value']):<{width}}   [dim]{escape(fact['source'])}[/]") for name, fact in facts]
    lines = [f"[yellow]![/] {escape(note)}" for note in result["notes"]]
    for item in result["missing"]:
        lines += [f"[yellow]![/] {escape(item['what'])}", f"  [cyan]→[/] {escape(item['hint'])}"]
    following = [("next" if not index else "", _command(command)) for index, command in enumerate(result["next"])]
    return Group(*_head(result), pairs(rows, markup=True), *lines, pairs(following, markup=True))


def printed(result: Json) -> RenderableType:
    """The text alone."""
    return Text(result["text"].rstrip("\n"))


def _head(result: Json) -> list[str]:
    """What was written and what stayed."""
    stages = " and ".join(result["stages"])
    done = "Would write" if result["planned"] else "Wrote"
    lines = [
        f"[green]✔[/] {done} [bold]{escape(item['path'])}[/]   [dim]{escape(item['why'])}[/]"
        for item in result["wrote"]
    ]
    lines += [f"[dim]·[/] Left {escape(item['path'])}   [dim]{escape(item['why'])}[/]" for item in result["left"]]
    if not result["wrote"]:
        lines.append("[green]✔[/] There is nothing to write.")
    return [*lines, f"  The stages are {escape(stages)}."] if not result["left"] else lines


def _command(command: str) -> str:
    after = _AFTER.get(command, "")
    return f"{escape(command)}   [dim]{after}[/]" if after else escape(command)
