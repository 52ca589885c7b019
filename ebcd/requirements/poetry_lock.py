"""poetry.lock → the requirements of the main group. Pure.

Source: https://python-poetry.org/docs/libraries/#lock-file, and the locks that Poetry 1 and 2 write.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from ebcd.documents import LARGE_LIMIT, BadDocument, toml_of
from ebcd.requirements.graph import Edge, reached
from ebcd.requirements.lines import Found
from ebcd.requirements.pins import LockedFile, Pin, Problem

NAME = "poetry.lock"
Table = Mapping[str, Any]


def read(data: bytes, project: bytes | None) -> Found:
    """The packages of a lock file. project: pyproject.toml, which names the main group where the lock does not."""
    try:
        content = toml_of(data, limit=LARGE_LIMIT)
        return _read(content, toml_of(project) if project is not None else {})
    except BadDocument as error:
        return Found(problems=[Problem(NAME, error.line, f"It cannot be read: {error.what}.")])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return Found(problems=[Problem(NAME, None, f"It cannot be read: {error!r}.")])


def _read(content: Table, project: Table) -> Found:
    packages = content.get("package", [])
    told = any("groups" in item for item in packages)
    wanted = dict(_of_main(packages)) if told else dict(_walked(packages, project))
    found = Found()
    for index, marker in sorted(wanted.items()):
        try:
            found.pins.append(_pin(packages[index], marker))
        except ValueError as error:
            found.problems.append(Problem(NAME, None, str(error)))
    return found


def _of_main(packages: list[Table]) -> Iterator[tuple[int, str]]:
    """Poetry 2: each package names its groups, and the marker under which it is installed."""
    for index, item in enumerate(packages):
        if "main" in item["groups"] and not item.get("optional", False):
            marker = item.get("markers", "")
            yield index, marker if isinstance(marker, str) else marker.get("main", "")


def _walked(packages: list[Table], project: Table) -> Iterator[tuple[int, str]]:
    """Poetry 1: what pyproject.toml's main group depends on."""
    places: dict[str, list[int]] = {}
    for index, item in enumerate(packages):
        places.setdefault(canonicalize_name(item["name"]), []).append(index)

    def edges(key: str, extra: str) -> Iterator[Edge]:
        item = packages[int(key)]
        if not extra:
            yield from _edges(item.get("dependencies", {}), places)
        for text in item.get("extras", {}).get(extra, []) if extra else ():
            yield from _edge(Requirement(text.partition("(")[0].strip()).name, {}, places)

    for key, marker in reached(_roots(project, places), edges).items():
        yield int(key), marker


def _roots(project: Table, places: Mapping[str, list[int]]) -> Iterator[Edge]:
    own = project.get("tool", {}).get("poetry", {}).get("dependencies", {})
    yield from _edges({name: told for name, told in own.items() if name != "python"}, places)
    for text in project.get("project", {}).get("dependencies", []):
        try:
            wanted = Requirement(text)
        except InvalidRequirement:
            continue
        told = {"extras": sorted(wanted.extras), "markers": str(wanted.marker or "")}
        yield from _edge(wanted.name, told, places)


def _edges(dependencies: Table, places: Mapping[str, list[int]]) -> Iterator[Edge]:
    for name, told in dependencies.items():
        for each in told if isinstance(told, list) else [told]:
            table = each if isinstance(each, dict) else {}
            if not table.get("optional"):
                yield from _edge(name, table, places)


def _edge(name: str, told: Table, places: Mapping[str, list[int]]) -> Iterator[Edge]:
    """A dependency; on each version of a package that the lock has, of which markers choose one."""
    for place in places.get(canonicalize_name(name), []):
        yield Edge(str(place), told.get("markers", ""), tuple(told.get("extras", ())))


def _pin(item: Table, marker: str) -> Pin:
    """Raises ValueError for a package that no index has."""
    name, source = canonicalize_name(item["name"]), item.get("source", {})
    if source.get("type") in ("git", "directory", "file", "url"):
        raise ValueError(f"{name} comes from {source['type']}: no index has it, and it has no hash.")
    files = item.get("files", [])
    hashes = sorted({str(each["hash"]) for each in files})
    if not hashes or not all(each.startswith("sha256:") for each in hashes):
        raise ValueError(f"{name} has a file without a SHA-256.")
    wheels = tuple(
        LockedFile(str(each["file"]), str(each["hash"]).removeprefix("sha256:"))
        for each in files
        if str(each["file"]).endswith(".whl")
    )
    return Pin(name, str(item["version"]), tuple(hashes), NAME, marker=marker, wheels=wheels)
