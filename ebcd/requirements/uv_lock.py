"""uv.lock → the requirements of an installation without development groups. Pure.

Source: https://docs.astral.sh/uv/concepts/projects/layout/#the-lockfile, and the locks that uv writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from packaging.utils import canonicalize_name

from ebcd.documents import LARGE_LIMIT, BadDocument, toml_of
from ebcd.requirements.graph import Edge, reached
from ebcd.requirements.lines import Found
from ebcd.requirements.pins import LockedFile, Pin, Problem

NAME = "uv.lock"
Table = Mapping[str, Any]


def read(data: bytes, project: str) -> Found:
    """The packages of a lock file. project: the name in pyproject.toml; empty where nothing names it."""
    try:
        content = toml_of(data, limit=LARGE_LIMIT)
        return _read(content, canonicalize_name(project))
    except BadDocument as error:
        return Found(problems=[Problem(NAME, error.line, f"It cannot be read: {error.what}.")])
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        return Found(problems=[Problem(NAME, None, f"It cannot be read: {error!r}.")])


def _read(content: Table, project: str) -> Found:
    packages = {_key(item["name"], str(item.get("version", ""))): item for item in content.get("package", [])}
    own = [key for key, item in packages.items() if _is_own(item)]
    top = next((key for key in own if packages[key]["name"] == project), own[0] if len(own) == 1 else "")
    if not top:
        return Found(problems=[Problem(NAME, None, "It names no package that is the project of pyproject.toml.")])

    def edges(key: str, extra: str) -> Iterator[Edge]:
        item = packages[key]
        wanted = item.get("optional-dependencies", {}).get(extra, []) if extra else item.get("dependencies", [])
        for each in wanted:
            yield Edge(_target(each, packages), each.get("marker", ""), tuple(each.get("extra", ())))

    found = Found()
    for key, marker in reached(edges(top, ""), edges).items():
        item = packages[key]
        if _is_own(item) and key == top:
            continue
        try:
            found.pins.append(_pin(item, marker))
        except ValueError as error:
            found.problems.append(Problem(NAME, None, str(error)))
    return found


def _is_own(item: Table) -> bool:
    """Whether a package is the repository's own."""
    return bool({"editable", "virtual"} & set(item.get("source", {})))


def _target(dependency: Table, packages: Mapping[str, Table]) -> str:
    """The package that a dependency means: its version is told where there are several."""
    if "version" in dependency:
        return _key(dependency["name"], str(dependency["version"]))
    found = [key for key, item in packages.items() if item["name"] == dependency["name"]]
    if not found:
        raise KeyError(dependency["name"])
    return found[0]


def _key(name: str, version: str) -> str:
    return f"{name} {version}"


def _pin(item: Table, marker: str) -> Pin:
    """Raises ValueError for a package that no index has."""
    name, source = item["name"], item.get("source", {})
    if "url" in source:
        digest = str((item.get("sdist") or item["wheels"][0])["hash"])
        return Pin(name, "", (digest,), NAME, marker=marker, url=source["url"])
    if "registry" not in source:
        raise ValueError(f"{name} comes from {' '.join(source)}: no index has it, and it has no hash.")
    files = [*([item["sdist"]] if "sdist" in item else []), *item.get("wheels", [])]
    hashes = sorted({str(each["hash"]) for each in files})
    if not hashes or not all(each.startswith("sha256:") for each in hashes):
        raise ValueError(f"{name} has a file without a SHA-256.")
    wheels = tuple(_wheel(each) for each in item.get("wheels", []))
    return Pin(name, str(item["version"]), tuple(hashes), NAME, marker=marker, wheels=wheels)


def _wheel(file: Table) -> LockedFile:
    url, size = str(file.get("url", "")), file.get("size")
    digest = str(file["hash"]).removeprefix("sha256:")
    return LockedFile(url.partition("#")[0].rpartition("/")[2], digest, url, size if isinstance(size, int) else 0)
