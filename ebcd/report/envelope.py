"""What every result has, apart from `result`, which knows all that a release is made of. Pure."""

from __future__ import annotations

from typing import Any

from ebcd.errors import EbcdError, ExitCode

SCHEMA = 1
Json = dict[str, Any]


def envelope(command: str, error: EbcdError | None = None) -> Json:
    """The four keys that every result has, and the error where there is one."""
    exit_code = error.exit_code if error else ExitCode.OK
    result: Json = {"schema": SCHEMA, "command": command, "ok": error is None, "exit_code": int(exit_code)}
    if error is not None:
        result["error"] = {"code": error.code, "what": error.what, "why": error.why, "hint": error.hint}
    return result
