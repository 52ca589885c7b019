"""What an instance's logs tell: which log a line is of, which exception ended a process, in which of the application's
own lines. Pure.

A log tail has each log under its path between two lines of dashes, and in the output of a process each line behind the
prefix of syslog: https://github.com/BishopFox/dufflebag/issues/4
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ebcd import words

ENGINE, WEB = "eb-engine.log", "web.stdout.log"
ACCESS, PROXY = "nginx/access.log", "nginx/error.log"
_FEW = 3
"""Lines of the proxy's log that are shown: each says the same."""
_BEHIND = 2
"""Lines behind an exception that may tell more of it."""
NOT_DELIVERED = "(not delivered"
"""How a tail begins that could not be fetched."""
HIDDEN = "…"
"""What stands for a secret."""

_HEADER = re.compile(r"^-{5,}\r?\n/var/log/(\S++)[^\n]*+\n-{5,}$", re.MULTILINE)
_SYSLOG = re.compile(r"^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S+ [\w.@-]+(?:\[\d+\])?: ?")
_FRAME = re.compile(r'^\s+File "(?P<path>[^"]+)", line (?P<line>\d+)')
_RAISED = re.compile(r"^(?P<kind>[A-Za-z_][\w.]*)(?:: (?P<message>.*))?$")
_DEPLOYED = re.compile(r"^.*/(?:current|staging)/")
_INSTALLED = re.compile(r"/(?:site|dist)-packages/|/lib(?:64)?/python\d|^<")
_PACKAGE = re.compile(r"/(?:site|dist)-packages/([^/\".]+)")
"""The package that a frame is of; a frame without one is Python's own."""
_NO_CAUSE = frozenset({"SystemExit", "KeyboardInterrupt", "HaltServer"})
"""What is raised when the cause has been told before: gunicorn's own end is the last one."""
_CHAINED = ("During handling of the above exception", "The above exception was the direct cause")
_CREDENTIALS = re.compile(r"(?<=://)[^\s/]+(?=@)")
_NAMES = r"password|passwd|pwd|secret|token|api_?key|access_?key|credential|authorization"
_ASSIGNED = re.compile(
    rf"""(?i)\b((?:(?!{_NAMES})\w)*+(?:{_NAMES})\w*+["']?\s*+[=:]\s*+(["'])?)(?:(?:bearer|basic)[ ]++)?"""
    r"""(?(2)[^"'\n]++|[^\s"',;&)]++)"""
)
_LONGEST = 4_000
"""Characters of a line that are read: whoever writes more wants to be read for hours."""


@dataclass(frozen=True, slots=True)
class Log:
    """A log's last lines."""

    name: str
    """Its path below /var/log."""
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Raised:
    """An exception that a log tells of, with its traceback."""

    kind: str
    message: str
    place: str
    """The application's own line that it came from (`app.py:9`); empty: none is in its traceback."""
    first: int
    last: int
    """Where in the log's lines the traceback begins, and where it ends."""

    @property
    def title(self) -> str:
        """`SyntaxError in app.py:9`."""
        return f"{self.kind} in {self.place}" if self.place else self.kind


def read(text: str) -> tuple[Log, ...]:
    """The logs of an instance's tail; a text without headers is what its web process wrote."""
    parts = _HEADER.split(text)
    if len(parts) == 1:
        return (Log(WEB, _lines(text)),) if text.strip() and not text.startswith(NOT_DELIVERED) else ()
    return tuple(Log(name, _lines(body)) for name, body in zip(parts[1::2], parts[2::2], strict=True))


def lines_of(logs: Sequence[Log], name: str) -> tuple[str, ...]:
    """The lines of a log, of all instances that delivered it."""
    return tuple(line for log in logs if log.name == name for line in log.lines)


def exceptions(lines: Sequence[str]) -> list[Raised]:
    """The exceptions that ended something, oldest first. Of a chain it is the last one in the application's own lines,
    else the last.
    """
    chains: list[list[Raised]] = []
    for raised in _blocks(lines):
        earlier = chains[-1][-1] if chains else None
        between = lines[earlier.last + 1 : raised.first + 1] if earlier else ()
        if earlier and any(line.startswith(_CHAINED) for line in between):
            chains[-1].append(raised)
        else:
            chains.append([raised])
    return [found for chain in chains if (found := _telling(chain))]


def own_place(line: str) -> str:
    """Where in the application a traceback's frame is (`app.py:9`); empty for any other line, and for a package's."""
    match = _FRAME.match(line)
    path = match["path"] if match else ""
    if not match or _INSTALLED.search(path):
        return ""
    return f"{_DEPLOYED.sub('', path)}:{match['line']}"


