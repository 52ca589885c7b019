"""Unpack a source bundle below a folder, and nothing outside it."""

from __future__ import annotations

import lzma
import posixpath
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

SIZE_LIMIT = 2_000_000_000
"""Bytes that a bundle may have unpacked."""


ENTRY_LIMIT = 200_000
"""Entries that a bundle may have."""
RATIO_LIMIT, RATIO_FROM = 100, 100_000_000
"""How many times its size a bundle may have unpacked, once it has so many bytes."""


_BROKEN = (
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    UnicodeDecodeError,
    EOFError,
    OverflowError,
    struct.error,
    zlib.error,
    lzma.LZMAError,
)
"""What zipfile raises for an archive that is damaged, encrypted, or packed in a way that it cannot read."""


class BadArchive(Exception):
    """The source bundle cannot be unpacked; the message says why."""


@contextmanager
def opened(bundle: Path | IO[bytes]) -> Iterator[zipfile.ZipFile]:
    """A zip, to be read. Raises BadArchive for one that cannot be, then or while it is read."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            yield archive
    except _BROKEN as error:
        raise BadArchive(f"The source bundle is no zip file that can be read: {error}.") from error


def unpack(bundle: Path, folder: Path) -> None:
    """Unpack a zip into a new folder, with exec bits and the links that stay inside. Raises BadArchive."""
    with opened(bundle) as archive:
        entries = archive.infolist()
        _refuse_bomb(entries, bundle.stat().st_size)
        for entry in entries:
            _refuse(entry, archive)
        folder.mkdir(parents=True)
        for entry in entries:
            _write(archive, entry, folder)


def _refuse_bomb(entries: list[zipfile.ZipInfo], size: int) -> None:
    """Refuse what would fill the disk. zipfile writes no more of an entry than its header says."""
    unpacked = sum(entry.file_size for entry in entries)
    if len(entries) > ENTRY_LIMIT:
        raise BadArchive(f"The source bundle has more than {ENTRY_LIMIT:,} entries.")
    if unpacked > SIZE_LIMIT:
        raise BadArchive(f"The source bundle has more than {SIZE_LIMIT:,} bytes unpacked.")
    if unpacked > RATIO_FROM and unpacked > RATIO_LIMIT * size:
        raise BadArchive(f"The source bundle unpacks to more than {RATIO_LIMIT} times its size: a zip bomb.")


def _mode(entry: zipfile.ZipInfo) -> int:
    return entry.external_attr >> 16


def _refuse(entry: zipfile.ZipInfo, archive: zipfile.ZipFile) -> None:
    name = entry.filename
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in name.split("/"):
        raise BadArchive(f"The source bundle has a name that leaves it: {name!r}.")
    if stat.S_ISLNK(_mode(entry)):
        target = archive.read(entry).decode()
        landed = posixpath.normpath(posixpath.join(posixpath.dirname(name), target))
        if target.startswith("/") or landed == ".." or landed.startswith("../"):
            raise BadArchive(f"The source bundle has a link that leaves it: {name!r}.")


def _write(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / entry.filename
    if not path.parent.resolve().is_relative_to(folder.resolve()):
        raise BadArchive(f"The source bundle writes through a link: {entry.filename!r}.")
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISLNK(_mode(entry)):
        path.symlink_to(archive.read(entry).decode())
        return
    with archive.open(entry) as source, path.open("xb") as target:
        shutil.copyfileobj(source, target)
    path.chmod(0o755 if _mode(entry) & 0o100 else 0o644)
