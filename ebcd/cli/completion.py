"""What the shell completes: stages, releases, environments, applications, kinds of faults.

Stages and applications are read from files; releases and environments are asked for, for a moment only. What cannot be
read completes nothing: whoever presses Tab wants no error, and nothing is started for it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from ebcd.cli.options import Common
    from ebcd.model import Configuration
    from ebcd.release.state.snapshot import Snapshot

FAULTS = (
    "list",
    "clear",
    "kill",
    "throttle",
    "expired",
    "error",
    "cut",
    "lost",
    "delay",
    "stall",
    "launch",
    "disk",
    "lag",
)
ROLES = ("live", "candidate", "previous")
"""What --env takes beside the name of an environment."""
PATIENCE = 2.0
"""Seconds that an answer may take."""


def stages(context: typer.Context, incomplete: str) -> list[str]:
    """The stages of ebcd.toml."""
    return _quietly(incomplete, lambda: _configured(context, lambda found: found.stages))


def applications(context: typer.Context, incomplete: str) -> list[str]:
    """The application of ebcd.toml, and those that the local Beanstalk runs."""
    return _quietly(incomplete, lambda: [*_configured(context, lambda found: [found.application]), *_running()])


def releases(context: typer.Context, incomplete: str) -> list[str]:
    """The stage's newest releases."""
    return _quietly(incomplete, lambda: [record.release for record in _snapshot(context).releases])


def environments(context: typer.Context, incomplete: str) -> list[str]:
    """What --env takes: roles, and the application's environments."""

    def known() -> Iterable[str]:
        yield from ROLES
        yield from (item.name for item in _snapshot(context).environments)

    return _quietly(incomplete, known)


def faults(incomplete: str) -> list[str]:
    """The kinds of faults of the local Beanstalk."""
    return _quietly(incomplete, lambda: FAULTS)


def _quietly(incomplete: str, read: Callable[[], Iterable[str]]) -> list[str]:
    """What was read and begins so, as far as it could be read."""
    found: list[str] = []
    try:
        found.extend(name for name in read() if name.startswith(incomplete))
    except Exception:
        return list(dict.fromkeys(found))
    return list(dict.fromkeys(found))


def _options(context: typer.Context) -> Common:
    """The options that stand on the line already."""
    from ebcd.cli.options import Common

    given: dict[str, Any] = {name: context.params.get(name) for name in Common.__dataclass_fields__}
    return Common(**{name: value for name, value in given.items() if value is not None})


def _configured(context: typer.Context, names: Callable[[Configuration], Iterable[str]]) -> Iterable[str]:
    from ebcd.cli.source import load

    found = load(_options(context))
    return names(found) if found else ()


def _running() -> Iterable[str]:
    from ebcd import local

    server = local.find(os.environ)
    return [str(item["application"]) for item in server.environments()] if server else ()


def _snapshot(context: typer.Context) -> Snapshot:
    """The stage as it is now. Raises an error rather than to start the local Beanstalk, or to wait for long."""
    from dataclasses import replace
    from datetime import UTC, datetime

    from ebcd import config
    from ebcd.aws.account import Account
    from ebcd.aws.beanstalk import Beanstalk
    from ebcd.aws.session import connect
    from ebcd.aws.storage import Storage
    from ebcd.cli.session import reach
    from ebcd.cli.source import load
    from ebcd.release.store.ledger import Ledger
    from ebcd.release.store.observe import observe

    options = _options(context)
    stage = config.select_stage(
        load(options), name=options.stage, application=options.application, region=options.region, environ=os.environ
    )
    access, _, stage = reach(options, stage, os.environ, start=False)
    clients = connect(replace(access, read_timeout=PATIENCE))
    account = Account(clients)
    ledger = Ledger(Storage(clients, stage.region, account), stage.application, stage.name)
    return observe(stage, Beanstalk(clients, account), ledger, datetime.now(UTC))
