"""What a bundle says that it requires of Python, against what a stage runs. Offline: no index is asked. Pure.

Only pip's own input and lock files are read; what a package of an index requires is known where a lock says it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.check.syntax import Version
from ebcd.documents import LARGE_LIMIT, BadDocument, json_of, toml_of

_OWN_PROJECT = re.compile(r"^[^\S\n]*+(?:-e\s*|--editable[ =]\s*)?\.(?:\[[\w,\s-]*\])?\s*(?:#.*)?$", re.MULTILINE)
"""A line of requirements.txt by which pip installs the bundle's own project."""
_PINNED = re.compile(r"^[^\S\n]*+([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?\s*===?\s*([^\s;\\]+)([^\n]*)", re.MULTILINE)
_PATCH_LIMIT = 100
"""More patch versions than a minor one has had."""


def check(tree: Tree, version: Version | None) -> Iterator[Finding]:
    """Where the bundle requires a Python that is not the one of a version. None: it is not known."""
    if version is None:
        return
    yield from _project(tree, version)
    yield from _locked(tree, version)
    yield from _pipfile(tree, version)


def fits(specifier: str, version: Version) -> bool:
    """Whether some patch version satisfies a specifier; one that is none is satisfied by all."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet  # which most bundles do without

    try:
        wanted = SpecifierSet(_pep440(specifier))
    except InvalidSpecifier:
        return True
    return any(wanted.contains(f"{version[0]}.{version[1]}.{patch}") for patch in range(_PATCH_LIMIT))


def _pep440(specifier: str) -> str:
    """A specifier as packaging reads it: a caret, as Poetry has it, means up to the next major version."""
    return re.sub(r"\^\s*(\d+)((?:\.\d+)*)", lambda m: f">={m[1]}{m[2]},<{int(m[1]) + 1}", specifier)


def _project(tree: Tree, version: Version) -> Iterator[Finding]:
    """pyproject.toml: pip refuses to install a project on another Python; else it is only what the authors say."""
    content = _toml(tree, "pyproject.toml")
    named = _in(content, "project", "requires-python") or _in(content, "tool", "poetry", "dependencies", "python")
    if not isinstance(named, str) or fits(named, version):
        return
    installed = _OWN_PROJECT.search(tree.text("requirements.txt")) is not None
    text = tree.text("pyproject.toml").split("\n")
    line = next((number for number, words in enumerate(text, 1) if named in words and "python" in words), None)
    severity = Severity.ERROR if installed else Severity.WARNING
    reason = "requirements.txt installs the project, and pip refuses it there." if installed else "It may fail there."
    message = f"The project requires Python {named}, and the stage runs {_name(version)}. {reason}"
    yield Finding(severity, "requires-python", "pyproject.toml", line, message, _hint(named))


def _locked(tree: Tree, version: Version) -> Iterator[Finding]:
    """Packages that poetry.lock or pylock.toml says another Python of, and requirements.txt pins to that version."""
    pinned = {
        (_normal(match[1]), match[2]): tree.text("requirements.txt").count("\n", 0, match.start(1)) + 1
        for match in _PINNED.finditer(tree.text("requirements.txt"))
        if ";" not in match[3]
    }
    for path, packages, key in (
        ("poetry.lock", "package", "python-versions"),
        ("pylock.toml", "packages", "requires-python"),
    ):
        listed = _in(_toml(tree, path), packages)
        for item in listed if isinstance(listed, list) else ():
            name, number, named = (
                item.get(word) if isinstance(item, dict) else None for word in ("name", "version", key)
            )
            place = pinned.get((_normal(str(name)), str(number)))
            if place is not None and isinstance(named, str) and not fits(named, version):
                message = f"{name} {number} requires Python {named} ({path}), and the stage runs {_name(version)}."
                hint = "pip would refuse it. Take a version that fits, or another platform branch."
                yield Finding(Severity.ERROR, "requires-python", "requirements.txt", place, message, hint)


def _pipfile(tree: Tree, version: Version) -> Iterator[Finding]:
    """Pipfile and its lock, which Beanstalk reads where there is no requirements.txt: pipenv wants that Python."""
    if tree.find("requirements.txt") is not None:
        return
    for path, named in (
        ("Pipfile.lock", _of_lock(tree)),
        ("Pipfile", _in(_toml(tree, "Pipfile"), "requires", "python_version")),
    ):
        if isinstance(named, str) and re.fullmatch(r"3\.\d+", named):
            if named != f"{version[0]}.{version[1]}":
                message = f"{path} requires Python {named}, and the stage runs {_name(version)}: pipenv may fail."
                hint = f"Lock for that Python, or take a platform branch of Python {named}."
                yield Finding(Severity.WARNING, "requires-python", path, None, message, hint)
            return


def _of_lock(tree: Tree) -> object:
    try:
        return _in(
            json_of(tree.read("Pipfile.lock") or b"{}", limit=LARGE_LIMIT), "_meta", "requires", "python_version"
        )
    except BadDocument:
        return None


def _toml(tree: Tree, path: str) -> Any:
    try:
        return toml_of(tree.read(path) or b"", limit=LARGE_LIMIT)
    except BadDocument:
        return {}


def _in(content: Any, *keys: str) -> Any:
    """What stands under some keys; None where there is nothing."""
    for key in keys:
        content = content.get(key) if isinstance(content, dict) else None
    return content


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _name(version: Version) -> str:
    return f"Python {version[0]}.{version[1]}"


def _hint(named: str) -> str:
    return f"Take a platform branch whose Python is {named}, or widen requires-python if the code runs on it."
