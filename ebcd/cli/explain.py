"""`help`, and the page that `ebcd` alone shows."""

from __future__ import annotations

from typing import Annotated, Any

import typer

NEEDED = ("init", "ship", "status", "rollback")
"""The commands with which one ships, sees and goes back."""


def help_(
    context: typer.Context,
    command: Annotated[list[str] | None, typer.Argument(metavar="[COMMAND]...", help="The command.")] = None,
) -> None:
    """Explain a command, with examples."""
    root: Any = context.find_root().command
    root.main([*(command or ()), "--help"], prog_name="ebcd", standalone_mode=False)


def page(width: int) -> str:
    """What `ebcd` alone shows: the few commands that one needs, and the names of the rest by topic."""
    from ebcd.cli.app import COMMANDS

    longest = max(map(len, NEEDED))
    lines = ["ebcd brings a commit live on AWS Elastic Beanstalk, and back again in seconds.", "", "What you need:"]
    lines += [f"  ebcd {name:<{longest}}  {COMMANDS[name].help}" for name in NEEDED]
    lines += ["", "The rest, by topic:"]
    headings = dict.fromkeys(entry.heading for entry in COMMANDS.values())
    indent = max(map(len, headings)) + 4
    for heading in headings:
        names = [name for name, entry in COMMANDS.items() if entry.heading == heading and name not in NEEDED]
        lines += _wrapped(f"  {heading:<{indent - 2}}", names, width)
    lines += [
        "",
        "ebcd help ship explains a command, with examples. No AWS account is needed to try it:",
        "the stage `local` is a small Elastic Beanstalk on this machine.",
    ]
    return "\n".join(lines) + "\n"


def _wrapped(first: str, names: list[str], width: int) -> list[str]:
    """Names in lines of a width, each behind the room that the first line's beginning takes."""
    lines = [first]
    for name in names:
        if len(lines[-1]) + len(name) + 1 > width and lines[-1].strip():
            lines.append(" " * len(first))
        lines[-1] += name if lines[-1] in {first, " " * len(first)} else f" {name}"
    return lines
