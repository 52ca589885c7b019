"""`ebcd local`: the local Beanstalk, a program of its own that this passes its words on to."""

from __future__ import annotations

import os
import subprocess
import sys

import typer

from ebcd.cli.help import SETTINGS, Group

app = typer.Typer(help="The local Beanstalk: a small cloud of your own.", no_args_is_help=True, cls=Group,
                  rich_markup_mode=None, add_completion=False, context_settings=SETTINGS)  # fmt: skip

_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _command(name: str, doc: str) -> None:
    def command(context: typer.Context) -> None:
        arguments = [sys.executable, "-m", "ebcd_local", name, *context.args]
        environ = os.environ | {"EBCD_LOCAL_PROGRAM": "ebcd local"}
        raise typer.Exit(subprocess.run(arguments, env=environ, check=False).returncode)

    command.__doc__ = doc
    app.command(name, context_settings=_PASSED_ON)(command)


for _name, _doc in {
    "up": "Start it, unless it runs.",
    "down": "Stop it and all that it runs; its state stays.",
    "status": "Show where it is and what it runs.",
    "logs": "Show the last lines of its log, or of an environment's.",
    "reset": "Stop it and forget everything.",
    "fault": "Let something go wrong at a call, or kill an instance.",
    "platform": "Publish a newer platform version, or show those that there are.",
    "psql": "Look into an application's database.",
}.items():
    _command(_name, _doc)
