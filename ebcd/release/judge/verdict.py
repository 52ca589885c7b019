"""Why a release failed, and whether that is sure: judged from events, health's causes and logs. Pure.

Sure is what no patience mends: a deployment that failed, a process that ended three times or stays down, a server on
another port, one and the same wrong answer for long. A process that runs and does not listen yet, or says that it is
not ready (502, 503, 504), may be slow and good: that is likely, and only the deadline makes it a failure.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from ebcd.errors import ReleaseFailed
from ebcd.model import Event
from ebcd.release.judge import logs, signs
from ebcd.release.judge.logs import Log, Raised

FAILURES = frozenset({"ERROR", "FATAL"})
ENDS = 3
"""Ends of one process that are no accident."""
ANSWERS = 15
"""Reports of health over which one wrong answer stays the same before it counts as the application's own: 150 s on
AWS, 15 s on the local Beanstalk."""
LONGEST = 160
"""Characters of a cause: it stands in one line."""


@dataclass(frozen=True, slots=True)
class Down:
    """How often and how long reports of health named a process as not running."""

    ends: int = 0
    """How often it went from running to not running."""
    long: bool = False
    """Whether it stays down for longer than a restart takes."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of an environment that does not do well."""

    events: Sequence[Event] = ()
    """Since the operation began, oldest first."""
    causes: Sequence[str] = ()
    """What health says of it and of its instances."""
    logs: Sequence[Log] = ()
    down: Down = Down()
    steady: int = 0
    """Over how many reports in a row its health has been bad."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why it failed."""

    cause: str
    """In one line."""
    why: str
    """How that is known, in a sentence."""
    advice: str = ""
    """What to do, where the cause tells it."""
    sure: bool = False


class SurelyFailed(ReleaseFailed):
    """The candidate will not pass, whatever time it gets. tails: its instances' log tails as they told so."""

    def __init__(self, verdict: Verdict, environment: str, tails: Mapping[str, str], hint: str) -> None:
        why = f"It is sure that {environment} will not turn healthy. {verdict.why}"
        super().__init__(f"{verdict.cause}.", why=why, hint=hint)
        self.tails = tails
        self.advice = verdict.advice


def judge(seen: Evidence) -> Verdict | None:
    """The cause; None where nothing tells one. Texts of logs are in it without what looks like a secret."""
    rules: tuple[Callable[[Evidence], Verdict | None], ...] = (_deployment, _crash, _port, _answer)
    told = [verdict for rule in rules if (verdict := rule(seen))]
    found = next((verdict for verdict in told if verdict.sure), told[0] if told else None)
    return found and Verdict(_line(found.cause), _line(found.why, 2 * LONGEST), found.advice, found.sure)


def of_answer(failure: str, texts: Sequence[Log]) -> Verdict:
    """Why a path was answered otherwise than it should: with the exception behind it, where the logs have one.

    failure: what a probe says.
    """
    raised = logs.exceptions(logs.lines_of(texts, logs.WEB)) if re.search(r"answered 5\d\d", failure) else []
    told = f": {_title(raised[-1])}" if raised else ""
    return Verdict(_line(f"{failure.rstrip('.')}{told}"), "", "", True)


def not_running(cause: str) -> bool:
    """Whether a cause of bad health says that a process is down."""
    return signs.NOT_RUNNING.search(cause) is not None


def is_general(text: str) -> bool:
    """Whether a text says that something failed, and not why."""
    return signs.GENERAL.search(text) is not None


def is_final(event: Event) -> bool:
    """Whether an event says that the operation under way has failed for good."""
    return event.severity in FAILURES and signs.FINAL.search(event.message) is not None


