"""`lock`, `hold`, `unhold`, `abort` and `wait` for people. Pure."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.report.envelope import Json
from ebcd.report.parts import command, pairs, title


def lock(result: Json) -> RenderableType:
    """Who holds the lock."""
    held = result["lock"]
    if held is None:
        return f"[bold]{title(result)}[/]  is not locked."
    verb = "was taken from" if result.get("broken") else "is held by"
    rows = [("for", held["message"]), ("since", held["since"]), ("expires", held["expires"])]
    return Group(f"[bold]{title(result)}[/]  The lock {verb} {escape(held['owner'])} on {held['host']}.", pairs(rows))


def hold(result: Json) -> RenderableType:
    """Who holds the stage."""
    held = result["hold"]
    rows = [("reason", held["reason"]), ("since", held["since"])]
    return Group(
        f"[yellow]■[/] [bold]{title(result)}[/]  refuses every ship: held by {escape(held['by'])}.",
        pairs(rows),
        f"  [cyan]→[/] {escape(command(result, 'unhold'))}",
    )


def unhold(result: Json) -> RenderableType:
    """That ships go through again."""
    released = result["released"]
    if released is None:
        return f"[bold]{title(result)}[/]  was not held."
    return f"[green]✔[/] [bold]{title(result)}[/]  takes ships again; {escape(released['by'])} held it."


def aborted(result: Json) -> RenderableType:
    """Which run has stopped."""
    asked = result["aborted"]
    if asked is None:
        return f"[bold]{title(result)}[/]  No run changes it."
    return Group(
        f"[green]✔[/] [bold]{title(result)}[/]  The run of {escape(asked['owner'])} has stopped: "
        f"{escape(asked['message'])}.",
        f"  [cyan]→[/] {escape(command(result, 'status'))}",
    )
