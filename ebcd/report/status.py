"""`status` for people: what is live, since when, by whom; what waits; whether a rollback is ready."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.report.envelope import Json
from ebcd.report.layout import Columns
from ebcd.report.parts import ago, colored, command, pairs, title, told_health

_ROLES = ("live", "candidate", "previous")


def text(result: Json) -> RenderableType:
    """What is live, since when, by whom; what waits; whether a rollback is ready."""
    if result["live"] is None:
        lines = [f"[bold]{title(result)}[/]  Nothing is live yet.", f"  [cyan]→[/] {escape(result['next'])}"]
        return Group(*lines, *([pairs([_failed(result)], markup=True)] if result["failed"] else []))
    sides = [_side(role, side) for role in _ROLES if (side := result[role])]
    table = Columns(("", "release", "version", "environment", "health", "since"), sides)
    rollback = result["rollback"]
    if rollback["ready"]:
        estimate = rollback["seconds_estimate"]
        about = f", about {estimate:g} s" if estimate is not None else ""
        ready = f"[green]ready[/] → {rollback['to']}{about}   [dim]{escape(command(result, 'swap', '--rollback'))}[/]"
    else:
        ready = f"[yellow]not ready[/]: {escape(rollback['reason'])}{_redeploys(result)}"
    rows = [("by", _people(result, [role for role in _ROLES if result[role]])), ("rollback", ready)]
    if url := result["live"]["url"]:
        rows.insert(0, ("url", f"[link]{url}[/link]"))
    if changed := _changed_by_hand(result["live"]):
        rows.append(("changed", f"[yellow]{changed}[/]"))
    if result["failed"]:
        rows.append(_failed(result))
    if lock := result["lock"]:
        rows.append(("locked", f"[yellow]{escape(lock['message'])}[/] by {escape(lock['owner'])} on {lock['host']}"))
    if hold := result["hold"]:
        release = escape(command(result, "unhold"))
        rows.append(("held", f"[yellow]{escape(hold['reason'])}[/] by {escape(hold['by'])}: {release}"))
    return Group(f"[bold]{title(result)}[/]", table, pairs(rows, markup=True))


def _redeploys(result: Json) -> str:
    """The command of a rollback that deploys its version again, and what that took the last time; else empty."""
    rollback = result["rollback"]
    if not rollback["redeploys"]:
        return ""
    estimate = rollback["seconds_estimate"]
    about = f", about {estimate:.0f} s" if estimate is not None else ""
    return f"{about}   [dim]{escape(command(result, 'swap', '--rollback'))}[/]"


def _failed(result: Json) -> tuple[str, str]:
    """The newest release where it came to nothing, and the command that shows it whole."""
    failed = result["failed"]
    said = "was swapped back" if failed["outcome"] == "swapped-back" else "failed"
    more = escape(command(result, "releases", failed["release"]))
    return "failed", f"[red]{failed['release']} {said}[/]   [dim]{more}[/]"


def _people(result: Json, roles: list[str]) -> str:
    """Who released what is there: one name where it is the same for all. A line of its own, for the table is wide."""
    named = {role: escape(result[role]["by"] or "somebody") for role in roles}
    alike = len(set(named.values())) == 1
    return named[roles[0]] if alike else ", ".join(f"{name} ({role})" for role, name in named.items())


def _changed_by_hand(live: Json) -> str:
    """What to know where live carries another version than its release did; empty where it does not."""
    if live["recorded_label"] in {None, live["version_label"]}:
        return ""
    return f"{live['release']} was {live['recorded_label']}: somebody deployed {live['version_label']} onto it"


def _side(role: str, side: Json) -> tuple[str, ...]:
    ready = side["status"] == "Ready"
    health = told_health(side) if ready else side["status"]
    health = health or "not deployed"
    return (
        f"[bold]{role}[/]",
        side["release"] or "-",
        side["version_label"],
        side["environment"],
        colored(side["health"], health) if ready else f"[yellow]{health}[/]",
        ago(side["since"]),
    )
