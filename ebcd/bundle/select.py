"""What of a tree goes into the bundle, and why. Pure."""

from __future__ import annotations

import codecs
import posixpath
import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import pathspec

from ebcd.bundle.encoded import HEAD, encoded
from ebcd.bundle.git import SUBMODULE, TreeEntry
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
    folders: frozenset[int] = frozenset()
    """Which of them are about folders alone."""

    def choose(self, entry: TreeEntry, *, exported: bool = True) -> Choice:
        """Whether an entry goes in. exported: whether git exports it; a pattern has the last word."""
        usual = Choice(entry, True, "committed") if exported else Choice(entry, False, "export-ignore (.gitattributes)")
        if not self.places:
            return usual
        found = self.spec.check_file(entry.path)
        if found.index is None and entry.mode == SUBMODULE:
            found = self.spec.check_file(f"{entry.path}/")
            if found.index not in self.folders:  # as in `lib/**`: it is about what is inside
                return usual
        if found.include is None or found.index is None:
            return usual
        return Choice(entry, not found.include, self.places[found.index])


def rules(ignore_file: bytes, exclude: Sequence[str]) -> Rules:
    """The rules of .ebignore and of `bundle.exclude`, which comes after it. Raises Refused for a bad pattern.

    A byte-order mark and line ends of Windows are no part of a pattern, as in git.
    """
    text = ignore_file.removeprefix(codecs.BOM_UTF8).decode(errors="replace")
    numbered = ((f".ebignore:{number}", line.removesuffix("\r")) for number, line in enumerate(text.split("\n"), 1))
    lines = [(place, line) for place, line in numbered if line]  # pathspec leaves empty ones out, and counts without
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
        raise Refused(
            "A pattern of .ebignore or bundle.exclude is none.",
            why=str(error),
            hint="See gitignore(5).",
            code="bad-pattern",
        ) from error
    folders = frozenset(index for index, (_, line) in enumerate(lines) if line.rstrip().endswith("/"))
    return Rules(spec, tuple(place for place, _ in lines), folders)


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
        raise Refused(
            f"The commit has a {MANIFEST} of its own.",
            why="ebcd writes that file into each bundle.",
            hint=f"git rm {MANIFEST}",
            code="manifest",
        )
    if not entries:
        raise Refused(
            "The bundle would be empty.",
            why="Every path of the commit is excluded.",
            hint="ebcd bundle --list shows which rule excludes what.",
            code="empty-bundle",
        )


def refuse_escape(path: str, target: str) -> None:
    """Raise Refused for a symbolic link that leaves the tree."""
    landed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
    if target.startswith("/") or landed == ".." or landed.startswith("../"):
        raise Refused(
            f"The symbolic link {path} leaves the tree.",
            why=f"It points to {target}.",
            hint="Link inside the repository, or exclude it in .ebignore.",
            code="link-escapes",
        )


def refuse_encoded(path: str, content: bytes) -> None:
    """Raise Refused for what git keeps in the place of a file (code `lfs-pointer`, `git-crypt`)."""
    found = encoded(content[:HEAD])
    if found is not None and found.sure:
        raise Refused(f"{path} is {found.what}.", why=found.why, hint=found.hint, code=found.code)
