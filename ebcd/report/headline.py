"""How a run ended, in one line, and how it is undone, from its JSON report. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

from ebcd.model.command import CommandLine, completed

Report: TypeAlias = Mapping[str, object]
"""The JSON object of a command, in which anything may be missing."""

_VERDICTS = {
    "3": "refused, nothing was changed",
    "4": "another run holds the lock",
    "6": "{release} failed and no user has seen it",
    "7": "{release} failed its bake and was swapped back",
    "8": "the outcome is unknown",
    "9": "there is nothing to roll back to",
    "130": "interrupted",
    "143": "interrupted",
}


def headline(report: Report, shown: Callable[[str], str]) -> str:
    """Which stage it was and what is live there now. shown: makes a text of any origin fit to be shown."""
    subject = shown(" ".join((at(report, "application"), at(report, "stage")))) or "ebcd"
    release, live = shown(at(report, "release")), shown(at(report, "live", "release"))
    if not report.get("ok"):
        return f"❌ {subject}: {_verdict(report, release, live)}"
    if planned(report):
        return f"📋 {subject}: a plan, nothing was changed"
    if live and release not in ("", live):
        return f"⏸️ {subject}: {release} waits for its swap, {live} is live"
    return f"✅ {subject}: {f'{live} is live' if live else shown(at(report, 'command'))}"


def _verdict(report: Report, release: str, live: str) -> str:
    verdict = _VERDICTS.get(at(report, "exit_code"), "failed").format(release=release or "the release")
    return f"{verdict}, {live} is live" if live else verdict


def undo(report: Report) -> str:
    """The command that brings back what was live before; empty where the run made nothing live."""
    left, previous = at(report, "left", "release"), at(report, "previous", "release")
    made_live = is_live(report) and items(report.get("steps")) and not planned(report)
    if not (report.get("ok") and (left or previous) and made_live):
        return ""
    way = ("--to", left) if left else ("--rollback",)  # a rollback never toggles: the way forward names its release
    options = at(report, "options") or str(CommandLine(at(report, "application"), at(report, "stage")))
    return completed(("swap", *way), options, "")


def left_to_do(report: Report) -> tuple[tuple[str, str], ...]:
    """What a run left to do beside its release, and the command that does it."""
    return tuple(
        (f"{at(item, 'text')}. {at(item, 'why')}", at(item, "command")) for item in items(report.get("remaining"))
    )


def is_live(report: Report) -> bool:
    """Whether the run's release is live."""
    return at(report, "release") == at(report, "live", "release") != ""


def planned(report: Report) -> bool:
    """Whether it tells what would be done."""
    return any(step.get("status") == "planned" for step in items(report.get("steps")))


def items(value: object) -> list[Report]:
    """A list of objects; empty for anything else."""
    return [mapping(item) for item in value] if isinstance(value, list) else []


def mapping(value: object) -> Report:
    """An object; empty for anything else."""
    return value if isinstance(value, Mapping) else {}


def at(report: Report, *path: str) -> str:
    """The text at a place; empty where there is none."""
    value: object = report
    for key in path:
        value = mapping(value).get(key)
    return "" if value is None or isinstance(value, Mapping) else str(value)
