"""What lies between two commits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from ebcd.bundle.git import Repository


@dataclass(frozen=True, slots=True)
class LoggedCommit:
    """A commit, as a log tells of it."""

    sha: str
    author: str
    time: datetime
    subject: str


@dataclass(frozen=True, slots=True)
class ChangedPath:
    """A path that two commits have not in common, or with other content."""

    status: str
    """git's letter: A added, D deleted, M modified, T another type."""
    path: str


def commits(repository: Repository, since: str, until: str) -> tuple[LoggedCommit, ...]:
    """The commits that `until` has and `since` has not, the newest first. Raises UsageError where git fails."""
    fields = "%x00".join(("%H", "%an", "%ct", "%s"))
    lines = repository.git("log", "-z", f"--format=tformat:{fields}", f"{since}..{until}", "--").decode(
        errors="replace"
    )
    found = lines.split("\0")[:-1]
    return tuple(
        LoggedCommit(sha, author, datetime.fromtimestamp(int(seconds), UTC), subject)
        for sha, author, seconds, subject in zip(*[iter(found)] * 4, strict=True)
    )


def changed_paths(repository: Repository, before: str, after: str) -> tuple[ChangedPath, ...]:
    """What differs between the trees of two commits, a rename as what it is made of. Raises UsageError."""
    told = repository.git("diff", "--name-status", "--no-renames", "-z", before, after, "--").decode(errors="replace")
    found = told.split("\0")[:-1]
    return tuple(ChangedPath(status, path) for status, path in zip(*[iter(found)] * 2, strict=True))
