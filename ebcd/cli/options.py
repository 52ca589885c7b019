"""The options that commands share, declared once.

A command takes a `Common` first; `shared` gives it these options in Typer's eyes and hands them over as that object.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ebcd.cli import completion


@dataclass(frozen=True, slots=True)
class Common:
    """What every command may be told. None and False: not given."""

    stage: str | None = None
    application: str | None = None
    region: str | None = None
    profile: str | None = None
    endpoint_url: str | None = None
    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: bool = False
    yes: bool = False
    no_color: bool = False


_PANEL = "Common options"
_OPTIONS: dict[str, Any] = {
    "stage": Annotated[
        str | None,
        typer.Option(
            "--stage",
            "-s",
            envvar="EBCD_STAGE",
            rich_help_panel=_PANEL,
            autocompletion=completion.stages,
            help="The stage: what users reach at one live CNAME.",
        ),
    ],
    "application": Annotated[
        str | None,
        typer.Option(
            "--application",
            "-a",
            envvar="EBCD_APPLICATION",
            rich_help_panel=_PANEL,
            autocompletion=completion.applications,
            help="The Beanstalk application.",
        ),
    ],
    "region": Annotated[str | None, typer.Option(rich_help_panel=_PANEL, help="The AWS region.")],
    "profile": Annotated[
        str | None, typer.Option(envvar="AWS_PROFILE", rich_help_panel=_PANEL, help="The AWS profile.")
    ],
    "endpoint_url": Annotated[
        str | None,
        typer.Option(envvar="AWS_ENDPOINT_URL", rich_help_panel=_PANEL, help="Another endpoint for every AWS service."),
    ],
    "config": Annotated[
        Path | None,
        typer.Option(rich_help_panel=_PANEL, help="The configuration file, instead of ebcd.toml here or above."),
    ],
    "json": Annotated[bool, typer.Option("--json", rich_help_panel=_PANEL, help="One JSON object on stdout.")],
    "quiet": Annotated[bool, typer.Option("--quiet", "-q", rich_help_panel=_PANEL, help="No progress.")],
    "verbose": Annotated[
        bool,
        typer.Option("--verbose", "-v", rich_help_panel=_PANEL, help="All that happens, and tracebacks of defects."),
    ],
    "yes": Annotated[bool, typer.Option("--yes", "-y", rich_help_panel=_PANEL, help="Ask nothing.")],
    "no_color": Annotated[
        bool, typer.Option("--no-color", rich_help_panel=_PANEL, help="No colour (NO_COLOR does the same).")
    ],
}


def shared(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose first parameter is a Common all of its options."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    common = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            annotation=annotation,
            default=Common.__dataclass_fields__[name].default,
        )
        for name, annotation in _OPTIONS.items()
    ]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        chosen = Common(**{name: given.pop(name) for name in _OPTIONS})
        command(chosen, **given)

    parameters = [item.replace(kind=inspect.Parameter.KEYWORD_ONLY) for item in own] + common
    wrapper.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {item.name: item.annotation for item in parameters}
    del wrapper.__wrapped__
    return wrapper
