"""The `ebcd` command: its subcommands, each in a module of its own kind."""

from __future__ import annotations

import typer

from ebcd.cli import build, guard, inspect, locally, release
from ebcd.cli.help import Command, Group

app = typer.Typer(
    name="ebcd",
    help="Continuous delivery for AWS Elastic Beanstalk: a commit becomes a release, and there is a warm way back.",
    no_args_is_help=True,
    cls=Group,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("ship", cls=Command, rich_help_panel="Release")(release.ship)
app.command("swap", cls=Command, rich_help_panel="Release")(release.swap)
app.command("publish", cls=Command, rich_help_panel="Release")(release.publish)
app.command("retire", cls=Command, rich_help_panel="Release")(release.retire)
app.command("prune", cls=Command, rich_help_panel="Release")(release.prune)
app.command("status", cls=Command, rich_help_panel="Look")(inspect.status)
app.command("releases", cls=Command, rich_help_panel="Look")(inspect.releases)
app.command("events", cls=Command, rich_help_panel="Look")(inspect.events)
app.command("logs", cls=Command, rich_help_panel="Look")(inspect.logs)
app.command("lock", cls=Command, rich_help_panel="Guard")(guard.lock)
app.command("hold", cls=Command, rich_help_panel="Guard")(guard.hold)
app.command("unhold", cls=Command, rich_help_panel="Guard")(guard.unhold)
app.command("abort", cls=Command, rich_help_panel="Guard")(guard.abort)
app.command("wait", cls=Command, rich_help_panel="Guard")(guard.wait)
app.command("bundle", cls=Command, rich_help_panel="Prepare")(build.bundle)
app.command("check", cls=Command, rich_help_panel="Prepare")(build.check)
app.add_typer(locally.app, name="local", rich_help_panel="Prepare")


@app.callback()
def main(version: bool = typer.Option(False, "--version", help="Show ebcd's version.", is_eager=True)) -> None:
    """Continuous delivery for AWS Elastic Beanstalk."""
