"""The state folder is its user's alone: no other user of the machine reads it, and none has laid it out.

EBCD_HOME may be read by others, as the server's own folder in it may not: {EBCD_HOME}/local has mode 0700, so nobody
else reaches anything below it, whatever mode that has.
"""

from __future__ import annotations

import grp
import os
import pwd
import shlex
import stat
from collections.abc import Iterator
from pathlib import Path

PRIVATE = 0o077
"""The umask of everything that is made here, and the mode bits that nothing has."""
_LINKS = 40
"""How many links a path may lead through, as the kernel has it."""


class Unsafe(Exception):
    """Another user could read or change what is in the folder; the message says which and why."""

    def __init__(self, path: Path, why: str, hint: str) -> None:
        super().__init__(why)
        self.path = path
        self.why = why
        self.hint = hint


def check(home: Path, folder: Path) -> None:
    """Refuse a folder that another user has, may write to, or has led to. What is not there yet is fine. Raises Unsafe.

    home: EBCD_HOME as it was named; folder: the state in it.
    """
    ours = {os.geteuid(), 0}
    for link in _links(home.absolute()):
        if link.lstat().st_uid not in ours:
            raise Unsafe(link, f"{link} is a link that {_name(link.lstat().st_uid)} has made.", _ELSEWHERE)
    above = folder.parent
    for place in above.parents:
        mode = place.stat().st_mode if place.is_dir() else 0
        if mode & stat.S_IWOTH and not mode & stat.S_ISVTX:
            raise Unsafe(place, f"Every user may write to {place}, and put another folder there.", _ELSEWHERE)
    if above.is_dir():
        _check_own(above, ours)
    if folder.is_symlink() or folder.exists():
        _check_own(folder, {os.geteuid()})


def secure(folder: Path) -> None:
    """Make the state folder, or take from others what they could read. Raises Unsafe where it cannot be done."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not stat.S_IMODE(folder.stat().st_mode) & PRIVATE:
        return  # nobody has been able to reach anything below it, whatever mode that has
    try:
        folder.chmod(0o700)
        for path in _below(folder):
            _narrow(path)
    except PermissionError as error:
        raise Unsafe(folder, f"{error.filename} cannot be taken from others: {error.strerror}.", _ELSEWHERE) from error


_ELSEWHERE = "Name a folder of your own: EBCD_HOME=…"


def _check_own(folder: Path, owners: set[int]) -> None:
    found = folder.lstat()
    if found.st_uid not in owners:
        raise Unsafe(folder, f"{folder} belongs to {_name(found.st_uid)}.", _ELSEWHERE)
    if stat.S_ISLNK(found.st_mode):
        raise Unsafe(folder, f"{folder} is a link, and no folder.", _ELSEWHERE)
    shared = found.st_mode & stat.S_IWOTH or (found.st_mode & stat.S_IWGRP and not _own_group(found))
    if shared:
        why = f"Other users may write to {folder} (mode {stat.S_IMODE(found.st_mode):o}): look at what is in it first."
        raise Unsafe(folder, why, f"chmod go-w {shlex.quote(str(folder))}")


def _own_group(found: os.stat_result) -> bool:
    """Whether a folder's group is its owner's alone, as most Linux distributions make one for each user."""
    try:
        group, owner = grp.getgrgid(found.st_gid), pwd.getpwuid(found.st_uid)
    except KeyError:
        return False
    return owner.pw_gid == found.st_gid and group.gr_name == owner.pw_name and set(group.gr_mem) <= {owner.pw_name}


def _links(path: Path) -> Iterator[Path]:
    """Every link that a path leads through, also those behind links."""
    parts, at, left = list(path.parts[1:]), Path("/"), _LINKS
    while parts:
        at = at / parts.pop(0)
        if at.is_symlink() and (left := left - 1):
            yield at
            target = at.readlink()
            at = Path("/") if target.is_absolute() else at.parent
            parts = [part for part in target.parts if part != "/"] + parts
        elif at.name == "..":
            at = at.parent.parent


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, files in os.walk(folder):
        yield from (Path(place, name) for name in (*folders, *files))


def _narrow(path: Path) -> None:
    """Take from others what one path gives them. A file that is elsewhere, too (a package of uv's cache) stays as it
    is: its folder is closed.
    """
    found = path.lstat()
    elsewhere = stat.S_ISREG(found.st_mode) and found.st_nlink > 1
    if not stat.S_ISLNK(found.st_mode) and not elsewhere and found.st_mode & PRIVATE:
        path.chmod(stat.S_IMODE(found.st_mode) & ~PRIVATE)


def _name(uid: int) -> str:
    try:
        return f"the user {pwd.getpwuid(uid).pw_name}"
    except KeyError:
        return f"the user {uid}"
