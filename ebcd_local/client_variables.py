"""What other clients need to reach the server: `ebcd local env` prints it for a shell, `ebcd local up` in one line."""

from __future__ import annotations

import argparse
import os
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ebcd_local import daemon, home

REGION = "eu-central-1"
"""Where a local stage is unless it names a region. Clients refuse to call without one."""


def run(folder: Path, _: argparse.Namespace) -> dict[str, Any]:
    """The variables. Raises DaemonError where no server runs."""
    return {"variables": variables(daemon.live(folder))}


def variables(server: home.Server, environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Name → value; with a region where the shell has none."""
    named = environ.get("AWS_REGION") or environ.get("AWS_DEFAULT_REGION")
    return {
        "AWS_ENDPOINT_URL": server.endpoint_url,
        "AWS_ACCESS_KEY_ID": server.access_key_id,
        "AWS_SECRET_ACCESS_KEY": server.secret_access_key,
        **({} if named else {"AWS_DEFAULT_REGION": REGION}),
    }


def text(told: dict[str, Any]) -> str:
    """What a shell evaluates: a session's token and a profile would stand against the key."""
    return f"{exported(told['variables'])}\nunset AWS_SESSION_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE"


def exported(variables: dict[str, str]) -> str:
    """One line for a shell."""
    return " ".join(["export", *(f"{name}={shlex.quote(value)}" for name, value in variables.items())])
