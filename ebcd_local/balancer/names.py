"""Which environment a name leads to, now and for a client that remembers an earlier answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ANSWERS = 10_000
"""Answers that are remembered at most; beyond it those that have expired are dropped, then all."""


def host_name(host: str) -> str:
    """The name in a Host header: lower case, without port and trailing dot; empty when it is none."""
    if not host.isascii():  # lowering must not turn another character into an ASCII one
        return ""
    name = host.lower()
    return name.partition("]")[0].lstrip("[") if name.startswith("[") else name.partition(":")[0].rstrip(".")


def find(routes: Mapping[str, str], name: str) -> str | None:
    """The environment of a CNAME or of any subdomain of it."""
    while name:
        if name in routes:
            return routes[name]
        name = name.partition(".")[2]
    return None


@dataclass(slots=True)
class Answers:
    """What clients' resolvers remember. ttl: seconds that they do; 0: not at all."""

    ttl: float = 0.0
    _known: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)
    """(Client, name) → environment, until when."""

    def ask(self, client: str, name: str, current: str | None, now: float) -> str | None:
        """The environment that a client is led to. That a name does not exist is not remembered."""
        if not self.ttl:
            return current
        known, until = self._known.get((client, name), ("", 0.0))
        if now < until:
            return known
        if current is not None:
            self._forget(now)
            self._known[client, name] = (current, now + self.ttl)
        return current

    def _forget(self, now: float) -> None:
        if len(self._known) >= ANSWERS:
            self._known = {key: answer for key, answer in self._known.items() if now < answer[1]}
        if len(self._known) >= ANSWERS:
            self._known = {}