def within_bundle(line: str) -> str:
    """A frame of the application with its file's path as it is in the bundle: that of the instance may fill a line."""
    match = _FRAME.match(line)
    if not match or not own_place(line):
        return line
    return line[: match.start("path")] + _DEPLOYED.sub("", match["path"]) + line[match.end("path") :]


def excerpt(text: str, most: int) -> str:
    """The lines of a tail that tell of an end, whole and without secrets, under their logs' names. most: of each log.

    Of a log with an exception it is the last one, with the application's own frames; the engine's log counts where it
    has an error, the proxy's where no process tells of an exception.
    """
    found = [log for log in read(text) if log.lines and log.name not in {ACCESS, ENGINE, PROXY}]
    raised = any(exceptions(log.lines) for log in found)
    around = [log for log in read(text) if log.name == ENGINE and any(" [ERROR] " in line for line in log.lines)]
    around += [Log(PROXY, log.lines[-_FEW:]) for log in read(text) if log.name == PROXY and log.lines and not raised]
    return "\n".join(
        line
        for log in (*around, *found)
        for line in (f"/var/log/{log.name}", *map(without_secrets, _around(_end_of(log.lines), most)))
    )


def _end_of(lines: Sequence[str]) -> Sequence[str]:
    """From the last exception on, with what follows it at once; all of a log without any."""
    found = exceptions(lines)
    if not found:
        return lines
    first, last = found[-1].first, found[-1].last
    return (*folded(lines[first:last]), *lines[last : last + 1 + _BEHIND])


def folded(lines: Sequence[str]) -> list[str]:
    """A traceback with the application's own frames; how many frames of libraries were between them, in a line each
    time. Of a traceback without own frames the last one stays: it is where the exception was raised.
    """
    frames = _frames(lines)
    foreign = [index for index, frame in enumerate(frames) if _FRAME.match(frame[0]) and not own_place(frame[0])]
    has_own = any(own_place(frame[0]) for frame in frames)
    left_out = frozenset(foreign if has_own else foreign[:-1])
    made: list[str] = []
    for hidden, group in groupby(range(len(frames)), left_out.__contains__):
        found = [frames[index] for index in group]
        made += [_left_out(found)] if hidden else [line for frame in found for line in frame]
    return made


def _frames(lines: Sequence[str]) -> list[list[str]]:
    """Each frame with the lines of source below it; a line that belongs to none is by itself."""
    found: list[list[str]] = []
    for line in lines:
        below = bool(found) and _FRAME.match(found[-1][0]) and line.startswith(("    ", "  [")) and line.strip()
        if below and not _FRAME.match(line):
            found[-1].append(line)
        else:
            found.append([line])
    return found


def _left_out(frames: Sequence[Sequence[str]]) -> str:
    """How many frames of which packages are not shown: `  … 14 frames of gunicorn and Python`."""
    packages = [match[1] if (match := _PACKAGE.search(frame[0])) else "Python" for frame in frames]
    *names, last = dict.fromkeys(packages)
    named = f"{', '.join(names)} and {last}" if names else last
    return f"  … {words.count(len(frames), 'frame')} of {named}"


def _around(lines: Sequence[str], most: int) -> Sequence[str]:
    """The end of what is too long: it has the application's own frames."""
    return lines if len(lines) <= most else ("…", *lines[len(lines) - most + 1 :])


def without_secrets(text: str) -> str:
    """A log without the passwords in its URLs, and without what is assigned to a name that means a secret."""
    return _ASSIGNED.sub(rf"\1{HIDDEN}", _CREDENTIALS.sub(HIDDEN, text))


def _lines(text: str) -> tuple[str, ...]:
    return tuple(_SYSLOG.sub("", line[:_LONGEST].rstrip()) for line in text.strip("\r\n").splitlines())


def _blocks(lines: Sequence[str]) -> Iterator[Raised]:
    """Each traceback: indented lines with at least one frame, and the exception behind them."""
    first, frames = -1, list[str]()
    for index, line in enumerate(lines):
        if line.startswith(("Traceback (most recent call last):", " ", "\t")):
            first = index if first < 0 or line.startswith("Traceback") else first
            frames = [] if line.startswith("Traceback") else frames
            frames += [line] if _FRAME.match(line) else []
            continue
        match = _RAISED.match(line)
        if frames and match:
            place = next(filter(None, map(own_place, reversed(frames))), "")
            kind = match["kind"].rpartition(".")[2]
            yield Raised(kind, match["message"] or "", place, first, index)
        first, frames = -1, []


def _telling(chain: Sequence[Raised]) -> Raised | None:
    causes = [raised for raised in chain if raised.kind not in _NO_CAUSE]
    return next((raised for raised in reversed(causes) if raised.place), causes[-1] if causes else None)
