"""What GitHub Actions is told: a step's outputs, its summary and its error annotation, from a command's JSON report.

`exec ebcd` replaces the step's shell, so that a cancellation reaches ebcd itself: nobody is left to pass results on.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from pathlib import Path

from ebcd import words
from ebcd.report.foreign import line, plain
from ebcd.report.headline import Report, at, headline, is_live, items, left_to_do, mapping, planned, undo
from ebcd.report.markdown import LONGEST_TEXT, block, code, cut, prose, table

SUMMARY_LIMIT = 1024 * 1024
"""Bytes of one step's summary; GitHub drops a longer one whole."""

_OUTPUTS = {
    "release": ("release",),
    "version-label": ("version_label",),
    "sha": ("sha",),
    "environment": ("environment", "name"),
    "live-release": ("live", "release"),
    "live-url": ("live", "url"),
}
_URL = re.compile(r"https?://[A-Za-z0-9._~:/?#@!$&*+,;=%-]{1,300}")
_REPOSITORY = re.compile(r"https?://[A-Za-z0-9.:-]{1,200}/[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_SHA = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_MOST_STEPS = 100


def outputs(report: Report) -> dict[str, str]:
    """The step's outputs; empty where the report lacks one. `outcome` is the report as JSON, without the long parts."""
    rest = {key: value for key, value in report.items() if key not in ("steps", "diagnosis")}
    outcome = json.dumps(_cut_all(rest), separators=(",", ":"))
    return {name: at(report, *path) for name, path in _OUTPUTS.items()} | {"outcome": outcome}


def annotation(report: Report) -> str:
    """The workflow command that shows a failure at the top of the run; empty where there is none."""
    if report.get("ok"):
        return ""
    title = line(" ".join(["ebcd", *(at(report, key) for key in ("command", "application", "stage"))]))
    texts = (plain(at(report, "error", key)) for key in ("what", "why", "hint"))
    message = cut("\n".join(filter(None, texts)), LONGEST_TEXT) or "failed"
    return f"::error title={_escaped_property(cut(title, 200))}::{_escaped(message)}"


def summary(report: Report, repository: str = "") -> str:
    """The step's summary in Markdown: what happened, from which release to which, how to undo it, or why it failed.

    repository: its URL on GitHub, where commits can be read.
    """
    outcome = (
        _headline(report),
        prose(at(report, "note")),
        _error(report),
        _change(report),
        *_taken_back(report, repository),
    )
    rest = (_address(report), _undo(report), _remaining(report), _steps(report), *_diagnosis(report))
    return "\n\n".join(filter(None, (*outcome, *rest))) + "\n"


def write(report: Report, environ: Mapping[str, str]) -> None:
    """Append outputs and summary to the files that Actions names in the environment; elsewhere do nothing."""
    if path := environ.get("GITHUB_OUTPUT"):
        _append(Path(path), "".join(_heredoc(name, value) for name, value in outputs(report).items()))
    if path := environ.get("GITHUB_STEP_SUMMARY"):
        _append_within(Path(path), (summary(report, _repository(environ)), _headline(report) + "\n"), SUMMARY_LIMIT)


def _heredoc(name: str, value: str) -> str:
    """A value of any content: nobody can guess the line that ends it."""
    delimiter = f"ebcd_{secrets.token_hex(16)}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def _append(path: Path, text: str) -> None:
    with path.open("ab") as file:
        file.write(text.encode(errors="replace"))


def _append_within(path: Path, texts: Iterable[str], limit: int) -> None:
    """Append the first text that fits: an earlier command of the same step may have filled the file."""
    room = limit - (path.stat().st_size if path.exists() else 0)
    for text in texts:
        if len(text.encode(errors="replace")) <= room:
            _append(path, text)
            return


def _headline(report: Report) -> str:
    return f"### {headline(report, prose)}"


def _error(report: Report) -> str:
    what, why, hint = (at(report, "error", key) for key in ("what", "why", "hint"))
    what = prose(what, LONGEST_TEXT)
    return "\n\n".join(filter(None, (what and f"**{what}**", block(why), prose(hint, LONGEST_TEXT))))


def _change(report: Report) -> str:
    """From what was live to what is live now, or where this run's release is not live to the candidate."""
    live, before = mapping(report.get("live")), mapping(report.get("previous"))
    if is_live(report) or not report.get("release"):
        before = mapping(report.get("left")) or before
        head, after = ("", "Before", "Live"), live
    else:
        candidate = {**report, "environment": at(report, "environment", "name")}
        head, before, after = ("", "Live", "Candidate"), live, candidate
    if not at(after, "release"):
        return ""
    rows = (
        ("Release", prose(at(before, "release")), f"**{prose(at(after, 'release'))}**"),
        ("Version", code(at(before, "version_label")), code(at(after, "version_label"))),
        ("Environment", code(at(before, "environment")), code(at(after, "environment"))),
    )
    return table(head, (*rows, *_platform(report)))


def _taken_back(report: Report, repository: str) -> tuple[str, str]:
    """Of a rollback: why, and the commits that live no longer has."""
    left, reason = mapping(report.get("left")), at(report, "left", "reason")
    now, then = at(report, "sha"), at(left, "sha")
    if not reason or not is_live(report) or planned(report):
        return "", ""
    commits = ""
    if now != then and _SHA.fullmatch(now) and _SHA.fullmatch(then):
        shown = f"<{repository}/compare/{now}...{then}>" if repository else code(f"git log {now[:12]}..{then[:12]}")
        commits = f"Commits taken back: {shown}"
    return f"Reason: {prose(reason, LONGEST_TEXT)}", commits


def _repository(environ: Mapping[str, str]) -> str:
    """The URL of the workflow's repository; empty where Actions names none."""
    url = f"{environ.get('GITHUB_SERVER_URL', '')}/{environ.get('GITHUB_REPOSITORY', '')}"
    return url if _REPOSITORY.fullmatch(url) else ""


def _platform(report: Report) -> tuple[tuple[str, str, str], ...]:
    """From which platform version to which, where a release changes it."""
    if not at(report, "platform_change", "text"):
        return ()
    before, after = (at(report, "platform_change", name).rpartition("/")[2] for name in ("from", "to"))
    return (("Platform", code(before), code(after)),)


def _address(report: Report) -> str:
    url = at(report, "live", "url")
    return f"Live at {f'<{url}>' if _URL.fullmatch(url) else code(url)}" if url else ""


def _undo(report: Report) -> str:
    command = undo(report)
    return f"Undo: {code(command)}" if command else ""


def _remaining(report: Report) -> str:
    return "\n".join(
        f"- Left to do: {prose(text, LONGEST_TEXT)} {code(command)}" for text, command in left_to_do(report)
    )


def _steps(report: Report) -> str:
    steps = items(report.get("steps"))
    count = words.count(len(steps), "step")
    title = ", ".join(filter(None, (count, _time(report.get("seconds")))))
    shown = table(("Step", "Status", "Time", ""), map(_row, steps[:_MOST_STEPS]))
    return _folded(title, shown, opened=not report.get("ok")) if steps else ""


def _row(step: Report) -> tuple[str, str, str, str]:
    name, status = prose(at(step, "text") or at(step, "step")), prose(at(step, "status"))
    return name, status, _time(step.get("seconds")), prose(at(step, "reason"))


def _diagnosis(report: Report) -> tuple[str, str, str]:
    """What is known of a candidate that failed."""
    found = mapping(report.get("diagnosis"))
    causes, log = found.get("causes"), block(at(found, "log_tail"))
    events = (f"{at(event, 'severity')}  {at(event, 'message')}" for event in items(found.get("events")))
    return (
        _folded("Causes", block("\n".join(map(str, causes))) if isinstance(causes, list) else ""),
        _folded("Events", block("\n".join(map(line, events)))),
        _folded("The end of its log", log),
    )


def _folded(title: str, body: str, *, opened: bool = True) -> str:
    return f"<details{' open' if opened else ''}><summary>{title}</summary>\n\n{body}\n\n</details>" if body else ""


def _time(value: object) -> str:
    if not isinstance(value, int | float):
        return ""
    if value < 60:
        return f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds} s"


def _cut_all(value: object) -> object:
    if isinstance(value, str):
        return cut(value, LONGEST_TEXT)
    if isinstance(value, Mapping):
        return {key: _cut_all(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cut_all(item) for item in value]
    return value


def _escaped(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped_property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")
