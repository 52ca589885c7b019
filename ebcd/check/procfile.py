"""The Procfile: which processes it names, and what is wrong with its lines. Pure.

Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/python-configuration-procfile.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity

NAME = "Procfile"
LINE = re.compile(r"([A-Za-z0-9_-]+):\s*([^\s].*)")
_NAMED = re.compile("procfile(?:\\.txt)?", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Process:
    """One process."""

    name: str
    command: str
    line: int


def processes(tree: Tree) -> list[Process]:
    """The processes that the Procfile names."""
    found = (LINE.fullmatch(line.rstrip()) for line in _lines(tree))
    return [Process(match[1], match[2], number) for number, match in enumerate(found, 1) if match]


def check(tree: Tree) -> Iterator[Finding]:
    """Findings in the Procfile's lines."""
    if tree.find(NAME) is None:
        yield from _missing(tree)
        return
    if (tree.read(NAME) or b"").startswith(b"\xef\xbb\xbf"):
        message = "It begins with a byte-order mark, which is no part of a process's name."
        yield Finding(Severity.ERROR, "procfile", NAME, 1, message, "Save it as UTF-8 without a BOM.")
    for number, line in enumerate(_lines(tree), 1):
        if line.strip() and not line.startswith("#") and not LINE.fullmatch(line.rstrip()):
            message = "This is no line of a Procfile."
            yield Finding(Severity.ERROR, "procfile", NAME, number, message, "Write NAME: COMMAND.")
    known = processes(tree)
    for process in known:
        if process.name == "release":
            message = "release is Heroku's: Beanstalk would start it again and again, as all processes are to stay."
            hint = f"sed -i '/^release:/d' {NAME}, and run it as a leader_only container command: ebcd init writes one."
            yield Finding(Severity.ERROR, "procfile-release", NAME, process.line, message, hint)
    named, last_line = Counter(process.name for process in known), {process.name: process.line for process in known}
    for name in sorted(name for name, count in named.items() if count > 1):
        message = f"The process {name} is there twice: only one of them would run."
        yield Finding(
            Severity.WARNING, "procfile-twice", NAME, last_line[name], message, "Give each process a name of its own."
        )
    if "web" not in named:
        message = "There is no web process: nothing answers requests."
        yield Finding(Severity.WARNING, "procfile-web", NAME, None, message, "Add a line: web: COMMAND")


def _missing(tree: Tree) -> Iterator[Finding]:
    """What stands where a Procfile would, and is none."""
    if NAME in tree.links:
        message = f"It is a symbolic link to {tree.links[NAME]}, which is not in the bundle."
        yield Finding(Severity.ERROR, "procfile", NAME, None, message, "Commit what it leads to, or the file itself.")
    for path in tree.files:
        if path != NAME and _NAMED.fullmatch(path):
            message = f"Beanstalk reads {NAME} only, and nothing reads {path}."
            yield Finding(Severity.WARNING, "procfile-name", path, None, message, f"git mv {path} {NAME}")


def _lines(tree: Tree) -> list[str]:
    return tree.text(NAME).split("\n")
