"""What is new in a log tail: instances deliver the last lines of their files each time, whole. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

_INSTANCE = "── "
"""What the line of an instance begins with."""
_RULE = re.compile(r"-{10,}")
"""Stands above and below a file's name on AWS."""
_AGENTS = ('"ELB-HealthChecker/', '"ebcd/')
"""How the User-Agents of health checks begin in an access log: the load balancers' and ebcd's own."""
_ANSWERED = re.compile(r'"[A-Z]++ \S++ HTTP/[\d.]++" 2\d\d ')
"""A request that was answered well, as nginx, Apache and gunicorn log it."""
_NAMED = re.compile(r"-{5} \S+ -{5}")
"""A file's name between two rules in one line: the local Beanstalk's."""


def newest(text: str, lines: int) -> str:
    """The last lines of each instance of a tail."""
    found: list[str] = []
    for block in re.split(rf"^(?={_INSTANCE})", text, flags=re.MULTILINE):
        head, *rest = block.splitlines() or [""]
        found += [head, *rest[-lines:]]
    return "\n".join(found).strip("\n")


def without_checks(text: str) -> tuple[str, int]:
    """A tail without the requests of health checks that were answered well, the load balancer's and ebcd's own; and how
    many those were. One that failed stays: it tells why an environment is not healthy.
    """
    lines = text.splitlines()
    kept = [line for line in lines if not _is_check(line)]
    return "\n".join(kept), len(lines) - len(kept)


def _is_check(line: str) -> bool:
    return any(agent in line for agent in _AGENTS) and _ANSWERED.search(line) is not None


def sections(text: str) -> dict[str, tuple[str, ...]]:
    """A tail's lines by the file that they are of, and by its instance."""
    found: dict[str, list[str]] = {}
    instance, file, rules = "", "", 0
    for line in text.splitlines():
        if line.startswith(_INSTANCE):
            instance, file, rules = line, "", 0
        elif _NAMED.fullmatch(line):
            file = line
        elif _RULE.fullmatch(line):
            rules += 1
        elif rules % 2:
            file = line
        else:
            found.setdefault(f"{instance} {file}".strip(), []).append(line)
    return {name: tuple(lines) for name, lines in found.items()}


def added(before: str, after: str) -> str:
    """The lines that are new in a tail, below the names of their files; empty where there are none."""
    known = sections(before)
    new = {name: _behind(known.get(name, ()), lines) for name, lines in sections(after).items()}
    return "\n".join(line for name, lines in new.items() if lines for line in ((name,) if name else ()) + lines)


def _behind(before: Sequence[str], after: tuple[str, ...]) -> tuple[str, ...]:
    """The lines behind those that were there: a tail moves on, so it begins with the end of the one before."""
    for start in range(len(before)):
        kept = tuple(before[start:])
        if after[: len(kept)] == kept:
            return after[len(kept) :]
    return after
