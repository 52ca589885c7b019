"""One release, whole: its record, and what its run did step by step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd.report.envelope import Json
from ebcd.report.parts import pairs, title
from ebcd.report.text import MARKS

_SHOWN = (
    "version_label",
    "sha",
    "tree",
    "content_digest",
    "environment",
    "platform_arn",
    "image_ids",
    "settings_digest",
    "outcome",
    "reason",
    "by",
    "host",
    "run_url",
    "message",
    "since",
    "live_since",
    "left_live",
    "from_release",
    "restores",
)
_INTENT, _RESULT = "-intent", "-result"


def text(result: Json) -> RenderableType:
    """A release's record and its steps, for people."""
    record = result["record"] | {"image_ids": _images(result["record"])}
    rows = [(name.replace("_", " "), str(record[name])) for name in _SHOWN if record.get(name)]
    return Group(f"[bold]{title(result)}  {result['release']}[/]", pairs(rows), *_steps(result["entries"]))


def _images(record: Json) -> str:
    """Which machine images a release's instances ran. Records of earlier versions have its platform's only."""
    if found := record.get("image_ids"):
        return ", ".join(found)
    return f"unknown (its platform's: {record['image_id']})" if record.get("image_id") else "unknown"


def _steps(entries: Sequence[Json]) -> Iterator[str]:
    """A line for each step with what became of it. A step that has no result was under way when the run ended."""
    for index, item in enumerate(entries):
        name = str(item["entry"])
        if not name.endswith(_INTENT):
            yield _line(item, MARKS.get(str(item.get("status")), " "), _told(item))
        elif not _has_result(item, entries[index + 1 :]):
            yield _line(item, MARKS["planned"], "began, and has no result")


def _has_result(intent: Json, later: Sequence[Json]) -> bool:
    wanted = str(intent["entry"]).removesuffix(_INTENT) + _RESULT
    return any(item["entry"] == wanted and item.get("text") == intent.get("text") for item in later)


def _line(item: Json, mark: str, what: str) -> str:
    at = datetime.fromisoformat(str(item["at"]))
    return f"  [dim]{at:%H:%M:%S}[/] {mark} {escape(_name(item))}  [dim]{escape(what)}[/]".rstrip()


def _name(item: Json) -> str:
    """A step as every other output calls it; what is none, and earlier versions' steps, by the entry's name."""
    return str(item.get("text") or str(item["entry"]).removesuffix(_RESULT).removesuffix(_INTENT))


def _told(item: Json) -> str:
    seconds, reason = item.get("seconds"), str(item.get("reason") or "")
    took = f"{seconds:.1f} s" if isinstance(seconds, int | float) else ""
    return " · ".join(filter(None, (took, reason)))
