"""The `ebcd` command: its subcommands, each in a module of its own kind."""

from __future__ import annotations

import typer

from ebcd.cli import build, guard, inspect, locally, release

app = typer.Typer(
    name="ebcd",
    help="Continuous delivery for AWS Elastic Beanstalk: a commit becomes a release, and there is a warm way back.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("ship", rich_help_panel="Release")(release.ship)
app.command("swap", rich_help_panel="Release")(release.swap)
app.command("publish", rich_help_panel="Release")(release.publish)
app.command("retire", rich_help_panel="Release")(release.retire)
app.command("prune", rich_help_panel="Release")(release.prune)
app.command("status", rich_help_panel="Look")(inspect.status)
app.command("releases", rich_help_panel="Look")(inspect.releases)
app.command("events", rich_help_panel="Look")(inspect.events)
app.command("logs", rich_help_panel="Look")(inspect.logs)
app.command("lock", rich_help_panel="Guard")(guard.lock)
app.command("hold", rich_help_panel="Guard")(guard.hold)
app.command("unhold", rich_help_panel="Guard")(guard.unhold)
app.command("abort", rich_help_panel="Guard")(guard.abort)
app.command("wait", rich_help_panel="Guard")(guard.wait)
app.command("bundle", rich_help_panel="Prepare")(build.bundle)
app.command("check", rich_help_panel="Prepare")(build.check)
app.add_typer(locally.app, name="local", rich_help_panel="Prepare")


@app.callback()
def main(version: bool = typer.Option(False, "--version", help="Show ebcd's version.", is_eager=True)) -> None:
    """Continuous delivery for AWS Elastic Beanstalk."""
