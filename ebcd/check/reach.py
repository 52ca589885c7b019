"""Which files that are no Python the application surely imports: those stop a release, others do not. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ebcd.check import modules, procfile
from ebcd.check.files import Tree
from ebcd.check.finding import Finding, Severity
from ebcd.check.serving import Web
from ebcd.check.syntax import Fault, Version, tree_of

_SCRIPT = re.compile(r"(?<![\w./-])((?:[\w-]+/)*[\w-]+\.py)\b")
_MODULES = 5_000
"""More than an application imports of its own."""


def check(tree: Tree, faults: Mapping[str, Fault], web: Web | None, version: Version | None) -> Iterator[Finding]:
    """Findings in the files that are no Python of a version."""
    if not faults:
        return
    reached = _reached(tree, web)
    others = sorted(faults.keys() - reached)
    name = f"Python {version[0]}.{version[1]}" if version else "Python"
    for path in sorted(faults.keys() & reached):
        fault = faults[path]
        message = f"It does not compile for {name}: {fault.what}. The application imports it."
        yield Finding(Severity.ERROR, "syntax", path, fault.line, message, "Correct that line.")
    if others:
        fault = faults[others[0]]
        more = f" ({len(others) - 1} more: {', '.join(others[1:4])}{' …' if len(others) > 4 else ''})"
        message = f"It does not compile for {name}: {fault.what}.{more if len(others) > 1 else ''}"
        hint = "Nothing that the application is known to import; correct it, or exclude it in .ebignore."
        yield Finding(Severity.WARNING, "syntax-elsewhere", others[0], fault.line, message, hint)


def _reached(tree: Tree, web: Web | None) -> frozenset[str]:
    """The files that start, and those that they lead to."""
    folder = web.served.folder if web else ""
    waiting = list(_scripts(tree))
    if web is not None and web.served.server == "python":
        waiting.append(web.served.target)
    seen: set[str] = set()
    found = {path for path in (tree.find("/".join(filter(None, (folder, script)))) for script in waiting) if path}
    names = [web.served.target.partition(":")[0]] if web and web.served.server != "python" else []
    for path in found:
        names += _imports(tree, path, "")
    while names and len(seen) < _MODULES:
        name = names.pop()
        if not name or name in seen:
            continue
        seen.add(name)
        names.append(name.rpartition(".")[0])
        place = modules.place_of(tree, name, folder)
        if place.path and (landed := tree.find(place.path)):
            found.add(landed)
            names += _imports(tree, landed, name)
    return frozenset(found)


def _imports(tree: Tree, path: str, name: str) -> list[str]:
    parsed = tree_of(tree.files[path].data)
    package = path.endswith("/__init__.py")
    return [] if parsed is None else sorted(modules.imported(parsed, name, package=package))


def _scripts(tree: Tree) -> Iterator[str]:
    """The scripts that the Procfile, hooks and container commands name."""
    for path in tree.files:
        if path == procfile.NAME or path.startswith((".ebextensions/", ".platform/hooks/", ".platform/confighooks/")):
            yield from _SCRIPT.findall(tree.text(path))
