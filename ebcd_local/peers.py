"""Which user of this machine is at the other end of a connection on loopback.

A socket of the kernel's table has its owner's user id. Nothing else tells it: SO_PEERCRED is for Unix sockets only.
Source: https://www.kernel.org/doc/html/latest/networking/proc_net_tcp.html
"""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Address = tuple[str, int]
_TABLES = {Path("/proc/net/tcp"): 4, Path("/proc/net/tcp6"): 6}


def user(peer: Address, here: Address) -> int | None:
    """The user id of the process that holds the other end; None where the kernel does not tell.

    It does not where the connection comes from elsewhere (another network namespace), where the other end is closed
    already, or where there is no such table.
    """
    for table, version in _TABLES.items():
        local, remote = _written(peer, version), _written(here, version)
        for row in _rows(table):
            if row[1] == local and row[2] == remote and row[9] != "0":  # without an inode: closed, and it says root
                return int(row[7])
    return None


def of(environ: Mapping[str, Any]) -> int | None:
    """The user at the other end of a WSGI request, as `user` tells."""
    here = environ["werkzeug.socket"].getsockname()
    return user((environ["REMOTE_ADDR"], int(environ["REMOTE_PORT"])), (here[0], here[1]))


def is_own(uid: int | None) -> bool:
    """Whether that is the user who runs the server, or root."""
    return uid in {0, os.geteuid()}


def _rows(table: Path) -> Iterator[list[str]]:
    try:
        lines = table.read_text().splitlines()[1:]
    except OSError:
        return
    yield from (row for line in lines if len(row := line.split()) > 9)


def _written(address: Address, version: int) -> str:
    """An address and its port as a table has them: words of the machine's byte order, in hexadecimal. In the table of
    IPv6 an address of IPv4 is one that is mapped.
    """
    plain = ipaddress.ip_address(address[0])
    mapped = plain if plain.version == version else ipaddress.ip_address(f"::ffff:{plain}") if version == 6 else None
    whole = mapped.packed if mapped else b""
    words = (whole[at : at + 4] for at in range(0, len(whole), 4))
    turned = (word[::-1] if sys.byteorder == "little" else word for word in words)
    return f"{b''.join(turned).hex().upper()}:{address[1]:04X}"
