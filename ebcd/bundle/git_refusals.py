"""Why git does not read a repository, in git's own words, and what to do about it."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from ebcd.errors import UsageError

_DUBIOUS = re.compile(r"detected dubious ownership in repository at '(.+)'")
_DEFAULT_HINT = "git init && git add -A && git commit, or change to the repository's folder."


def refusal(folder: Path, said: str) -> UsageError:
    """The error for a folder whose repository git does not read. said: what git wrote."""
    reason = _reason(said)
    if owned := _DUBIOUS.search(said):
        return UsageError(
            f"git does not trust the repository {owned[1]}.",
            why=f"{reason} Another user owns it, as in a container with a mounted folder.",
            hint=f"git config --global --add safe.directory {shlex.quote(owned[1])}",
            code="git-ownership",
        )
    if not folder.is_dir():
        return UsageError(
            f"{folder} is no folder.", why=reason, hint="Change to the repository's folder.", code="no-repository"
        )
    broken = _repository_above(folder)
    if broken is not None or "not a git repository" not in said:
        return UsageError(
            f"git does not read the repository {broken or folder}.",
            why=reason,
            hint=f"{fsck(broken or folder)} says what is wrong; a fresh clone has none of it.",
            code="git-failed",
        )
    why = "ebcd ships commits: what is not committed has no version."
    return UsageError(f"{folder} is in no git repository.", why=why, hint=_DEFAULT_HINT, code="no-repository")


def fsck(folder: Path) -> str:
    """The command that looks through a repository for damage."""
    return f"git -C {shlex.quote(str(folder))} fsck"


def _reason(said: str) -> str:
    """git's first line of complaint, as a sentence."""
    lines = [line.partition(": ")[2] or line for line in said.splitlines() if line.startswith(("fatal: ", "error: "))]
    first = (lines or said.strip().splitlines() or ["It said nothing."])[0].rstrip(".")
    return f"git says: {first}."


def _repository_above(folder: Path) -> Path | None:
    """The folder, here or above, that has a `.git` which git itself does not take; None where there is none."""
    return next((item for item in (folder, *folder.parents) if (item / ".git").exists()), None)
