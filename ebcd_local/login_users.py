"""Who else may sign in on this machine: those who could use a local Beanstalk that takes any key."""

from __future__ import annotations

import os
import pwd

_FIRST, _LAST = 1000, 60_000
"""User ids of people, as Linux distributions give them. Source: UID_MIN and UID_MAX in login.defs(5)."""
_NO_SHELLS = frozenset({"nologin", "false", "sync", "shutdown", "halt"})


def others() -> list[str]:
    """Names of other users who have a shell."""
    return sorted(
        user.pw_name
        for user in pwd.getpwall()
        if _FIRST <= user.pw_uid <= _LAST
        and user.pw_uid != os.geteuid()
        and user.pw_shell.rpartition("/")[2] not in _NO_SHELLS
    )


def warning() -> str:
    """What to say of a server that takes any key; empty where nobody else signs in here."""
    found = others()
    if not found:
        return ""
    rest = f" and {len(found) - 3} more" if len(found) > 3 else ""
    return f"warning: with --open every user of this machine can run code as you: {', '.join(found[:3])}{rest}."
