"""What of a tree goes into the bundle, and why. Pure."""

from __future__ import annotations

import posixpath
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import pathspec

from ebcd.bundle.git import TreeEntry
from ebcd.errors import Refused

PATTERNS = 5_000
"""Lines of .ebignore."""
_STARS = re.compile(r"\*+")
_MOST_STARS = 6
"""Wildcards of one pattern: each multiplies the time that a match may take."""
_LONGEST = 1000
"""Characters of one pattern."""
MANIFEST = ".ebcd/manifest.json"


@dataclass(frozen=True, slots=True)
class Choice:
    """Whether a path goes in."""

    entry: TreeEntry
    included: bool
    reason: str
    """The rule that decided."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Patterns in gitignore syntax; as in git, the last that matches a path decides."""

    spec: pathspec.GitIgnoreSpec
    places: tuple[str, ...]
    """Where each pattern stands."""

    def choose(self, entry: TreeEntry) -> Choice:
        """Whether an entry goes in."""
        if not self.places:
            return Choice(entry, True, "committed")
        found = self.spec.check_file(entry.path)
        if found.include is None or found.index is None:
            return Choice(entry, True, "committed")
        return Choice(entry, not found.include, self.places[found.index])


def rules(ignore_file: str, exclude: Sequence[str]) -> Rules:
    """The rules of .ebignore and of `bundle.exclude`, which comes after it. Raises Refused for a bad pattern."""
    lines = [(f".ebignore:{number}", line) for number, line in enumerate(ignore_file.splitlines(), 1)]
    if len(lines) > PATTERNS:
        raise Refused(
            f".ebignore has more than {PATTERNS:,} lines.",
            why="Each path is matched against all of them.",
            hint="Exclude folders instead of files.",
            code="bad-pattern",
        )
    for place, line in lines:
        _refuse_slow(place, line)
    lines += [(f"bundle.exclude {pattern}", pattern) for pattern in exclude]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Python finds odd in somebody's pattern
            spec = pathspec.GitIgnoreSpec.from_lines(line for _, line in lines)
    except (ValueError, re.error, RecursionError, OverflowError) as error:
        raise Refused("A pattern of .ebignore or bundle.exclude is none.", why=str(error), hint="See gitignore(5).",
                      code="bad-pattern") from error  # fmt: skip
    return Rules(spec, tuple(place for place, _ in lines))


def _refuse_slow(place: str, pattern: str) -> None:
    """Raise Refused for a pattern that may take hours to match: of that kind nobody writes one."""
    if not pattern.startswith("#") and (len(pattern) > _LONGEST or len(_STARS.findall(pattern)) > _MOST_STARS):
        raise Refused(
            f"{place} is too long a pattern.",
            why=f"It may have {_MOST_STARS} wildcards and {_LONGEST:,} characters: more take too long to match.",
            hint="Write several patterns, or exclude the folder.",
            code="bad-pattern",
        )


def refuse_unfit(entries: Sequence[TreeEntry]) -> None:
    """Raise Refused for a tree that no bundle can be made of."""
    if any(entry.path == MANIFEST for entry in entries):
        raise Refused(f"The commit has a {MANIFEST} of its own.", why="ebcd writes that file into each bundle.",
                      hint=f"git rm {MANIFEST}", code="manifest")  # fmt: skip
    if not entries:
        raise Refused("The bundle would be empty.", why="Every path of the commit is excluded.",
                      hint="ebcd bundle --list shows which rule excludes what.", code="empty-bundle")  # fmt: skip


def refuse_escape(path: str, target: str) -> None:
    """Raise Refused for a symbolic link that leaves the tree."""
    landed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or landed == ".." or landed.startswith("../"):
        raise Refused(f"The symbolic link {path} leaves the tree.", why=f"It points to {target}.",
                      hint="Link inside the repository, or exclude it in .ebignore.", code="link-escapes")  # fmt: skip


def refuse_lfs_pointer(path: str, content: bytes) -> None:
    """Raise Refused for a Git LFS pointer: the instances would get the pointer, not the file."""
    if content.startswith(b"version https://git-lfs.github.com/spec/"):
        raise Refused(f"{path} is a Git LFS pointer.", why="The commit holds the pointer only, not the file.",
                      hint="Exclude it in .ebignore and fetch it at deployment, or take it out of LFS: "
                      "git lfs migrate export.", code="lfs-pointer")  # fmt: skip
