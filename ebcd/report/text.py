"""Results for people, from the same data that `--json` prints."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.text import Text

from ebcd import words
from ebcd.report.envelope import Json
from ebcd.report.headline import left_to_do, undo
from ebcd.report.layout import Lines
from ebcd.report.parts import ago, command, pairs, title

ALIGNED = 60
"""Characters of a path from which on what follows it is no longer a column."""
MARKS = {"done": "[green]✔[/]", "skipped": "[dim]•[/]", "failed": "[red]✘[/]", "planned": "[dim]○[/]"}
_OUTCOME = {
    "live": "green",
    "waiting": "yellow",
    "running": "yellow",
    "failed": "red",
    "swapped-back": "red",
    "rolled-back": "red",
}


def plan(result: Json) -> RenderableType:
    """What a run would do."""
    if not result["steps"]:
        return f"[green]✔[/] Nothing to do: {escape(result.get('note', ''))}"
    lines = [f"  {MARKS['planned']} {escape(step['text'])}" for step in result["steps"]]
    head = f"[bold]{title(result)}[/]  {escape(result['release'])} would take these steps; nothing was changed."
    told = [f"  [dim]{escape(line)}[/]" for line in result.get("told", [])]
    if change := result.get("platform_change"):
        told.append(f"  platform {escape(change['text'])}")
    return Group(head, *told, *lines)


def shipped(result: Json, more: Sequence[tuple[str, str]] = ()) -> RenderableType:
    """The end of `ship` and of `patch`. more: what else there is to tell."""
    live = result["live"]
    waiting = live is None or live["release"] != result["release"]
    head = "waits for its swap" if waiting else "is live"
    if result.get("note"):
        head = "is live already: nothing to do"
    headline = f"[bold green]●[/] [bold]{title(result)}[/]  [bold]{result['release']}[/] {head}"
    rows = _live_rows(result)
    rows += _platform(result)
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
    return shipped(result)


def swapped(result: Json) -> RenderableType:
    """The end of `swap`."""
    from ebcd.release.plan.rollback import NOT_UNDONE

    if result.get("note"):
        return Group(f"[bold green]●[/] [bold]{title(result)}[/]  {escape(result['note'])}", pairs(_live_rows(result)))
    headline = f"[bold green]●[/] [bold]{title(result)}[/]  [bold]{result['release']}[/] is live"
    rows = [*_live_rows(result), *_platform(result)]
    if left := result.get("left"):
        back = _went_back(result)
        rows.append(("left", f"{left['release']}   (not undone: {NOT_UNDONE})" if back else left["release"]))
        if way := undo(result):
            rows.append(("undo", way))
        held = f"no ship until: {command(result, 'unhold')}"
        why = f"{left['release']} was taken back"
        offer = f"so that no push ships it again: {command(result, 'hold', '--reason', why)}"
        if back or result.get("hold"):
            rows.append(("hold", held if result.get("hold") else offer))
    rows += _remaining(result)
    return Group(f"{headline}  [dim]{result['version_label']} · {result['seconds']:.1f} s[/]", pairs(rows))


def _went_back(result: Json) -> bool:
    """Whether a swap returned to an earlier release, or to its version: what it left may be bad."""
    number, left = (int(name.removeprefix("r")) for name in (result["release"], result["left"]["release"]))
    return bool(result.get("told")) or number < left


def _platform(result: Json) -> list[tuple[str, str]]:
    """Which platform version a release has changed live to, or which one is out."""
    if change := result.get("platform_change"):
        return [("platform", change["text"])]
    news = result.get("platform", {})
    return [("platform", f"{news['out'].removeprefix('platform ')} is out: {news['patch']}")] if news.get("out") else []


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
        ("size", f"{result['size']:,} bytes, {words.count(result['entries'], 'file')}"),
        ("digest", result["content_digest"]),
        ("sha256", result["sha256"]),
    ]
    return Group(f"[green]✔[/] Bundled [bold]{result['version_label']}[/].", pairs(rows))


def releases(result: Json) -> RenderableType:
    """The ledger as a table."""
    if not result["releases"]:
        return f"[bold]{title(result)}[/]  No releases yet.\n  [cyan]→[/] {escape(result['next'])}"
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
    whole = escape(command(result, "releases", result["releases"][0]["release"]))
    table = Lines(names, rows, first_out=("by", "began"), more=f"  [dim]one in full: {whole}[/]")
    return Group(f"[bold]{title(result)}[/]", table, *_earlier(result))


def _earlier(result: Json) -> list[str]:
    """How to see the releases that are not shown, where there are any."""
    if not result["earlier"]:
        return []
    every = result["releases"][0]["release"].removeprefix("r")
    more = escape(command(result, "releases", "--limit", every))
    return [f"  [dim]and {result['earlier']} earlier: {more}[/]"]


def events(result: Json) -> RenderableType:
    """Events, oldest first."""
    styles = {"WARN": "yellow", "ERROR": "red", "FATAL": "red"}
    lines = [
        Text.assemble(
            (item["time"][:19].replace("T", " "), "dim"),
            "  ",
            (f"{item['severity']:<5}", styles.get(item["severity"], "dim")),
            "  ",
            item["message"],
        )
        for item in result["events"]
    ]
    return Group(*lines) if lines else "No events."


def diagnosis(found: Json, noted: Collection[str] = ()) -> RenderableType:
    """Why a candidate failed: the application's own lines of a traceback are marked. noted: what was shown while it
    happened, and is not shown again.
    """
    from ebcd.release.judge.logs import own_place, within_bundle

    shown = [item for item in found["events"] if f"{item['severity']} {item['message']}" not in noted]
    lines = [Text(f"  {item['severity']:<5} {item['message']}", style="yellow") for item in shown]
    lines += [Text(f"  cause {cause}", style="yellow") for cause in found["causes"]]
    if found["log_tail"]:
        lines.append(Text("  the last lines of its logs:", style="bold"))
    for line in found["log_tail"].splitlines():
        own = bool(own_place(line))
        lines.append(Text(f"  > {within_bundle(line)}", style="bold") if own else Text(f"    {line}"))
    return Group(*lines)


def logs(result: Json) -> RenderableType:
    """The last lines of logs."""
    return Text(result["logs"] or f"{result['environment']} delivered no logs.")


def retired(result: Json) -> RenderableType:
    """The end of `retire`."""
    shown = _cleared(result, "Nothing to retire.")
    rows = [
        ("kept", f"{item['environment']} ({item['release']}): {item['why']}{_until(item['until'])}")
        for item in result.get("kept", [])
    ]
    return Group(shown, pairs(rows)) if rows else shown


def _until(stamp: str | None) -> str:
    """Until when something is kept; empty where nothing tells."""
    return f" until {stamp[:16].replace('T', ' ')} UTC" if stamp else ""


def pruned(result: Json) -> RenderableType:
    """The end of `prune`."""
    return _cleared(result, "Nothing to prune: every version is needed, or among the newest.")


def _cleared(result: Json, nothing: str) -> RenderableType:
    if not result["steps"]:
        return f"[green]✔[/] [bold]{title(result)}[/]  {nothing}"
    return Group(f"[bold]{title(result)}[/]", *steps(result))


def steps(result: Json) -> list[str]:
    """The steps of a run, one a line."""
    return [
        f"  {MARKS[step['status']]} {escape(step['text'])}" + (f"  [dim]{escape(reason)}[/]" if reason else "")
        for step in result["steps"]
        for reason in [step["reason"]]
    ]


def listed(result: Json) -> RenderableType:
    """Each path of a commit, whether it goes into the bundle, how large it is, and why."""
    paths = result["paths"]
    sizes = [words.size(item["size"]) for item in paths]
    width = max(map(len, sizes), default=0)
    longest = min(max((len(item["path"]) for item in paths), default=0), ALIGNED)
    lines = [
        Text.assemble(
            ("+", "green") if item["included"] else ("-", "red"),
            f" {item['path']:<{longest}}",
            (f"  {size:>{width}}  {item['reason']}", "dim"),
        )
        for item, size in zip(paths, sizes, strict=True)
    ]
    chosen = [item["size"] for item in paths if item["included"]]
    every, goes = words.count(len(lines), "path"), "goes" if len(chosen) == 1 else "go"
    total = f"{len(chosen)} of {every}, {words.size(sum(chosen))} before they are packed"
    return Group(*lines, f"[dim]{total}, {goes} into the bundle of {result['version_label']}.[/]")


def findings(result: Json) -> RenderableType:
    """What `check` found."""
    if not result["findings"]:
        return "[green]✔[/] Nothing found: this commit can be shipped."
    marks = {"error": "[red]✘[/]", "warning": "[yellow]![/]"}
    lines = []
    for item in result["findings"]:
        where, rule = escape(place(item["path"], item["line"])), f"[dim]({escape(item['code'])})[/]"
        lines.append(f"{marks[item['severity']]} [bold]{where}[/]  {escape(item['message'])} {rule}")
        if item["hint"]:
            lines.append(f"  [cyan]→[/] {escape(item['hint'])}")
    return Group(*lines)


def place(path: str, line: int | None) -> str:
    """`app.py:9`; the path where no line is known."""
    return f"{path}:{line}" if line else path


def _live_rows(result: Json) -> list[tuple[str, str]]:
    rows = []
    if live := result["live"]:
        rows.append(("live", live["url"] or live["environment"]))
        if live["url"]:
            rows.append(("try", result["try"]))
    if previous := result["previous"]:
        where = previous["environment"] if previous["stands"] else "its environment is gone"
        rows.append(("before", f"{previous['release']}  {where}  {previous['version_label']}"))
    return rows
