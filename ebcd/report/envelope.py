"""What every result has, apart from `result`, which knows all that a release is made of. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ebcd.errors import EbcdError, ExitCode

if TYPE_CHECKING:
    from ebcd.model import Stage

SCHEMA = 1
Json = dict[str, Any]


def head_of(command: str, stage: Stage, error: EbcdError | None = None) -> Json:
    """The keys that every result about a stage has; `options` name it on a command line, wherever that is run."""
    told: Json = {"application": stage.application, "stage": stage.name, "options": str(stage.flags)}
    return envelope(command, error) | told | ({"config": stage.reach.config} if stage.reach.config else {})


def envelope(command: str, error: EbcdError | None = None) -> Json:
    """The four keys that every result has, and the error where there is one."""
    exit_code = error.exit_code if error else ExitCode.OK
    result: Json = {"schema": SCHEMA, "command": command, "ok": error is None, "exit_code": int(exit_code)}
    if error is not None:
        result["error"] = {"code": error.code, "what": error.what, "why": error.why, "hint": error.hint}
    return result
