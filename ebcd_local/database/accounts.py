"""Whom PostgreSQL runs as: it refuses to be root.

Who is not root runs it as they are. Root runs the server as a user id that nobody else has, so that no other process of
this machine has it either: as nobody, who runs other services, too, any of these could end it. Such an id has no name,
which `initdb` insists on, so that is run as nobody, and what it made is handed on.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from ebcd_local.database.unavailable import DatabaseUnavailable

_FIRST, _LAST = 61_184, 65_519
"""User ids without a name. Source: https://systemd.io/UIDS-GIDS/ (dynamic service users, which systemd names while they
run)
"""


@dataclass(frozen=True, slots=True)
class Account:
    """A user and a group."""

    uid: int
    gid: int


def server(folder: Path) -> Account:
    """Whom the server whose data lie in a folder runs as: always the same one."""
    if os.geteuid():
        return Account(os.geteuid(), os.getegid())
    ids = range(_FIRST, _LAST + 1)
    first = int.from_bytes(hashlib.sha256(bytes(folder)).digest()[:4]) % len(ids)
    found = next(uid for uid in (*ids[first:], *ids[:first]) if not _named(uid))
    return Account(found, found)


def maker() -> Account:
    """Whom `initdb` runs as."""
    if os.geteuid():
        return Account(os.geteuid(), os.getegid())
    nobody = pwd.getpwnam("nobody")
    return Account(nobody.pw_uid, nobody.pw_gid)


def demotion(account: Account) -> list[str]:
    """What a program is run by as an account. It may go where root may: nothing has to be opened to others, and no
    process of that user may look into it. Raises DatabaseUnavailable.
    """
    if os.geteuid():
        return []
    if shutil.which("setpriv") is None:
        raise DatabaseUnavailable(
            "PostgreSQL does not run as root, and setpriv is not on PATH: install util-linux, or "
            "start the local Beanstalk as another user"
        )
    return [
        "setpriv",
        f"--reuid={account.uid}",
        f"--regid={account.gid}",
        "--clear-groups",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
    ]


def hand_over(folder: Path, account: Account) -> None:
    """Give a folder and all in it to an account. Raises DatabaseUnavailable."""
    if folder.stat().st_uid == account.uid:
        return
    try:
        _give(folder, account)
    except OSError as error:
        raise DatabaseUnavailable(f"{folder} cannot be given to the user {account.uid}: {error}") from error


def _give(folder: Path, account: Account) -> None:
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(Path(place, name), account.uid, account.gid, follow_symlinks=False)
    os.chown(folder, account.uid, account.gid)


def _named(uid: int) -> bool:
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True
