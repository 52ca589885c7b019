"""`preview up`, `list` and `down`: as data, and for people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from rich.console import Group, RenderableType
from rich.markup import escape

from ebcd import words
from ebcd.errors import EbcdError
from ebcd.model import Environment, Stage
from ebcd.release.execute.context import Run, Services
from ebcd.release.store.previews import Preview
from ebcd.report import result, text
from ebcd.report.envelope import Json
from ebcd.report.parts import ago, colored


def described(preview: Preview, environments: Iterable[Environment], place: Stage, services: Services) -> Json:
    """A preview as it stands: the environment's version counts, where a release was taken back it is another one."""
    found = next((item for item in environments if item.name == preview.environment), None)
    told = result.preview(preview, place.flags) | {
        "environment": preview.environment,
        "status": found.status if found else "Terminated",
        "health": found.health if found else None,
        "health_status": found.health_status if found else None,
        "url": services.front(place, found.cname).url if found and found.cname else None,
    }
    if found and found.version_label != preview.version_label:
        told |= {"release": None, "version_label": found.version_label, "sha": None}
    return told


def ended(run: Run, branch: str, error: EbcdError | None, *, planned: bool) -> Json:
    """What became of a preview that was to go."""
    told: Json = {
        "stage": run.stage.name,
        "branch": branch,
        "outcome": "failed" if error else _outcome(run, planned=planned),
        "steps": result.steps(run),
    }
    if error is not None:
        told["error"] = {"code": error.code, "what": error.what, "why": error.why, "hint": error.hint}
    return told


def _outcome(run: Run, *, planned: bool) -> str:
    if run.preview is None:
        return "absent"
    if planned:
        return "planned"
    return "terminated" if run.results else "forgotten"


def up(told: Json) -> RenderableType:
    """The end of `preview up`."""
    preview, others = told["preview"], len(told.get("expired", ()))
    until = f"{_moment(preview['expires'])}, for {words.span(timedelta(seconds=preview['seconds_left']))}"
    rows = [
        ("branch", f"{preview['branch']}, made like {preview['base']}"),
        ("until", until),
        ("end", preview["end"]),
    ]
    if others:
        rows.append(("expired", f"{_count(others, 'other preview')}: {preview['end_expired']}"))
    return text.shipped(told, rows)


def listed(told: Json) -> RenderableType:
    """The previews, one below the other."""
    found = told["previews"]
    head = f"[bold]{escape(told['application'])}[/]"
    if not found:
        return f"{head}  has no previews.\n  [cyan]→[/] {escape(told['next'])}"
    width = max(len(item["branch"]) for item in found)
    lines = [line for item in found for line in _item(item, width)]
    expired = [item for item in found if item["expired"]]
    if expired:
        has = "has" if len(expired) == 1 else "have"
        lines.append(f"  [cyan]→[/] {len(expired)} {has} expired: {escape(expired[0]['end_expired'])}")
    return Group(f"{head}  {_count(len(found), 'preview')}", *lines)


def down(told: Json) -> RenderableType:
    """What became of each preview that was to go."""
    found = told["previews"]
    if not found:
        return f"[green]✔[/] [bold]{escape(told['application'])}[/]  No preview has expired."
    return Group(*(line for item in found for line in _end(item)))


def _item(item: Json, width: int) -> tuple[str, str]:
    health = " ".join(filter(None, (item["health"], item["health_status"])))
    state = colored(item["health"], health) if item["status"] == "Ready" else f"[yellow]{item['status']}[/]"
    lives = f"{words.span(timedelta(seconds=item['seconds_left']))} left"
    what = " ".join(filter(None, (item["release"], item["version_label"])))
    since = f"by {escape(item['by'])}, up {ago(item['since'])}"
    lives = "[yellow]expired[/]" if item["expired"] else lives
    parts = [f"[bold]{escape(item['branch'].ljust(width))}[/]  {what}", state, lives, since]
    where = item["url"] or "no environment"
    return "  " + " · ".join(parts), f"  {' ' * width}  [dim]{where}  -s {item['stage']}[/]"


def _end(item: Json) -> list[str]:
    name = f"[bold]{escape(item['branch'])}[/]"
    match item["outcome"]:
        case "absent":
            return [f"[green]✔[/] {name}  has no preview: nothing to take down."]
        case "planned":
            head = f"{name}  would be taken down; nothing was changed."
        case "failed":
            return [f"[red]✘[/] {name}  stays: {escape(item['error']['what'])}"]
        case "forgotten":
            head = f"[green]✔[/] {name}  is gone; it had no environment."
        case _:
            head = f"[green]✔[/] {name}  is taken down."
    return [head, *text.steps(item)]


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _moment(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone(UTC):%Y-%m-%d %H:%M} UTC"
