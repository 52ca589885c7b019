"""From a lock's packages and what they depend on to those that are installed, each with its marker. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

_PATHS = 50
"""Ways to a package that are kept apart; where there are more, it is installed anywhere."""


@dataclass(frozen=True, slots=True)
class Edge:
    """That a package depends on another one."""

    target: str
    """The key of a package."""
    marker: str = ""
    extras: tuple[str, ...] = ()


Edges = Callable[[str, str], Iterable[Edge]]
"""What a package, or an extra of it, depends on. The extra is empty for the package itself."""


def reached(roots: Iterable[Edge], edges: Edges) -> Mapping[str, str]:
    """The packages that are reached from the roots, each with the marker under which it is."""
    ways: dict[tuple[str, str], set[frozenset[str]]] = {}
    pending = [(edge, frozenset[str]()) for edge in roots]
    while pending:
        edge, above = pending.pop()
        way = above | {edge.marker} if edge.marker else above
        for extra in ("", *edge.extras):
            known = ways.setdefault((edge.target, extra), set())
            if any(other <= way for other in known):
                continue
            known.add(frozenset() if len(known) >= _PATHS else way)
            pending += [(item, way) for item in edges(edge.target, extra)]
    found: dict[str, set[frozenset[str]]] = {}
    for (name, _), each in ways.items():
        found.setdefault(name, set()).update(each)
    return {name: _marker(each) for name, each in sorted(found.items())}


def _marker(ways: set[frozenset[str]]) -> str:
    """One marker for all ways; empty where one of them has no condition."""
    if frozenset() in ways:
        return ""
    parts = sorted(" and ".join(f"({item})" for item in sorted(way)) for way in ways)
    return parts[0] if len(parts) == 1 else " or ".join(f"({part})" for part in parts)