def _deployment(seen: Evidence) -> Verdict | None:
    """What stopped the deployment on an instance, or the launch before there was one."""
    failures = [event for event in seen.events if event.severity in FAILURES]
    if not failures:
        return None
    sure = any(is_final(event) for event in failures)
    lines = logs.lines_of(seen.logs, logs.ENGINE)
    stopped = next(filter(None, (signs.STOPPED.search(line) for line in reversed(lines))), None)
    if stopped is None:
        return _told(failures, sure)
    where, error = stopped[1], stopped[2]
    if signs.DISK.search(error):
        return Verdict("The instance's disk is full", f"{where}: {error}", signs.LARGER_DISK, sure)
    if where == "Track pids in healthd":
        return _ended("web", seen, sure=sure)
    if build := next(filter(None, (signs.BUILD.search(line) for line in reversed(lines))), None):
        kind = "container command" if where.startswith("Post") else "command"
        return Verdict(f"The {kind} {build[1]} failed{_behind(lines)}", f"{where}: {error}", "", sure)
    if where == "InstallDependency":
        lacking = next(filter(None, (signs.LACKING.search(line) for line in reversed(lines))), None)
        told = f"there is no {lacking[1]}" if lacking else error.rpartition("ERROR: ")[2]
        return Verdict(f"requirements.txt cannot be installed: {told}", f"{where}: {error}", "", sure)
    if hook := signs.HOOK.search(error):
        return Verdict(f"The hook {hook[1]} failed{_behind(lines)}", f"{where}: {error}", "", sure)
    return Verdict(error, f"{where} failed.", "", sure)


def _told(failures: Sequence[Event], sure: bool) -> Verdict | None:
    """What the events alone tell."""
    outputs = [match[1] for event in failures if (match := signs.OUTPUT.match(event.message))]
    specific = [text for text in (*(event.message for event in failures), *outputs) if not signs.GENERAL.search(text)]
    if not specific:
        return None
    launch = any("Failed to launch" in event.message for event in failures)
    return Verdict(f"{'The launch failed: ' if launch else ''}{specific[0]}", "", "", sure)


def _crash(seen: Evidence) -> Verdict | None:
    """A process that ends again and again."""
    named = next(filter(None, (signs.NOT_RUNNING.search(cause) for cause in seen.causes)), None)
    written = _since_its_start(logs.lines_of(seen.logs, logs.WEB))
    killed = max(sum(map(bool, map(pattern.search, written))) for pattern in (signs.MEMORY, signs.TIMED_OUT))
    if named is None and not seen.down.ends and killed < ENDS:
        return None
    name = named[1].split(",")[0].strip() if named else "web"
    sure = seen.down.ends >= ENDS or seen.down.long or killed >= ENDS
    return _ended(name, seen, sure=sure)


def _since_its_start(lines: Sequence[str]) -> Sequence[str]:
    """What gunicorn has written since it was started last: before that another version may have run."""
    start = max((index for index, line in enumerate(lines) if "Starting gunicorn" in line), default=0)
    return lines[start:]


def _ended(name: str, seen: Evidence, *, sure: bool) -> Verdict:
    """Why a process ended, by its own words."""
    lines = logs.lines_of(seen.logs, f"{name}.stdout.log")
    why = f"Its process {name} ended{f' {seen.down.ends} times' if seen.down.ends > 1 else ''}"
    for pattern, text in signs.SIGNS:
        if match := next(filter(None, (pattern.search(line) for line in reversed(lines))), None):
            return Verdict(text.format(*match.groups()), f"{why}: {match[0]}", _named_wrongly(text), sure)
    raised = logs.exceptions(lines)
    if raised and not signs.MEMORY.search(raised[-1].kind):
        found = raised[-1]
        waits = signs.WAITS.search(found.kind) is not None
        return Verdict(_title(found), f"{why}: {found.kind}: {found.message}", _missing(found), sure and not waits)
    if any(map(signs.MEMORY.search, lines)):
        return Verdict(f"{name} has no memory left: it is killed", f"{why}.", signs.LARGER_INSTANCE, sure)
    if any(map(signs.TIMED_OUT.search, lines)):
        return Verdict("gunicorn ends its workers, which do not start in time", f"{why}.", signs.TIMEOUT, sure)
    if not lines:
        return Verdict(f"{name} ends again and again", f"{why}.", "", sure)
    words = next((line for line in reversed(lines) if not signs.NOISE.match(line)), "")
    return Verdict(f"{name} ends: {words}" if words else f"{name} ends and says nothing", f"{why}.", "", sure)


