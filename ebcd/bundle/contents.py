"""Which paths a bundle is chosen of: those of the commit, and where submodules are included, those of each of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from ebcd.bundle.attributes import not_exported
from ebcd.bundle.git import EXECUTABLE, SUBMODULE, SYMLINK, Repository, TreeEntry
from ebcd.bundle.select import Choice, Rules, rules
from ebcd.bundle.streams import LINK, File
from ebcd.errors import Refused
from ebcd.model import BundleOptions

IGNORE_FILE = ".ebignore"
PLAIN = 0o100644
_MODES = {EXECUTABLE: 0o100755, SYMLINK: LINK}


@dataclass(frozen=True, slots=True)
class Path:
    """A path, as the bundle has it, and who has its content."""

    choice: Choice
    repository: Repository

    @property
    def file(self) -> File:
        """It as a file of the bundle."""
        entry = self.choice.entry
        return File(entry.path, _MODES.get(entry.mode, PLAIN), entry, self.repository)


def paths(repository: Repository, tree: str, entries: list[TreeEntry], options: BundleOptions) -> list[Path]:
    """Every path, and whether it goes in. entries: those of the tree."""
    found = [repository.blob(entry) for entry in entries if entry.path == IGNORE_FILE]
    return list(_paths(repository, tree, entries, rules(b"".join(found), options.exclude), options, ""))


def refuse_submodules(found: list[Path]) -> None:
    """Raise Refused (code `submodule`) for a submodule that is neither included nor excluded."""
    for path in found:
        if path.choice.included and path.choice.entry.mode == SUBMODULE:
            raise Refused(
                f"{path.choice.entry.path} is a git submodule.",
                why="A commit holds a submodule's id only, not its files.",
                hint='Set submodules = "include" under [bundle], or exclude it in .ebignore.',
                code="submodule",
            )


def _paths(
    repository: Repository, tree: str, entries: list[TreeEntry], chosen: Rules, options: BundleOptions, folder: str
) -> Iterator[Path]:
    left_out = not_exported(repository, tree, entries)
    for entry in entries:
        placed = replace(entry, path=folder + entry.path)
        choice = chosen.choose(placed, exported=entry.path not in left_out)
        if entry.mode == SUBMODULE and choice.included and options.submodules == "include":
            inner = repository.submodule(entry.path)
            yield from _paths(inner, entry.blob, inner.entries(entry.blob), chosen, options, f"{placed.path}/")
        else:
            yield Path(choice, repository)
