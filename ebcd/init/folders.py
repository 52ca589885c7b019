"""Which folders of a repository hold applications of their own, where its top holds none. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping

from ebcd.init.applications import applications
from ebcd.init.source import ASIDE, modules
from ebcd.init.words import MARKS, Seen

DEEPEST = 3
"""Folders above a file that shows that its folder is an application's."""
_SURE = frozenset({"Procfile", "manage.py", "Dockerfile", "application.py"})
"""What alone shows that a folder holds an application; the other marks may be a library's."""
_PROJECT = re.compile(r"^\[(project|tool\.poetry)\]", re.MULTILINE)
"""What a pyproject.toml has that is more than the configuration of linters."""


def below(seen: Seen) -> tuple[str, ...]:
    """The folders with an application of their own, the outermost ones; none where the top looks like one itself."""
    if any(_marked(path, seen.files) for path in seen.paths if path.split("/")[0] in MARKS):
        return ()
    marked = {path.rpartition("/")[0] for path in seen.paths if path.rpartition("/")[2] in MARKS}
    near = sorted(
        folder for folder in marked if folder and folder.count("/") < DEEPEST and not ASIDE.search(f"{folder}/")
    )
    kept: list[str] = []
    for folder in (item for item in near if _holds_application(item, seen)):
        if not any(folder.startswith(f"{outer}/") for outer in kept):
            kept.append(folder)
    return tuple(kept)


def _marked(path: str, files: Mapping[str, str]) -> bool:
    """Whether a path at the top shows that an application is there."""
    return path != "pyproject.toml" or _PROJECT.search(files.get(path, "[project]")) is not None


def _holds_application(folder: str, seen: Seen) -> bool:
    """Whether something in a folder answers requests, or would be run there."""
    inside = f"{folder}/"
    if any(f"{inside}{name}" in seen.paths for name in _SURE):
        return True
    files = {path.removeprefix(inside): text for path, text in seen.files.items() if path.startswith(inside)}
    return bool(applications(modules(files)))
