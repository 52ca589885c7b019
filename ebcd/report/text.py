"""Results for people, from the same data that `--json` prints."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ebcd.report.envelope import Json
from ebcd.report.headline import left_to_do, undo
from ebcd.report.layout import Columns
from ebcd.report.parts import ago, colored, command, pairs, title, told_health

_MARKS = {"done": "[green]✔[/]", "skipped": "[dim]•[/]", "failed": "[red]✘[/]", "planned": "[dim]○[/]"}
_OUTCOME = {"live": "green", "waiting": "yellow", "running": "yellow", "failed": "red", "swapped-back": "red",
            "rolled-back": "red"}  # fmt: skip


def plan(result: Json) -> RenderableType:
    """What a run would do."""
    if not result["steps"]:
        return f"[green]✔[/] Nothing to do: {escape(result.get('note', ''))}"
    lines = [f"  {_MARKS['planned']} {escape(step['text'])}" for step in result["steps"]]
    head = f"[bold]{title(result)}[/]  {escape(result['release'])} would take these steps; nothing was changed."
    told = [f"  [dim]{escape(line)}[/]" for line in result.get("told", [])]
    return Group(head, *told, *lines)


def shipped(result: Json, more: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """The end of `ship`. more: what else there is to tell."""
    live = result["live"]
    waiting = live is None or live["release"] != result["release"]
    head = "waits for its swap" if waiting else "is live"
    if result.get("note"):
        head = "is live already: nothing to do"
    headline = f"[bold green]●[/] [bold]{title(result)}[/]  [bold]{result['release']}[/] {head}"
    rows = _live_rows(result)
    if out := result.get("platform", {}).get("out"):
        rows.append(("platform", f"{out.removeprefix('platform ')} is out: {command(result, 'patch')}"))
    if waiting:
        rows.append(("next", command(result, "swap", "--to", result["release"])))
    elif way := undo(result):
        rows.append(("undo", way))
    rows += _remaining(result)
    return Group(f"{headline}  [dim]{result['version_label']} · {result['seconds']:.1f} s[/]", pairs([*rows, *more]))


def patched(result: Json) -> RenderableType:
    """The end of `patch`."""
    if result.get("note"):
        head = f"[bold green]●[/] [bold]{title(result)}[/]  nothing to patch: {escape(result['note'])}"
        return Group(head, pairs(_live_rows(result)))
    out = result["platform"]["out"]
    return shipped({**result, "platform": {}}, [("platform", out.removeprefix("platform "))] if out else [])


def swapped(result: Json) -> RenderableType:
    """The end of `swap`."""
    from ebcd.release.rollback import NOT_UNDONE  # by need: `bundle` shows results too, and knows no releases

    if result.get("note"):
        return Group(f"[bold green]●[/] [bold]{title(result)}[/]  {escape(result['note'])}", pairs(_live_rows(result)))
    headline = f"[bold green]●[/] [bold]{title(result)}[/]  [bold]{result['release']}[/] is live"
    rows = _live_rows(result)
    if result.get("left"):
        rows.append(("left", f"{result['left']['release']}   (not undone: {NOT_UNDONE})"))
        if way := undo(result):
            rows.append(("undo", way))
        held = f"no ship until: {command(result, 'unhold')}"
        why = f"{result['left']['release']} was taken back"
        offer = f"so that no push ships it again: {command(result, 'hold', '--reason', why)}"
        rows.append(("hold", held if result.get("hold") else offer))
    rows += _remaining(result)
    return Group(f"{headline}  [dim]{result['version_label']} · {result['seconds']:.1f} s[/]", pairs(rows))


def _remaining(result: Json) -> list[tuple[str, str]]:
    """What is left to do beside the release, each with the command that does it on a line of its own."""
    return [row for text, does in left_to_do(result) for row in (("left to do", text), ("", does))]


def published(result: Json) -> RenderableType:
    """The end of `publish`."""
    bundle = result["bundle"]
    rows = [
        ("bundle", bundle["key"]),
        ("digest", bundle["content_digest"]),
        ("next", command(result, "ship", result["sha"][:12])),
    ]
    return Group(
        f"[green]✔[/] {result['application']} has the version [bold]{result['version_label']}[/].", pairs(rows)
    )


def bundled(result: Json) -> RenderableType:
    """The end of `bundle`."""
    rows = [
        ("file", result["path"]),
        ("size", f"{result['size']:,} bytes, {result['entries']} files"),
        ("digest", result["content_digest"]),
        ("sha256", result["sha256"]),
    ]
    return Group(f"[green]✔[/] Bundled [bold]{result['version_label']}[/].", pairs(rows))


def status(result: Json) -> RenderableType:
    """What is live, since when, by whom; what waits; whether a rollback is ready."""
    if result["live"] is None:
        return f"[bold]{title(result)}[/]  Nothing is live yet.\n  [cyan]→[/] {escape(command(result, 'ship'))}"
    sides = [_side(role, side) for role in ("live", "candidate", "previous") if (side := result[role])]
    table = Columns(("", "release", "version", "environment", "health", "since"), sides)
    rollback = result["rollback"]
    if rollback["ready"]:
        estimate = rollback["seconds_estimate"]
        about = f", about {estimate:g} s" if estimate is not None else ""
        ready = f"[green]ready[/] → {rollback['to']}{about}   [dim]{escape(command(result, 'swap', '--rollback'))}[/]"
    else:
        ready = f"[yellow]not ready[/]: {escape(rollback['reason'])}"
    rows = [("rollback", ready)]
    if url := result["live"]["url"]:
        rows.insert(0, ("url", f"[link]{url}[/link]"))
    if changed := _changed_by_hand(result["live"]):
        rows.append(("changed", f"[yellow]{changed}[/]"))
    if lock := result["lock"]:
        rows.append(("locked", f"[yellow]{escape(lock['message'])}[/] by {escape(lock['owner'])} on {lock['host']}"))
    if hold := result["hold"]:
        release = escape(command(result, "unhold"))
        rows.append(("held", f"[yellow]{escape(hold['reason'])}[/] by {escape(hold['by'])}: {release}"))
    return Group(f"[bold]{title(result)}[/]", table, pairs(rows, markup=True))


def _changed_by_hand(live: Json) -> str:
    """What to know where live carries another version than its release did; empty where it does not."""
    if live["recorded_label"] in {None, live["version_label"]}:
        return ""
    return f"{live['release']} was {live['recorded_label']}: somebody deployed {live['version_label']} onto it"


def releases(result: Json) -> RenderableType:
    """The ledger as a table."""
    if not result["releases"]:
        return f"[bold]{title(result)}[/]  No releases yet.\n  [cyan]→[/] {escape(command(result, 'ship'))}"
    rows = [
        (
            f"[bold]{item['release']}[/]",
            item["version_label"],
            f"[{_OUTCOME.get(item['outcome'], 'dim')}]{item['outcome']}[/]",
            ago(item["since"]),
            escape(item["by"]),
            escape(item["message"]),
        )
        for item in result["releases"]
    ]
    names = ("release", "version", "outcome", "began", "by", "message")
    return Group(f"[bold]{title(result)}[/]", Columns(names, rows), *_earlier(result))


def _earlier(result: Json) -> list[str]:
    """How to see the releases that are not shown, where there are any."""
    if not result["earlier"]:
        return []
    every = result["releases"][0]["release"].removeprefix("r")
    more = escape(command(result, "releases", "--limit", every))
    return [f"  [dim]and {result['earlier']} earlier: {more}[/]"]


def release(result: Json) -> RenderableType:
    """One release, whole: its record and its entries."""
    record = result["record"] | {"image_ids": _images(result["record"])}
    shown = ("version_label", "sha", "tree", "content_digest", "environment", "platform_arn", "image_ids",
             "settings_digest", "outcome", "reason", "by", "host", "run_url", "message", "since", "live_since",
             "left_live", "from_release", "restores")  # fmt: skip
    rows = [(name.replace("_", " "), str(record[name])) for name in shown if record.get(name)]
    entries = [
        f"  [dim]{item['at'][11:19]}[/] {escape(item['entry'])}  [dim]{escape(str(item.get('reason') or ''))}[/]"
        for item in result["entries"]
    ]
    return Group(f"[bold]{title(result)}  {result['release']}[/]", pairs(rows), *entries)


def _images(record: Json) -> str:
    """Which machine images a release's instances ran. Records of earlier versions have its platform's only."""
    if found := record.get("image_ids"):
        return ", ".join(found)
    return f"unknown (its platform's: {record['image_id']})" if record.get("image_id") else "unknown"


def events(result: Json) -> RenderableType:
    """Events, oldest first."""
    styles = {"WARN": "yellow", "ERROR": "red", "FATAL": "red"}
    lines = [
        Text.assemble((item["time"][:19].replace("T", " "), "dim"), "  ", (f"{item['severity']:<5}",
                      styles.get(item["severity"], "dim")), "  ", item["message"])
        for item in result["events"]
    ]  # fmt: skip
    return Group(*lines) if lines else "No events."


def diagnosis(found: Json) -> RenderableType:
    """Why a candidate failed."""
    lines: list[RenderableType] = []
    for item in found["events"]:
        lines.append(Text(f"  {item['severity']:<5} {item['message']}", style="yellow"))
    lines += [Text(f"  cause {cause}", style="yellow") for cause in found["causes"]]
    if found["log_tail"]:
        lines.append(Text("  the last lines of its logs:", style="bold"))
        lines += [Text(f"    {line}") for line in found["log_tail"].splitlines()]
    return Group(*lines)


def logs(result: Json) -> RenderableType:
    """The last lines of logs."""
    return Text(result["logs"] or f"{result['environment']} delivered no logs.")


def retired(result: Json) -> RenderableType:
    """The end of `retire`."""
    return _cleared(result, "Nothing to retire.")


def pruned(result: Json) -> RenderableType:
    """The end of `prune`."""
    return _cleared(result, "Nothing to prune: every version is needed, or among the newest.")


def _cleared(result: Json, nothing: str) -> RenderableType:
    if not result["steps"]:
        return f"[green]✔[/] [bold]{title(result)}[/]  {nothing}"
    return Group(f"[bold]{title(result)}[/]", *steps(result))


def steps(result: Json) -> list[str]:
    """The steps of a run, one a line."""
    return [f"  {_MARKS[step['status']]} {escape(step['text'])}  [dim]{escape(step['reason'])}[/]".rstrip()
            for step in result["steps"]]  # fmt: skip


def listed(result: Json) -> RenderableType:
    """Each path of a commit, whether it goes into the bundle, and why."""
    lines = [
        Text.assemble(("+ " if item["included"] else "- ", "green" if item["included"] else "red"), item["path"],
                      (f"   {item['reason']}", "dim"))
        for item in result["paths"]
    ]  # fmt: skip
    count = sum(item["included"] for item in result["paths"])
    return Group(*lines, f"[dim]{count} of {len(lines)} paths go into the bundle of {result['version_label']}.[/]")


def findings(result: Json) -> RenderableType:
    """What `check` found."""
    if not result["findings"]:
        return "[green]✔[/] Nothing found: this commit can be shipped."
    marks = {"error": "[red]✘[/]", "warning": "[yellow]![/]"}
    lines = []
    for item in result["findings"]:
        place = f"{item['path']}:{item['line']}" if item["line"] else item["path"]
        lines.append(f"{marks[item['severity']]} [bold]{escape(place)}[/]  {escape(item['message'])}")
        if item["hint"]:
            lines.append(f"  [cyan]→[/] {escape(item['hint'])}")
    return Group(*lines)


def _live_rows(result: Json) -> list[tuple[str, str]]:
    rows = []
    if live := result["live"]:
        rows.append(("live", live["url"] or live["environment"]))
        if live["url"]:
            rows.append(("try", result["try"]))
    if previous := result["previous"]:
        rows.append(("before", f"{previous['release']}  {previous['environment']}  {previous['version_label']}"))
    return rows


def _side(role: str, side: Json) -> tuple[str, ...]:
    ready = side["status"] == "Ready"
    health = told_health(side) if ready else side["status"]
    health = health or "not deployed"
    return (
        f"[bold]{role}[/]",
        side["release"] or "-",
        side["version_label"],
        side["environment"],
        colored(side["health"], health) if ready else f"[yellow]{health}[/]",
        f"{ago(side['since'])} by {escape(side['by'] or 'somebody')}",
    )
