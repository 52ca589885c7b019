"""Where the local Beanstalk is, and how it is started. The seam is its endpoint and the file it leaves in EBCD_HOME.

Nothing of it is imported: it runs as `python -m ebcd_local`, a program of its own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ebcd.errors import ExitCode, UsageError
from ebcd.model import LOCAL_DOMAIN

_SYSTEMS = {"darwin": "macOS", "win32": "Windows"}
START_DEADLINE = 60.0
"""Seconds that the local Beanstalk has to answer after it was started."""


@dataclass(frozen=True, slots=True)
class LocalBeanstalk:
    """A local Beanstalk that runs, as its server.json tells."""

    endpoint_url: str
    proxy_url: str
    access_key_id: str
    secret_access_key: str = field(repr=False)
    token: str = field(repr=False)
    domain: str = LOCAL_DOMAIN
    """What its CNAMEs end in."""
    speed: float = 1.0
    like_aws: bool = False
    """Whether its times are AWS's, divided by the speed."""
    sample: float = 1.0
    """Seconds between two samples of health."""
    dns_ttl: float = 0.0
    """Seconds that it remembers for a client where a CNAME led."""
    started_now: bool = False
    """Whether `ensure` has just started it."""

    @property
    def proxy_address(self) -> str:
        """Where its load balancer listens, `host:port`."""
        return self.proxy_url.removeprefix("http://").rstrip("/")

    def environments(self) -> list[dict[str, Any]]:
        """Every environment it runs, in every region."""
        import urllib3

        answer = urllib3.request(
            "GET", f"{self.endpoint_url}/_ebcd/status", headers={"X-Ebcd-Token": self.token}, timeout=5.0, retries=False
        )
        return list(answer.json()["environments"])


def home(environ: Mapping[str, str]) -> Path:
    """EBCD_HOME, by default `$XDG_STATE_HOME/ebcd`."""
    if environ.get("EBCD_HOME"):
        return Path(environ["EBCD_HOME"])
    state = environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "ebcd"


def find(environ: Mapping[str, str]) -> LocalBeanstalk | None:
    """The local Beanstalk, if it runs and answers."""
    path = home(environ) / "local" / "server.json"
    try:
        owner = path.stat().st_uid
    except OSError:
        return None
    if hasattr(os, "geteuid") and owner != os.geteuid():
        return None  # what another user has laid there is no server of one's own: bundles would go to it
    from urllib3.exceptions import HTTPError

    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        found = LocalBeanstalk(**{name: told[name] for name in LocalBeanstalk.__dataclass_fields__ if name in told})
        found.environments()
    except (OSError, ValueError, KeyError, TypeError, HTTPError):
        return None
    return found


def require(environ: Mapping[str, str]) -> LocalBeanstalk:
    """The local Beanstalk that runs. Raises UsageError where none does."""
    found = find(environ)
    if found is None:
        raise UsageError(
            "The local Beanstalk does not run.",
            why="Nothing answers where it was.",
            hint="ebcd local up",
            code="local-down",
        )
    return found


def ensure(environ: Mapping[str, str]) -> LocalBeanstalk:
    """The local Beanstalk, started when it is down. Raises UsageError when it does not start."""
    if found := find(environ):
        return found
    refuse_elsewhere(sys.platform)
    run(["up", "--json"], environ)
    if found := find(environ):
        return replace(found, started_now=True)
    raise UsageError(
        "The local Beanstalk was started but does not answer.",
        why=f"{home(environ) / 'local' / 'server.json'} leads nowhere.",
        hint="ebcd local logs",
        code="local-silent",
    )


def refuse_elsewhere(platform: str) -> None:
    """Raises UsageError (code `not-linux`) on a system that the local Beanstalk does not run on."""
    if platform != "linux":
        raise UsageError(
            "The local Beanstalk runs on Linux.",
            code="not-linux",
            why=f"This system is {_SYSTEMS.get(platform, platform)}.",
            hint="Use Linux: a machine, a container or WSL 2. Stages on AWS work from here.",
        )


def run(arguments: Sequence[str], environ: Mapping[str, str]) -> dict[str, Any]:
    """Run `python -m ebcd_local` with arguments that ask for JSON; its answer. Raises UsageError when it fails."""
    command = [sys.executable, "-m", "ebcd_local", *arguments]
    try:
        done = subprocess.run(
            command,
            env=dict(environ),
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=START_DEADLINE,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise UsageError(
            "The local Beanstalk did not answer.",
            why=f"It was asked to be {arguments[0]}, and took longer than {START_DEADLINE:g} s.",
            hint="ebcd local logs",
            code="local-timeout",
        ) from error
    try:
        answer: dict[str, Any] = json.loads(done.stdout)
    except ValueError as error:
        said = done.stderr.strip().splitlines()
        missing = said[-1:] and "ModuleNotFoundError" in said[-1]
        raise UsageError(
            "The local Beanstalk cannot be started.",
            why=said[-1] if said else f"It exited with {done.returncode} and said nothing.",
            hint="Install what it needs: pipx install --force 'ebcd[local]'" if missing else "ebcd local logs",
            code="local-missing",
        ) from error
    if not answer["ok"]:
        said = answer["error"]
        failure = UsageError(said["what"], why=said["why"], hint=said["hint"], code=said["code"])
        failure.exit_code = ExitCode(answer["exit_code"])
        raise failure
    return answer
