"""The files of a bundle as the platform finds them: read when they are asked for, and through links inside the tree."""

from __future__ import annotations

import posixpath
import stat
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from ebcd.documents import LIMIT

HOPS = 40
"""Links that lead on to each other, as many as Linux follows."""


@dataclass(frozen=True, slots=True)
class File:
    """One file of the bundle."""

    data: bytes
    link: bool = False
    """Whether it is a symbolic link, whose data is where it leads."""


class BundleFiles(Mapping[str, File]):
    """The files of a bundle that lies on this machine; of each so much is read as is looked at."""

    def __init__(self, bundle: Path) -> None:
        """Raises OSError and zipfile.BadZipFile."""
        self._archive = zipfile.ZipFile(bundle)
        self._entries = {entry.filename: entry for entry in self._archive.infolist()}
        self._read = lru_cache(maxsize=64)(self._content)

    def __enter__(self) -> BundleFiles:
        return self

    def __exit__(self, *_: object) -> None:
        self._archive.close()

    def __getitem__(self, path: str) -> File:
        return self._read(path)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, path: object) -> bool:
        return path in self._entries

    def links(self) -> Iterator[str]:
        """The paths of the symbolic links."""
        return (path for path, entry in self._entries.items() if stat.S_ISLNK(entry.external_attr >> 16))

    def _content(self, path: str) -> File:
        entry = self._entries[path]
        with self._archive.open(entry) as stream:
            return File(stream.read(LIMIT + 1), stat.S_ISLNK(entry.external_attr >> 16))


@dataclass(frozen=True, slots=True)
class Tree:
    """A bundle's files with its links resolved: what a program finds under a path once it is unpacked."""

    files: Mapping[str, File]
    links: Mapping[str, str]
    """Where each link leads, as it is written."""
    folders: frozenset[str]
    """The folders that files lie in."""

    def find(self, path: str) -> str | None:
        """The path of the file that a path leads to; None where there is none."""
        landed = self._landed(path)
        return landed if landed in self.files and landed not in self.links else None

    def is_folder(self, path: str) -> bool:
        """Whether a path leads to a folder."""
        return self._landed(path) in self.folders

    def read(self, path: str) -> bytes | None:
        """The content that a path leads to; None where there is no file."""
        found = self.find(path)
        return None if found is None else self.files[found].data

    def text(self, path: str) -> str:
        """A text that a path leads to, whatever its line ends are; empty where there is none."""
        return (self.read(path) or b"").decode("utf-8-sig", errors="replace").replace("\r\n", "\n")

    def _landed(self, path: str) -> str:
        """Where a path leads, with the links on the way followed; a path that leads nowhere stays what it is."""
        path = posixpath.normpath(path)
        for _ in range(HOPS):
            parts = path.split("/")
            heads = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
            head = next((head for head in heads if head in self.links), None)
            if head is None:
                return path
            rest = path[len(head) :]
            path = posixpath.normpath(posixpath.join(posixpath.dirname(head), self.links[head]) + rest)
        return path


def tree_of(files: Mapping[str, File]) -> Tree:
    """The tree that some files make."""
    paths: Iterable[str] = files.links() if isinstance(files, BundleFiles) else (p for p in files if files[p].link)
    links = {path: files[path].data.decode(errors="replace") for path in paths}
    folders = {"."}
    for path in files:
        while (path := posixpath.dirname(path)) and path not in folders:
            folders.add(path)
    return Tree(files, links, frozenset(folders))
