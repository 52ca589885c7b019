"""The `ebcd` command: its subcommands, each imported when it is asked for."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import typer

from ebcd.cli.help import SETTINGS, Command, Entry, Group

COMMANDS = {
    "ship": Entry("release:ship", "Release", "Bring a commit live: bundle, environment, proofs, swap, bake."),
    "rollback": Entry("release:rollback", "Release", "Return to the release before: swap --rollback."),
    "patch": Entry("patch:patch", "Release", "Release the live commit again on the newest platform version."),
    "swap": Entry("release:swap", "Release", "Bring a waiting candidate live, or go back."),
    "publish": Entry("release:publish", "Release", "Make a commit an application version, and stop there."),
    "retire": Entry("release:retire", "Release", "Terminate environments that have drained."),
    "preview": Entry("preview:app", "Release", "An environment for a branch, with a time to live."),
    "prune": Entry("release:prune", "Release", "Delete application versions and bundles that nothing needs."),
    "status": Entry("inspect:status", "See", "Show what is live since when by whom, and whether a rollback is ready."),
    "releases": Entry("inspect:releases", "See", "Show the ledger, or one release whole."),
    "diff": Entry("compare:diff", "See", "Show the commits, files and settings between two releases."),
    "events": Entry("inspect:events", "See", "Show Beanstalk's events of an environment, oldest first."),
    "health": Entry("inspect:health", "See", "Show how an environment does: its requests, its instances, the causes."),
    "logs": Entry("inspect:logs", "See", "Show the last lines of an environment's logs."),
    "open": Entry("browser:open_url", "See", "Open the live URL in a browser, and print it."),
    "lock": Entry("guard:lock", "Guard", "Show who holds the stage's lock, or break it."),
    "hold": Entry("guard:hold", "Guard", "Let the stage refuse every ship, until `unhold`."),
    "unhold": Entry("guard:unhold", "Guard", "Let ships through again."),
    "abort": Entry("guard:abort", "Guard", "Ask the run that holds the stage's lock to stop, and wait until it has."),
    "wait": Entry("guard:wait", "Guard", "Wait until no run changes the stage."),
    "init": Entry("init:init", "Prepare", "Write ebcd.toml and what else a release needs, from what is found here."),
    "bundle": Entry("build:bundle", "Prepare", "Write the source bundle of a commit."),
    "check": Entry("build:check", "Prepare", "Find offline what would fail on Beanstalk."),
    "doctor": Entry("doctor:doctor", "Prepare", "Ask AWS what would stop a ship, and change nothing."),
    "bootstrap": Entry(
        "bootstrap:bootstrap", "Prepare", "Make the roles that ebcd needs on an account, as a CloudFormation stack."
    ),
    "local": Entry("locally:app", "Prepare", "The local Beanstalk: a small cloud of your own."),
    "eb": Entry("eb:eb", "Other tools", "Run the official eb on the stage: ebcd eb -- ARGS."),
    "help": Entry("explain:help_", "Other tools", "Explain a command, with examples."),
}
"""Where each command is (`module:name` below `ebcd.cli`), and what `--help` shows of it: its heading and the first line
of its docstring. Neither help nor completion imports what it does not show."""
ALIASES = {"deploy": "ship"}
"""Other names of commands, for what fingers type."""


class Commands(Group):
    """The commands by name."""

    entries = COMMANDS

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
        """The command of a name, not imported yet; None where there is none."""
        name = ALIASES.get(cmd_name, cmd_name)
        entry = COMMANDS.get(name)
        return Deferred(name, entry) if entry else None


class Deferred(Command):
    """A command that is imported when it is run, or shows its own help; its name can be completed without."""

    def __init__(self, name: str, entry: Entry) -> None:
        super().__init__(name, help=entry.help)
        self._place = entry.place

    def make_context(self, info_name: str | None, args: list[str], parent: Any = None, **extra: Any) -> Any:  # noqa: ARG002
        """The context of the command itself."""
        return self.loaded().make_context(self.name, args, parent, **extra)

    def loaded(self) -> Any:
        """The command itself, imported."""
        module, _, name = self._place.partition(":")
        found = getattr(import_module(f"ebcd.cli.{module}"), name)
        if isinstance(found, typer.Typer):
            return typer.main.get_command(found)
        alone = typer.Typer(add_completion=False, rich_markup_mode=None, context_settings=SETTINGS)
        alone.command(self.name, cls=Command)(found)
        return typer.main.get_command(alone)


app = typer.Typer(
    name="ebcd",
    help="Continuous delivery for AWS Elastic Beanstalk: a commit becomes a release, and there is a warm way back.",
    no_args_is_help=True,
    cls=Commands,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    add_completion=True,
    context_settings=SETTINGS,
)


@app.callback()
def main(version: bool = typer.Option(False, "--version", help="Show ebcd's version.", is_eager=True)) -> None:
    """Continuous delivery for AWS Elastic Beanstalk."""