def _port(seen: Evidence) -> Verdict | None:
    """A server that listens on another port than the proxy asks."""
    refused = [match[1] for line in logs.lines_of(seen.logs, logs.PROXY) if (match := signs.REFUSED.search(line))]
    if not refused or seen.steady < ENDS:
        return None
    port = refused[-1]
    listens = [match[1] for line in logs.lines_of(seen.logs, logs.WEB) if (match := signs.LISTENS.search(line))]
    if listens and listens[-1] != port:
        return Verdict(
            f"web listens on port {listens[-1]}, and not on $PORT",
            f"Requests go to port {port}, which PORT says, and are refused.",
            "Let the server take its port from PORT.",
            len(refused) >= ENDS,
        )
    return Verdict(f"Nothing listens on $PORT ({port})", "web runs, and connections to it are refused.", signs.LISTEN)


def _answer(seen: Evidence) -> Verdict | None:
    """One and the same wrong answer to the load balancer's health checks."""
    asked = [
        (match[1], int(match[2]))
        for line in logs.lines_of(seen.logs, logs.ACCESS)
        if (match := signs.CHECKED.search(line))
    ]
    if not asked or asked[-1][1] < 300 or seen.steady < ENDS:
        return None
    path, status = asked[-1]
    steady = [item for item in asked[-ENDS:] if item == asked[-1]]
    sure = len(steady) == ENDS and seen.steady >= ANSWERS and status not in signs.NOT_YET
    why = f"The health check asks for {path} and is answered {status}."
    raised = logs.exceptions(logs.lines_of(seen.logs, logs.WEB))
    if status >= 500 and raised:
        return Verdict(f"{path} answers {status}: {_title(raised[-1])}", why, _missing(raised[-1]), sure)
    advice = signs.OTHER_PATH if status < 500 else ""
    return Verdict(f"The health check's path {path} answers {status}", why, advice, sure)


def _title(raised: Raised) -> str:
    """An exception in one line; of one that its place explains, without the message."""
    told = raised.message if not raised.place or raised.kind not in {"SyntaxError", "IndentationError"} else ""
    return f"{raised.title}{f': {told}' if told else ''}"


def _behind(lines: Sequence[str]) -> str:
    """What a command's output ends with, behind a colon: its exception, else its last words; empty without any."""
    if raised := logs.exceptions(lines):
        return f": {_title(raised[-1])}"
    end = next((index for index, line in enumerate(lines) if signs.BUILD.search(line) or signs.STOPPED.search(line)), 0)
    words = lines[end - 1].strip() if end else ""
    return f": {words}" if words and not signs.ENGINE.match(words) else ""


def _missing(raised: Raised) -> str:
    named = re.fullmatch(r"No module named '([^'.]+).*'", raised.message)
    if named:
        return f"Name the package that has {named[1]} in requirements.txt, or bundle it."
    variable = re.fullmatch(r"'([A-Z][A-Z0-9_]+)'", raised.message) if raised.kind == "KeyError" else None
    return (
        f"If {variable[1]} is an environment property, name it under env of the stage in ebcd.toml." if variable else ""
    )


def _named_wrongly(text: str) -> str:
    return "Name the module and its object as the Procfile, or WSGIPath, has them." if "object" in text else ""


def _line(text: str, longest: int = LONGEST) -> str:
    told = " ".join(logs.without_secrets(text).split())
    return told if len(told) <= longest else f"{told[: longest - 1]}…"
