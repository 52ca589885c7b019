"""pylock.toml → the requirements of a default installation. Pure.

Source: https://packaging.python.org/en/latest/specifications/pylock-toml/ (PEP 751)
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from packaging.pylock import Package, PackageSdist, PackageWheel, Pylock, PylockValidationError

from ebcd.documents import LARGE_LIMIT, BadDocument, toml_of
from ebcd.requirements.lines import Found
from ebcd.requirements.pins import LockedFile, Pin, Problem

NAME = "pylock.toml"
_MEMBER = re.compile(r'"([^"]*)" (not )?in (extras|dependency_groups)')
_TRUE, _FALSE = 'python_version >= "3"', 'python_version < "3"'
"""What is always and what is never so: markers of requirements.txt have no constants."""
_PACKAGE = re.compile(r"^[ \t]*\[\[[ \t]*packages[ \t]*\]\]", re.MULTILINE)


def read(data: bytes) -> Found:
    """The packages of a lock file."""
    try:
        lock = Pylock.from_dict(toml_of(data, limit=LARGE_LIMIT))
        text = data.decode()
    except BadDocument as error:
        return Found(problems=[Problem(NAME, error.line, f"It cannot be read: {error.what}.")])
    except (PylockValidationError, RecursionError) as error:
        return Found(problems=[Problem(NAME, None, f"It cannot be read: {error}.")])
    lines = [text.count("\n", 0, found.end()) + 1 for found in _PACKAGE.finditer(text)]
    known = lines if len(lines) == len(lock.packages) else [None] * len(lock.packages)
    groups = frozenset(lock.default_groups or ())
    found = Found()
    for package, line in zip(lock.packages, known, strict=True):
        try:
            found.pins.extend(_pins(package, groups, f"{NAME}:{line}" if line else NAME))
        except ValueError as error:
            found.problems.append(Problem(NAME, line, str(error)))
    return found


def _pins(package: Package, groups: frozenset[str], place: str) -> Iterator[Pin]:
    """The requirement of a package; none for one that a default installation leaves out.

    Raises ValueError for one that has no files with hashes.
    """
    marker = _default(str(package.marker or ""), groups)
    if marker == _FALSE:
        return
    for source in ("vcs", "directory"):
        if getattr(package, source):
            raise ValueError(f"{package.name} comes from a {source}: no index has it, and it has no hash.")
    if (archive := package.archive) is not None:
        if not archive.url:
            raise ValueError(f"{package.name} is the archive {archive.path}, which instances cannot reach.")
        part = f"#subdirectory={archive.subdirectory}" if archive.subdirectory else ""
        digest = _sha256(package, archive.hashes.get("sha256"))
        yield Pin(package.name, "", (f"sha256:{digest}",), place, marker=marker, url=archive.url + part)
        return
    if package.version is None:
        raise ValueError(f"{package.name} has no version.")
    wheels = tuple(_file(package, item) for item in package.wheels or ())
    others = (_file(package, package.sdist),) if package.sdist else ()
    hashes = sorted({f"sha256:{item.sha256}" for item in (*wheels, *others)})
    yield Pin(package.name, str(package.version), tuple(hashes), place, marker=marker, wheels=wheels)


def _file(package: Package, item: PackageWheel | PackageSdist) -> LockedFile:
    if "/" in item.filename or "\\" in item.filename:
        raise ValueError(f"{package.name} has a file with the name {item.filename!r}.")
    return LockedFile(item.filename, _sha256(package, item.hashes.get("sha256")), item.url or "", item.size or 0)


def _sha256(package: Package, digest: str | None) -> str:
    if digest is None or not re.fullmatch("[0-9a-f]{64}", digest.lower()):
        raise ValueError(f"{package.name} has a file without a SHA-256.")
    return digest.lower()


def _default(marker: str, groups: frozenset[str]) -> str:
    """A marker for those who ask for no extra and for the default groups, as requirements.txt can say it."""

    def decided(found: re.Match[str]) -> str:
        member = found[3] == "dependency_groups" and found[1] in groups
        return _TRUE if member is not bool(found[2]) else _FALSE

    text = _MEMBER.sub(decided, marker)
    if text == marker:
        return marker
    text = text.replace(f"{_TRUE} and ", "").replace(f" and {_TRUE}", "")
    return "" if text == _TRUE else text
