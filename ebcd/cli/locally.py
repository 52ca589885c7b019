"""`ebcd local`: the local Beanstalk, a program of its own that this passes its words on to."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec
from typing import Annotated

import typer

from ebcd.cli.completion import faults
from ebcd.cli.help import SETTINGS, Group
from ebcd.errors import UsageError

app = typer.Typer(
    help="The local Beanstalk: a small cloud of your own.",
    no_args_is_help=True,
    cls=Group,
    rich_markup_mode=None,
    add_completion=False,
    context_settings=SETTINGS,
)

Words = Annotated[list[str] | None, typer.Argument()]
"""What is passed on, whatever it is."""
_NEEDS = ("moto", "werkzeug", "psutil", "boto3")
"""Modules of the extra `local`."""
_PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _refuse_missing() -> None:
    """Raises UsageError where what the local Beanstalk needs is not installed."""
    if any(find_spec(name) is None for name in _NEEDS):
        raise UsageError(
            "The local Beanstalk is not installed.",
            why="ebcd was installed without what it needs.",
            hint="pipx install --force 'ebcd[local]'",
            code="local-missing",
        )


def _command(name: str, doc: str) -> None:
    def command(words: Words = None) -> None:
        from ebcd.local import refuse_elsewhere

        refuse_elsewhere(sys.platform)
        _refuse_missing()
        sys.stdout.flush()
        arguments = [sys.executable, "-m", "ebcd_local", name, *(words or ())]
        environ = os.environ | {"EBCD_LOCAL_PROGRAM": "ebcd local"}
        if not (sys.stdout.encoding or "").lower().startswith("utf"):
            environ["PYTHONIOENCODING"] = f"{sys.stdout.encoding}:replace"
        raise typer.Exit(subprocess.run(arguments, env=environ, check=False).returncode)

    command.__doc__ = doc
    if name == "fault":
        command.__annotations__["words"] = Annotated[list[str] | None, typer.Argument(autocompletion=faults)]
    app.command(name, context_settings=_PASSED_ON)(command)


for _name, _doc in {
    "up": "Start it, unless it runs.",
    "down": "Stop it and all that it runs; its state stays.",
    "status": "Show where it is and what it runs.",
    "env": 'Print the variables that other clients need: eval "$(ebcd local env)".',
    "logs": "Show the last lines of its log, or of an environment's.",
    "reset": "Stop it and forget everything.",
    "fault": "Let something go wrong at a call, or kill an instance.",
    "platform": "Publish a newer platform version, or show those that there are.",
    "psql": "Look into an application's database.",
}.items():
    _command(_name, _doc)
