"""Which branch a revision stands for."""

from __future__ import annotations

from contextlib import suppress

from ebcd.bundle.git import Repository
from ebcd.errors import UsageError


def branch_of(repository: Repository, revision: str) -> str:
    """The branch that a revision names, here or of a remote; else the one that is checked out. Empty: there is none."""
    if _is_there(repository, f"refs/heads/{revision}"):
        return revision
    if _is_there(repository, f"refs/remotes/{revision}"):
        return revision.partition("/")[2]
    with suppress(UsageError):  # HEAD is detached
        return repository.git("symbolic-ref", "--quiet", "--short", "HEAD").decode(errors="surrogateescape").strip()
    return ""


def _is_there(repository: Repository, name: str) -> bool:
    return bool(repository.git("for-each-ref", "--count=1", "--format=%(refname)", name).strip())
