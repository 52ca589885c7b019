"""What other clients need to reach the server: `ebcd local env` prints it for a shell, `ebcd local up` in one line."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from ebcd_local import daemon, home


def run(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """The variables. Raises DaemonError where no server runs."""
    return {"variables": variables(daemon.live(folder))}


def variables(server: home.Server) -> dict[str, str]:
    """Name → value."""
    return {
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
    }


def text(told: dict[str, Any]) -> str:
    """What a shell evaluates: a session's token and a profile would stand against the key."""
    return f"{exported(told['variables'])}\nunset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"


def exported(variables: dict[str, str]) -> str:
    """One line for a shell."""
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in variables.items())])
