"""Unpack a source bundle below a folder, and nothing outside it."""

from __future__ import annotations

import posixpath
import shutil
import stat
import zipfile
from pathlib import Path

SIZE_LIMIT = 2_000_000_000
"""Bytes that a bundle may have unpacked."""


class BadArchive(Exception):
    """The source bundle cannot be unpacked; the message says why."""


def unpack(bundle: Path, folder: Path) -> None:
    """Unpack a zip into a new folder, with exec bits and the links that stay inside. Raises BadArchive."""
    try:
        with zipfile.ZipFile(bundle) as archive:
            entries = archive.infolist()
            for entry in entries:
                _refuse(entry, archive)
            if sum(entry.file_size for entry in entries) > SIZE_LIMIT:
                raise BadArchive(f"The source bundle has more than {SIZE_LIMIT:,} bytes unpacked.")
            folder.mkdir(parents=True)
            for entry in entries:
                _write(archive, entry, folder)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, UnicodeDecodeError) as error:
        raise BadArchive(f"The source bundle is no zip file that can be read: {error}.") from error


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
