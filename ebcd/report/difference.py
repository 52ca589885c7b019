"""What lies between two releases, as data and for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.model import Stage
from ebcd.release.plan.difference import Change, Side, changes, differs
from ebcd.report.envelope import Json, head_of
from ebcd.report.parts import title

if TYPE_CHECKING:
    from ebcd.bundle.history import ChangedPath, LoggedCommit

SHOWN = 20
"""Commits and paths that are shown of each kind."""
_LETTERS = {"A": "[green]A[/]", "D": "[red]D[/]"}


@dataclass(frozen=True, slots=True)
class Between:
    """What git tells of two commits."""

    commits: tuple[LoggedCommit, ...] = ()
    """Those that only the second has."""
    undone: tuple[LoggedCommit, ...] = ()
    """Those that only the first has."""
    paths: tuple[ChangedPath, ...] = ()
    why: str = ""
    """Why git tells nothing; empty where it does."""


def told(stage: Stage, sides: tuple[Side, Side], between: Between) -> Json:
    """The result of `diff`."""
    before, after = sides
    old, new = before.settings, after.settings
    changed = None if old is None or new is None else [asdict(item) for item in changes(old, new)]
    known = between.why == ""
    return head_of("diff", stage) | {
        "from": _side(before),
        "to": _side(after),
        "commits": [_commit(item) for item in between.commits] if known else None,
        "undone": [_commit(item) for item in between.undone] if known else None,
        "paths": [asdict(item) for item in between.paths] if known else None,
        "unknown": between.why,
        "settings": {"differ": differs(before, after), "changes": changed},
    }


def _side(side: Side) -> Json:
    record = side.record
    return {
        "name": side.name,
        "release": record.release if record else None,
        "sha": side.sha,
        "version_label": side.version_label,
        "platform_arn": record.platform_arn if record else None,
        "image_id": record.image_id if record else None,
    }


def _commit(commit: LoggedCommit) -> Json:
    return asdict(commit) | {"time": commit.time.isoformat()}


def text(result: Json) -> RenderableType:
    """What lies between two releases, for people."""
    before, after = result["from"], result["to"]
    head = (
        f"[bold]{title(result)}[/]  {escape(before['name'])} [dim]{before['version_label']}[/] → "
        f"{escape(after['name'])} [dim]{after['version_label']}[/]"
    )
    return Group(head, *_commits(result), *_paths(result), *_platform(before, after), *_settings(result["settings"]))


def _commits(result: Json) -> list[str]:
    if result["commits"] is None:
        return [f"  [yellow]commits are not known[/]: {escape(result['unknown'])}"]
    lines = [
        *_some(f"[green]+[/] {_line(item)}" for item in result["commits"]),
        *_some(f"[red]-[/] {_line(item)}" for item in result["undone"]),
    ]
    return lines or ["  no commit"]


def _line(commit: Json) -> str:
    return f"{commit['sha'][:12]} {escape(commit['subject'])}  [dim]{escape(commit['author'])}[/]"


def _paths(result: Json) -> list[str]:
    return _some(
        f"{_LETTERS.get(item['status'], item['status'])} {escape(item['path'])}" for item in result["paths"] or ()
    )


def _platform(before: Json, after: Json) -> list[str]:
    lines = []
    for name in ("platform_arn", "image_id"):
        if before[name] and after[name] and before[name] != after[name]:
            lines.append(f"  [yellow]{name.replace('_', ' ')}[/] {before[name]} → {after[name]}")
    return lines


def _settings(settings: Json) -> list[str]:
    if settings["differ"] is None:
        return ["  [yellow]settings are not known[/]: a commit's ebcd.toml does not tell them"]
    if not settings["differ"]:
        return ["  settings are the same"]
    if settings["changes"] is None:
        return ["  [yellow]settings differ[/]: by their digest; which ones, no commit's ebcd.toml tells"]
    if not settings["changes"]:
        return ["  [yellow]the platform differs[/], option settings are the same"]
    return [f"  [yellow]setting[/] {_change(Change(**item))}" for item in settings["changes"]]


def _change(change: Change) -> str:
    place = escape(change.title)
    match (change.before, change.after):
        case (None, after):
            return f"{place} is new{f': {escape(after)}' if after else ''}"
        case (before, None):
            return f"{place} is gone{f' (was {escape(before)})' if before else ''}"
        case ("", ""):
            return f"{place} has another value"
        case (before, after):
            return f"{place}: {escape(before or '')} → {escape(after or '')}"


def _some(lines: Iterable[str]) -> list[str]:
    found = [f"  {line}" for line in lines]
    more = len(found) - SHOWN
    return [*found[:SHOWN], f"  [dim]and {more} more (--json has all)[/]"] if more > 0 else found
