"""What people are told of a run that changed a stage, in a chat or by whatever listens at a URL. Pure."""

from __future__ import annotations

from ebcd.report.foreign import line
from ebcd.report.headline import Report, at, headline, is_live, items, left_to_do, mapping, undo
from ebcd.report.markdown import cut

LONGEST = 500
"""Characters of any of its lines."""
_WORKED = frozenset({"done", "failed"})


def notice(report: Report, by: str, run_url: str) -> str:
    """The message; empty for a run that began nothing: it was refused, only planned, or found nothing to do.

    by, run_url: who ran it, and the CI run, if it was one.
    """
    if not any(step.get("status") in _WORKED for step in items(report.get("steps"))):
        return ""
    command = undo(report)
    lines = [f"{headline(report, line)}, by {by}", _version(report)]
    lines += [at(report, "error", key) for key in ("what", "why", "hint")]
    lines += [at(report, "live", "url"), command and f"undo: {command}"]
    lines += [f"left to do: {text} {does}" for text, does in left_to_do(report)]
    lines += [run_url]
    return "\n".join(cut(line(text), LONGEST) for text in lines if text)


def _version(report: Report) -> str:
    """The version, the platform versions where they changed, and what it took live's place from."""
    left = mapping(report.get("left")) or mapping(report.get("previous"))
    before = f"before it {at(left, 'release')} ({at(left, 'version_label')})" if left and is_live(report) else ""
    change = at(report, "platform_change", "text")
    platform = f"platform {change}" if change else ""
    return ", ".join(filter(None, (at(report, "version_label"), platform, before)))
