"""Platform hooks: made to run as the platform makes them run, and what runs each.

Line ends of Windows are converted (since 29 December 2022) and the executable bit is granted (since 29 April 2022).
Source: https://docs.aws.amazon.com/elasticbeanstalk/latest/dg/platforms-linux-extend.hooks.html
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

KINDS = ("hooks", "confighooks")
_PROGRAM = b"\x7fELF"
_SHELLS = frozenset({"/bin/sh", "/usr/bin/sh"})


def prepare(application: Path, located: Callable[[str], str]) -> None:
    """Make the hooks of a staged application executable, convert their line ends, and put the platform's paths where
    they are on this machine (`located`). A link is left as it is: what it leads to is changed where it lies.
    """
    for hook in _files(application):
        with suppress(OSError):  # ELOOP: it is a link
            _prepare(hook, located)


def words(hook: Path, shell: Path) -> list[str]:
    """What runs a hook: itself, or the platform's shell where it asks for `sh`, which is another program here. Raises
    OSError for one that no kernel runs.
    """
    with hook.open("rb") as stream:
        first = stream.readline(200)
    if not first.startswith(b"#!"):
        if first.startswith(_PROGRAM):
            return [str(hook)]
        raise OSError("exec format error: its first line does not say #! and an interpreter")
    interpreter, *arguments = first[2:].decode(errors="replace").split() or [""]
    return [str(shell), *arguments, str(hook)] if interpreter in _SHELLS else [str(hook)]


def _files(application: Path) -> Iterator[Path]:
    boundary = application.resolve()
    for kind in KINDS:
        for hook in sorted((application / ".platform" / kind).glob("*/*")):
            if hook.parent.resolve().is_relative_to(boundary):
                yield hook


def _prepare(hook: Path, located: Callable[[str], str]) -> None:
    descriptor = os.open(hook, os.O_RDWR | os.O_NOFOLLOW)
    with os.fdopen(descriptor, "r+b") as stream:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            return
        os.fchmod(descriptor, 0o755)
        content = stream.read()
        if b"\0" in content:  # a program
            return
        text = content.replace(b"\r\n", b"\n").decode(errors="surrogateescape")
        changed = located(text).encode(errors="surrogateescape")
        if changed != content:
            stream.seek(0)
            stream.write(changed)
            stream.truncate()
