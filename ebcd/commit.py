"""The commit that this ebcd was made from, without a call of git: `ebcd --version` shows it.

It uses os.path: `--version` imports hardly anything, and pathlib would double its time.
"""

from __future__ import annotations

import os.path

PACKAGE = os.path.dirname(os.path.abspath(__file__))
BUILT = "commit.txt"
"""The file with the commit: git fills it in where it makes an archive, a build of a checkout writes it (`setup.py`).
In a checkout it holds what git replaces: `$Format:%H$`."""
_REFERENCE = "ref: "


def commit(package: str = PACKAGE) -> str:
    """The commit's SHA: the one that an archive or a build noted, else the one of the checkout around the package.

    Empty where neither tells it, as for a build of a tree without git. Uncommitted changes do not show.
    """
    try:
        built = os.path.join(package, BUILT)
        noted = _content(built) if os.path.isfile(built) else ""
        return noted if noted and not noted.startswith("$") else checked_out(os.path.dirname(package))
    except OSError:
        return ""


def checked_out(folder: str) -> str:
    """The SHA of HEAD of ebcd's own checkout; empty where the folder is no such checkout. Raises OSError.

    Source: https://git-scm.com/docs/gitrepository-layout
    """
    git = os.path.join(folder, ".git")
    if not os.path.exists(git) or 'name = "ebcd"' not in _content(os.path.join(folder, "pyproject.toml")):
        return ""
    if os.path.isfile(git):  # a worktree
        git = os.path.join(folder, _content(git).partition("gitdir: ")[2])
    head = _content(os.path.join(git, "HEAD"))
    return _resolved(git, head.removeprefix(_REFERENCE)) if head.startswith(_REFERENCE) else head


def _resolved(git: str, name: str) -> str:
    """The SHA of a reference: from its own file, else from the packed ones."""
    shared = os.path.join(git, "commondir")
    common = os.path.join(git, _content(shared)) if os.path.isfile(shared) else git
    if os.path.isfile(os.path.join(common, name)):
        return _content(os.path.join(common, name))
    packed = os.path.join(common, "packed-refs")
    lines = _content(packed).splitlines() if os.path.isfile(packed) else []
    return next((line.partition(" ")[0] for line in lines if line.endswith(f" {name}")), "")


def _content(path: str) -> str:
    with open(path, encoding="utf-8") as file:
        return file.read().strip()
