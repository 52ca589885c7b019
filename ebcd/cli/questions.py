"""The few questions that `init` asks on a terminal, each with an answer that is ready."""

from __future__ import annotations

import sys
from dataclasses import replace

from rich.prompt import Confirm, Prompt

from ebcd.cli.options import Common
from ebcd.cli.output import console
from ebcd.init import Asked, Fact, Found, Seen, decide
from ebcd.init.action import action


def possible(common: Common) -> bool:
    """Whether there is somebody to ask."""
    return not (common.yes or common.json or common.quiet) and sys.stdin.isatty() and sys.stderr.isatty()


def ask(common: Common, seen: Seen, asked: Asked, *, kept: bool) -> Asked:
    """What the user said, with the answers. kept: there is an ebcd.toml, which stays: what it says is not asked."""
    found = decide(seen, asked)
    if not kept:
        asked = _configuration(common, found, asked)
    if not found.runs and not asked.run and "Procfile" not in seen.files:
        asked = replace(asked, run=_text(common, "Command that serves it (--run)", ""))
    if "github.com" in seen.remote and not asked.github:
        wanted = Confirm.ask("Workflows for GitHub", default=False, console=console(common, stderr=True))
        asked = replace(asked, github=wanted, action=asked.action or (action() if wanted else ""))
    return asked


def _configuration(common: Common, found: Found, asked: Asked) -> Asked:
    if not asked.application:
        asked = replace(asked, application=_other(common, "Application", found.application))
    if not asked.region:
        region = found.region
        asked = replace(
            asked,
            region=_other(common, "AWS region", region) if region else _text(common, "AWS region", "eu-central-1"),
        )
    if not asked.health:
        asked = replace(asked, health=_other(common, "Path that a healthy release answers with 200", found.smoke))
    if asked.database is None and found.local:
        wanted = Confirm.ask(
            "PostgreSQL for the local stage", default=found.database, console=console(common, stderr=True)
        )
        asked = replace(asked, database=wanted)
    return asked


def _other(common: Common, question: str, ready: Fact) -> str:
    """An answer other than what was found, which is said with its own source; else empty."""
    said = _text(common, question, ready.value)
    return "" if said == ready.value else said


def _text(common: Common, question: str, ready: str) -> str:
    return Prompt.ask(question, default=ready, console=console(common, stderr=True)).strip()
