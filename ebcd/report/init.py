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

LONGEST = 36
"""Columns that values are aligned in: at 80 columns their sources stand behind them still."""


def written(result: Json) -> RenderableType:
    """What was written, from what, what is missing, and what comes next."""
    if result["kept"]:
        return _kept(result)
    facts = [(name, fact) for name, fact in result["found"].items() if fact]
    width = min(max(len(fact["value"]) for _, fact in facts), LONGEST)
    rows = [(name, f"{escape(fact['value']):<{width}}   [dim]{escape(fact['source'])}[/]") for name, fact in facts]
    notes = [f"[yellow]![/] {escape(note)}" for note in result["notes"]]
    return Group(*_head(result), pairs(rows, markup=True), *notes, *_missing(result), _following(result))


def _kept(result: Json) -> RenderableType:
    """What differs from a configuration that was there already, what is missing, and what comes next."""
    name, written = escape(result["left"][0]["path"]), _written(result)
    left = "" if written else " Nothing was written."
    lines: list[RenderableType] = [f"[green]✔[/] [bold]{name}[/] is there already and stays as it is.{left}", *written]
    if differs := result["differs"]:
        rows = [(item["name"], _difference(item)) for item in differs]
        lines += ["  A new one would say otherwise:", pairs(rows, markup=True)]
        lines.append(f"  [cyan]→[/] Change what is wrong in it, or write it anew: {escape(result['anew'])}")
    return Group(*lines, *_missing(result), _following(result))


def _difference(item: Json) -> str:
    there = escape(item["there"]) or "nothing"
    return f"it says {there}; found was {escape(item['found'])}   [dim]{escape(item['source'])}[/]"


def _missing(result: Json) -> list[str]:
    return [
        line
        for item in result["missing"]
        for line in (f"[yellow]![/] {escape(item['what'])}", f"  [cyan]→[/] {escape(item['hint'])}")
    ]


def _following(result: Json) -> RenderableType:
    rows = [("next" if not index else "", _command(command)) for index, command in enumerate(result["next"])]
    return pairs(rows, markup=True)


def printed(result: Json) -> RenderableType:
    """The text alone."""
    return Text(result["text"].rstrip("\n"))


def _head(result: Json) -> list[str]:
    """What was written and what stayed."""
    stages = " and ".join(result["stages"])
    lines = _written(result)
    lines += [f"[dim]·[/] Left {escape(item['path'])}   [dim]{escape(item['why'])}[/]" for item in result["left"]]
    if not result["wrote"]:
        lines.append("[green]✔[/] There is nothing to write.")
    return [*lines, f"  The stages are {escape(stages)}."] if not result["left"] else lines


def _written(result: Json) -> list[str]:
    done = "Would write" if result["planned"] else "Wrote"
    return [
        f"[green]✔[/] {done} [bold]{escape(item['path'])}[/]   [dim]{escape(item['why'])}[/]"
        for item in result["wrote"]
    ]


def _command(command: str) -> str:
    after = _AFTER.get(" ".join(command.split()[:2]), "")
    return f"{escape(command)}   [dim]{after}[/]" if after else escape(command)
